"""What the report says of one target: its scores beside the baselines, its panels, its worst answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from catenane.drawing import structures
from catenane.formatting import count, number, percent, quantity, with_unit
from catenane.metrics import FloatArray
from catenane.reporting.answer_plots import calibration, group_errors, parity, probabilities, roc
from catenane.reporting.grouperrors import errors_by_group, row_errors
from catenane.reporting.groups import Groupings
from catenane.reporting.plots import Drawing
from catenane.reporting.result import FinetuneResult, Verdict
from catenane.reporting.scoretables import THIS_MODEL, ScoreTable, score_table

__all__ = ["TargetView", "WorstAnswer", "view_target"]

Confusion = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True)
class WorstAnswer:
    """One of the answers that are furthest from their label."""

    row: int
    """Data row in the file, the first is 1."""
    string: str
    structures: tuple[Markup, ...]
    """The molecule, or the linkers of the framework."""
    expected: str
    predicted: str
    error: str


@dataclass(frozen=True)
class TargetView:
    """Everything that the page shows of one target."""

    verdict: Verdict
    table: ScoreTable
    remarks: tuple[str, ...]
    """What the numbers mean, in sentences."""
    drawings: tuple[Drawing, ...]
    confusion: Confusion | None
    """Counts by class (outer) and by call at probability 0.5 (inner)."""
    worst: tuple[WorstAnswer, ...]


@dataclass(frozen=True)
class _TestRows:
    """The test rows of one target that have a label and an answer."""

    rows: npt.NDArray[np.int64]
    labels: FloatArray
    answers: FloatArray
    baselines: dict[str, FloatArray]

    @classmethod
    def of(cls, result: FinetuneResult, place: int) -> _TestRows:
        test = result.split.test
        labels, answers = result.table.targets[test, place], result.predictions[test, place]
        known = np.isfinite(labels) & np.isfinite(answers)
        baselines = {name: values[known, place] for name, values in result.baselines.items()}
        return cls(test[known], labels[known], answers[known], baselines)


def view_target(
    result: FinetuneResult, verdict: Verdict, groupings: Groupings, *, n_worst: int
) -> TargetView:
    """Gather what is to be shown of the verdict's target.

    Args:
        result: The finished run.
        verdict: On the target to show.
        groupings: The table's rows by their chemistry.
        n_worst: How many of the worst answers to list.
    """
    entry = result.metrics["targets"][verdict.target]
    test = _TestRows.of(result, result.table.target_names.index(verdict.target))
    is_regression = result.task == "regression"
    remarks = [
        _lead(verdict),
        _spread(verdict, test) if is_regression else None,
        _noise_floor(result, verdict),
    ]
    drawings: list[Drawing] = []
    if len(test.rows):
        drawings += [_parity(verdict, groupings, test)] if is_regression else _by_class(verdict, entry, test)
        drawings.append(_by_group(result, verdict, groupings, test))
    return TargetView(
        verdict=verdict,
        table=score_table(verdict, entry),
        remarks=tuple(remark for remark in remarks if remark is not None),
        drawings=tuple(drawings),
        confusion=_confusion(test) if len(test.rows) and not is_regression else None,
        worst=tuple(_worst(result, verdict, test, n_worst)),
    )


def _lead(verdict: Verdict) -> str | None:
    """The lead of model or baseline with its interval, told from the side of who is ahead."""
    if verdict.lead is None:
        return None
    value, low, high = verdict.lead
    behind = value < 0
    if behind:
        value, low, high = -value, -high, -low
    if verdict.score == "mae":
        unit, what = verdict.unit, f"error is {'larger' if behind else 'smaller'}"
    else:
        unit, what = None, f"ROC AUC is {'smaller' if behind else 'larger'}"
    lead = quantity(value, unit, verdict.reference)
    interval = " to ".join(number(bound, verdict.reference) for bound in (low, high))
    return (
        f"The model's {what} by {lead} than that of {verdict.baseline}, the best baseline "
        f"({percent(0.95)} interval over the choice of test rows: {interval})."
    )


def _spread(verdict: Verdict, test: _TestRows) -> str | None:
    if not len(test.rows):
        return None
    errors = np.quantile(np.abs(test.answers - test.labels), [0.5, 0.9])
    half, most = (quantity(float(error), verdict.unit, verdict.reference) for error in errors)
    return f"Half of the answers lie within {half} of the label, nine in ten within {most}."


def _noise_floor(result: FinetuneResult, verdict: Verdict) -> str:
    if verdict.noise_floor is None:
        return "No string occurs twice, so that the noise floor of these labels is not known."
    floor = result.metrics["noise_floor"][verdict.target]
    strings, rows = count(floor["groups"], "repeated string"), count(floor["rows"], "row")
    mean, std = (
        quantity(floor[key], verdict.unit, verdict.reference)
        for key in ("mean_absolute_deviation", "within_group_std")
    )
    text = (
        f"Noise floor, from {rows} of {strings}: the labels deviate from the mean of their string by {mean} "
        f"on average, with a pooled standard deviation of {std}."
    )
    if verdict.score == "mae" and verdict.model is not None and verdict.model < verdict.noise_floor:
        text += " The model's error is below it: look for test rows that are known from training."
    return text


def _parity(verdict: Verdict, groupings: Groupings, test: _TestRows) -> Drawing:
    grouping = groupings.main
    names = grouping.row_names[test.rows]
    svg = parity(test.labels, test.answers, names, grouping, target=verdict.target, unit=verdict.unit)
    rows = count(len(test.rows), "test row")
    return Drawing(
        svg, f"Predicted against labelled, {rows} by {grouping.title}. On the line an answer is right."
    )


def _by_class(verdict: Verdict, entry: Mapping[str, Any], test: _TestRows) -> list[Drawing]:
    drawings = []
    if verdict.model is not None:
        aucs = {
            THIS_MODEL: verdict.model,
            **{name: entry["baselines"][name]["roc_auc"] for name in test.baselines},
        }
        svg = roc(test.labels, {THIS_MODEL: test.answers, **test.baselines}, aucs, THIS_MODEL)
        drawings.append(
            Drawing(svg, "Positives found against false alarms, as the threshold falls from 1 to 0.")
        )
    svg = calibration(test.labels, test.answers)
    caption = (
        "Share of positives among rows with about the same predicted probability, "
        f"with {percent(0.95)} intervals. On the line a probability means what it says."
    )
    drawings.append(Drawing(svg, caption))
    svg = probabilities(test.labels, test.answers)
    drawings.append(
        Drawing(svg, "Probabilities given to the two classes: the less they overlap, the better.")
    )
    return drawings


def _by_group(result: FinetuneResult, verdict: Verdict, groupings: Groupings, test: _TestRows) -> Drawing:
    errors = row_errors(test.labels, test.answers, result.task)
    rival = None
    if verdict.baseline is not None:
        rival = row_errors(test.labels, test.baselines[verdict.baseline], result.task)
    sections = [
        (grouping.title, errors_by_group(grouping.names, grouping.row_names[test.rows], errors, rival))
        for grouping in (groupings.main, groupings.size, groupings.seen)
    ]
    if result.task == "regression":
        xlabel = with_unit("mean absolute error", verdict.unit)
    else:
        xlabel = "share called wrongly at probability 0.5"
    svg = group_errors(sections, overall=float(errors.mean()), xlabel=xlabel, baseline=verdict.baseline)
    return Drawing(
        svg, "Where the model errs, by group of test rows. The dashed line is its mean over all of them."
    )


def _confusion(test: _TestRows) -> Confusion:
    truth, call = test.labels > 0.5, test.answers >= 0.5
    negatives, positives = (
        (int((call[truth == actual] == 0).sum()), int((call[truth == actual] == 1).sum()))
        for actual in (False, True)
    )
    return negatives, positives


def _worst(result: FinetuneResult, verdict: Verdict, test: _TestRows, most: int) -> list[WorstAnswer]:
    table, like = result.table, verdict.reference
    errors = test.answers - test.labels
    found = []
    for k in np.argsort(-np.abs(errors), kind="stable")[:most]:
        row, label, answer, error = (
            test.rows[k],
            float(test.labels[k]),
            float(test.answers[k]),
            float(errors[k]),
        )
        string = table.strings[row]
        found.append(
            WorstAnswer(
                row=int(table.rows[row]),
                string=string,
                structures=tuple(structures(string, table.notation)),
                expected=number(label, like) if result.task == "regression" else f"{label:.0f}",
                predicted=number(answer, like),
                error=("+" if error > 0 else "") + number(error, like),
            )
        )
    return found
