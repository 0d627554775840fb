"""A finished fine-tuning run, and the verdict on each of its targets: model against best baseline.

Axes: N rows, T targets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catenane.data import Split, Table
from catenane.formatting import NO_BREAK, count, number, unit_or_none, with_unit
from catenane.metrics import (
    IN_LABEL_UNITS,
    MAIN_SCORE,
    Advantage,
    FloatArray,
    Task,
    advantage,
    is_error,
    split_columns,
)
from catenane.reporting.groups import Grouping

__all__ = [
    "FEWEST_ROWS", "MODEL", "OUTCOMES", "FinetuneResult", "Verdict", "headlines", "verdicts",
]  # fmt: skip

MODEL = "this model"
"""The name of the model in tables, beside the names of the baselines."""
FEWEST_ROWS = 30
"""Test rows below which there is no verdict, and repeated rows below which there is no noise floor."""
OUTCOMES = {
    "baseline": "a baseline is better",
    "undecided": "no clear difference from the best baseline",
    "few": "too few test rows for a verdict",
    "unscored": "no score on the test rows",
    "alone": "no baseline was fitted",
    "rest": "better than the baselines that could be fitted",
    "model": "better than every baseline",
}
"""Every outcome for the model and what pages call it, the worst news first."""


@dataclass(frozen=True, kw_only=True)
class FinetuneResult:
    """One finished fine-tuning run: the data, the predictions, and everything that was measured."""

    table: Table
    """The N rows that were used, after rejection and aggregation."""
    split: Split
    task: Task
    predictions: FloatArray
    """Predictions of the model for all rows, (N, T), in label units or as probabilities; see `score`."""
    baselines: dict[str, FloatArray]
    """Predictions of each baseline for the test rows, (N_test, T), in the order of split.test."""
    history: list[dict[str, float]]
    """By epoch: epoch (from 1), step, seconds, learning_rate, train_loss, valid_loss, valid_score (lower is
    better), and perhaps more."""
    groupings: tuple[Grouping, ...]
    """As `chemistry_groups` gives them."""
    metrics: dict[str, Any]
    """The content of `metrics.json`."""
    model_name: str
    folder: Path | None = None
    """Where the run was written, if it was."""
    command: str | None = None
    """The command line that made it, where there was one."""

    def __repr__(self) -> str:
        main = MAIN_SCORE[self.task]
        targets = self.metrics["targets"].items()
        scores = ", ".join(f"{name}: {main} {number(entry['test'][main])}" for name, entry in targets)
        return f"FinetuneResult({self.model_name!r} in {self.folder}; test {scores})"

    def of_target(self, predictions: FloatArray, place: int) -> FloatArray:
        """The columns of one target among predictions (N, C): (N,), or (N, K) of its classes."""
        return split_columns(predictions, self.table.sizes)[place]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The model against the best baseline in the main score, on the test rows of one target."""

    target: str
    unit: str | None
    n: int
    """Test rows with a label."""
    task: Task
    score: str
    """Key of the main score."""
    label_error: float | None
    """The smaller mean absolute error of the two, which sets the decimals of labels; of classes a half."""
    model: float | None
    baseline: str | None
    """Name of the best baseline."""
    baseline_score: float | None
    all_fitted: bool
    """Whether every baseline could be fitted."""
    lead: Advantage | None
    """By how much the model leads the best baseline, with its 95 % interval."""
    noise_floor: float | None
    """Mean absolute deviation among the labels of identical strings; None where too few rows repeat."""

    @property
    def outcome(self) -> str:
        """Key of `OUTCOMES`: who is better beyond the choice of the test rows."""
        if self.model is None:
            return "unscored"
        if self.baseline is None:
            return "alone"
        if self.n < FEWEST_ROWS or self.lead is None:
            return "few"
        if self.lead.low > 0:
            return "model" if self.all_fitted else "rest"
        return "baseline" if self.lead.high < 0 else "undecided"

    @property
    def reference(self) -> float | None:
        """The number that sets the decimals of the main score: the smaller error, or a half."""
        if not is_error(self.score) or self.task != "regression":
            return 0.5
        return min((value for value in (self.model, self.baseline_score) if value), default=None)

    @property
    def below_floor(self) -> bool:
        """True where the model's error is smaller than the noise of the labels allows."""
        floor, error = self.noise_floor, self.model
        return self.score == "mae" and floor is not None and error is not None and error < floor

    @property
    def label(self) -> str:
        """The target, with the unit of its main score."""
        return with_unit(self.target, self.unit if self.score in IN_LABEL_UNITS else None)

    @property
    def text(self) -> str:
        """The target, the lead, and what it rests on."""
        floor = number(self.noise_floor, self.label_error)
        return f"{self.label}: lead {self.lead_text}, noise floor {floor}, {count(self.n, 'test row')}"

    @property
    def lead_text(self) -> str:
        """The lead with its interval; positive where the model is better."""
        if self.lead is None:
            return number(None)
        value, low, high = (number(bound, self.reference) for bound in self.lead)
        return f"{value} ({low}{NO_BREAK}to{NO_BREAK}{high})"


def verdicts(result: FinetuneResult) -> list[Verdict]:
    """One verdict per target, in the order of the table; those that a baseline wins come first."""
    found = [_judge(result, place) for place in range(len(result.table.target_names))]
    return sorted(found, key=lambda verdict: verdict.outcome != "baseline")


def headlines(found: Sequence[Verdict]) -> list[str]:
    """The outcomes, the worst news first, and among several targets how many each holds for."""
    counted = Counter(verdict.outcome for verdict in found)
    return [
        text.capitalize() + (f": {counted[outcome]} of {len(found)} targets" if len(found) > 1 else "")
        for outcome, text in OUTCOMES.items()
        if outcome in counted
    ]


def _judge(result: FinetuneResult, place: int) -> Verdict:
    target, task, test = result.table.target_names[place], result.task, result.split.test
    key = result.metrics.get("scores", [MAIN_SCORE[task]])[0]
    entry, floor = result.metrics["targets"][target], result.metrics["noise_floor"][target]
    model: float | None = entry["test"][key]
    rivals = {name: scores[key] for name, scores in entry["baselines"].items() if scores[key] is not None}
    best = (min if is_error(key) else max)(rivals, key=rivals.__getitem__, default=None)
    lead = None
    if best is not None and model is not None:
        labels, predictions = (
            result.table.exact[test, place],
            result.of_target(result.predictions[test], place),
        )
        lead = advantage(labels, predictions, result.of_target(result.baselines[best], place), task, key)
    errors = [entry["test"].get("mae"), entry["baselines"].get(best, {}).get("mae")]
    like = 0.5 if task != "regression" else min((value for value in errors if value), default=None)
    return Verdict(
        task=task, label_error=like,
        target=target, unit=unit_or_none(entry["unit"]), n=entry["test"]["n"], score=key, model=model,
        baseline=best, baseline_score=rivals.get(best), lead=lead,
        all_fitted=not result.metrics.get("failed_baselines"),
        noise_floor=floor["mean_absolute_deviation"] if floor["rows"] >= FEWEST_ROWS else None,
    )  # fmt: skip
