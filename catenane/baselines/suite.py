"""The baselines of a split, all fitted and asked at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from catenane.baselines.features import commonest_columns, morgan_counts, ngram_counts, varying_columns
from catenane.config import Task
from catenane.descriptors import compute_descriptors
from catenane.notation import Notation

__all__ = ["fit_predict_baselines"]

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0)
"""Tried for the linear baselines, on a tenth of the training rows."""
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


@dataclass(frozen=True)
class _Strings:
    """Training and test strings, and what is counted on them, each once and only if it is needed."""

    train: Sequence[str]
    test: Sequence[str]
    notation: Notation
    n_targets: int

    @cached_property
    def ngrams(self) -> sparse.csr_matrix:
        return ngram_counts([*self.train, *self.test], self.notation)

    @cached_property
    def dense(self) -> np.ndarray:
        """Descriptors, and the n-grams that vary most on the training strings."""
        columns = commonest_columns(self.ngrams[: len(self.train)], N_DENSE_NGRAMS)
        descriptors = compute_descriptors([*self.train, *self.test], self.notation).values
        return np.hstack([descriptors, self.ngrams[:, columns].toarray()])

    def dense_parts(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What trees read of these training rows and of the test rows: the dense columns that vary."""
        columns = varying_columns(self.dense[rows])
        return self.dense[np.ix_(rows, columns)], self.dense[len(self.train) :, columns]

    @cached_property
    def fragments(self) -> np.ndarray:
        return morgan_counts([*self.train, *self.test])


def fit_predict_baselines(
    train_strings: Sequence[str],
    train_targets: np.ndarray,
    test_strings: Sequence[str],
    *,
    notation: Notation,
    task: Task,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> dict[str, np.ndarray]:
    """Fit every baseline on the training rows and ask it for the test rows.

    Args:
        train_strings: N normalised strings.
        train_targets: Labels of shape (N, T), NaN where missing; 0 and 1 for classes.
        test_strings: M normalised strings.
        notation: What the strings are.
        task: What the labels are.
        seed: Of the inner validation rows and the trees.
        progress: Called with the name of each baseline when its turn comes.

    Returns:
        By name, float64 arrays (M, T) in label units, or probabilities of class 1. `median` (`prior` for
        classes) looks at no string; `ngram-ridge` (`ngram-logistic`) is linear in token n-grams;
        `descriptor-gbm` boosts trees on n-grams and descriptors; `morgan-forest`, for molecules, is a random
        forest on Morgan fragments.
    """
    strings = _Strings(train_strings, test_strings, notation, train_targets.shape[1])
    fits: dict[str, Callable[[_Strings, np.ndarray, np.ndarray, int], np.ndarray]]
    if task == "regression":
        fits = {"median": _median, "ngram-ridge": _ridge, "descriptor-gbm": _boosted_regression}
    else:
        fits = {"prior": _prior, "ngram-logistic": _logistic, "descriptor-gbm": _boosted_classes}
    if notation == "smiles":
        fits["morgan-forest"] = _forest_regression if task == "regression" else _forest_classes
    answers = {}
    for name, fit in fits.items():
        if progress is not None:
            progress(name)
        columns = [_answer(fit, strings, labels, task, seed) for labels in train_targets.T]
        answers[name] = np.stack(columns, axis=1).astype(np.float64)
    return answers


def _answer(fit: Any, strings: _Strings, labels: np.ndarray, task: Task, seed: int) -> np.ndarray:
    """One target: its labelled rows alone are fitted; labels that do not vary need no model."""
    rows = np.flatnonzero(~np.isnan(labels))
    labels = labels[rows]
    if len(rows) == 0 or labels.min() == labels.max():
        return np.full(len(strings.test), labels[0] if len(rows) else np.nan)
    if len(rows) < 10:
        fit = _median if task == "regression" else _prior
    answers: np.ndarray = fit(strings, rows, labels, seed)
    return answers


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
    answers: np.ndarray = model.predict(counts[len(strings.train) :]) + mean
    return answers


def _logistic(strings: _Strings, rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    counts = strings.ngrams.log1p()
    inner, outer = _inner_split(rows, labels, seed, stratify=True)

    def fit(places: np.ndarray, penalty: float) -> Any:
        return LogisticRegression(C=1 / penalty, solver="liblinear").fit(counts[rows[places]], labels[places])

    def error(penalty: float) -> float:
        chances = fit(inner, penalty).predict_proba(counts[rows[outer]])
        return float(log_loss(labels[outer], chances, labels=[0, 1]))

    model = fit(np.arange(len(rows)), min(PENALTIES, key=error))
    return _chances(model, counts[len(strings.train) :])


def _boosted_regression(strings: _Strings, rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    from scipy.stats import skew
    from sklearn.ensemble import HistGradientBoostingRegressor

    # Squared loss beats absolute loss here, even by absolute error. Labels that pile up above zero, such as
    # uptakes, are learnt as square roots: a mean of these is near the median, and large ones do not rule.
    rooted = labels.min() >= 0 and skew(labels) > LARGEST_SKEWNESS
    features, asked = strings.dense_parts(rows)
    model = HistGradientBoostingRegressor(**_boosting(len(rows), seed))
    with _few_threads(len(rows)):
        answers: np.ndarray = model.fit(features, np.sqrt(labels) if rooted else labels).predict(asked)
    return np.clip(answers, 0, None) ** 2 if rooted else answers


def _boosted_classes(strings: _Strings, rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # Early stopping holds out rows of both classes, and cannot where one of them has a single row.
    settings = _boosting(len(rows), seed) | {"early_stopping": min(labels.sum(), (1 - labels).sum()) >= 10}
    features, asked = strings.dense_parts(rows)
    with _few_threads(len(rows)):
        return _chances(HistGradientBoostingClassifier(**settings).fit(features, labels), asked)


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
        "early_stopping": n_rows >= 50,
        "n_iter_no_change": 20,
        "random_state": seed,
    }


def _forest_regression(strings: _Strings, rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.ensemble import RandomForestRegressor

    model = RandomForestRegressor(max_features=0.1, **_forest(len(rows), strings.n_targets, seed))
    answers: np.ndarray = model.fit(strings.fragments[rows], labels).predict(
        strings.fragments[len(strings.train) :]
    )
    return answers


def _forest_classes(strings: _Strings, rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.ensemble import RandomForestClassifier

    settings = _forest(len(rows), strings.n_targets, seed) | {"min_samples_leaf": 2}
    model = RandomForestClassifier(max_features="sqrt", **settings)
    return _chances(model.fit(strings.fragments[rows], labels), strings.fragments[len(strings.train) :])


def _forest(n_rows: int, n_targets: int, seed: int) -> dict[str, Any]:
    return {
        "n_estimators": max(N_TREES // n_targets, FEWEST_TREES),
        "max_samples": min(n_rows, ROWS_PER_TREE),
        "random_state": seed,
        "n_jobs": -1,
    }


def _chances(model: Any, features: Any) -> np.ndarray:
    second: np.ndarray = model.predict_proba(features)[:, list(model.classes_).index(1.0)]
    return second


def _inner_split(
    rows: np.ndarray, labels: np.ndarray, seed: int, *, stratify: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Nine tenths to fit and one to choose the penalty; both classes in both parts, if each has two rows."""
    from sklearn.model_selection import train_test_split

    classes = labels if stratify and min(labels.sum(), (1 - labels).sum()) >= 2 else None
    share = max(0.1, 2 / len(rows))
    inner, outer = train_test_split(
        np.arange(len(rows)), test_size=share, random_state=seed, stratify=classes
    )
    return inner, outer
