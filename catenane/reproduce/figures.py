"""Pictures of results as PNG, in the style of the reports."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from catenane.reporting.plots import ACCENT, INK, MUTED, PALETTE, SECOND, STYLE
from catenane.reproduce.result import Figure

__all__ = ["band", "dots_by_seed", "epochs_axis", "save"]

DPI = 144
"""Two pixels of the file to a CSS pixel."""
N_COLOURS = 256


def save(folder: Path, figure: Figure) -> Path:
    """Draw a figure into its PNG file; the folder must exist."""
    import matplotlib.style
    from matplotlib.figure import Figure as Canvas
    from PIL import Image

    with matplotlib.style.context(["default", STYLE], after_reset=True):
        canvas = Canvas(figsize=(figure.width / 72, figure.height / 72))
        figure.draw(canvas)
        drawn = io.BytesIO()
        canvas.savefig(drawn, dpi=DPI)
    path = folder / figure.file
    # Few colours are in use: a palette of them is a third of the size.
    palette = Image.open(drawn).convert("RGB").quantize(N_COLOURS, dither=Image.Dither.NONE)
    palette.save(path, optimize=True)
    return path


def band(axes: Any, epochs: Sequence[float], runs: Sequence[Sequence[float]], **look: Any) -> None:
    """The mean over seeds as a line, with all between the smallest and the largest shaded."""
    values_SE = np.asarray(runs, dtype=float)
    marker = {"marker": "o", "ms": 3.5} if len(epochs) < 12 else {}
    axes.plot(epochs, values_SE.mean(axis=0), lw=1.8, **marker, **look)
    if len(values_SE) > 1:
        axes.fill_between(
            epochs, values_SE.min(axis=0), values_SE.max(axis=0), color=look["color"], alpha=0.15, lw=0
        )


def epochs_axis(axes: Any) -> None:
    """Whole epochs along the bottom."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("epoch")


def dots_by_seed(
    axes: Any,
    groups: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    xlabel: str,
    lines: Mapping[str, float] | None = None,
    linked: bool = False,
    apart: bool = True,
) -> None:
    """One line a group, on it for each series a dot a seed and a bar at their mean.

    Args:
        axes: Where to draw.
        groups: By name of the group, by name of the series, what every seed gave.
        xlabel: The quantity with its unit.
        lines: Values to mark by a dashed line, by name.
        linked: Join the dots of a seed from group to group: seeds draw splits, and some are harder.
        apart: Give each series a line of its own within its group.
    """
    series = list(dict.fromkeys(name for values in groups.values() for name in values))
    step = 0.6 / max(1, len(series)) if apart else 0.0
    heights = {name: (index - (len(series) - 1) / 2) * step for index, name in enumerate(series)}
    for name, colour in zip(series, (ACCENT, PALETTE[1], PALETTE[2], MUTED), strict=False):
        found = {place: values[name] for place, values in enumerate(groups.values()) if name in values}
        for place, values in found.items():
            height = place + heights[name]
            axes.plot(values, [height] * len(values), "o", ms=5.5, alpha=0.7, color=colour, mew=0)
            axes.plot([np.mean(values)] * 2, [height - 0.11, height + 0.11], color=colour, lw=2.4)
        if linked:
            for of_seed in zip(*found.values(), strict=True):
                axes.plot(
                    of_seed,
                    [place + heights[name] for place in found],
                    color=SECOND,
                    lw=1.0,
                    alpha=0.7,
                    zorder=1,
                )
        axes.plot([], [], "o", ms=5.5, color=colour, label=name)
    for style, (name, value) in zip(("--", ":", "-."), (lines or {}).items(), strict=False):
        axes.axvline(value, color=MUTED, lw=1.2, ls=style, zorder=0, label=name)
    axes.set_yticks(range(len(groups)), list(groups))
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False, axis="y")
    axes.set(xlabel=xlabel, ylim=(len(groups) - 0.5, -0.5))
    axes.figure.legend(loc="outside lower center", ncols=4)
