"""How well predictions agree with labels, target by target, and whether a lead is more than luck.

Axes: N rows, T targets. A missing label is NaN and is left out; a score that has no value (one class only,
labels that do not vary) is None, so that the result is valid JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catenane.config import Task

__all__ = ["MAIN_SCORE", "Advantage", "FloatArray", "Score", "Task", "advantage", "score"]

FloatArray = npt.NDArray[np.float64]
Score = float | int | None

MAIN_SCORE: dict[Task, str] = {"regression": "mae", "classification": "roc_auc"}
"""The score that decides who wins: the smaller mean absolute error, the larger area under the ROC curve."""

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
        predictions_NT: Answers in the same units, or probabilities of class 1. A target with an answer that
            is not finite has no scores: leaving the row out would flatter the predictor.
        task: Regression gives mae, rmse, r2 and pearson; classification gives roc_auc, pr_auc (average
            precision), accuracy, balanced_accuracy (both at probability 0.5) and brier.
        names: The T targets.

    Returns:
        By target, the scores by name, and `n`, the number of labels they rest on.
    """
    scores = _regression_scores if task == "regression" else _classification_scores
    result: dict[str, dict[str, Score]] = {}
    for name, target_N, prediction_N in zip(names, targets_NT.T, predictions_NT.T, strict=True):
        labelled_N = np.isfinite(target_N)
        target_N, prediction_N = target_N[labelled_N], prediction_N[labelled_N]
        with np.errstate(over="ignore", invalid="ignore"):
            values = scores(target_N, prediction_N)
        usable = len(target_N) > 0 and bool(np.isfinite(prediction_N).all())
        result[name] = {
            key: float(value) if usable and value is not None and np.isfinite(value) else None
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
    1988, Biometrics 44, 837. It speaks of the rows that were drawn, not of the luck of training.

    Args:
        target_N: Labels of one target; NaN where missing.
        first_N: Answers of the first predictor.
        second_N: Answers of the second.
        task: Decides the main score, see `MAIN_SCORE`.

    Returns:
        None where there are fewer than ten rows (of either class), or an answer is not finite.
    """
    labelled_N = np.isfinite(target_N)
    target_N, first_N, second_N = target_N[labelled_N], first_N[labelled_N], second_N[labelled_N]
    if not (np.isfinite(first_N).all() and np.isfinite(second_N).all()):
        return None
    if task == "regression":
        samples = [np.abs(second_N - target_N) - np.abs(first_N - target_N)]
    else:
        positive_N = target_N > 0.5
        if positive_N.all() or not positive_N.any():
            return None
        first, second = _placements(positive_N, first_N), _placements(positive_N, second_N)
        samples = [a - b for a, b in zip(first, second, strict=True)]
    if min(map(len, samples)) < SMALLEST_SAMPLE:
        return None
    value = float(samples[0].mean())
    spread = 1.96 * float(np.sqrt(sum(sample.var(ddof=1) / len(sample) for sample in samples)))
    return Advantage(value, value - spread, value + spread)


def _regression_scores(target_N: FloatArray, prediction_N: FloatArray) -> dict[str, float | None]:
    if not len(target_N):
        return dict.fromkeys(("mae", "rmse", "r2", "pearson"))
    error_N = prediction_N - target_N
    varied = np.ptp(target_N) > 0
    about_mean_N = target_N - target_N.mean()
    r2 = 1 - float(error_N @ error_N) / float(about_mean_N @ about_mean_N) if varied else None
    pearson = None
    if varied and np.ptp(prediction_N) > 0:
        slope_N = prediction_N - prediction_N.mean()
        norms = float(np.linalg.norm(about_mean_N)) * float(np.linalg.norm(slope_N))
        pearson = float(about_mean_N @ slope_N) / norms
    return {
        "mae": float(np.abs(error_N).mean()),
        "rmse": float(np.sqrt((error_N**2).mean())),
        "r2": r2,
        "pearson": pearson,
    }


def _classification_scores(target_N: FloatArray, probability_N: FloatArray) -> dict[str, float | None]:
    if not len(target_N):
        return dict.fromkeys(("roc_auc", "pr_auc", "accuracy", "balanced_accuracy", "brier"))
    positive_N = target_N > 0.5
    right_N = (probability_N >= 0.5) == positive_N
    both = bool(positive_N.any()) and not positive_N.all()
    recalls = [float(right_N[chosen_N].mean()) for chosen_N in (positive_N, ~positive_N)] if both else []
    return {
        "roc_auc": float(_placements(positive_N, probability_N)[0].mean()) if both else None,
        "pr_auc": _average_precision(positive_N, probability_N) if both else None,
        "accuracy": float(right_N.mean()),
        "balanced_accuracy": sum(recalls) / 2 if both else None,
        "brier": float(((probability_N - target_N) ** 2).mean()),
    }


def _placements(positive_N: npt.NDArray[np.bool_], answer_N: FloatArray) -> tuple[FloatArray, FloatArray]:
    """For each positive the share of negatives ranked below it; for each negative, of positives above it."""
    positives, negatives = np.sort(answer_N[positive_N]), np.sort(answer_N[~positive_N])

    def share_below(sorted_others: FloatArray, answers: FloatArray) -> FloatArray:
        # A tie counts one half: the mean of the places left and right of the equals.
        left, right = (np.searchsorted(sorted_others, answers, side) for side in ("left", "right"))
        return (left + right) / (2 * len(sorted_others))

    return share_below(negatives, answer_N[positive_N]), 1 - share_below(positives, answer_N[~positive_N])


def _average_precision(positive_N: npt.NDArray[np.bool_], answer_N: FloatArray) -> float:
    """Mean precision over the positives, walking down the ranking; equal answers are taken together."""
    _, level_N = np.unique(-answer_N, return_inverse=True)
    found_K = np.bincount(level_N, weights=positive_N)
    precision_K = np.cumsum(found_K) / np.cumsum(np.bincount(level_N))
    return float(found_K @ precision_K / found_K.sum())
