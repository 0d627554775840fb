"""Molecules and linkers drawn as inline SVG in the page's own colours."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from catenane.errors import NotationError
from catenane.notation import Mofid, NotationName, Record, Smiles, rdkit_errors

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["depict", "structures"]

ATOM_COLOURS = {
    "--nitrogen": ("#0000C1", (7,)),
    "--oxygen": ("#C10000", (8,)),
    "--sulfur": ("#C1C100", (16,)),
    "--halogen": ("#00C100", (9, 17, 35, 53)),
}
"""By CSS variable, the colour that stands for it while drawing, and the atomic numbers that bear it."""
SMALLEST_LINKER = 3
"""Heavy atoms below which a linker, such as a bridging oxygen, is not drawn."""
MOST_LINKERS = 3
MOST_ATOMS = 400
"""Atoms beyond which a drawing is a tangle, and RDKit takes seconds for it (1,800 atoms: 13 s)."""
BOND_WIDTH = 1.3
OPTIONS = {"bondLineWidth": BOND_WIDTH, "clearBackground": False, "maxFontSize": 13, "padding": 0.03}
LARGE_BOND, SMALL_BOND = 26, 22
"""Longest bonds in CSS pixels, so that molecules drawn side by side are of one scale."""


def structures(record: Record) -> list[Markup]:
    """The molecule, or the first linkers of a framework, small, as `<svg>` elements.

    What RDKit cannot read or draw is left out.

    Raises:
        NotationError: The text of the record is not of its notation.
    """
    molecules, width, height = _MOLECULES[record.notation](record.parsed)
    drawings = (_drawn(molecule, width=width, height=height) for molecule in molecules)
    return [drawing for drawing in drawings if drawing is not None][:MOST_LINKERS]


def depict(smiles: str) -> Markup | None:
    """A molecule or a linker, large and lying along its longest axis, as an `<svg>` element.

    The element is as large as the molecule at one scale for all; the page may cap its width.

    Returns:
        None where RDKit makes no molecule of it or cannot draw it, or there is too little to draw.
    """
    molecule = _molecule(smiles)
    if molecule is None or molecule.GetNumAtoms() > MOST_ATOMS:
        return None
    from rdkit import Chem
    from rdkit.Chem import rdDepictor

    try:
        with rdkit_errors(smiles, silent=False):
            molecule = Chem.Mol(molecule)
            for (nitrogen,) in molecule.GetSubstructMatches(Chem.MolFromSmarts("[NX2v2+0R]")):
                # MOFid leaves the charge of an imidazolate out; no chemist draws a radical there.
                molecule.GetAtomWithIdx(nitrogen).SetFormalCharge(-1)
                molecule.GetAtomWithIdx(nitrogen).SetNumRadicalElectrons(0)
            rdDepictor.Compute2DCoords(molecule, useRingTemplates=True)
            rdDepictor.NormalizeDepiction(molecule)
            rdDepictor.StraightenDepiction(molecule, minimizeRotation=True)
    except NotationError:
        return None
    return _drawn(molecule, width=-1, height=-1, bond=LARGE_BOND)


def _molecule(linker: str) -> Mol | None:
    """The linker where RDKit makes a molecule of it and there is something to draw."""
    try:
        molecule = Smiles.parse(linker).mol
    except NotationError:
        return None
    return molecule if molecule.GetNumHeavyAtoms() >= SMALLEST_LINKER else None


def _linkers(mofid: Mofid) -> Iterator[Mol]:
    return filter(None, map(_molecule, dict.fromkeys(mofid.linkers)))


_MOLECULES: dict[NotationName, Callable[[Any], tuple[Iterable[Mol], int, int]]] = {
    "smiles": lambda smiles: ([smiles.mol], 190, 130),
    "mofid": lambda mofid: (_linkers(mofid), 140, 115),
}
"""What is drawn of the parsed object of a notation, with the width and height of each drawing."""


def _drawn(molecule: Mol, *, width: int, height: int, bond: int = SMALL_BOND) -> Markup | None:
    """The drawing, or None where RDKit fails or the molecule is too large to be seen."""
    if molecule.GetNumAtoms() > MOST_ATOMS:
        return None
    try:
        with rdkit_errors("drawing"):
            return _draw(molecule, width=width, height=height, bond=bond)
    except NotationError:
        return None


def _draw(molecule: Mol, *, width: int, height: int, bond: int = SMALL_BOND) -> Markup:
    """The drawing on a canvas of this size; as large as it needs where the size is -1."""
    from rdkit.Chem.Draw import rdMolDraw2D

    canvas = rdMolDraw2D.MolDraw2DSVG(width, height)
    options = canvas.drawOptions()
    for name, value in {**OPTIONS, "fixedBondLength": bond}.items():
        setattr(options, name, value)
    options.useBWAtomPalette()
    palette = {number: _rgb(colour) for colour, numbers in ATOM_COLOURS.values() for number in numbers}
    options.updateAtomPalette(palette)
    rdMolDraw2D.PrepareAndDrawMolecule(canvas, molecule)
    canvas.FinishDrawing()
    box = f'viewBox="0 0 {canvas.Width()} {canvas.Height()}" style="width:{canvas.Width() / 20}rem"'
    body = _compact(canvas.GetDrawingText())
    return Markup(f'<svg class="structure" role="img" aria-label="structural formula" {box}>{body}</svg>')


def _compact(svg: str) -> str:
    """Bonds and letters gathered into one path a colour, a tenth of what RDKit writes."""
    paths: dict[str, list[str]] = defaultdict(list)
    for outline, style in re.findall(r"<path (?:class='[^']*' )?d='([^']*)' ([^>]*?)/>", svg):
        fill = re.search(r"fill[:=]'?(#[0-9A-Fa-f]{6})", style)
        stroke = re.search(r"stroke:(#[0-9A-Fa-f]{6});stroke-width:(?!0\.0px)", style)
        paint = f'fill="{_variable(fill[1]) if fill else "none"}"'
        if stroke:
            paint += f' stroke="{_variable(stroke[1])}" stroke-width="{BOND_WIDTH}"'
        numbers = re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), outline)
        paths[paint].append(re.sub(r"\s*([A-Z])\s*", r"\1", numbers.replace(", ", " ")))
    return "".join(f'<path d="{"".join(parts)}" {paint}/>' for paint, parts in paths.items())


def _variable(colour: str) -> str:
    found = (name for name, (stands_for, _) in ATOM_COLOURS.items() if stands_for == colour.upper())
    return f"var({next(found, '--ink')})"


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return red, green, blue
