"""The report on a fine-tuning run as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from catenane.data import shared_with_train
from catenane.formatting import count, percent, with_unit
from catenane.metrics import FloatArray
from catenane.reporting.groups import Grouping, errors_by_group, row_errors
from catenane.reporting.pages import Column, Drawing, Fact, Grid, write_page
from catenane.reporting.plots import histogram
from catenane.reporting.report_plots import calibration, coverage, group_errors, history_curves, parity, roc
from catenane.reporting.report_tables import (
    confusion_grid,
    interval_grids,
    rejected_grid,
    score_grid,
    target_facts,
    verdict_grid,
    worst_grid,
)
from catenane.reporting.result import FEWEST_ROWS, MODEL, FinetuneResult, Verdict, headlines, verdicts
from catenane.tokenizers import Tokenization

__all__ = ["write_report"]

THINGS = {"smiles": "molecule", "mofid": "MOF"}
MOST_DETAILED = 12
"""Targets that get figures of their own; the table of verdicts holds all of them."""
MOST_OPEN = 3
"""Targets up to which their figures are shown at once instead of behind a line to unfold."""


@dataclass(frozen=True, kw_only=True)
class TargetView:
    """What the page shows of one target."""

    verdict: Verdict
    facts: list[Fact]
    scores: Grid
    drawings: list[Drawing]
    confusion: Grid | None = None
    intervals: list[Grid]
    """Coverage of the prediction intervals; empty where there are none."""
    calibration: Markup | None = None
    """Of the prediction intervals."""
    worst: Grid | None = None


def write_report(path: str | Path, result: FinetuneResult) -> Path:
    """Write the report of a fine-tuning run in one move; the same result gives the same text.

    Args:
        path: The HTML file to write; its folder exists.
        result: The finished run.

    Returns:
        The path.
    """
    found = verdicts(result)
    detailed = found[:MOST_DETAILED]
    n_worst = 9 if len(detailed) == 1 else 6 if len(detailed) <= MOST_OPEN else 3
    shares = shared_with_train(result.table, result.split) if len(result.split.test) else {}
    first, *others = headlines(found)
    return write_page(
        Path(path),
        "report.html",
        result=result,
        headline=first,
        lede=others,
        lost=any(verdict.outcome == "baseline" for verdict in found),
        verdicts=verdict_grid(found, result.task),
        metrics=result.metrics,
        source=Path(result.table.source).name,
        thing=THINGS[result.table.notation],
        tokens=Tokenization(**result.metrics["tokenization"]),
        warnings=_warnings(result, found, shares),
        fewest_rows=FEWEST_ROWS,
        n_targets=len(found),
        views=[_view(result, verdict, n_worst) for verdict in detailed],
        open_targets=MOST_OPEN,
        intervals=result.metrics.get("intervals") or {},
        shared=_shared_grid(shares, len(result.split.test)),
        label_drawings=_label_drawings(result),
        rejected=rejected_grid(result.table.rejected) if result.table.rejected else None,
        training_drawings=_training_drawings(result),
    )


def _view(result: FinetuneResult, verdict: Verdict, n_worst: int) -> TargetView:
    metrics, place = result.metrics, result.table.target_names.index(verdict.target)
    test = result.split.test
    labels, predictions = result.table.targets[test, place], result.predictions[test, place]
    known = np.isfinite(labels) & np.isfinite(predictions)
    rows, labels, predictions = test[known], labels[known], predictions[known]
    rivals = {name: values[known, place] for name, values in result.baselines.items()}
    by_group = [grouping.take(rows) for grouping in result.groupings]
    intervals = (metrics.get("intervals") or {}).get("targets", {}).get(verdict.target, {})
    is_regression = result.task == "regression"
    drawings: list[Drawing] = []
    if len(rows):
        if is_regression:
            svg = parity(labels, predictions, by_group[0], target=verdict.target, unit=verdict.unit)
            caption = f"Predicted against labelled, {count(len(rows), 'test row')} by {by_group[0].title}."
            drawings.append(Drawing(svg, caption))
        else:
            if verdict.model is not None:
                svg = roc(labels, {MODEL: predictions, **rivals}, MODEL)
                drawings.append(Drawing(svg, "Receiver operating characteristic."))
            svg = calibration(labels, predictions)
            drawings.append(Drawing(svg, "Calibration of the probabilities, with 95 % intervals."))
        drawings.append(_group_drawing(result, verdict, by_group, labels, predictions, rivals))
    curve = intervals.get("curve")
    return TargetView(
        verdict=verdict,
        facts=target_facts(
            verdict, metrics["noise_floor"][verdict.target], np.abs(predictions - labels), result.task
        ),
        scores=score_grid(verdict, metrics["targets"][verdict.target], result.task),
        drawings=drawings,
        confusion=confusion_grid(labels, predictions) if len(rows) and not is_regression else None,
        intervals=interval_grids(intervals, result.task, verdict.reference),
        calibration=coverage(curve["nominal"], curve["empirical"]) if curve else None,
        worst=worst_grid(result.table, rows, labels, predictions, verdict, n_worst) if len(rows) else None,
    )


def _group_drawing(
    result: FinetuneResult,
    verdict: Verdict,
    groupings: Sequence[Grouping],
    labels_M: FloatArray,
    predictions_M: FloatArray,
    rivals: Mapping[str, FloatArray],
) -> Drawing:
    errors = row_errors(labels_M, predictions_M, result.task)
    rival = None
    if verdict.baseline is not None:
        rival = row_errors(labels_M, rivals[verdict.baseline], result.task)
    is_regression = result.task == "regression"
    svg = group_errors(
        [(grouping.title, errors_by_group(grouping, errors, rival)) for grouping in groupings],
        overall=float(errors.mean()),
        xlabel=with_unit("mean absolute error", verdict.unit) if is_regression else "share wrong at 0.5",
        baseline=verdict.baseline,
    )
    return Drawing(svg, "Error by group of test rows; the dashed line is the mean over all of them.")


def _warnings(
    result: FinetuneResult, found: Sequence[Verdict], shares: Mapping[str, float]
) -> list[tuple[str, str]]:
    """Figures that a careful reader should see before trusting the scores: what, and how much of it."""
    tokens = result.metrics["tokenization"]
    below = [verdict.target for verdict in found if verdict.below_floor]
    warnings = [
        ("rows that could not be used (listed below)", result.metrics["rejected"]),
        ("strings with tokens that are unknown to the model", tokens["n_strings_unknown"]),
        ("strings longer than the model reads, cut at the end", tokens["n_strings_cut"]),
        (
            "test rows whose string is also a training row",
            round(shares.get("string", 0) * len(result.split.test)),
        ),
    ]
    return [(text, f"{n:,}") for text, n in warnings if n] + [
        ("error below the noise floor: test labels may be known from training", name) for name in below
    ]


def _shared_grid(shares: Mapping[str, float], n_test: int) -> Grid | None:
    """Test rows that have something in common with a training row."""
    rows = [(what, f"{round(share * n_test):,}", percent(share)) for what, share in shares.items()]
    columns: tuple[Column, ...] = (("test rows", "number"), ("share", "number"))
    return Grid([("shared with a training row", "name"), *columns], rows) if rows else None


def _label_drawings(result: FinetuneResult) -> list[Drawing]:
    """Distribution of the labels over all rows and the test rows."""
    drawings = []
    for place, name in enumerate(result.table.target_names[:MOST_DETAILED]):
        labels = result.table.targets[:, place]
        svg = histogram(
            labels,
            labels[result.split.test],
            xlabel=with_unit(name, result.metrics["targets"][name]["unit"]),
            ylabel="rows",
            labels=("all rows", "test rows"),
            alt=f"Histogram: labels of {name}",
        )
        drawings.append(Drawing(svg, f"Labels of {name}, {count(int(np.isfinite(labels).sum()), 'row')}."))
    return drawings


def _training_drawings(result: FinetuneResult) -> list[Drawing]:
    """Curves of the training; none where nothing was recorded."""
    kept = result.metrics.get("best_epoch")
    panels = {
        "loss": {"train_loss": "training", "valid_loss": "validation"},
        "validation score": {"valid_score": "validation"},
        "learning rate": {"learning_rate": "learning rate"},
    }
    return [
        Drawing(history_curves(result.history, curves, ylabel, kept), f"{ylabel.capitalize()} by epoch.")
        for ylabel, curves in panels.items()
        if any(np.isfinite(row.get(key, np.nan)) for row in result.history for key in curves)
    ]
