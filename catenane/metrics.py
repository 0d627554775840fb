"""Scores of predictions against labels, target by target, and whether the lead of one predictor is chance.

Axes: N rows, T targets. A missing label is NaN and is left out; an undefined score (one class only, labels
that do not vary) is None, so that the result is valid JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catenane.config import Task

__all__ = ["MAIN_SCORE", "SCORES", "Advantage", "FloatArray", "Score", "Task", "advantage", "score"]

FloatArray = npt.NDArray[np.float64]
Score = float | int | None

MAIN_SCORE: dict[Task, str] = {"regression": "mae", "classification": "roc_auc"}
"""The score that ranks predictors: the smaller mean absolute error, the larger area under the ROC curve."""

SCORES: dict[Task, dict[str, str]] = {
    "regression": {"mae": "MAE", "rmse": "RMSE", "r2": "R²", "pearson": "Pearson r"},
    "classification": {
        "roc_auc": "ROC AUC", "pr_auc": "PR AUC", "accuracy": "accuracy",
        "balanced_accuracy": "balanced accuracy", "brier": "Brier score", "log_loss": "log loss",
    },
}  # fmt: skip
"""Keys of the scores and what tables call them; `pr_auc` is the average precision."""

SMALLEST_SAMPLE = 10
"""Rows (in classification: rows of either class) below which no interval is given."""


class Advantage(NamedTuple):
    """By how much the first of two predictors is better in the main score, and the 95 % interval of that."""

    value: float
    low: float
    high: float


def score(
    targets_NT: FloatArray, predictions_NT: FloatArray, task: Task, names: Sequence[str]
) -> dict[str, dict[str, Score]]:
    """Every score of every target.

    Args:
        targets_NT: Labels in their own units; classes are 0 and 1; NaN where a label is missing.
        predictions_NT: Predictions in the same units, or probabilities of class 1. A target with a prediction
            that is not finite has no scores: leaving the row out would flatter the predictor.
        task: Decides the scores, see `SCORES`; accuracy and balanced_accuracy are at probability 0.5.
        names: The T targets.

    Returns:
        By target, the scores by name, and `n`, the number of labels they rest on.
    """
    scores = _regression_scores if task == "regression" else _classification_scores
    result: dict[str, dict[str, Score]] = {}
    for name, target_N, prediction_N in zip(names, targets_NT.T, predictions_NT.T, strict=True):
        labelled_N = np.isfinite(target_N)
        target_N, prediction_N = target_N[labelled_N], prediction_N[labelled_N]
        usable = len(target_N) > 0 and bool(np.isfinite(prediction_N).all())
        with np.errstate(over="ignore", invalid="ignore"):
            values = scores(target_N, prediction_N) if usable else dict.fromkeys(SCORES[task])
        result[name] = {
            key: float(value) if value is not None and np.isfinite(value) else None
            for key, value in values.items()
        }
        result[name]["n"] = len(target_N)
    return result


def advantage(
    target_N: FloatArray, first_N: FloatArray, second_N: FloatArray, task: Task
) -> Advantage | None:
    """How far the first predictor leads the second on the same rows; positive where the first is better.

    The main score is a mean of contributions, one per row, so the interval is 1.96 standard errors of their
    paired difference; for the area under the ROC curve the contributions are the placements of DeLong et al.
    1988, Biometrics 44, 837. It covers the choice of test rows, not the randomness of training. Rows with
    a NaN label are left out.

    Returns:
        None where there are fewer than ten rows (of either class), or a prediction is not finite.
    """
    labelled_N = np.isfinite(target_N)
    target_N, first_N, second_N = target_N[labelled_N], first_N[labelled_N], second_N[labelled_N]
    positive_N = target_N > 0.5
    sizes = [len(target_N)] if task == "regression" else [positive_N.sum(), (~positive_N).sum()]
    if min(sizes) < SMALLEST_SAMPLE or not np.isfinite([first_N, second_N]).all():
        return None
    if task == "regression":
        samples = [np.abs(second_N - target_N) - np.abs(first_N - target_N)]
    else:
        first, second = _placements(positive_N, first_N), _placements(positive_N, second_N)
        samples = [a - b for a, b in zip(first, second, strict=True)]
    value = float(samples[0].mean())
    spread = 1.96 * float(np.sqrt(sum(sample.var(ddof=1) / len(sample) for sample in samples)))
    return Advantage(value, value - spread, value + spread)


def _regression_scores(target_N: FloatArray, prediction_N: FloatArray) -> dict[str, float | None]:
    from sklearn import metrics

    varied = np.ptp(target_N) > 0
    both = varied and np.ptp(prediction_N) > 0
    return {
        "mae": metrics.mean_absolute_error(target_N, prediction_N),
        "rmse": metrics.root_mean_squared_error(target_N, prediction_N),
        "r2": metrics.r2_score(target_N, prediction_N) if varied else None,
        "pearson": np.corrcoef(target_N, prediction_N)[0, 1] if both else None,
    }


def _classification_scores(target_N: FloatArray, probability_N: FloatArray) -> dict[str, float | None]:
    from sklearn import metrics

    positive_N, called_N = target_N > 0.5, probability_N >= 0.5
    both = bool(positive_N.any()) and not positive_N.all()
    return {
        "roc_auc": metrics.roc_auc_score(positive_N, probability_N) if both else None,
        "pr_auc": metrics.average_precision_score(positive_N, probability_N) if both else None,
        "accuracy": metrics.accuracy_score(positive_N, called_N),
        "balanced_accuracy": metrics.balanced_accuracy_score(positive_N, called_N) if both else None,
        "brier": metrics.mean_squared_error(target_N, probability_N),
        "log_loss": metrics.log_loss(positive_N, np.clip(probability_N, 0, 1), labels=[False, True]),
    }


def _placements(positive_N: npt.NDArray[np.bool_], value_N: FloatArray) -> tuple[FloatArray, FloatArray]:
    """For each positive the share of negatives ranked below it; for each negative, of positives above it."""
    positives, negatives = np.sort(value_N[positive_N]), np.sort(value_N[~positive_N])

    def share_below(sorted_others: FloatArray, values: FloatArray) -> FloatArray:
        # A tie counts one half: the mean of the places left and right of the equals.
        left, right = (np.searchsorted(sorted_others, values, side) for side in ("left", "right"))
        return (left + right) / (2 * len(sorted_others))

    return share_below(negatives, value_N[positive_N]), 1 - share_below(positives, value_N[~positive_N])
