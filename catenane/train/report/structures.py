"""Molecules and linkers drawn as inline SVG in the page's own colours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from catenane.errors import NotationError
from catenane.notation import Mofid, Notation, Smiles

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["structures"]

ATOM_COLOURS = {
    "--nitrogen": ("#0000C1", (7,)),
    "--oxygen": ("#C10000", (8,)),
    "--sulfur": ("#C1C100", (16,)),
    "--halogen": ("#00C100", (9, 17, 35, 53)),
}
"""By CSS variable, the colour that stands for it while drawing, and the atomic numbers that bear it."""
PLAIN = "#000000"
SMALLEST_LINKER = 3
"""Heavy atoms below which a linker, such as a bridging oxygen, is not worth a drawing."""
MOST_LINKERS = 3
OPTIONS = {"bondLineWidth": 1.3, "clearBackground": False, "fixedBondLength": 22, "maxFontSize": 13}


def structures(string: str, notation: Notation) -> list[Markup]:
    """The molecule, or the different linkers of a framework that RDKit can read, as `<svg>` elements.

    Raises:
        NotationError: The string is not of this notation.
    """
    if notation == "smiles":
        return [_draw(Smiles.parse(string).mol, width=190, height=130)]
    linkers = dict.fromkeys(Mofid.parse(string).linkers)
    molecules = [molecule for linker in linkers if (molecule := _molecule(linker))]
    return [_draw(molecule, width=140, height=115) for molecule in molecules[:MOST_LINKERS]]


def _molecule(linker: str) -> Mol | None:
    """The linker where RDKit makes a molecule of it and there is something to draw."""
    try:
        molecule = Smiles.parse(linker).mol
    except NotationError:
        return None
    return molecule if molecule.GetNumHeavyAtoms() >= SMALLEST_LINKER else None


def _draw(molecule: Mol, *, width: int, height: int) -> Markup:
    from rdkit.Chem.Draw import rdMolDraw2D

    canvas = rdMolDraw2D.MolDraw2DSVG(width, height)
    options = canvas.drawOptions()
    for name, value in OPTIONS.items():
        setattr(options, name, value)
    options.useBWAtomPalette()
    palette = {number: _rgb(colour) for colour, numbers in ATOM_COLOURS.values() for number in numbers}
    options.updateAtomPalette(palette)
    rdMolDraw2D.PrepareAndDrawMolecule(canvas, molecule)
    canvas.FinishDrawing()
    svg = canvas.GetDrawingText()
    body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    body = re.sub(r"<!--.*?-->| class='[^']*'|\n", "", body)
    body = re.sub(r"(\.\d)\d+", r"\1", body)
    body = body.replace(PLAIN, "var(--ink)")
    for variable, (colour, _) in ATOM_COLOURS.items():
        body = body.replace(colour, f"var({variable})")
    box = f'viewBox="0 0 {width} {height}" style="width:{width / 20}rem"'
    return Markup(f'<svg class="structure" role="img" aria-label="structural formula" {box}>{body}</svg>')


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return red, green, blue
