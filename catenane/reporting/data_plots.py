"""Panels that show the data and the training: histograms, counts by group, learning curves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from catenane.metrics import FloatArray
from catenane.reporting.groups import Grouping
from catenane.reporting.plots import ACCENT, INK, MUTED, SECOND, panel

SMALL = {"width": 264.0, "height": 205.0}
"""Size of the panels that stand four in a row."""
MOST_BINS = 40
FEW_LEVELS = 12
"""Distinct whole labels up to which a histogram is a bar for each."""

__all__ = ["group_counts", "histogram", "loss_curves", "rate_curve", "score_curve"]


def histogram(all_N: FloatArray, test_M: FloatArray, *, xlabel: str, alt: str) -> Markup:
    """How a quantity is distributed over all rows, and within them over the test rows."""
    values = all_N[np.isfinite(all_N)]
    levels = np.unique(values)
    few = (
        0 < len(levels) <= FEW_LEVELS
        and np.array_equal(levels, np.round(levels))
        and np.ptp(levels) < FEW_LEVELS
    )

    def draw(axes: Any) -> None:
        for chosen, color, label in ((values, SECOND, "all rows"), (test_M, ACCENT, "test rows")):
            if few:
                counts = [np.count_nonzero(chosen == level) for level in levels]
                axes.bar(levels, counts, width=0.7, color=color, label=label)
            elif len(levels):
                axes.hist(
                    chosen[np.isfinite(chosen)],
                    _edges(values),
                    histtype="stepfilled",
                    color=color,
                    label=label,
                )
        if few:
            axes.set_xticks(levels)
        if len(levels):
            axes.legend(loc="best")
        _counts(axes.yaxis)
        axes.grid(visible=False, axis="x")
        axes.set(xlabel=xlabel, ylabel="rows")

    return panel(draw, alt=alt, **SMALL)


def group_counts(grouping: Grouping, test: npt.NDArray[np.int64]) -> Markup:
    """Rows in each group, and of them the test rows."""
    names = grouping.names
    counts = [np.count_nonzero(grouping.row_names == name) for name in names]
    test_counts = [np.count_nonzero(grouping.row_names[test] == name) for name in names]

    def draw(axes: Any) -> None:
        places = np.arange(len(names))
        axes.barh(places, counts, height=0.66, color=SECOND, label="all rows")
        axes.barh(places, test_counts, height=0.66, color=ACCENT, label="test rows")
        for place, n in zip(places, counts, strict=True):
            axes.annotate(f"{n:,}", (n, place), (4, 0), textcoords="offset points", va="center", fontsize=10)
        axes.set_yticks(places, names)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.spines["left"].set_visible(False)
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.26)
        _counts(axes.xaxis)
        axes.set(xlabel="rows", ylim=(len(names) - 0.4, -0.6))

    height = max(SMALL["height"], 60 + 15.5 * len(names))
    return panel(draw, alt=f"Bar chart: rows by {grouping.title}", width=SMALL["width"], height=height)


def loss_curves(history: list[dict[str, float]]) -> Markup:
    """Training and validation loss by epoch."""

    def draw(axes: Any) -> None:
        _curve(axes, history, "train_loss", color=MUTED, label="training")
        _curve(axes, history, "valid_loss", color=ACCENT, label="validation")
        axes.legend(loc="upper right")
        _epochs(axes)
        axes.set(ylabel="loss")

    return panel(draw, alt="Line chart: loss by epoch", **SMALL)


def score_curve(history: list[dict[str, float]]) -> Markup:
    """Validation score by epoch, the best epoch marked: its weights are the ones that were kept."""

    def draw(axes: Any) -> None:
        _curve(axes, history, "valid_score", color=ACCENT)
        scores = [row.get("valid_score", np.nan) for row in history]
        if np.isfinite(scores).any():
            best = int(np.nanargmin(scores))
            axes.plot(history[best]["epoch"], scores[best], "o", ms=7, mfc="none", mec=ACCENT, mew=1.6)
            axes.annotate(
                f"kept: epoch {history[best]['epoch']:.0f}",
                (history[best]["epoch"], scores[best]),
                (0, 10),
                textcoords="offset points",
                ha="center" if 0 < best < len(history) - 1 else "right" if best else "left",
                fontsize=10,
            )
        _epochs(axes)
        axes.set(ylabel="validation score")

    return panel(draw, alt="Line chart: validation score by epoch", **SMALL)


def rate_curve(history: list[dict[str, float]]) -> Markup:
    """Learning rate by epoch."""

    def draw(axes: Any) -> None:
        _curve(axes, history, "learning_rate", color=MUTED)
        _epochs(axes)
        axes.set_ylim(bottom=0)
        axes.set(ylabel="learning rate")

    return panel(draw, alt="Line chart: learning rate by epoch", **SMALL)


def _curve(axes: Any, history: list[dict[str, float]], key: str, **look: Any) -> None:
    epochs = [row["epoch"] for row in history]
    values = [row.get(key, np.nan) for row in history]
    marker = {"marker": "o", "ms": 3.5} if len(history) < 12 else {}
    axes.plot(epochs, values, lw=1.8, solid_capstyle="round", **marker, **look)


def _epochs(axes: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("epoch")


def _counts(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _edges(values: FloatArray) -> FloatArray:
    """Bins of equal width; those of whole numbers hold whole numbers, and a lone value has one to itself."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        pad = abs(low) / 10 or 0.5
        return np.array([low - pad, high + pad])
    if np.array_equal(values, np.round(values)):
        width = max(1, math.ceil((high - low + 1) / MOST_BINS))
        return np.arange(low - 0.5, high + width + 0.5, width)
    n_bins = int(np.clip(np.sqrt(len(values)), 8, MOST_BINS))
    return np.linspace(low, high, n_bins + 1)
