"""The report on a fine-tuning run as one HTML file that needs nothing else, and its figures.

Axes: M test rows with a label and a prediction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from catenane.data import shared_with_train
from catenane.formatting import count, percent, with_unit
from catenane.metrics import FloatArray
from catenane.notation import get_notation
from catenane.reporting import report_tables as tables
from catenane.reporting.groups import OTHER, Grouping, errors_by_group, row_errors
from catenane.reporting.pages import Grid, write_page
from catenane.reporting.plots import ACCENT, GRID, MARKERS, MUTED, PALETTE, SECOND, Drawing, histogram, panel
from catenane.reporting.result import FEWEST_ROWS, MODEL, FinetuneResult, Verdict, headlines, verdicts
from catenane.tokenizers import Tokenization

__all__ = ["history_curves", "write_report"]

MOST_DETAILED = 12
"""Targets that get figures of their own; the table of verdicts holds all of them."""
MOST_OPEN = 3
"""Targets up to which their figures are shown at once instead of behind a line to unfold."""
SQUARE = {"width": 400.0, "height": 380.0}
MOST_VECTOR_POINTS = 1200
"""Points beyond this many are drawn as one image within the SVG: smaller, and as sharp on paper."""


def write_report(path: str | Path, result: FinetuneResult) -> Path:
    """Write the report of a fine-tuning run as HTML in one move; the same result gives the same text."""
    found = verdicts(result)
    detailed = found[:MOST_DETAILED]
    n_worst = 9 if len(detailed) == 1 else 6 if len(detailed) <= MOST_OPEN else 3
    n_test = len(result.split.test)
    shares = shared_with_train(result.table, result.split) if n_test else {}
    shared = [(what, f"{round(share * n_test):,}", percent(share)) for what, share in shares.items()]
    first, *others = headlines(found)
    return write_page(
        Path(path),
        "report.html",
        result=result,
        headline=first,
        lede=others,
        lost=any(verdict.outcome == "baseline" for verdict in found),
        verdicts=tables.verdict_grid(found, result.task),
        metrics=result.metrics,
        source=Path(result.table.source).name,
        thing=get_notation(result.table.notation).noun,
        tokens=Tokenization(**result.metrics["tokenization"]),
        n_known=round(shares.get("string", 0) * n_test),
        below_floor=[verdict.target for verdict in found if verdict.below_floor],
        fewest_rows=FEWEST_ROWS,
        n_targets=len(found),
        views=[_view(result, verdict, n_worst) for verdict in detailed],
        open_targets=MOST_OPEN,
        intervals=result.metrics.get("intervals") or {},
        shared=Grid({"shared with a training row": "name", "test rows": "number", "share": "number"}, shared),
        rejected=tables.rejected_grid(result.table.rejected),
        history=[history_curves(result.history, result.metrics.get("best_epoch"))] if result.history else [],
    )


def _view(result: FinetuneResult, verdict: Verdict, n_worst: int) -> dict[str, Any]:
    """What the page shows of one target."""
    metrics, place, task = result.metrics, result.table.target_names.index(verdict.target), result.task
    test, every = result.split.test, result.table.exact[:, place]
    labels, predictions = every[test], result.of_target(result.predictions[test], place)
    known = np.isfinite(labels) & np.isfinite(predictions).all(axis=tuple(range(1, predictions.ndim)))
    rows, labels, predictions = test[known], labels[known], predictions[known]
    rivals = {name: result.of_target(values, place)[known] for name, values in result.baselines.items()}
    classes = result.table.classes.get(verdict.target, ("0", "1"))
    intervals = (metrics.get("intervals") or {}).get("targets", {}).get(verdict.target, {})
    errors = row_errors(labels, predictions, task)
    view: dict[str, Any] = {
        "verdict": verdict,
        "quantiles": np.quantile(errors, [0.5, 0.9]) if len(rows) else None,
        "n_repeated": metrics["noise_floor"][verdict.target]["rows"],
        "scores": tables.score_grid(result, verdict),
        "has_intervals": "overall" in intervals,
    }
    if not len(rows):
        return view | {"drawings": [], "groups": [], "confusion": None, "worst": None}
    groupings = [grouping.take(rows) for grouping in result.groupings]
    if task == "regression":
        drawings = [
            parity(labels, predictions, groupings[0], target=verdict.target, unit=verdict.unit),
            histogram(
                every, every[test], xlabel=with_unit(verdict.target, verdict.unit), ylabel="rows",
                labels=("all rows", "test rows"),
                caption=f"Labels of {verdict.target}, {count(int(np.isfinite(every).sum()), 'row')}.",
            ),
        ]  # fmt: skip
    elif task == "multiclass":
        called = predictions.argmax(axis=1)
        shares = predictions.max(axis=1)
        right = np.asarray(called == labels, dtype=np.float64)
        curves = [roc_of_classes(labels, predictions, classes)] if verdict.model is not None else []
        drawings = [*curves, calibration(right, shares, ylabel="share that is right")]
    else:
        curves = [] if verdict.model is None else [roc(labels, {MODEL: predictions, **rivals})]
        drawings = [*curves, calibration(labels, predictions)]
    rival = row_errors(labels, rivals[verdict.baseline], task) if verdict.baseline else None
    groupings = [Grouping(tables.UNDIVIDED, np.full(len(rows), tables.ALL), (tables.ALL,)), *groupings]
    by_group = {grouping.title: errors_by_group(grouping, errors, rival) for grouping in groupings}
    return view | {
        "drawings": drawings,
        "groups": tables.group_grids(by_group, intervals, verdict),
        "confusion": None if task == "regression" else tables.confusion_grid(labels, predictions, classes),
        "worst": tables.worst_grid(result.table, rows, labels, predictions, verdict, n_worst, classes),
    }


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


def roc_of_classes(labels_M: FloatArray, shares_MK: FloatArray, classes: Sequence[str]) -> Drawing:
    """True positives against false positives of the model for each class, the commonest first."""
    from sklearn.metrics import roc_auc_score, roc_curve

    counts = np.bincount(labels_M.astype(np.int64), minlength=len(classes))
    shown = [k for k in np.argsort(-counts, kind="stable") if 0 < counts[k] < len(labels_M)][: len(PALETTE)]

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=GRID, lw=1)
        for place, k in enumerate(shown):
            false, true, _ = roc_curve(labels_M == k, shares_MK[:, k])
            area = roc_auc_score(labels_M == k, shares_MK[:, k])
            axes.plot(false, true, label=f"{classes[k]} {area:.3f}", color=PALETTE[place], lw=1.6)
        axes.legend(loc="lower right", title="area under the curve", title_fontsize=10, alignment="left")
        axes.set(xlabel="false positive rate", ylabel="true positive rate")
        axes.set(xlim=(0, 1), ylim=(0, 1.005), aspect="equal")

    return panel(draw, "Receiver operating characteristic, each class against the others.", **SQUARE)


def calibration(
    labels_M: FloatArray, predictions_M: FloatArray, ylabel: str = "share of positives"
) -> Drawing:
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
        axes.set(xlabel="predicted probability", ylabel=ylabel)

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
