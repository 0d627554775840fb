"""The report on a fine-tuning run as one HTML file that needs nothing else.

Axes: M test rows with a label and a prediction.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from catenane.data import shared_with_train
from catenane.formatting import count, percent, with_unit
from catenane.notation import get_notation
from catenane.reporting import report_tables as tables
from catenane.reporting.groups import Grouping, errors_by_group, row_errors
from catenane.reporting.pages import Grid, write_page
from catenane.reporting.plots import histogram
from catenane.reporting.report_plots import calibration, history_curves, parity, roc
from catenane.reporting.result import FEWEST_ROWS, MODEL, FinetuneResult, Verdict, headlines, verdicts
from catenane.tokenizers import Tokenization

__all__ = ["write_report"]

MOST_DETAILED = 12
"""Targets that get figures of their own; the table of verdicts holds all of them."""
MOST_OPEN = 3
"""Targets up to which their figures are shown at once instead of behind a line to unfold."""


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
    test = result.split.test
    every = result.table.targets[:, place]
    labels, predictions = every[test], result.predictions[test, place]
    known = np.isfinite(labels) & np.isfinite(predictions)
    rows, labels, predictions = test[known], labels[known], predictions[known]
    rivals = {name: values[known, place] for name, values in result.baselines.items()}
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
    else:
        curves = [] if verdict.model is None else [roc(labels, {MODEL: predictions, **rivals})]
        drawings = [*curves, calibration(labels, predictions)]
    best = verdict.baseline
    rival = None if best is None else row_errors(labels, rivals[best], task)
    groupings = [Grouping(tables.UNDIVIDED, np.full(len(rows), tables.ALL), (tables.ALL,)), *groupings]
    by_group = {grouping.title: errors_by_group(grouping, errors, rival) for grouping in groupings}
    return view | {
        "drawings": drawings,
        "groups": tables.group_grids(by_group, intervals, verdict),
        "confusion": None if task == "regression" else tables.confusion_grid(labels, predictions),
        "worst": tables.worst_grid(result.table, rows, labels, predictions, verdict, n_worst),
    }
