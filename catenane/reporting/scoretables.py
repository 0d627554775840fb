"""The tables of scores: every score of one target, and the main score of all targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catenane.formatting import number, with_unit
from catenane.metrics import Score
from catenane.reporting.result import MODEL, Verdict

__all__ = [
    "THIS_MODEL",
    "Comparison",
    "ComparisonRow",
    "ScoreRow",
    "ScoreTable",
    "compare_targets",
    "score_table",
]

HEADS = {
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
    "pearson": "Pearson r",
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "brier": "Brier score",
}
IN_LABEL_UNITS = {"mae", "rmse"}
THIS_MODEL = "this model"
ASIDES = {"valid": "validation", "train": "training"}


@dataclass(frozen=True)
class ScoreRow:
    """The scores of one predictor on one part of the data."""

    label: str
    cells: tuple[str, ...]
    n: str
    kind: str
    """"model", "baseline", or "aside" for the model on the rows it was trained and chosen on."""
    best: bool = False
    bar: float | None = None
    """The main score as a length between 0 and 1."""


@dataclass(frozen=True)
class ScoreTable:
    """Model and baselines on the test rows, the best first, then the model on the other rows."""

    heads: tuple[str, ...]
    rows: tuple[ScoreRow, ...]
    floor: float | None
    """Where the noise floor lies on the bars."""


@dataclass(frozen=True)
class ComparisonRow:
    """The main score of every predictor on one target."""

    verdict: Verdict
    cells: tuple[str, ...]
    best: int | None
    """Which of the cells is the best."""
    floor: str


@dataclass(frozen=True)
class Comparison:
    """The main score of every predictor on every target."""

    score: str
    heads: tuple[str, ...]
    rows: tuple[ComparisonRow, ...]


def score_table(verdict: Verdict, entry: Mapping[str, Any]) -> ScoreTable:
    """Every score of one target.

    Args:
        verdict: On the target.
        entry: The target's part of `FinetuneResult.metrics`.
    """
    keys = [key for key in HEADS if key in entry["test"]]
    tested: dict[str, Mapping[str, Score]] = {MODEL: entry["test"], **entry["baselines"]}
    known = {
        who: float(value) for who, scores in tested.items() if (value := scores[verdict.score]) is not None
    }
    # An error is drawn from 0 to the largest one, an area under the curve from chance to perfection.
    low, high = (0.0, max(known.values(), default=1.0)) if verdict.score == "mae" else (0.5, 1.0)

    def bar(value: float | None) -> float | None:
        return None if value is None or high <= low else min(max((value - low) / (high - low), 0.0), 1.0)

    def row(label: str, scores: Mapping[str, Score], kind: str, who: str | None = None) -> ScoreRow:
        like = {key: verdict.reference if key in IN_LABEL_UNITS else 0.5 for key in keys}
        return ScoreRow(
            label=label,
            cells=tuple(number(scores[key], like[key]) for key in keys),
            n=f"{scores['n']:,}",
            kind=kind,
            best=who is not None and who == verdict.winner,
            bar=bar(known.get(who)) if who is not None else None,
        )

    sign = 1 if verdict.score == "mae" else -1
    ranked = sorted(known, key=lambda who: (sign * known[who], who == MODEL))
    rows = [
        row(THIS_MODEL if who == MODEL else who, tested[who], MODEL if who == MODEL else "baseline", who)
        for who in [*ranked, *(who for who in tested if who not in known)]
    ]
    rows += [row(f"{THIS_MODEL}, {rows} rows", entry[part], "aside") for part, rows in ASIDES.items()]
    return ScoreTable(
        heads=tuple(with_unit(HEADS[key], verdict.unit if key in IN_LABEL_UNITS else None) for key in keys),
        rows=tuple(rows),
        floor=bar(verdict.noise_floor) if verdict.score == "mae" else None,
    )


def compare_targets(found: Sequence[Verdict], metrics: Mapping[str, Any]) -> Comparison:
    """One row per verdict, one column per predictor."""
    entries = metrics["targets"]
    baselines = list(dict.fromkeys(who for verdict in found for who in entries[verdict.target]["baselines"]))
    rows = []
    for verdict in found:
        entry = entries[verdict.target]
        values = [verdict.model, *(entry["baselines"].get(who, {}).get(verdict.score) for who in baselines)]
        rows.append(
            ComparisonRow(
                verdict=verdict,
                cells=tuple(number(value, verdict.reference) for value in values),
                best=None if verdict.winner is None else [MODEL, *baselines].index(verdict.winner),
                floor=number(verdict.noise_floor, verdict.reference),
            )
        )
    return Comparison(HEADS[found[0].score], (THIS_MODEL, *baselines), tuple(rows))
