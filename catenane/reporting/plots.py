"""Matplotlib panels as inline SVG that takes its type and its colours from the page around it.

Text stays text, so that it is set in the page's own font and can be searched; the named colours below become
CSS variables, so that one drawing serves a light screen, a dark one and paper.
"""

from __future__ import annotations

import html
import io
import re
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

__all__ = ["ACCENT", "GRID", "INK", "MARKERS", "MUTED", "PALETTE", "SECOND", "Drawing", "panel"]

INK, MUTED, GRID, ACCENT, SECOND = "#1a1d21", "#646b75", "#dfe2e6", "#1f6feb", "#a9b1bb"
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Colours told apart by colour-blind readers, bright enough on dark and dark enough on light
(Okabe and Ito 2008, without black and yellow); a marker's shape tells groups apart a second time."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "*")

VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--grid", ACCENT: "--accent", SECOND: "--second"}
STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 11,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.borderaxespad": 0.2,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "legend.handletextpad": 0.4,
    "legend.labelcolor": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "catenane",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelsize": 10,
    "ytick.color": MUTED,
    "ytick.labelsize": 10,
}
RASTER_DPI = 220


@dataclass(frozen=True)
class Drawing:
    """A panel and what it says."""

    svg: Markup
    caption: str


def panel(draw: Callable[[Any], None], *, alt: str, width: float = 400, height: float = 270) -> Markup:
    """One pair of axes as an `<svg>` element.

    Args:
        draw: Is given the matplotlib Axes to draw on.
        alt: What the panel shows, for those who cannot see it.
        width: Width in CSS pixels at which type has its nominal size; the page may scale it.
        height: Height in the same unit.
    """
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context(["default", STYLE], after_reset=True), warnings.catch_warnings():
        # Text is drawn by the browser: that matplotlib's own font lacks a letter is of no consequence.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(width / 72, height / 72), dpi=RASTER_DPI)
        draw(figure.subplots())
        buffer = io.StringIO()
        no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=no_metadata)
    return _inline(buffer.getvalue(), alt)


def _inline(svg: str, alt: str) -> Markup:
    """The drawing without what only a file of its own needs, and with names no other drawing uses."""
    viewbox = re.search(r'viewBox="[^"]*"', svg)
    assert viewbox is not None
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

    body = re.sub(r">\s+<", "><", re.sub(r"<[^>]+>", rewrite, body))
    label = html.escape(alt, quote=True)
    return Markup(f'<svg role="img" aria-label="{label}" {viewbox.group()}>{body}</svg>')
