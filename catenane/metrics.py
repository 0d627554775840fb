"""Scores of predictions against labels, target by target, and whether the lead of one predictor is chance.

Axes: N rows, T targets. A missing label is NaN and is left out; an undefined score (one class only, labels
that do not vary) is None, so that the result is valid JSON.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from catenane.config import Task
from catenane.errors import UsageError, suggestion

__all__ = [
    "IN_LABEL_UNITS",
    "MAIN_SCORE",
    "SCORES",
    "Advantage",
    "FloatArray",
    "Score",
    "Task",
    "advantage",
    "choose_scores",
    "extremes",
    "is_error",
    "mean_scores",
    "score",
    "split_columns",
]

FloatArray = npt.NDArray[np.float64]
Score = float | int | None

MAIN_SCORE: dict[Task, str] = {"regression": "mae", "classification": "roc_auc", "multiclass": "roc_auc"}
"""The score that ranks predictors unless others are asked for."""

SCORES: dict[Task, dict[str, str]] = {
    "regression": {
        "mae": "MAE", "rmse": "RMSE", "r2": "R²", "pearson": "Pearson r", "spearman": "Spearman ρ",
        "mse": "MSE",
    },
    "classification": {
        "roc_auc": "ROC AUC", "pr_auc": "PR AUC", "accuracy": "accuracy",
        "balanced_accuracy": "balanced accuracy", "brier": "Brier score", "log_loss": "log loss", "f1": "F1",
        "mcc": "Matthews correlation",
    },
    "multiclass": {
        "roc_auc": "ROC AUC", "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "f1": "F1",
        "log_loss": "log loss", "mcc": "Matthews correlation",
    },
}  # fmt: skip
"""Keys of the scores and what tables call them; `pr_auc` is the average precision. Of several classes
`roc_auc`, `balanced_accuracy` and `f1` are means over the classes, each against the others."""
ON_REQUEST = {"regression": {"spearman", "mse"}, "classification": {"f1", "mcc"}, "multiclass": {"mcc"}}
"""Scores that are given only where they are asked for."""
FUNCTIONS = {
    "mae": "mean_absolute_error", "rmse": "root_mean_squared_error", "mse": "mean_squared_error",
    "r2": "r2_score", "roc_auc": "roc_auc_score", "pr_auc": "average_precision_score",
    "accuracy": "accuracy_score", "balanced_accuracy": "balanced_accuracy_score", "f1": "f1_score",
    "mcc": "matthews_corrcoef", "brier": "brier_score_loss", "log_loss": "log_loss",
}  # fmt: skip
"""By key the function of scikit-learn."""
ALIASES = {name: key for key, name in FUNCTIONS.items()} | {
    "average_precision": "pr_auc", "prc": "pr_auc", "brier_score": "brier", "bce": "log_loss",
    "f1_macro": "f1", "roc_auc_ovr": "roc_auc",
}  # fmt: skip
"""Other names: those functions, scikit-learn's scorers (with `neg_` before an error), and chemprop's."""
ERRORS = {"mae", "rmse", "mse", "brier", "log_loss"}
IN_LABEL_UNITS = {"mae", "rmse"}
RESAMPLES = 200
"""Draws of the test rows that the interval of a lead rests on where there is no formula for it."""

SMALLEST_SAMPLE = 10
"""Rows (in classification: rows of either class) below which no interval is given."""


EXTREMES, SMALLEST_EXTREME = (0.01, 0.1), 30
"""Shares of the rows whose predictions are highest or lowest, and the fewest rows that such a share has."""


class Advantage(NamedTuple):
    """By how much the first of two predictors is better in the main score, and the 95 % interval of that."""

    value: float
    low: float
    high: float


def choose_scores(requested: Sequence[str], task: Task) -> tuple[str, ...]:
    """Keys of the scores of a task, in order: those asked for by any of their names, then the usual others.

    Raises:
        UsageError: A name is none of them.
    """
    found: list[str] = []
    for name in requested:
        key = name.strip().lower().removeprefix("neg_")
        key = ALIASES.get(key, key)
        if key not in SCORES[task]:
            raise UsageError(f"metric {name!r} is none of {task}: {suggestion(key, SCORES[task])}")
        found.append(key)
    return tuple(dict.fromkeys([*found, *(key for key in SCORES[task] if key not in ON_REQUEST[task])]))


def split_columns(values_NC: FloatArray, sizes: Sequence[int]) -> list[FloatArray]:
    """Columns by target: (N,) where it has one, (N, K) where it has several."""
    parts = np.split(values_NC, np.cumsum(sizes)[:-1], axis=1)
    return [part[:, 0] if size == 1 else part for part, size in zip(parts, sizes, strict=True)]


def is_error(key: str) -> bool:
    """Whether a smaller score is a better one."""
    return key in ERRORS


def score(
    targets_NT: FloatArray,
    predictions_NT: FloatArray,
    task: Task,
    names: Sequence[str],
    keys: Sequence[str] | None = None,
    sizes: Sequence[int] | None = None,
) -> dict[str, dict[str, Score]]:
    """Scores of every target.

    Args:
        targets_NT: Labels in their own units; classes are numbered from 0; NaN where a label is missing.
        predictions_NT: Predictions in the same units, or probabilities of class 1; of several classes those
            of each, a column after the other. A target with a prediction that is not finite has no scores:
            leaving the row out would flatter the predictor.
        task: Decides the scores, see `SCORES`; those of calls, such as accuracy, are at probability 0.5.
        names: The T targets.
        keys: Which scores, in which order; those of `choose_scores` by default.
        sizes: Columns of the predictions of each target; one by default.

    Returns:
        By target, the scores by name, and `n`, the number of labels they rest on.
    """
    keys = choose_scores((), task) if keys is None else keys
    result: dict[str, dict[str, Score]] = {}
    predicted = split_columns(predictions_NT, [1] * len(names) if sizes is None else sizes)
    for name, target_N, prediction_N in zip(names, targets_NT.T, predicted, strict=True):
        labelled_N = np.isfinite(target_N)
        target_N, prediction_N = target_N[labelled_N], prediction_N[labelled_N]
        usable = len(target_N) > 0 and bool(np.isfinite(prediction_N).all())
        result[name] = {key: _score(key, target_N, prediction_N, task) if usable else None for key in keys}
        result[name]["n"] = len(target_N)
    return result


def mean_scores(
    targets_NT: FloatArray, predictions_NT: FloatArray, task: Task, deviations_T: FloatArray | None = None
) -> dict[str, Score]:
    """Scores averaged over the targets that have them; `n` is the number of labels of all.

    Of numbers `mae_sd` and `rmse_sd` are means of errors divided by these deviations of the targets. One
    target may be given as (N,).
    """
    targets_NT, predictions_NT = (values.reshape(len(values), -1) for values in (targets_NT, predictions_NT))
    names = [str(place) for place in range(targets_NT.shape[1])]
    found = list(score(targets_NT, predictions_NT, task, names).values())
    if task == "regression" and deviations_T is not None:
        for scores, deviation in zip(found, np.atleast_1d(deviations_T), strict=True):
            for key in IN_LABEL_UNITS:
                error = scores[key]
                scores[f"{key}_sd"] = None if error is None or not deviation else error / float(deviation)
    means: dict[str, Score] = {}
    for key in found[0]:
        known = [value for scores in found if (value := scores[key]) is not None]
        means[key] = float(np.mean(known)) if known else None
    return means | {"n": sum(int(scores["n"] or 0) for scores in found)}


def extremes(labels_N: FloatArray, predictions_N: FloatArray) -> dict[str, list[dict[str, float]]]:
    """Errors of the rows with the "highest" and with the "lowest" predictions, which a ranking is made of.

    They differ from those of all rows: the errors of high predictions tend to be larger, and a predictor that
    overshoots does so there. Rows without a label or a prediction are left out.

    Returns:
        For either end and each of `EXTREMES` that has enough rows: the `share`, `n`, the means `predicted`
        and `label`, and `mae`.
    """
    known = np.isfinite(labels_N) & np.isfinite(predictions_N)
    labels, predictions = labels_N[known], predictions_N[known]
    order = np.argsort(predictions, kind="stable")
    found: dict[str, list[dict[str, float]]] = {"highest": [], "lowest": []}
    for share in EXTREMES:
        if (n := int(share * len(order))) < SMALLEST_EXTREME:
            continue
        for end, rows in (("highest", order[-n:]), ("lowest", order[:n])):
            mae = np.abs(predictions[rows] - labels[rows]).mean()
            means = {"predicted": predictions[rows].mean(), "label": labels[rows].mean(), "mae": mae}
            found[end].append({"share": share, "n": n} | {name: float(mean) for name, mean in means.items()})
    return found


def advantage(
    target_N: FloatArray, first_N: FloatArray, second_N: FloatArray, task: Task, key: str | None = None
) -> Advantage | None:
    """How far the first predictor leads the second on the same rows; positive where the first is better.

    The interval is 1.96 standard errors of the difference. A mean absolute error is a mean of contributions,
    one per row, whose paired difference gives it; for the area under the ROC curve the contributions are the
    placements of DeLong et al. 1988, Biometrics 44, 837. Other scores are computed anew on rows drawn with
    replacement. It covers the choice of test rows, not the randomness of training. Rows with a NaN label are
    left out.

    Returns:
        None where there are fewer than ten rows (of either of two classes), or a prediction is not finite.
    """
    key = MAIN_SCORE[task] if key is None else key
    labelled_N = np.isfinite(target_N)
    target_N, first_N, second_N = target_N[labelled_N], first_N[labelled_N], second_N[labelled_N]
    positive_N = target_N > 0.5
    sizes = [positive_N.sum(), (~positive_N).sum()] if task == "classification" else [len(target_N)]
    if min(sizes) < SMALLEST_SAMPLE or not np.isfinite([first_N, second_N]).all():
        return None
    if key == "mae":
        samples = [np.abs(second_N - target_N) - np.abs(first_N - target_N)]
    elif key == "roc_auc" and task == "classification":
        first, second = _placements(positive_N, first_N), _placements(positive_N, second_N)
        samples = [a - b for a, b in zip(first, second, strict=True)]
    else:
        return _resampled(target_N, first_N, second_N, task, key)
    value = float(samples[0].mean())
    spread = 1.96 * float(np.sqrt(sum(sample.var(ddof=1) / len(sample) for sample in samples)))
    return Advantage(value, value - spread, value + spread)


def _resampled(
    target_N: FloatArray, first_N: FloatArray, second_N: FloatArray, task: Task, key: str
) -> Advantage | None:
    def lead(rows: npt.NDArray[np.int64]) -> float:
        found = [_score(key, target_N[rows], values_N[rows], task) for values_N in (first_N, second_N)]
        better, worse = (math.nan if value is None else value for value in found)
        return worse - better if is_error(key) else better - worse

    value, n_rows = lead(np.arange(len(target_N))), len(target_N)
    draws = np.random.default_rng(0).integers(n_rows, size=(RESAMPLES, n_rows))
    leads = np.array([lead(rows) for rows in draws])
    spread = 1.96 * float(np.std(leads[np.isfinite(leads)])) if np.isfinite(leads).any() else math.nan
    return Advantage(value, value - spread, value + spread) if math.isfinite(value + spread) else None


def _score(key: str, target_N: FloatArray, prediction_N: FloatArray, task: Task) -> float | None:
    """One score; None where it is undefined."""
    computes = {"regression": _regression_score, "classification": _classification_score}
    compute = computes.get(task, _multiclass_score)
    with np.errstate(over="ignore", invalid="ignore"):
        value = compute(key, target_N, prediction_N)
    return float(value) if value is not None and np.isfinite(value) else None


def _regression_score(key: str, target_N: FloatArray, prediction_N: FloatArray) -> Any:
    from scipy.stats import rankdata
    from sklearn import metrics

    varies = np.ptp(target_N) > 0
    if key in IN_LABEL_UNITS or key == "mse" or (key == "r2" and varies):
        return getattr(metrics, FUNCTIONS[key])(target_N, prediction_N)
    if key == "r2" or not varies or np.ptp(prediction_N) == 0:
        return None
    if key == "spearman":
        target_N, prediction_N = rankdata(target_N), rankdata(prediction_N)
    return float(np.corrcoef(target_N, prediction_N)[0, 1])


def _classification_score(key: str, target_N: FloatArray, probability_N: FloatArray) -> Any:
    from sklearn import metrics

    positive_N = target_N > 0.5
    if key == "brier":
        return metrics.mean_squared_error(target_N, probability_N)
    if key == "log_loss":
        return metrics.log_loss(positive_N, np.clip(probability_N, 0, 1), labels=[False, True])
    if key != "accuracy" and (positive_N.all() or not positive_N.any()):
        return None
    ranks = key in ("roc_auc", "pr_auc")
    return getattr(metrics, FUNCTIONS[key])(positive_N, probability_N if ranks else probability_N >= 0.5)


def _multiclass_score(key: str, target_N: FloatArray, probability_NK: FloatArray) -> Any:
    from sklearn import metrics

    class_N, called_N = target_N.astype(np.int64), probability_NK.argmax(axis=1)
    if key in ("accuracy", "mcc"):
        return getattr(metrics, FUNCTIONS[key])(class_N, called_N)
    if key == "log_loss":
        total_N1 = probability_NK.sum(axis=1, keepdims=True)
        return metrics.log_loss(class_N, probability_NK / total_N1, labels=range(probability_NK.shape[1]))
    if key == "f1":
        return metrics.f1_score(class_N, called_N, average="macro", zero_division=0)
    if key == "balanced_accuracy":
        present = np.unique(class_N)
        return metrics.recall_score(class_N, called_N, labels=present, average="macro")
    areas = [
        metrics.roc_auc_score(class_N == k, probability_NK[:, k])
        for k in range(probability_NK.shape[1])
        if 0 < np.count_nonzero(class_N == k) < len(class_N)
    ]
    return float(np.mean(areas)) if areas else None


def _placements(positive_N: npt.NDArray[np.bool_], value_N: FloatArray) -> tuple[FloatArray, FloatArray]:
    """For each positive the share of negatives ranked below it; for each negative, of positives above it."""
    positives, negatives = np.sort(value_N[positive_N]), np.sort(value_N[~positive_N])

    def share_below(sorted_others: FloatArray, values: FloatArray) -> FloatArray:
        # A tie counts one half: the mean of the places left and right of the equals.
        left, right = (np.searchsorted(sorted_others, values, side) for side in ("left", "right"))
        return (left + right) / (2 * len(sorted_others))

    return share_below(negatives, value_N[positive_N]), 1 - share_below(positives, value_N[~positive_N])
