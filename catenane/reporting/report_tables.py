"""The tables of the report: verdicts, scores, coverage, confusion, worst predictions, rejected rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from catenane.data import Rejection, Table
from catenane.drawing import structures
from catenane.formatting import MISSING, number, percent, with_unit
from catenane.metrics import IN_LABEL_UNITS, SCORES, FloatArray, Score, Task, is_error
from catenane.notation import get_notation
from catenane.notation.syntax import excerpt
from catenane.reporting.pages import Grid
from catenane.reporting.result import MODEL, OUTCOMES, FinetuneResult, Verdict

__all__ = [
    "ALL", "UNDIVIDED", "confusion_grid", "group_grids", "rejected_grid", "score_grid", "verdict_grid",
    "worst_grid",
]  # fmt: skip

UNDIVIDED, ALL = "test rows", "all"
"""Title and only group of the grouping that divides nothing."""
VARIABLE_PART = re.compile(r"'[^']*'|\"[^\"]*\"|\d[\d,]*|: .*")
"""What differs between two rows that are rejected for the same reason."""


def verdict_grid(found: Sequence[Verdict], task: Task) -> Grid:
    """Model and best baseline by target, the lead with its interval, and what it rests on."""
    score = SCORES[task][found[0].score]
    rows = [
        (
            verdict.label, OUTCOMES[verdict.outcome], number(verdict.model, verdict.reference),
            number(verdict.baseline_score, verdict.reference), verdict.baseline or MISSING,
            verdict.lead_text, f"{verdict.n:,}",
        )
        for verdict in found
    ]  # fmt: skip
    columns = {
        "target": "name", "verdict": "text", f"{score}, model": "number", f"{score}, best baseline": "number",
        "best baseline": "text", "lead (95 % interval)": "number", "test rows": "number",
    }  # fmt: skip
    return Grid(columns, rows, marks=[verdict.outcome for verdict in found])


def score_grid(result: FinetuneResult, verdict: Verdict) -> Grid:
    """Every score of a target: model and baselines on the test rows, the best first, then the other rows."""
    entry, task = result.metrics["targets"][verdict.target], result.task
    keys = [key for key in entry["test"] if key in SCORES[task]]
    tested: dict[str, Mapping[str, Score]] = {MODEL: entry["test"], **entry["baselines"]}
    scored = {who: scores[verdict.score] for who, scores in tested.items()}
    main = {who: float(value) for who, value in scored.items() if value is not None}
    # An error is drawn from 0 to the largest one, an area under the curve from chance to perfection.
    smaller = is_error(verdict.score)
    low, high = (0.0, max(main.values(), default=1.0)) if smaller else (0.5 * (task != "regression"), 1.0)

    def length(value: float | None) -> float | None:
        return None if value is None or high <= low else min(max((value - low) / (high - low), 0.0), 1.0)

    def row(label: str, scores: Mapping[str, Score], bar: float | None) -> list[Any]:
        like = verdict.label_error
        likes = dict.fromkeys(IN_LABEL_UNITS, like) | {"mse": None if like is None else like**2}
        likes[verdict.score] = verdict.reference
        cells = [number(scores.get(key), likes.get(key, 0.5)) for key in keys]
        floor = length(verdict.noise_floor) if verdict.score == "mae" and bar is not None else None
        return [label, cells[0], (bar, floor), *cells[1:], f"{scores.get('n', 0):,}"]

    ranked = sorted(main, key=lambda who: (main[who] if smaller else -main[who], who == MODEL))
    order = [*ranked, *(who for who in tested if who not in main)]
    rows = [row(who, tested[who], length(main.get(who))) for who in order]
    marks = [("model " if who == MODEL else "") + ("best" if who in ranked[:1] else "") for who in order]
    parts = {"valid": "validation", "train": "training"}
    asides = {f"{MODEL}, {name} rows": entry[part] for part, name in parts.items() if entry[part]["n"]}
    failed = result.metrics.get("failed_baselines", {})
    asides |= {f"{name}, not fitted: {reason}": {} for name, reason in failed.items()}
    rows += [row(label, scores, None) for label, scores in asides.items()]
    heads = [with_unit(SCORES[task][key], verdict.unit if key in IN_LABEL_UNITS else None) for key in keys]
    columns = {"predictor": "name", heads[0]: "number", "": "bar"}
    columns |= dict.fromkeys([*heads[1:], "rows"], "number")
    return Grid(columns, rows, [*marks, *["aside"] * len(asides)])


def group_grids(
    errors: Mapping[str, Mapping[str, Mapping[str, float | None]]],
    intervals: Mapping[str, Any],
    verdict: Verdict,
) -> list[Grid]:
    """Errors, and coverage and mean width of the prediction intervals, by group of test rows.

    Args:
        errors: By title of a grouping and by group, as `errors_by_group` gives them; of all test rows too.
        intervals: Of one target, from `metrics["intervals"]["targets"]`; all keys may be absent. `overall` is
            n, coverage and width; `groups` has the same by grouping and group; `domain` has these and mae
            (of classes n and mae alone, the share of wrong calls) of the rows "inside" and "outside"; `curve`
            has lists of "nominal" and "empirical" coverage.
        verdict: On the target; its score decides what the errors are called.
    """
    domain = {f"{side} the domain": found for side, found in intervals.get("domain", {}).items()}
    covered = {UNDIVIDED: {ALL: intervals.get("overall", {}), **domain}, **intervals.get("groups", {})}
    figures: dict[str, dict[str, dict[str, Any]]] = {title: {} for title in [*errors, *covered]}
    for title, groups in [*covered.items(), *errors.items()]:
        for name, found in groups.items():
            figures[title][name] = figures[title].get(name, {}) | dict(found)
    longest = max(group["mae"] or 0.0 for groups in errors.values() for group in groups.values())
    grids = [_group_grid(title, groups, longest, verdict) for title, groups in figures.items()]
    if curve := intervals.get("curve"):
        levels = zip(curve["nominal"], curve["empirical"], strict=True)
        rows = [[percent(nominal), percent(empirical)] for nominal, empirical in levels]
        grids.append(Grid({"nominal coverage": "name", "empirical coverage": "number"}, rows))
    return grids


def _group_grid(
    title: str, groups: Mapping[str, Mapping[str, Any]], longest: float, verdict: Verdict
) -> Grid:
    """A row for each group, a column for each figure that one of them has."""
    heads = {
        "mae": "MAE" if verdict.task == "regression" else "share wrong", "bar": "",
        "baseline": "best baseline", "coverage": "coverage", "width": "mean width", "n": "rows",
    }  # fmt: skip
    present = {key for group in groups.values() for key, value in group.items() if value is not None}

    def cell(key: str, group: Mapping[str, Any]) -> Any:
        value = group.get(key)
        if key == "bar":
            lengths = (group.get("mae"), group.get("baseline"))
            return [length / longest if length and longest else None for length in lengths]
        if key == "n":
            return f"{value:,}"
        if key == "coverage":
            return percent(value)
        half = (
            f" ± {number(group['half'], verdict.label_error)}" if key == "mae" and group.get("half") else ""
        )
        return number(value, verdict.label_error) + half

    keys = [key for key in heads if key in present or (key == "bar" and "mae" in present)]
    columns = {heads[key]: "bar" if key == "bar" else "number" for key in keys}
    rows = [[name, *(cell(key, group) for key in keys)] for name, group in groups.items()]
    return Grid({title: "name", **columns}, rows)


def confusion_grid(labels_M: FloatArray, predictions_M: FloatArray, classes: Sequence[str]) -> Grid:
    """Rows by class and by predicted class: the likeliest, or of two that at probability 0.5."""
    from sklearn.metrics import confusion_matrix

    called_M = predictions_M.argmax(axis=1) if predictions_M.ndim > 1 else predictions_M >= 0.5
    counts_KK = confusion_matrix(labels_M.astype(int), called_M.astype(int), labels=range(len(classes)))
    rows = []
    for name, counts in zip(classes, counts_KK, strict=True):
        rows.append([f"class {name}", *(f"{n:,} ({percent(n / max(1, counts.sum()))})" for n in counts)])
    head = "at probability 0.5" if predictions_M.ndim == 1 else "likeliest class"
    return Grid({head: "name", **{f"predicted {name}": "number" for name in classes}}, rows)


def worst_grid(
    table: Table,
    rows_M: npt.NDArray[np.int64],
    labels_M: FloatArray,
    predictions_M: FloatArray,
    verdict: Verdict,
    most: int,
    classes: Sequence[str],
) -> Grid:
    """The test rows whose predictions are furthest from their labels, with structures.

    Of several classes a prediction is the probability of the label, which should be one.
    """
    like, rows, wanted_M = verdict.label_error, [], labels_M
    if verdict.task == "multiclass":
        predictions_M = predictions_M[np.arange(len(labels_M)), labels_M.astype(np.int64)]
        wanted_M = np.ones(len(labels_M))
    for k in np.argsort(-np.abs(predictions_M - wanted_M), kind="stable")[:most]:
        record, label, prediction = table.records[rows_M[k]], float(wanted_M[k]), float(predictions_M[k])
        shown = number(label, like) if verdict.task == "regression" else classes[int(labels_M[k])]
        error = ("+" if prediction > label else "") + number(prediction - label, like)
        row = f"{table.rows[rows_M[k]]:,}"
        rows.append([row, structures(record), record.text, shown, number(prediction, like), error])
    columns = {
        "row": "number", get_notation(table.notation).drawn: "pictures", "string": "code", "label": "number",
        "predicted" if verdict.task != "multiclass" else "its probability": "number",
        with_unit("error", verdict.unit): "number",
    }  # fmt: skip
    return Grid(columns, rows)


def rejected_grid(rejected: Sequence[Rejection], most: int = 12) -> Grid:
    """The reasons for which rows were rejected, the commonest first, each with its first row."""
    by_kind: dict[str, list[Rejection]] = {}
    for rejection in rejected:
        by_kind.setdefault(VARIABLE_PART.sub("…", rejection.reason), []).append(rejection)
    ranked = sorted(by_kind.items(), key=lambda item: -len(item[1]))
    if rest := [rejection for _, rejections in ranked[most:] for rejection in rejections]:
        ranked[most:] = [("other reasons", rest)]
    rows = []
    for kind, found in ranked:
        first = found[0]
        text = kind if len(found) > 1 else first.reason
        value = excerpt(first.value, first.position or 0)
        rows.append([text, f"{len(found):,}", f"{first.row:,}", first.column, value])
    columns = {
        "reason": "name", "rows": "number", "first in row": "number", "column": "text", "value": "code",
    }  # fmt: skip
    return Grid(columns, rows)
