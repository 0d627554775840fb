"""What fine-tuning found, and the plain sentences that say how good it is.

Report and terminal both speak through `verdicts`, so that they can never disagree about who won.

Axes: N rows, T targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catenane.data import Split, Table
from catenane.formatting import count, number, percent, quantity, unit_or_none
from catenane.metrics import MAIN_SCORE, Advantage, FloatArray, Task, advantage

__all__ = ["MODEL", "FinetuneResult", "Verdict", "headline", "summary_lines", "verdicts", "winner"]

MODEL = "model"
"""What `winner` calls the model, beside the names of the baselines."""

MOST_SPOKEN = 5
"""Targets up to which `summary_lines` has sentences for each."""
THINGS = {"smiles": "molecule", "mofid": "MOF"}


@dataclass(frozen=True, kw_only=True)
class FinetuneResult:
    """One finished fine-tuning run: the data, the answers, and everything that was measured."""

    table: Table
    """The N rows that were used, after rejection and aggregation."""
    split: Split
    """Which of them trained, validated and tested."""
    task: Task
    """What kind of label the targets are."""
    predictions: FloatArray
    """Answers of the model for all rows, (N, T), in label units or as probabilities."""
    baselines: dict[str, FloatArray]
    """Answers of each baseline for the test rows, (N_test, T), in the order of split.test."""
    history: list[dict[str, float]]
    """By epoch: epoch (from 1), step, seconds, learning_rate, train_loss, valid_loss, valid_score (lower is
    better), and perhaps more."""
    metrics: dict[str, Any]
    """What `metrics.json` holds."""
    model_name: str
    """What to call the model."""
    folder: Path | None = None
    """Where the run was written, if it was."""
    command: str | None = None
    """The command line that made it, where there was one."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The model against the best baseline on the test rows of one target."""

    target: str
    unit: str | None
    n: int
    """Test rows with a label."""
    things: str
    """What a row is: "molecules" or "MOFs"."""
    score: str
    """Name of the main score."""
    model: float | None
    """Main score of the model."""
    baseline: str | None
    """Name of the best baseline."""
    baseline_score: float | None
    """Main score of the best baseline."""
    winner: str | None
    """See `winner`."""
    lead: Advantage | None
    """By how much the model leads the best baseline, with its 95 % interval."""
    noise_floor: float | None
    """Mean absolute deviation among the labels of identical strings."""

    @property
    def lost(self) -> bool:
        """True where a baseline is at least as good as the model."""
        return self.winner not in (None, MODEL)

    @property
    def close(self) -> bool:
        """True where another draw of as many test rows could turn the order round."""
        return self.lead is not None and self.lead.low <= 0 <= self.lead.high

    @property
    def sentence(self) -> str:
        """How good the model is, for a reader who has not seen a line of this project."""
        if self.model is None:
            return f"How well {self.target} is predicted cannot be said: {self._why_unknown()}."
        if self.baseline is None or self.baseline_score is None:
            return f"The model predicts {self.target} {self._how_well(self.model)}; no baseline was fitted."
        if self.lost:
            text = (
                f"A baseline does better than the model: {self.baseline} predicts {self.target} "
                f"{self._how_well(self.baseline_score)}, the model {self._how_well(self.model, short=True)}"
            )
        else:
            text = (
                f"The model predicts {self.target} {self._how_well(self.model)}, "
                f"the best baseline ({self.baseline}) {self._how_well(self.baseline_score, short=True)}"
            )
        if self.close:
            text += f"; on {count(self.n)} test {self.things} this difference may be chance"
        return text + "."

    def _how_well(self, value: float, *, short: bool = False) -> str:
        if self.score == "mae":
            text = f"to within {quantity(value, self.unit, self.reference)}"
            return text if short else f"{text} on average"
        text = f"with {number(value, self.reference)}"
        return text if short else f"{text} ROC AUC (1 is perfect, 0.5 is chance)"

    def _why_unknown(self) -> str:
        if not self.n:
            return "no test row has a label"
        if self.score == "roc_auc":
            return f"the {count(self.n)} labelled test rows are all of one class"
        return "the model's answers are not all finite numbers"

    @property
    def floor_sentence(self) -> str | None:
        """What the labels of identical strings say about the best possible; None where they say nothing."""
        if not self.noise_floor:
            return None
        if self.score != "mae":
            return f"Classes of identical strings deviate from their mean by {percent(self.noise_floor)}."
        floor = quantity(self.noise_floor, self.unit, self.reference)
        return (
            f"Labels of identical strings deviate from their mean by {floor} on average: "
            "nothing that reads only the string can honestly do better than this noise floor."
        )

    @property
    def reference(self) -> float | None:
        """The number that sets the decimals of the main score: the smaller error, or a half."""
        if self.score != "mae":
            return 0.5
        return min((value for value in (self.model, self.baseline_score) if value), default=None)


def winner(metrics: Mapping[str, Any], target: str) -> str | None:
    """Who predicts the test rows best by the main score.

    Args:
        metrics: As in `FinetuneResult.metrics`.
        target: One of its targets.

    Returns:
        `MODEL`, or the name of a baseline, which also wins a tie, being the simpler one; None where the model
        has no score.
    """
    key, model, rivals = _main_scores(metrics, target)
    if model is None:
        return None
    best = _best(key, rivals)
    return MODEL if best is None or _best(key, {best: rivals[best], MODEL: model}) == MODEL else best


def verdicts(result: FinetuneResult) -> list[Verdict]:
    """One verdict per target: first those that a baseline wins, else in the order of the table."""
    found = [_judge(result, place) for place in range(len(result.table.target_names))]
    return sorted(found, key=lambda verdict: not verdict.lost)


def headline(found: list[Verdict]) -> str:
    """The first line of report and terminal; what the model lost comes first."""
    if len(found) == 1:
        return found[0].sentence
    lost = [verdict.target for verdict in found if verdict.lost]
    won = [verdict.target for verdict in found if verdict.winner == MODEL]
    sentences = []
    if lost:
        more = f" and {len(lost) - MOST_SPOKEN} more" if len(lost) > MOST_SPOKEN else ""
        names = ", ".join(lost[:MOST_SPOKEN]) + more
        sentences.append(f"A baseline does better than the model on {_share(lost, found)} targets: {names}.")
    if won:
        rest = f"the other {len(won)}" if lost else f"{_share(won, found)} targets"
        sentences.append(f"The model does better than every baseline on {rest}.")
    if close := [verdict for verdict in found if verdict.close]:
        sentences.append(f"On {_share(close, found)} targets the difference may be chance.")
    return (
        " ".join(sentences) or "How well the targets are predicted cannot be said: no test row has a label."
    )


def summary_lines(result: FinetuneResult) -> list[str]:
    """The headline, then, where there are few targets, what is to be said of each and of its noise floor."""
    found = verdicts(result)
    lines = [headline(found)]
    if len(found) == 1:
        lines += [found[0].floor_sentence] if found[0].floor_sentence else []
    elif len(found) <= MOST_SPOKEN:
        lines += [verdict.sentence for verdict in found]
        floors = [
            f"{verdict.target} {quantity(verdict.noise_floor, verdict.unit, verdict.reference)}"
            for verdict in found
            if verdict.noise_floor and verdict.score == "mae"
        ]
        if floors:
            lines.append(
                f"Labels of identical strings deviate from their mean by, on average, {', '.join(floors)}: "
                "nothing that reads only the string can honestly do better than this noise floor."
            )
    return lines


def _share(part: Sequence[object], whole: Sequence[object]) -> str:
    if len(part) == len(whole):
        return "both" if len(whole) == 2 else f"all {len(whole)}"
    return f"{len(part)} of {len(whole)}"


def _main_scores(metrics: Mapping[str, Any], target: str) -> tuple[str, float | None, dict[str, float]]:
    """Name of the main score, the model's, and those of the baselines that have one."""
    entry = metrics["targets"][target]
    key = next(key for key in MAIN_SCORE.values() if key in entry["test"])
    rivals = {name: scores[key] for name, scores in entry["baselines"].items() if scores[key] is not None}
    return key, entry["test"][key], rivals


def _best(key: str, scores: Mapping[str, float]) -> str | None:
    """Name of the best score, the first of equals."""
    if not scores:
        return None
    return (min if key == "mae" else max)(scores, key=scores.__getitem__)


def _judge(result: FinetuneResult, place: int) -> Verdict:
    metrics, target = result.metrics, result.table.target_names[place]
    key, model, rivals = _main_scores(metrics, target)
    best = _best(key, rivals)
    lead = None
    if best is not None and model is not None:
        labels, answers = (
            array[result.split.test, place] for array in (result.table.targets, result.predictions)
        )
        lead = advantage(labels, answers, result.baselines[best][:, place], result.task)
    return Verdict(
        target=target,
        unit=unit_or_none(metrics["targets"][target]["unit"]),
        n=metrics["targets"][target]["test"]["n"],
        things=THINGS[result.table.notation] + "s",
        score=key,
        model=model,
        baseline=best,
        baseline_score=None if best is None else rivals[best],
        winner=winner(metrics, target),
        lead=lead,
        noise_floor=metrics["noise_floor"][target]["mean_absolute_deviation"],
    )
