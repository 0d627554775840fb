"""Molecules drawn as inline SVG in the page's own colours."""

from __future__ import annotations

import re

from markupsafe import Markup

from catenane.notation import Smiles

__all__ = ["drawing"]

ATOM_COLOURS = {
    "--nitrogen": ("#0000C1", (7,)),
    "--oxygen": ("#C10000", (8,)),
    "--sulfur": ("#C1C100", (16,)),
    "--halogen": ("#00C100", (9, 17, 35, 53)),
}
"""By CSS variable, the colour that stands for it while drawing, and the atomic numbers that bear it."""
PLAIN = "#000000"
OPTIONS = {"bondLineWidth": 1.3, "clearBackground": False, "fixedBondLength": 22, "maxFontSize": 13}


def drawing(string: str, width: int = 190, height: int = 130) -> Markup:
    """The structure of a SMILES as an `<svg>` element.

    Raises:
        NotationError: The string is no molecule.
    """
    from rdkit.Chem.Draw import rdMolDraw2D

    canvas = rdMolDraw2D.MolDraw2DSVG(width, height)
    options = canvas.drawOptions()
    for name, value in OPTIONS.items():
        setattr(options, name, value)
    options.useBWAtomPalette()
    palette = {number: _rgb(colour) for colour, numbers in ATOM_COLOURS.values() for number in numbers}
    options.updateAtomPalette(palette)
    rdMolDraw2D.PrepareAndDrawMolecule(canvas, Smiles.parse(string).mol)
    canvas.FinishDrawing()
    svg = canvas.GetDrawingText()
    body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    body = re.sub(r"<!--.*?-->| class='[^']*'|\n", "", body)
    body = re.sub(r"(\.\d)\d+", r"\1", body)
    for variable, colour in [
        ("--ink", PLAIN),
        *((name, colour) for name, (colour, _) in ATOM_COLOURS.items()),
    ]:
        body = body.replace(colour, f"var({variable})")
    box = f'viewBox="0 0 {width} {height}"'
    return Markup(f'<svg class="structure" role="img" aria-label="structural formula" {box}>{body}</svg>')


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return red, green, blue
