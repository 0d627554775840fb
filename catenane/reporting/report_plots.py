"""Figures of the report: predicted against labelled, ROC, calibration, training.

Axes: M test rows with a label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from catenane.formatting import count, with_unit
from catenane.metrics import FloatArray
from catenane.reporting.groups import OTHER, Grouping
from catenane.reporting.plots import ACCENT, GRID, MARKERS, MUTED, PALETTE, SECOND, Drawing, panel
from catenane.reporting.result import MODEL

__all__ = ["calibration", "history_curves", "parity", "roc"]

SQUARE = {"width": 400.0, "height": 380.0}
MOST_VECTOR_POINTS = 1200
"""Points beyond this many are drawn as one image within the SVG: smaller, and as sharp on paper."""


def parity(
    labels_M: FloatArray, predictions_M: FloatArray, grouping: Grouping, *, target: str, unit: str | None
) -> Drawing:
    """Predicted against labelled, coloured by group; on the diagonal they agree."""
    names = [name for name in grouping.names if np.any(grouping.row_names == name)]
    columns, n_rows = 2 if max(map(len, names), default=0) > 12 else 4, len(labels_M)

    def draw(axes: Any) -> None:
        both = np.concatenate([labels_M, predictions_M])
        pad = 0.04 * np.ptp(both) or 0.5
        limits = (both.min() - pad, both.max() + pad)
        axes.plot(limits, limits, color=MUTED, lw=0.9, zorder=0)
        for name in names:
            # Groups keep their place in the ranking, so a net has one colour in every figure of the report.
            place = grouping.names.index(name)
            chosen_M = grouping.row_names == name
            axes.scatter(
                labels_M[chosen_M], predictions_M[chosen_M], linewidth=0,
                color=SECOND if name == OTHER else PALETTE[place % len(PALETTE)],
                marker=MARKERS[place % len(MARKERS)],
                s=float(np.interp(n_rows, [100, 2000], [22, 7])),
                alpha=float(np.interp(n_rows, [100, 3000], [0.75, 0.45])),
                label=f"{name} ({np.count_nonzero(chosen_M):,})", rasterized=n_rows > MOST_VECTOR_POINTS,
            )  # fmt: skip
        axes.set(xlim=limits, ylim=limits, aspect="equal")
        axes.set(xlabel=with_unit(f"{target}, label", unit), ylabel=with_unit(f"{target}, predicted", unit))
        legend = axes.figure.legend(
            loc="outside lower center", ncols=min(columns, len(names)), columnspacing=1.0, markerscale=1.4
        )
        for handle in legend.legend_handles:
            handle.set(alpha=1, rasterized=False)

    height = 430 + 16 * -(-len(names) // columns)
    caption = f"Predicted against labelled, {count(len(labels_M), 'test row')} by {grouping.title}."
    return panel(draw, caption, width=440, height=height)


def roc(labels_M: FloatArray, predictions: Mapping[str, FloatArray]) -> Drawing:
    """True positives against false positives at every threshold, for the model and its baselines."""
    from sklearn.metrics import roc_auc_score, roc_curve

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=GRID, lw=1)
        for place, (name, values_M) in enumerate(predictions.items()):
            style = {"color": MUTED, "lw": 1.1, "ls": ("-", "--", ":", "-.")[place % 4]}
            look = {"color": ACCENT, "lw": 2.0, "zorder": 3} if name == MODEL else style
            false, true, _ = roc_curve(labels_M, values_M)
            axes.plot(false, true, label=f"{name} {roc_auc_score(labels_M, values_M):.3f}", **look)
        axes.legend(loc="lower right", title="area under the curve", title_fontsize=10, alignment="left")
        axes.set(xlabel="false positive rate", ylabel="true positive rate")
        axes.set(xlim=(0, 1), ylim=(0, 1.005), aspect="equal")

    return panel(draw, "Receiver operating characteristic.", **SQUARE)


def calibration(labels_M: FloatArray, predictions_M: FloatArray) -> Drawing:
    """Share of positives among rows with about the same predicted probability; on the diagonal both agree."""
    from scipy.stats import binomtest

    n_bins = int(np.clip(len(labels_M) // 20, 1, 10))
    by_value = np.argsort(predictions_M, kind="stable")
    bins = [rows for rows in np.array_split(by_value, n_bins) if len(rows)]
    centres = [float(predictions_M[rows].mean()) for rows in bins]
    shares = [float(labels_M[rows].mean()) for rows in bins]
    counts = [(int(labels_M[rows].sum()), len(rows)) for rows in bins]
    intervals = [binomtest(*pair).proportion_ci(method="wilson") for pair in counts]
    # Rare positives leave most of the unit square empty: show the part that is used.
    top = min(1.02, 1.1 * max(*centres, *(interval.high for interval in intervals)))

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9)
        for centre, share, interval in zip(centres, shares, intervals, strict=True):
            axes.plot([centre] * 2, interval, color=ACCENT, lw=1.6, alpha=0.55)
            axes.plot(centre, share, "o", ms=5.5, color=ACCENT)
        limits = (-0.02 * top, top)
        axes.set(xlim=limits, ylim=limits, aspect="equal")
        axes.set(xlabel="predicted probability", ylabel="share of positives")

    return panel(draw, "Calibration of the probabilities, with 95 % intervals.", **SQUARE)


def history_curves(history: Sequence[Mapping[str, float]], kept: int | None) -> Drawing:
    """Loss by epoch on training and validation rows, and the epoch that was kept."""
    from matplotlib.ticker import MaxNLocator

    def draw(axes: Any) -> None:
        epochs = [row["epoch"] for row in history]
        marker = {"marker": "o", "ms": 3.5} if len(history) < 12 else {}
        for part, label, color in (("train", "training", MUTED), ("valid", "validation", ACCENT)):
            losses = [row.get(f"{part}_loss", np.nan) for row in history]
            if np.isfinite(losses).any():
                axes.plot(epochs, losses, lw=1.8, color=color, label=label, **marker)
        if kept is not None:
            axes.axvline(kept, color=MUTED, lw=0.9, ls=(0, (4, 3)), label=f"kept: epoch {kept}")
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
        axes.grid(visible=False, axis="x")
        axes.set(xlabel="epoch", ylabel="loss")
        axes.legend(loc="best")

    return panel(draw, "Loss by epoch.")
