"""The baselines of a split, each fitted by itself: one that fails does not touch the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from catenane.baselines.features import (
    commonest_columns,
    ngram_counts,
    varying_columns,
)
from catenane.baselines.timing import within
from catenane.config import Task
from catenane.descriptors import HAS_FRAGMENTS, compute_descriptors, count_fragments
from catenane.notation import NotationName, Record, as_records

__all__ = ["fit_predict_baselines"]

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0)
"""Tried for the linear baselines, on a tenth of the training rows."""
MIDDLE_PENALTY = PENALTIES[len(PENALTIES) // 2]
FEWEST_ROWS = 10
"""Labelled rows below which the median, or the share of a class, is all that is predicted."""
N_DENSE_NGRAMS = 256
"""N-grams that gradient boosting reads beside the descriptors."""
ROWS_PER_THREAD = 10_000
"""Training rows that gradient boosting gives a thread of its own."""
N_TREES = 150
"""Trees of the random forests of all targets together."""
FEWEST_TREES = 30
"""Trees of one random forest at least."""
ROWS_PER_TREE = 10_000
"""Training rows that a tree of a random forest draws at most."""
LARGEST_SKEWNESS = 1.0
"""Skewness above which gradient boosting learns the square root of labels that are never negative."""


Fit: TypeAlias = "Callable[[_Strings, np.ndarray, np.ndarray, int], np.ndarray]"
"""From strings, labelled training rows, their labels and a seed to predictions for the test strings."""


@dataclass(frozen=True)
class _Strings:
    """Training and test strings, and what is counted on them, each once and only if it is needed."""

    train: list[Record]
    test: list[Record]
    notation: NotationName
    n_targets: int

    @cached_property
    def ngrams(self) -> sparse.csr_matrix:
        return ngram_counts([record.text for record in self.train + self.test], self.notation)

    @cached_property
    def dense(self) -> np.ndarray:
        """Descriptors, and the n-grams that vary most on the training strings."""
        columns = commonest_columns(self.ngrams[: len(self.train)], N_DENSE_NGRAMS)
        descriptors = compute_descriptors(self.train + self.test, self.notation).values
        return np.hstack([descriptors, self.ngrams[:, columns].toarray()])

    def dense_parts(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What trees read of these training rows and of the test rows: the dense columns that vary."""
        columns = varying_columns(self.dense[rows])
        return self.dense[np.ix_(rows, columns)], self.dense[len(self.train) :, columns]

    @cached_property
    def fragments(self) -> np.ndarray:
        return count_fragments(self.train + self.test)


def fit_predict_baselines(
    train: Sequence[Record] | Sequence[str],
    train_targets: np.ndarray,
    test: Sequence[Record] | Sequence[str],
    *,
    notation: NotationName,
    task: Task,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
    on_failure: Callable[[str, str], object] | None = None,
    time_limit: float | None = None,
) -> dict[str, np.ndarray]:
    """Fit every baseline on the training rows and predict the test rows.

    Args:
        train: N records, or strings in normal form.
        train_targets: Labels of shape (N, T), NaN where missing; 0 and 1 for classes.
        test: M of the same.
        notation: What the strings are.
        task: What the labels are.
        seed: Of the inner validation rows and the trees.
        progress: Called with the name of each baseline when its turn comes.
        on_failure: Called with the name of a baseline that fails and the reason, and the others go on; the
            error is raised without it.
        time_limit: Seconds after which a baseline counts as failed; by default 5 minutes, and another for
            every 1,000 training rows.

    Returns:
        By name, float64 arrays (M, T) in label units, or probabilities of class 1. `median` (`prior` for
        classes) looks at no string; `ngram-ridge` (`ngram-logistic`) is linear in token n-grams;
        `descriptor-gbm` boosts trees on n-grams and descriptors; `morgan-forest`, for molecules, is a random
        forest on Morgan fragments.

    Raises:
        TimeoutError: A baseline takes longer than `time_limit`, and `on_failure` is not given.
    """
    strings = _Strings(
        as_records(train, notation), as_records(test, notation), notation, train_targets.shape[1]
    )
    limit = 300 + 0.06 * len(train) if time_limit is None else time_limit
    predictions = {}
    for name, fit in _fits(notation, task).items():
        if progress is not None:
            progress(name)
        try:
            predictions[name] = within(limit, partial(_predict, fit, strings, train_targets, task, seed))
        except Exception as error:
            if on_failure is None:
                raise
            on_failure(name, " ".join(str(error).split()) or type(error).__name__)
    return predictions


def _fits(notation: NotationName, task: Task) -> dict[str, Fit]:
    """The baselines of a notation and a task by name."""
    fits: dict[str, Fit]
    if task == "regression":
        fits = {"median": _median, "ngram-ridge": _ridge, "descriptor-gbm": _boosted_regression}
    else:
        fits = {"prior": _prior, "ngram-logistic": _logistic, "descriptor-gbm": _boosted_classes}
    if notation in HAS_FRAGMENTS:
        fits["morgan-forest"] = _forest_regression if task == "regression" else _forest_classes
    return fits


def _predict(fit: Fit, strings: _Strings, targets: np.ndarray, task: Task, seed: int) -> np.ndarray:
    """Predictions for all targets, (M, T); each is fitted to its labelled rows."""
    columns = [_predict_one(fit, strings, labels, task, seed) for labels in targets.T]
    return np.stack(columns, axis=1).astype(np.float64)


def _predict_one(fit: Fit, strings: _Strings, labels: np.ndarray, task: Task, seed: int) -> np.ndarray:
    """One target; labels that do not vary need no model."""
    rows = np.flatnonzero(~np.isnan(labels))
    labels = labels[rows]
    if len(rows) == 0 or labels.min() == labels.max():
        return np.full(len(strings.test), labels[0] if len(rows) else np.nan)
    if task == "classification":
        return (fit if len(rows) >= FEWEST_ROWS else _prior)(strings, rows, labels, seed)
    # A power of four changes no digit of a label nor of its root, and squares neither overflow nor vanish.
    exponent = 2 * (int(np.frexp(np.abs(labels).max())[1]) // 2)
    scaled = np.ldexp(labels, -exponent)
    predictions = (fit if len(rows) >= FEWEST_ROWS else _median)(strings, rows, scaled, seed)
    with np.errstate(over="ignore"):
        return np.ldexp(predictions, exponent)


def _median(strings: _Strings, rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    return np.full(len(strings.test), np.median(labels))


def _prior(strings: _Strings, rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    return np.full(len(strings.test), labels.mean())


def _ridge(strings: _Strings, rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.linear_model import Ridge

    counts = strings.ngrams.log1p()
    inner, outer = _inner_split(rows, labels, seed, stratify=False)
    mean = labels.mean()

    def fit(places: np.ndarray, penalty: float) -> Any:
        model = Ridge(alpha=penalty, solver="lsqr", fit_intercept=False, tol=1e-3)
        return model.fit(counts[rows[places]], labels[places] - mean)

    def error(penalty: float) -> float:
        return float(np.abs(fit(inner, penalty).predict(counts[rows[outer]]) + mean - labels[outer]).mean())

    model = fit(np.arange(len(rows)), min(PENALTIES, key=error))
    predictions: np.ndarray = model.predict(counts[len(strings.train) :]) + mean
    return predictions


def _logistic(strings: _Strings, rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    counts = strings.ngrams.log1p()

    def fit(places: np.ndarray, penalty: float) -> Any:
        return LogisticRegression(C=1 / penalty, solver="liblinear").fit(counts[rows[places]], labels[places])

    if min(labels.sum(), (1 - labels).sum()) < 2:  # the one row of a class cannot be in both inner parts
        return _probabilities(fit(np.arange(len(rows)), MIDDLE_PENALTY), counts[len(strings.train) :])
    inner, outer = _inner_split(rows, labels, seed, stratify=True)

    def error(penalty: float) -> float:
        probabilities = fit(inner, penalty).predict_proba(counts[rows[outer]])
        return float(log_loss(labels[outer], probabilities, labels=[0, 1]))

    model = fit(np.arange(len(rows)), min(PENALTIES, key=error))
    return _probabilities(model, counts[len(strings.train) :])


def _boosted_regression(strings: _Strings, rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    from scipy.stats import skew
    from sklearn.ensemble import HistGradientBoostingRegressor

    # Squared loss beats absolute loss here, even by absolute error. Labels that pile up above zero, such as
    # uptakes, are learnt as square roots: a mean of these is near the median, and large ones do not rule.
    rooted = labels.min() >= 0 and skew(labels) > LARGEST_SKEWNESS
    features, test = strings.dense_parts(rows)
    model = HistGradientBoostingRegressor(**_boosting(len(rows), seed))
    with _few_threads(len(rows)):
        fitted = model.fit(features, np.sqrt(labels) if rooted else labels)
        predictions: np.ndarray = fitted.predict(test)
    return np.clip(predictions, 0, None) ** 2 if rooted else predictions


def _boosted_classes(strings: _Strings, rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # Early stopping holds out rows of both classes, and cannot where one of them has a single row.
    settings = _boosting(len(rows), seed) | {"early_stopping": min(labels.sum(), (1 - labels).sum()) >= 10}
    features, test = strings.dense_parts(rows)
    with _few_threads(len(rows)):
        return _probabilities(HistGradientBoostingClassifier(**settings).fit(features, labels), test)


def _few_threads(n_rows: int) -> AbstractContextManager[Any]:
    """Threads for building trees by the work there is: on a busy machine, idle ones spin and hold it up."""
    from threadpoolctl import threadpool_limits

    n_threads = max(1, min(os.cpu_count() or 1, n_rows // ROWS_PER_THREAD))
    limits: AbstractContextManager[Any] = threadpool_limits(n_threads, user_api="openmp")
    return limits


def _boosting(n_rows: int, seed: int) -> dict[str, Any]:
    return {
        "learning_rate": 0.06,
        "max_iter": 600,
        "max_leaf_nodes": 31,
        "min_samples_leaf": 10,
        "l2_regularization": 1.0,
        "max_features": 0.3,
        "tol": 0.0,
        "early_stopping": n_rows >= 50,
        "n_iter_no_change": 20,
        "random_state": seed,
    }


def _forest_regression(strings: _Strings, rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.ensemble import RandomForestRegressor

    model = RandomForestRegressor(max_features=0.1, **_forest(len(rows), strings.n_targets, seed))
    model.fit(strings.fragments[rows], labels)
    predictions: np.ndarray = model.predict(strings.fragments[len(strings.train) :])
    return predictions


def _forest_classes(strings: _Strings, rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.ensemble import RandomForestClassifier

    settings = _forest(len(rows), strings.n_targets, seed) | {"min_samples_leaf": 2}
    model = RandomForestClassifier(max_features="sqrt", **settings)
    return _probabilities(model.fit(strings.fragments[rows], labels), strings.fragments[len(strings.train) :])


def _forest(n_rows: int, n_targets: int, seed: int) -> dict[str, Any]:
    return {
        "n_estimators": max(N_TREES // n_targets, FEWEST_TREES),
        "max_samples": min(n_rows, ROWS_PER_TREE),
        "random_state": seed,
        "n_jobs": -1,
    }


def _probabilities(model: Any, features: Any) -> np.ndarray:
    second: np.ndarray = model.predict_proba(features)[:, list(model.classes_).index(1.0)]
    return second


def _inner_split(
    rows: np.ndarray, labels: np.ndarray, seed: int, *, stratify: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Nine tenths to fit and one to choose the penalty."""
    from sklearn.model_selection import train_test_split

    share = max(0.1, 2 / len(rows))
    inner, outer = train_test_split(
        np.arange(len(rows)), test_size=share, random_state=seed, stratify=labels if stratify else None
    )
    return inner, outer
