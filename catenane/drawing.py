"""Molecules and linkers drawn as inline SVG in the page's own colours."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from markupsafe import Markup

from catenane.errors import NotationError
from catenane.notation import Chem, NotationName, Record, Smiles, rdkit_errors

__all__ = ["depict", "structures"]

ATOM_COLOURS = {
    "--nitrogen": ("#0000C1", (7,)),
    "--oxygen": ("#C10000", (8,)),
    "--sulfur": ("#C1C100", (16,)),
    "--halogen": ("#00C100", (9, 17, 35, 53)),
}
"""By CSS variable, the colour that stands for it while drawing, and the atomic numbers that bear it."""
VARIABLES = {colour: variable for variable, (colour, _) in ATOM_COLOURS.items()}
SMALLEST = 2
"""Heavy atoms below which a linker, such as a bridging oxygen, is not drawn."""
MOST_LINKERS = 3
MOST_ATOMS = 400
"""Atoms beyond which a drawing is a tangle, and RDKit takes seconds for it (1,800 atoms: 13 s)."""
BOND_WIDTH = 1.3
OPTIONS = {
    "bondLineWidth": BOND_WIDTH, "clearBackground": False, "fixedBondLength": 26, "maxFontSize": 13,
    "padding": 0.03,
}  # fmt: skip
_PARTS: dict[NotationName, Callable[[Any], Iterable[str]]] = {
    "smiles": lambda smiles: [smiles.text],
    "mofid": lambda mofid: dict.fromkeys(mofid.linkers),
}
"""The SMILES in the parsed object of a notation."""


def structures(record: Record) -> list[Markup]:
    """The molecule, or the first linkers of a framework, as `<svg>` elements, where `depict` has one.

    Raises:
        NotationError: The text of the record is not of its notation.
    """
    drawings = map(depict, _PARTS[record.notation](record.parsed))
    return [drawing for drawing in drawings if drawing is not None][:MOST_LINKERS]


def depict(smiles: str) -> Markup | None:
    """A molecule or a linker, lying along its longest axis, as an `<svg>` element.

    The element is as large as the molecule at one scale for all; the page may cap its width.

    Returns:
        None where RDKit makes no molecule of it or cannot draw it, or there is too little or too much of it.
    """
    from matplotlib.colors import to_rgb
    from rdkit.Chem import rdDepictor
    from rdkit.Chem.Draw import rdMolDraw2D

    try:
        molecule = Chem.Mol(Smiles.parse(smiles).mol)
        if molecule.GetNumHeavyAtoms() < SMALLEST or molecule.GetNumAtoms() > MOST_ATOMS:
            return None
        with rdkit_errors(smiles, silent=False):
            for (nitrogen,) in molecule.GetSubstructMatches(Chem.MolFromSmarts("[NX2v2+0R]")):
                # MOFid leaves the charge of an imidazolate out; no chemist draws a radical there.
                molecule.GetAtomWithIdx(nitrogen).SetFormalCharge(-1)
                molecule.GetAtomWithIdx(nitrogen).SetNumRadicalElectrons(0)
        with rdkit_errors(smiles):
            rdDepictor.Compute2DCoords(molecule, useRingTemplates=True)
            rdDepictor.NormalizeDepiction(molecule)
            rdDepictor.StraightenDepiction(molecule, minimizeRotation=True)
            canvas = rdMolDraw2D.MolDraw2DSVG(-1, -1)
            options = canvas.drawOptions()
            for name, value in OPTIONS.items():
                setattr(options, name, value)
            options.useBWAtomPalette()
            options.updateAtomPalette(
                {number: to_rgb(colour) for colour, numbers in ATOM_COLOURS.values() for number in numbers}
            )
            rdMolDraw2D.PrepareAndDrawMolecule(canvas, molecule)
            canvas.FinishDrawing()
    except NotationError:
        return None
    svg = canvas.GetDrawingText()
    if "nan" in svg:  # RDKit fails on a line without height, such as a radical of two atoms
        return None
    box = f'viewBox="0 0 {canvas.Width()} {canvas.Height()}" style="width:{canvas.Width() / 20}rem"'
    body = _compact(svg)
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
    return f"var({VARIABLES.get(colour.upper(), '--ink')})"
