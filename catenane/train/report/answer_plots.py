"""Panels that show the answers on the test rows: parity, errors by group, ROC, calibration.

Axes: M test rows with a label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from catenane.train.metrics import FloatArray
from catenane.train.report.figures import ACCENT, GRID, INK, MARKERS, MUTED, PALETTE, SECOND, panel
from catenane.train.report.grouperrors import GroupError
from catenane.train.report.groups import OTHER, Grouping
from catenane.train.wording import with_unit

__all__ = ["calibration", "group_errors", "parity", "probabilities", "roc"]

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

    def draw(axes: Any) -> None:
        axes.axvline(overall, color=MUTED, lw=0.9, ls=(0, (4, 3)), zorder=0)
        ticks, place = {}, 0.0
        right = axes.get_yaxis_transform()
        for title, groups in sections:
            axes.text(
                -0.02, place, title, transform=right, ha="right", va="center", fontsize=10, weight="bold"
            )
            for group in groups:
                place += 1
                ticks[place] = group.name
                if group.half_width is not None:
                    ends = [max(0.0, group.model - group.half_width), group.model + group.half_width]
                    axes.plot(ends, [place, place], color=ACCENT, lw=1.6, alpha=0.55, solid_capstyle="round")
                if group.baseline is not None:
                    axes.plot(
                        group.baseline,
                        place,
                        "o",
                        ms=5.5,
                        mfc="none",
                        mec=MUTED,
                        mew=1.2,
                        zorder=2,
                        clip_on=False,
                    )
                axes.plot(group.model, place, "o", ms=5.5, color=ACCENT, zorder=3, clip_on=False)
                axes.text(1.01, place, f"{group.n:,}", transform=right, va="center", fontsize=10, color=MUTED)
            place += 1.35
        axes.text(1.01, 0, "rows", transform=right, va="center", fontsize=10, color=MUTED)
        axes.set_yticks(list(ticks), list(ticks.values()))
        axes.tick_params(axis="y", length=0, pad=9, labelcolor=INK)
        axes.spines["left"].set_visible(False)
        axes.locator_params(axis="x", nbins=6)
        axes.set(xlabel=xlabel, ylim=(place - 0.6, -0.7))
        axes.set_xlim(left=0)
        axes.plot([], [], "o", ms=5.5, color=ACCENT, label="model, 95 % interval")
        if baseline is not None:
            axes.plot([], [], "o", ms=5.5, mfc="none", mec=MUTED, mew=1.2, label=baseline)
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
    return panel(draw, alt="ROC curves of the model and the baselines", width=400, height=380)


def calibration(labels_M: FloatArray, answers_M: FloatArray) -> Markup:
    """Share of positives among rows with about the same predicted probability; on the diagonal both agree."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9)
        n_bins = int(np.clip(len(labels_M) // 20, 1, 10))
        order = np.argsort(answers_M, kind="stable")
        for rows in np.array_split(order, n_bins):
            if not len(rows):
                continue
            low, high = _wilson(float(labels_M[rows].sum()), len(rows))
            centre = answers_M[rows].mean()
            axes.plot([centre, centre], [low, high], color=ACCENT, lw=1.6, alpha=0.55, solid_capstyle="round")
            axes.plot(centre, labels_M[rows].mean(), "o", ms=5.5, color=ACCENT)
        axes.set_aspect("equal")
        axes.set(
            xlim=(-0.02, 1.02),
            ylim=(-0.02, 1.02),
            xlabel="predicted probability",
            ylabel="share of positives",
        )

    return panel(draw, alt="Calibration: share of positives by predicted probability", width=400, height=380)


def probabilities(labels_M: FloatArray, answers_M: FloatArray) -> Markup:
    """How the predicted probabilities of the two classes are distributed."""

    def draw(axes: Any) -> None:
        by_class = [answers_M[labels_M == value] for value in (0, 1)]
        axes.hist(
            by_class, np.linspace(0, 1, 11), color=[SECOND, ACCENT], label=["class 0", "class 1"], rwidth=0.86
        )
        axes.legend(loc="best")
        axes.grid(visible=False, axis="x")
        axes.set(xlim=(-0.02, 1.02), xlabel="predicted probability of class 1", ylabel="test rows")

    return panel(draw, alt="Histogram: predicted probability by class", width=400, height=380)


def _wilson(successes: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927), which stays within 0 and 1."""
    share, scale = successes / n, 1 + z * z / n
    middle = (share + z * z / (2 * n)) / scale
    half = z * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))) / scale
    return middle - half, middle + half
