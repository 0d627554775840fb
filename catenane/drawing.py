"""Molecules and linkers drawn as inline SVG in the page's own colours."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from catenane.errors import NotationError
from catenane.notation import Chem, NotationName, Record, Smiles, rdkit_errors, written_molecule

__all__ = ["ATOM_COLOURS", "Sketch", "depict", "sketch", "structures"]

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
    """The molecules, or the first linkers of a framework, as `<svg>` elements, where `depict` has one.

    Raises:
        NotationError: The text of the record is not of its notation.
    """
    found = (text for part in record.parts for text in _PARTS[record.notation](part.parsed))
    drawings = map(depict, found)
    return [drawing for drawing in drawings if drawing is not None][:MOST_LINKERS]


class Sketch(NamedTuple):
    """A drawn structure, in CSS pixels, and where its atoms are."""

    width: int
    height: int
    paths: dict[str, str]
    """Outlines by their paint, which is attributes of a `<path>` in the page's colours."""
    points_A2: NDArray[np.float64]
    """Centres of the atoms."""

    def svg(self, inside: str = "", css: str = "structure") -> Markup:
        """An `<svg>` element, as large as the structure at one scale for all; the page may cap its width.

        What is `inside` stands below the structure.
        """
        box = f'viewBox="0 0 {self.width} {self.height}" style="width:{self.width / 20}rem"'
        body = "".join(f'<path d="{outline}" {paint}/>' for paint, outline in self.paths.items())
        label = 'role="img" aria-label="structural formula"'
        return Markup(f'<svg class="{css}" {label} {box}>{inside}{body}</svg>')


def depict(smiles: str) -> Markup | None:
    """A molecule or a linker, lying along its longest axis, as an `<svg>` element.

    Returns:
        None where RDKit makes no molecule of it or cannot draw it, or there is too little or too much of it.
    """
    try:
        molecule = Chem.Mol(Smiles.parse(smiles).mol)
    except NotationError:
        return None
    drawn = _sketch(molecule, smiles) if molecule.GetNumHeavyAtoms() >= SMALLEST else None
    return None if drawn is None else drawn.svg()


def sketch(smiles: str) -> Sketch | None:
    """As `depict`, with a point for every atom in the order of the text; nodes are drawn too."""
    molecule = written_molecule(smiles)
    return None if molecule is None else _sketch(molecule, smiles)


def _sketch(molecule: Chem.Mol, smiles: str) -> Sketch | None:
    from matplotlib.colors import to_rgb
    from rdkit.Chem import rdDepictor
    from rdkit.Chem.Draw import rdMolDraw2D

    if molecule.GetNumAtoms() > MOST_ATOMS:
        return None
    try:
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
            points = [canvas.GetDrawCoords(index) for index in range(molecule.GetNumAtoms())]
            canvas.FinishDrawing()
    except NotationError:
        return None
    svg = canvas.GetDrawingText()
    if "nan" in svg:  # RDKit fails on a line without height, such as a radical of two atoms
        return None
    points_A2 = np.array([(point.x, point.y) for point in points])
    return Sketch(canvas.Width(), canvas.Height(), _compact(svg), points_A2)


def _compact(svg: str) -> dict[str, str]:
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
    return {paint: "".join(parts) for paint, parts in paths.items()}


def _variable(colour: str) -> str:
    return f"var({VARIABLES.get(colour.upper(), '--ink')})"
