"""Panels that show the answers on the test rows: parity, errors by group, ROC, calibration.

Axes: M test rows with a label.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from catenane.formatting import percent, with_unit
from catenane.metrics import FloatArray
from catenane.reporting.grouperrors import GroupError
from catenane.reporting.groups import OTHER, Grouping
from catenane.reporting.plots import ACCENT, GRID, INK, MARKERS, MUTED, PALETTE, SECOND, panel

__all__ = ["calibration", "group_errors", "parity", "probabilities", "roc"]

LARGE = {"width": 400.0, "height": 380.0}
MOST_VECTOR_POINTS = 1200
"""Points beyond this many are drawn as one image within the SVG: smaller, and as sharp on paper."""


def parity(
    labels_M: FloatArray,
    answers_M: FloatArray,
    names_M: npt.NDArray[np.str_],
    grouping: Grouping,
    *,
    target: str,
    unit: str | None,
) -> Markup:
    """Predicted against labelled, coloured by group; on the diagonal every answer would be right."""
    names = [name for name in grouping.names if np.any(names_M == name)]
    columns = 2 if max(map(len, names), default=0) > 12 else 4

    def draw(axes: Any) -> None:
        both = np.concatenate([labels_M, answers_M])
        if len(both):
            pad = 0.04 * np.ptp(both) or 0.5
            limits = (both.min() - pad, both.max() + pad)
            axes.plot(limits, limits, color=MUTED, lw=0.9, zorder=0)
            axes.set(xlim=limits, ylim=limits)
        size = float(np.interp(len(labels_M), [100, 2000], [22, 7]))
        opacity = float(np.interp(len(labels_M), [100, 3000], [0.75, 0.45]))
        for name in names:
            # Groups keep their place in the ranking, so a net has one colour in every panel of the report.
            place = grouping.names.index(name)
            chosen_M = names_M == name
            axes.scatter(
                labels_M[chosen_M],
                answers_M[chosen_M],
                s=size,
                marker=MARKERS[place % len(MARKERS)],
                color=SECOND if name == OTHER else PALETTE[place % len(PALETTE)],
                alpha=opacity,
                linewidth=0,
                label=f"{name} ({np.count_nonzero(chosen_M):,})",
                rasterized=len(labels_M) > MOST_VECTOR_POINTS,
            )
        axes.set_aspect("equal")
        axes.set(xlabel=with_unit(f"{target}, label", unit), ylabel=with_unit(f"{target}, predicted", unit))
        if names:
            legend = axes.figure.legend(
                loc="outside lower center", ncols=min(columns, len(names)), columnspacing=1.0, markerscale=1.4
            )
            for handle in legend.legend_handles:
                handle.set(alpha=1, rasterized=False)

    rows = -(-len(names) // columns)
    return panel(
        draw,
        alt=f"Scatter plot: predicted against labelled {target}, test rows by {grouping.title}",
        width=440,
        height=430 + 16 * rows,
    )


def group_errors(
    sections: Sequence[tuple[str, Sequence[GroupError]]], *, overall: float, xlabel: str, baseline: str | None
) -> Markup:
    """Mean error of model and best baseline by group; a line marks the model's error over all test rows."""
    n_rows = sum(1 + len(groups) for _, groups in sections)
    model_dot: dict[str, Any] = {"marker": "o", "ls": "", "ms": 5.5, "color": ACCENT}
    rival_dot = model_dot | {"color": MUTED, "mfc": "none", "mew": 1.2}

    def draw(axes: Any) -> None:
        axes.axvline(overall, color=MUTED, lw=0.9, ls=(0, (4, 3)), zorder=0)
        ticks, place = {}, 0.0
        right = axes.get_yaxis_transform()
        for title, groups in sections:
            heading = {"ha": "right", "va": "center", "fontsize": 10, "weight": "bold"}
            axes.text(-0.03, place, title, transform=right, **heading)
            for group in groups:
                place += 1
                ticks[place] = group.name
                if group.half_width is not None:
                    ends = [max(0.0, group.model - group.half_width), group.model + group.half_width]
                    axes.plot(ends, [place, place], color=ACCENT, lw=1.6, alpha=0.55, solid_capstyle="round")
                if group.baseline is not None:
                    axes.plot(group.baseline, place, zorder=2, clip_on=False, **rival_dot)
                axes.plot(group.model, place, zorder=3, clip_on=False, **model_dot)
                axes.text(1.01, place, f"{group.n:,}", transform=right, va="center", fontsize=10, color=MUTED)
            place += 1.35
        axes.text(1.01, 0, "rows", transform=right, va="center", fontsize=10, color=MUTED)
        axes.set_yticks(list(ticks), list(ticks.values()))
        axes.tick_params(axis="y", length=0, pad=9, labelcolor=INK)
        axes.spines["left"].set_visible(False)
        axes.locator_params(axis="x", nbins=6)
        axes.set(xlabel=xlabel, ylim=(place - 0.6, -0.7))
        axes.set_xlim(left=0)
        axes.plot([], [], **model_dot, label=f"model, {percent(0.95)} interval")
        if baseline is not None:
            axes.plot([], [], **rival_dot, label=baseline)
        axes.figure.legend(loc="outside lower center", ncols=2)

    return panel(draw, alt="Dot plot: mean error by group of test rows", width=440, height=110 + 20 * n_rows)


def roc(
    labels_M: FloatArray, answers: Mapping[str, FloatArray], aucs: Mapping[str, float | None], model: str
) -> Markup:
    """True positives against false positives at every threshold, for the model and its baselines."""
    positive_M = labels_M > 0.5

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=GRID, lw=1)
        for name, answers_M in answers.items():
            auc = aucs[name]
            if auc is None:
                continue
            # Equal answers are one step: the line crosses them diagonally.
            _, level_M = np.unique(-answers_M, return_inverse=True)
            rates = [
                np.concatenate([[0.0], np.cumsum(np.bincount(level_M, weights=chosen_M)) / chosen_M.sum()])
                for chosen_M in (~positive_M, positive_M)
            ]
            look = {"color": ACCENT, "lw": 2.0, "zorder": 3} if name == model else next(looks)
            axes.plot(*rates, label=f"{name} {auc:.3f}", **look)
        axes.set_aspect("equal")
        axes.legend(loc="lower right", title="area under the curve", title_fontsize=10, alignment="left")
        axes.set(xlim=(0, 1), ylim=(0, 1.005), xlabel="false positive rate", ylabel="true positive rate")

    looks = iter(
        [{"color": MUTED, "lw": 1.1, "ls": style} for style in ("-", "--", ":", "-.")] * len(answers)
    )
    return panel(draw, alt="ROC curves of the model and the baselines", **LARGE)


def calibration(labels_M: FloatArray, answers_M: FloatArray) -> Markup:
    """Share of positives among rows with about the same predicted probability; on the diagonal both agree."""
    n_bins = int(np.clip(len(labels_M) // 20, 1, 10))
    by_answer = np.argsort(answers_M, kind="stable")
    bins = [rows for rows in np.array_split(by_answer, n_bins) if len(rows)]
    centres = [float(answers_M[rows].mean()) for rows in bins]
    shares = [float(labels_M[rows].mean()) for rows in bins]
    intervals = [_wilson(share, len(rows)) for share, rows in zip(shares, bins, strict=True)]
    # Rare positives leave most of the unit square empty: show the part that is used.
    top = min(1.02, 1.1 * max(*centres, *(high for _, high in intervals)))

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9)
        for centre, share, interval in zip(centres, shares, intervals, strict=True):
            axes.plot([centre] * 2, interval, color=ACCENT, lw=1.6, alpha=0.55, solid_capstyle="round")
            axes.plot(centre, share, "o", ms=5.5, color=ACCENT)
        axes.set_aspect("equal")
        limits = (-0.02 * top, top)
        axes.set(xlim=limits, ylim=limits, xlabel="predicted probability", ylabel="share of positives")

    return panel(draw, alt="Calibration: share of positives by predicted probability", **LARGE)


def probabilities(labels_M: FloatArray, answers_M: FloatArray) -> Markup:
    """How the predicted probabilities of the two classes are distributed."""

    def draw(axes: Any) -> None:
        classes = [answers_M[labels_M == value] for value in (0, 1)]
        axes.hist(
            classes,
            np.linspace(0, 1, 11),
            weights=[np.full(len(answers), 1 / max(1, len(answers))) for answers in classes],
            color=[SECOND, ACCENT],
            label=[f"class {value}, {len(answers):,} rows" for value, answers in enumerate(classes)],
            rwidth=0.86,
        )
        axes.legend(loc="best")
        axes.grid(visible=False, axis="x")
        axes.set(xlim=(-0.02, 1.02), xlabel="predicted probability of class 1", ylabel="share of the class")

    return panel(draw, alt="Histogram: predicted probability by class", **LARGE)


def _wilson(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share among n rows (E. B. Wilson 1927); it stays between 0 and 1."""
    scale = 1 + z * z / n
    middle = (share + z * z / (2 * n)) / scale
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)
