"""Attention of one layer and head as a figure for a paper: structures, heat map, lines between tokens.

Axes: L tokens, A atoms.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catenane.analysis.cross import Direction, cross_scores
from catenane.drawing import ATOM_COLOURS, Sketch, sketch
from catenane.files import replaced
from catenane.inference import Attention
from catenane.reporting.plots import ACCENT, INK, RASTER_DPI, STYLE
from catenane.tokenizers import Piece

__all__ = ["draw_attention", "draw_pieces", "save_figure"]

WEAKEST = 0.12
"""Share of the largest weight below which no line is drawn."""
MOST_LINES = 700
DISC = 11.0
"""Radius of the shade behind an atom, in pixels of the drawing."""
NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")


def draw_attention(
    path: Path,
    attention: Attention,
    weights_LL: NDArray[np.float32],
    *,
    direction: Direction = "received",
    title: str = "",
) -> None:
    """Write the figure of these weights; atoms are shaded as on the page.

    Of several strings lines are drawn between tokens of different ones alone.
    """
    from matplotlib.figure import Figure

    alignment = attention.alignment
    piece_L, strings = alignment.piece_of_token, np.array([piece.string for piece in alignment.pieces])
    string_L = np.where(piece_L >= 0, strings[piece_L], -1)
    firsts = [int(np.argmax(string_L == string)) for string in range(1, len(attention.records))]
    linked_LL = weights_LL
    if firsts:
        apart_LL = (string_L[:, None] != string_L) & (string_L[:, None] >= 0) & (string_L >= 0)
        linked_LL = np.where(apart_LL, weights_LL, 0)
    only = Attention(alignment, weights_LL[None, None], attention.records)
    if len(attention.records) > 1:
        shade_A = cross_scores(only, direction)[0, 0]
    else:
        from_all = weights_LL.mean(axis=0)[alignment.token_of_atom] * (alignment.token_of_atom >= 0)
        shade_A = from_all if direction == "received" else only.of_atoms[0, 0].sum(axis=1)
        shade_A = np.clip(shade_A / max(float(shade_A.max(initial=0)), 1e-12), 0, 1)

    def draw() -> Any:
        length = len(alignment.tokens)
        figure: Any = Figure(figsize=(11, 5.2 + 0.055 * length), layout="constrained")
        figure.suptitle(title, fontsize=11)
        above, below = figure.subfigures(2, 1, height_ratios=[1, 1.3 + 0.02 * length])
        draw_pieces(above, alignment.pieces, shade_A)
        left, right = below.subplots(1, 2, width_ratios=[1.25, 1])
        size = float(np.clip(230 / length, 3, 9))
        scale = np.sqrt(np.clip(weights_LL, 0, None))
        shown = left.imshow(scale, cmap=_shades(), aspect="equal", interpolation="nearest")
        bar = figure.colorbar(shown, ax=left, location="left", shrink=0.5, pad=0.02)
        bar.ax.yaxis.set_major_formatter(lambda root, _: f"{root * root:.2g}")
        bar.set_label("attention", fontsize=9)
        for first in firsts:
            left.axhline(first - 0.5, color=INK, lw=0.7)
            left.axvline(first - 0.5, color=INK, lw=0.7)
        left.set_xticks(range(length), alignment.tokens, rotation=90, fontsize=size, family="monospace")
        left.set_yticks(range(length), alignment.tokens, fontsize=size, family="monospace")
        left.grid(visible=False)
        left.tick_params(length=0)
        left.set(xlabel="attended to", ylabel="attends")
        _draw_pairs(right, linked_LL, alignment.tokens, size)
        right.set_title("who attends, and to what" + " of the others" * bool(firsts), fontsize=9)
        return figure

    save_figure(path, draw)


def save_figure(path: Path, draw: Any) -> None:
    """Write what `draw` gives as the ending of the name says, in one move, in the type of the reports."""
    import matplotlib.style

    with matplotlib.style.context(["default", STYLE | {"svg.fonttype": "path"}], after_reset=True):
        figure = draw()
        ending = path.suffix.lower().removeprefix(".")
        stamp = {"metadata": {"Date": None}} if ending == "svg" else {}
        with replaced(path) as fresh:
            figure.savefig(fresh, format=ending, dpi=RASTER_DPI, facecolor="white", **stamp)


def draw_pieces(
    figure: Any,
    pieces: Sequence[Piece],
    shade_A: NDArray[Any],
    *,
    colours: tuple[str, str] = (ACCENT, ACCENT),
) -> None:
    """Draw structures side by side on a matplotlib figure, each atom on a disc.

    Args:
        figure: Which is given axes.
        pieces: Those that cannot be drawn are left out.
        shade_A: Of the atoms of all pieces in order, from -1 to 1.
        colours: Of negative and of positive shades.
    """
    found = [(sketch(piece.smiles), shade_A[piece.atoms.start : piece.atoms.stop]) for piece in pieces]
    drawn = [(structure, shades) for structure, shades in found if structure is not None]
    widths = [structure.width for structure, _ in drawn]
    if not drawn:
        return
    for axes, (structure, shades) in zip(
        figure.subplots(1, len(drawn), squeeze=False, width_ratios=widths)[0], drawn, strict=True
    ):
        _draw_structure(axes, structure, shades, colours)


def _draw_structure(axes: Any, structure: Sketch, shades: NDArray[Any], colours: tuple[str, str]) -> None:
    from matplotlib.patches import Circle, PathPatch

    for (x, y), shade in zip(structure.points_A2, np.nan_to_num(shades), strict=True):
        colour = colours[int(shade > 0)]
        axes.add_patch(Circle((x, y), DISC, color=colour, alpha=0.7 * min(abs(float(shade)), 1), linewidth=0))
    for paint, outline in structure.paths.items():
        fill, stroke = (re.search(rf'{name}="([^"]+)"', paint) for name in ("fill", "stroke"))
        axes.add_patch(
            PathPatch(
                _path(outline), facecolor=_colour(fill[1] if fill else "none"),
                edgecolor=_colour(stroke[1] if stroke else "none"), linewidth=1.1,
            )
        )  # fmt: skip
    axes.set(xlim=(-12, structure.width + 12), ylim=(structure.height + 12, -12), aspect="equal")
    axes.axis("off")


def _draw_pairs(axes: Any, weights_LL: NDArray[Any], tokens: Sequence[str], size: float) -> None:
    from matplotlib.collections import LineCollection

    share_LL = weights_LL / max(float(weights_LL.max()), 1e-12)
    strongest = np.argsort(-share_LL, axis=None)[:MOST_LINES]
    pairs = np.column_stack(np.unravel_index(strongest[share_LL.flat[strongest] > WEAKEST], share_LL.shape))
    shares = share_LL[pairs[:, 0], pairs[:, 1]]
    lines = LineCollection(
        [[(0, q), (1, k)] for q, k in pairs], colors=ACCENT, linewidths=0.3 + 1.5 * shares,
        alpha=0.06 + 0.9 * shares,
    )  # fmt: skip
    axes.add_collection(lines)
    for place, token in enumerate(tokens):
        axes.text(-0.03, place, token, ha="right", va="center", fontsize=size, family="monospace")
        axes.text(1.03, place, token, ha="left", va="center", fontsize=size, family="monospace")
    axes.set(xlim=(-0.25, 1.25), ylim=(len(tokens) - 0.5, -0.5))
    axes.axis("off")


def _path(outline: str) -> Any:
    """An SVG outline of absolute moves, lines and curves as a path of matplotlib."""
    from matplotlib.path import Path as Outline

    kinds = {
        "M": [Outline.MOVETO],
        "L": [Outline.LINETO],
        "Q": [Outline.CURVE3] * 2,
        "C": [Outline.CURVE4] * 3,
    }
    points: list[tuple[float, float]] = []
    codes: list[Any] = []
    for command, arguments in re.findall(r"([MLQCZ])([^MLQCZ]*)", outline):
        if command == "Z":
            points.append(points[-1])
            codes.append(Outline.CLOSEPOLY)
            continue
        numbers = [float(number) for number in NUMBERS.findall(arguments)]
        step = list(zip(numbers[::2], numbers[1::2], strict=True))
        points += step
        codes += kinds[command] * (len(step) // len(kinds[command]))
    return Outline(points, codes)


def _colour(paint: str) -> str:
    variables = {f"var({name})": colour for name, (colour, _) in ATOM_COLOURS.items()}
    return paint if paint == "none" else variables.get(paint, INK)


def _shades() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("attention", ["#f7f8f9", ACCENT, "#0a2f5c"])
