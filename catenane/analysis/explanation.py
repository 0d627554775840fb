"""A prediction drawn with what each atom adds to it: as a page, as a figure, as a table.

Axes: A atoms.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from catenane.analysis.attribution import METHODS, Attribution
from catenane.drawing import sketch
from catenane.errors import UsageError
from catenane.formatting import number, quantity, scale, with_unit
from catenane.reporting.pages import Grid, write_page
from catenane.reporting.plots import ACCENT
from catenane.reporting.ranking import target_label
from catenane.tokenizers import Piece

__all__ = ["atom_grid", "headline", "write_explanation"]

LOWERS = "#d55e00"
RADIUS = 11
POSITIVE_ALONE = ("rollout", "attention")


def write_explanation(
    path: Path, found: Attribution, *, model_name: str = "", command: str | None = None
) -> None:
    """Write an explanation as the ending of the name says: .html, .svg or .png.

    Raises:
        UsageError: The name ends otherwise.
    """
    ending = path.suffix.lower()
    if ending in (".svg", ".png"):
        from catenane.analysis.attention_figure import draw_pieces, save_figure

        def draw() -> Any:
            from matplotlib.figure import Figure

            figure: Any = Figure(figsize=(8, 4.2), layout="constrained")
            figure.suptitle(headline(found), fontsize=11)
            draw_pieces(figure, found.alignment.pieces, shades(found.scores_A), colours=(LOWERS, ACCENT))
            return figure

        save_figure(path, draw)
    elif ending == ".html":
        _write_html(path, found, model_name, command)
    else:
        raise UsageError(f"--out {path}: must end in .html, .svg or .png")


def headline(found: Attribution) -> str:
    """What is predicted, and how sure it is: `logS: -1.2 (-1.9 to -0.4) log10 mol/L`."""
    like = scale([found.value], (found.low, found.high))
    interval = ""
    if np.isfinite([found.low, found.high]).all():
        interval = f" ({number(found.low, like)} to {number(found.high, like)})"
    unit = quantity(0.0, found.unit).removeprefix(number(0.0))
    return f"{target_label(found.column)}: {number(found.value, like)}{interval}{unit}"


def shades(scores_A: NDArray[Any]) -> NDArray[Any]:
    """The scores beside the largest of them, from -1 to 1; 0 where there is none."""
    found: NDArray[Any] = np.nan_to_num(scores_A) / max(float(np.nanmax(np.abs(scores_A), initial=0)), 1e-12)
    return found


def atom_grid(found: Attribution) -> Grid:
    """The score of every atom, by the piece it is in."""
    like = scale(found.scores_A[np.isfinite(found.scores_A)])
    unit = found.unit if found.method not in POSITIVE_ALONE else ""
    columns = {"atom": "number", "written": "code", "in": "code", with_unit("score", unit): "number"}
    pieces = [found.alignment.pieces[number].smiles for number in found.alignment.piece_of_atom]
    rows = [
        [f"{atom}", symbol, piece, number(float(score), like)]
        for atom, (symbol, piece, score) in enumerate(
            zip(found.alignment.symbols, pieces, found.scores_A, strict=True)
        )
    ]
    return Grid(columns, rows)


def _write_html(path: Path, found: Attribution, model_name: str, command: str | None) -> None:
    shade_A, like = shades(found.scores_A), scale(found.scores_A[np.isfinite(found.scores_A)])
    unit = found.unit if found.method not in POSITIVE_ALONE else ""
    columns = {"functional group": "name", "atoms": "number", with_unit("sum of scores", unit): "number"}
    groups = [[name, f"{size}", number(total, like)] for name, (total, size) in found.of_groups().items()]
    write_page(
        path, "explanation.html",
        headline=headline(found), model_name=model_name, string=found.record.text, method=found.method,
        meaning=METHODS[found.method], signed=found.method not in POSITIVE_ALONE,
        in_domain=found.in_domain, note=found.note, largest=number(float(np.nanmax(np.abs(found.scores_A)))),
        unit=unit, n_unknown=int(np.isnan(found.scores_A).sum()),
        figures=[(piece.smiles, _figure(piece, shade_A, found, like)) for piece in found.alignment.pieces],
        groups=Grid(columns, groups) if groups else None, atoms=atom_grid(found), command=command,
        whole=found.method == "occlusion",
    )  # fmt: skip


def _figure(piece: Piece, shade_A: NDArray[Any], found: Attribution, like: float) -> Markup | None:
    drawn = sketch(piece.smiles)
    if drawn is None:
        return None
    discs = ""
    for atom, (x, y) in zip(piece.atoms, drawn.points_A2, strict=True):
        sign = "raises" if shade_A[atom] > 0 else "lowers"
        told = f"{found.alignment.symbols[atom]} ({atom}): {number(float(found.scores_A[atom]), like)}"
        discs += Markup(
            '<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{}" fill-opacity="{:.3f}" data-atom="{}"><title>{}'
            "</title></circle>"
        ).format(sign, x, y, RADIUS, 0.75 * abs(float(shade_A[atom])), atom, told)
    return drawn.svg(discs)
