"""Matplotlib panels as inline SVG with the type and the colours of the page around it.

Text stays text, so that it is set in the page's own font and can be searched; the named colours below become
CSS variables, so that one drawing serves a light screen, a dark one and paper.
"""

from __future__ import annotations

import io
import math
import re
import warnings
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from catenane.metrics import FloatArray

__all__ = [
    "ACCENT", "GRID", "INK", "MARKERS", "MUTED", "PALETTE", "SECOND", "STYLE", "Drawing", "histogram",
    "panel", "settle", "shared_axes",
]  # fmt: skip

INK, MUTED, GRID, ACCENT, SECOND = "#1a1d21", "#646b75", "#dfe2e6", "#1f6feb", "#a9b1bb"
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Colours told apart by colour-blind readers, bright enough on dark and dark enough on light
(Okabe and Ito 2008, without black and yellow); a marker's shape tells groups apart a second time."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "*")

VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--grid", ACCENT: "--accent", SECOND: "--second"}
STYLE = {
    "axes.axisbelow": True, "axes.grid": True, "axes.linewidth": 0.7, "grid.linewidth": 0.7,
    "axes.spines.right": False, "axes.spines.top": False, "figure.constrained_layout.use": True,
    "axes.edgecolor": MUTED, "grid.color": GRID, "xtick.color": MUTED, "ytick.color": MUTED,
    "axes.labelcolor": INK, "legend.labelcolor": INK, "text.color": INK,
    "font.family": "DejaVu Sans", "font.size": 11, "axes.labelsize": 11, "legend.fontsize": 10,
    "xtick.labelsize": 10, "ytick.labelsize": 10,
    "legend.borderaxespad": 0.2, "legend.frameon": False, "legend.handletextpad": 0.4,
    "svg.fonttype": "none", "svg.hashsalt": "catenane", "text.parse_math": False,
}  # fmt: skip
RASTER_DPI = 220
MOST_BINS = 40


class Drawing(NamedTuple):
    """A figure as an `<svg>` element, and its caption, which is its text for those who cannot see it too."""

    svg: Markup
    caption: str


def panel(draw: Callable[[Any], None], caption: str, *, width: float = 400, height: float = 270) -> Drawing:
    """What `draw` draws on a matplotlib Axes; in CSS pixels, which the page may scale with the type."""
    body, _ = shared_axes(draw, width=width, height=height)
    svg = '<svg role="img" aria-label="{}" viewBox="0 0 {:g} {:g}">{}</svg>'
    return Drawing(Markup(svg).format(caption, width, height, body), caption)


def shared_axes(
    draw: Callable[[Any], None], *, width: float, height: float
) -> tuple[Markup, Callable[[FloatArray, FloatArray], FloatArray]]:
    """Elements of an `<svg>` of the view box "0 0 width height", for curves that are added to it later.

    Beside them a function from data x (N,) and y (N,) to coordinates of the view box, (N, 2).
    """
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context(["default", STYLE], after_reset=True), warnings.catch_warnings():
        # Text is drawn by the browser: that matplotlib's own font lacks a letter is of no consequence.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(width / 72, height / 72), dpi=RASTER_DPI)
        axes = figure.subplots()
        draw(axes)
        settle(figure)
        buffer = io.StringIO()
        no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=no_metadata)
    to_share = axes.transData + figure.transFigure.inverted()

    def place(x_N: FloatArray, y_N: FloatArray) -> FloatArray:
        share_N2 = to_share.transform(np.column_stack([x_N, y_N]))
        return np.column_stack([width * share_N2[:, 0], height * (1 - share_N2[:, 1])])

    return _inline(buffer.getvalue()), place


def settle(figure: Any) -> None:
    """Lay a figure out once for all: saving would draw it a second time to see whether anything has moved."""
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine("none")


def histogram(
    all_N: FloatArray, some_M: FloatArray, *, xlabel: str, ylabel: str, labels: tuple[str, str], caption: str,
    rug: bool = False,
) -> Drawing:  # fmt: skip
    """How all values are distributed, and some of them among these; what is not finite is left out.

    With a rug the few are ticks on the axis, where bars of them would vanish beside many thousand.
    """
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    values, some = all_N[np.isfinite(all_N)], some_M[np.isfinite(some_M)]

    def draw(axes: Any) -> None:
        if len(values):
            edges = _edges(values)
            for chosen, color, label in zip((values, some), (SECOND, ACCENT), labels, strict=True):
                if rug and chosen is some:
                    axes.plot(some, np.zeros(len(some)), "|", color=color, label=label, ms=10, clip_on=False)
                else:
                    axes.hist(chosen, edges, color=color, label=label, rwidth=0.92 if len(edges) < 30 else 1)
            axes.legend(loc="best")
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.grid(visible=False, axis="x")
        axes.set(xlabel=xlabel, ylabel=ylabel)

    return panel(draw, caption)


def _edges(values: FloatArray) -> FloatArray:
    """Bins of equal width; those of whole numbers hold whole numbers."""
    if np.array_equal(values, np.round(values)):
        low, high = float(values.min()), float(values.max())
        width = max(1, math.ceil((high - low + 1) / MOST_BINS))
        return np.arange(low - 0.5, high + width + 0.5, width)
    return np.histogram_bin_edges(values, int(np.clip(np.sqrt(len(values)), 8, MOST_BINS)))


def _inline(svg: str) -> Markup:
    """The drawing without what only a file of its own needs, and with names no other drawing uses."""
    body = svg[svg.index("</defs>", svg.index("<style")) + len("</defs>") : svg.rindex("</svg>")]
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', body))
    prefix = f"p{zlib.crc32(body.encode()):08x}-"

    def rewrite(tag: re.Match[str]) -> str:
        text = tag.group()
        text = re.sub(r' id="([^"]*)"', lambda m: f' id="{prefix}{m[1]}"' if m[1] in used else "", text)
        text = text.replace("url(#", f"url(#{prefix}").replace('xlink:href="#', f'href="#{prefix}')
        text = text.replace("xlink:href=", "href=")
        text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
        text = re.sub(r' transform="rotate\(-?0 [^"]*\)"', "", text)
        if not text.startswith("<image"):
            text = re.sub(r"(\.\d\d)\d+", r"\1", text)
        for colour, variable in VARIABLES.items():
            text = text.replace(colour, f"var({variable})")
        return re.sub(r"\s+", " ", text) if "base64" not in text else text

    return Markup(re.sub(r">\s+<", "><", re.sub(r"<[^>]+>", rewrite, body)))
