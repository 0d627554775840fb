"""The tables of the report: verdicts, scores, coverage, confusion, worst predictions, rejected rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from catenane.data import Rejection, Table
from catenane.drawing import structures
from catenane.formatting import number, percent, with_unit
from catenane.metrics import SCORES, FloatArray, Score, Task
from catenane.notation import get_notation
from catenane.notation.syntax import excerpt
from catenane.reporting.pages import Fact, Grid
from catenane.reporting.result import FEWEST_ROWS, MODEL, Outcome, Verdict
from catenane.reporting.schema import TargetIntervals

__all__ = [
    "confusion_grid", "interval_grids", "rejected_grid", "score_grid", "target_facts",
    "verdict_grid", "worst_grid",
]  # fmt: skip

IN_LABEL_UNITS = {"mae", "rmse"}
OUTCOMES: dict[Outcome, str] = {
    "baseline": "baseline better",
    "undecided": "no clear difference",
    "few": "too few rows",
    "unscored": "no score",
    "alone": "no baseline",
    "model": "model better",
}
VARIABLE_PART = re.compile(r"'[^']*'|\"[^\"]*\"|\d[\d,]*|: .*")
"""What differs between two rows that are rejected for the same reason."""


def verdict_grid(found: Sequence[Verdict], task: Task) -> Grid:
    """Model and best baseline by target, the lead with its interval, and what it rests on."""
    score = SCORES[task][found[0].score]
    rows = [
        (
            with_unit(verdict.target, verdict.unit if verdict.score == "mae" else None),
            OUTCOMES[verdict.outcome],
            number(verdict.model, verdict.reference),
            number(verdict.baseline_score, verdict.reference),
            verdict.baseline or number(None),
            verdict.lead_text,
            f"{verdict.n:,}",
        )
        for verdict in found
    ]
    return Grid(
        columns=[
            ("target", "name"), ("verdict", "text"), (f"{score}, model", "number"),
            (f"{score}, best baseline", "number"), ("best baseline", "text"),
            ("lead (95 % interval)", "number"), ("test rows", "number"),
        ],
        rows=rows,
        marks=[verdict.outcome for verdict in found],
    )  # fmt: skip


def score_grid(verdict: Verdict, entry: Mapping[str, Any], task: Task) -> Grid:
    """Every score of one target: model and baselines on the test rows, the best first, then the other rows.

    Args:
        verdict: On the target.
        entry: The target's part of `FinetuneResult.metrics`.
        task: Decides the scores.
    """
    keys = [key for key in SCORES[task] if key in entry["test"]]
    tested: dict[str, Mapping[str, Score]] = {MODEL: entry["test"], **entry["baselines"]}
    main = {
        who: float(value) for who, scores in tested.items() if (value := scores[verdict.score]) is not None
    }
    # An error is drawn from 0 to the largest one, an area under the curve from chance to perfection.
    low, high = (0.0, max(main.values(), default=1.0)) if verdict.score == "mae" else (0.5, 1.0)

    def length(value: float | None) -> float | None:
        return None if value is None or high <= low else min(max((value - low) / (high - low), 0.0), 1.0)

    floor = length(verdict.noise_floor) if verdict.score == "mae" else None

    def row(label: str, scores: Mapping[str, Score], bar: float | None) -> list[Any]:
        cells = [number(scores.get(key), verdict.reference if key in IN_LABEL_UNITS else 0.5) for key in keys]
        drawn = (bar, None if bar is None else floor)
        return [label, cells[0], drawn, *cells[1:], f"{scores['n']:,}"]

    sign = 1 if verdict.score == "mae" else -1
    ranked = sorted(main, key=lambda who: (sign * main[who], who == MODEL))
    order = [*ranked, *(who for who in tested if who not in main)]
    rows = [row(who, tested[who], length(main.get(who))) for who in order]
    marks = [f"{'model' if who == MODEL else ''}{' best' * (who == verdict.winner)}" for who in order]
    parts = {"valid": "validation", "train": "training"}
    rows += [row(f"{MODEL}, {name} rows", entry[part], None) for part, name in parts.items()]
    heads = [with_unit(SCORES[task][key], verdict.unit if key in IN_LABEL_UNITS else None) for key in keys]
    return Grid(
        columns=[
            ("", "name"), (heads[0], "number"), ("", "bar"), *((head, "number") for head in heads[1:]),
            ("rows", "number"),
        ],
        rows=rows,
        marks=[*marks, "aside", "aside"],
    )  # fmt: skip


def target_facts(verdict: Verdict, floor: Mapping[str, Any], errors_M: FloatArray, task: Task) -> list[Fact]:
    """Quantiles of the error, and the noise floor with the rows it rests on."""

    def shown(value: float | None) -> str:
        return number(value, verdict.reference)

    facts: list[Fact] = []
    if task == "regression" and len(errors_M):
        median, high = (shown(float(error)) for error in np.quantile(errors_M, [0.5, 0.9]))
        facts += [("median absolute error", median), ("90 % of the errors below", high)]
    if verdict.noise_floor is None:
        facts.append(("noise floor", "not given"))
        needed = f" ({FEWEST_ROWS} needed)"
    else:
        facts.append(("noise floor: mean deviation among equal strings", shown(verdict.noise_floor)))
        facts.append(("pooled standard deviation among equal strings", shown(floor["within_group_std"])))
        needed = ""
    return [*facts, ("rows with repeated strings", f"{floor['rows']:,}{needed}")]


def interval_grids(intervals: TargetIntervals, task: Task, like: float | None) -> list[Grid]:
    """Coverage and mean width of the prediction intervals: inside and outside the domain, and by group.

    Args:
        intervals: Of one target, from `metrics["intervals"]`.
        task: Names the error.
        like: Sets the decimals.
    """
    error = "mean absolute error" if task == "regression" else "share wrong"

    def grid(title: str, sets: Mapping[str, Mapping[str, Any]], *, with_error: bool = False) -> Grid:
        heads = [title, "coverage", "mean width", *([error] if with_error else []), "rows"]
        rows = [
            [
                name,
                percent(found.get("coverage")),
                number(found.get("width"), like),
                *([number(found.get("mae"), like)] if with_error else []),
                f"{found.get('n', 0):,}",
            ]
            for name, found in sets.items()
        ]
        return Grid([(head, "number" if place else "name") for place, head in enumerate(heads)], rows)

    overall: dict[str, Any] = {"all": intervals["overall"]} if "overall" in intervals else {}
    overall |= {f"{side} the domain": found for side, found in intervals.get("domain", {}).items()}
    return [
        *([grid("test rows", overall, with_error="domain" in intervals)] if overall else []),
        *(grid(title, groups) for title, groups in intervals.get("groups", {}).items()),
    ]


def confusion_grid(labels_M: FloatArray, predictions_M: FloatArray) -> Grid:
    """Rows by class and by predicted class at probability 0.5."""
    rows = []
    for actual in (0, 1):
        called = predictions_M[(labels_M > 0.5) == actual] >= 0.5
        n = len(called)
        counts = (n - int(called.sum()), int(called.sum()))
        rows.append([f"class {actual}", *(f"{k:,} ({percent(k / n if n else None)})" for k in counts)])
    return Grid([("at probability 0.5", "name"), ("predicted 0", "number"), ("predicted 1", "number")], rows)


def worst_grid(
    table: Table,
    rows_M: npt.NDArray[np.int64],
    labels_M: FloatArray,
    predictions_M: FloatArray,
    verdict: Verdict,
    most: int,
) -> Grid:
    """The predictions furthest from their labels, with structures.

    Args:
        table: All rows.
        rows_M: Which of them are the test rows.
        labels_M: Their labels.
        predictions_M: Their predictions.
        verdict: On the target.
        most: Rows to list.
    """
    like, rows = verdict.reference, []
    for k in np.argsort(-np.abs(predictions_M - labels_M), kind="stable")[:most]:
        string, label, prediction = table.strings[rows_M[k]], float(labels_M[k]), float(predictions_M[k])
        error = number(prediction - label, like)
        rows.append(
            [
                f"{table.rows[rows_M[k]]:,}",
                structures(table.records[rows_M[k]]),
                string,
                number(label, like) if verdict.score == "mae" else f"{label:.0f}",
                number(prediction, like),
                f"+{error}" if prediction > label else error,
            ]
        )
    return Grid(
        columns=[
            ("row", "number"), (get_notation(table.notation).drawn, "pictures"),
            ("string", "code"), ("label", "number"), ("predicted", "number"),
            (with_unit("error", verdict.unit), "number"),
        ],
        rows=rows,
    )  # fmt: skip


def rejected_grid(rejected: Sequence[Rejection], most: int = 12) -> Grid:
    """The reasons for which rows were rejected, the commonest first, each with its first row."""
    by_kind: dict[str, list[Rejection]] = {}
    for rejection in rejected:
        by_kind.setdefault(VARIABLE_PART.sub("…", rejection.reason), []).append(rejection)
    ranked = sorted(by_kind.items(), key=lambda item: -len(item[1]))
    rest = [rejection for _, rejections in ranked[most:] for rejection in rejections]
    rows = []
    for kind, found in [*ranked[:most], *([("other reasons", rest)] if rest else [])]:
        first, reason = found[0], kind if len(found) > 1 else found[0].reason
        rows.append(
            [
                reason,
                f"{len(found):,}",
                f"{first.row:,}",
                first.column,
                excerpt(first.value, first.position or 0),
            ]
        )
    return Grid(
        columns=[
            ("reason", "name"), ("rows", "number"), ("first in row", "number"), ("column", "text"),
            ("value", "code"),
        ],
        rows=rows,
    )  # fmt: skip
