"""The baselines of a split, each fitted by itself: one that fails does not touch the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from catenane.baselines.features import commonest_columns, ngram_counts, varying_columns
from catenane.baselines.time_limit import within
from catenane.config import Task
from catenane.descriptors import HAS_FRAGMENTS, compute_descriptors, count_fragments
from catenane.notation import NotationName, Record, as_records

__all__ = ["fit_predict_baselines"]

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0)
"""Tried for the linear baselines, on a tenth of the training rows."""
FEWEST_ROWS = 10
"""Labelled rows below which the median, or the share of a class, is all that is predicted."""
N_DENSE_NGRAMS = 256
"""N-grams that gradient boosting reads beside the descriptors."""
ROWS_PER_THREAD = 10_000
"""Training rows that gradient boosting gives a thread of its own."""
N_ROUNDS = 600
"""Trees of gradient boosting at most: it stops where these help rows that it holds out no more."""
N_TREES = 150
"""Trees of the random forests of all targets together."""
FEWEST_TREES = 30
"""Trees of one random forest at least."""
ROWS_PER_TREE = 10_000
"""Training rows that a tree of a random forest draws at most."""
LARGEST_SKEWNESS = 1.0
"""Skewness above which gradient boosting learns the square root of labels that are never negative."""

Fit: TypeAlias = "Callable[[_Strings, np.ndarray, np.ndarray, Task, int], np.ndarray]"
"""From strings, labelled training rows, their labels, task and seed to predictions for the test strings."""


@dataclass(frozen=True)
class _Strings:
    """Training and test strings, and what is counted on them, each once and only if it is needed."""

    train: list[Record]
    test: list[Record]
    notation: NotationName
    n_targets: int
    features_NX: np.ndarray
    """What is given beside all of them, NaN where missing."""
    weights_N: np.ndarray | None = None
    """Of the training strings; None where all count alike."""

    def weighting(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The argument of scikit-learn's estimators for training rows that do not count alike."""
        if self.weights_N is None:
            return {}
        return {"sample_weight": self.weights_N[rows] / self.weights_N[rows].mean()}

    @cached_property
    def ngrams(self) -> sparse.csr_matrix:
        columns = zip(*(record.parts for record in self.train + self.test), strict=True)
        counts = [ngram_counts([part.text for part in column], self.notation) for column in columns]
        return sparse.csr_matrix(sparse.hstack(counts))

    @cached_property
    def dense(self) -> np.ndarray:
        """Descriptors, and the n-grams that vary most on the training strings."""
        columns = commonest_columns(self.ngrams[: len(self.train)], N_DENSE_NGRAMS)
        n_strings, every = len(self.train[0].parts), self.train + self.test
        descriptors = compute_descriptors(every, self.notation, n_strings=n_strings).values
        return np.hstack([descriptors, self.features_NX, self.ngrams[:, columns].toarray()])

    @cached_property
    def fragments(self) -> np.ndarray:
        """Counts of Morgan fragments, and the features."""
        counts = count_fragments(self.train + self.test, n_strings=len(self.train[0].parts))
        return np.hstack([counts, self.scaled]) if self.scaled.size else counts

    @cached_property
    def terms(self) -> Any:
        """What a linear model reads: logarithms of the n-grams' counts, and the features."""
        counts = self.ngrams.log1p()
        return sparse.csr_matrix(sparse.hstack([counts, self.scaled])) if self.scaled.size else counts

    @cached_property
    def scaled(self) -> np.ndarray:
        """Features of mean zero and deviation one on the training strings; a missing one is the mean."""
        train_NX = self.features_NX[: len(self.train)]
        if not train_NX.size:
            return np.empty((len(self.features_NX), 0), np.float32)
        std_X = np.nanstd(train_NX, axis=0)
        scaled_NX = (self.features_NX - np.nanmean(train_NX, axis=0)) / np.where(std_X > 0, std_X, np.inf)
        return np.asarray(np.nan_to_num(scaled_NX), dtype=np.float32)


def fit_predict_baselines(
    train: Sequence[Record] | Sequence[str],
    train_targets: np.ndarray,
    test: Sequence[Record] | Sequence[str],
    *,
    notation: NotationName,
    task: Task,
    features: tuple[np.ndarray, np.ndarray] | None = None,
    weights: np.ndarray | None = None,
    sizes: Sequence[int] | None = None,
    seed: int = 0,
    names: Sequence[str] = (),
    on_failure: Callable[[str, str], object] | None = None,
    time_limit: float | None = None,
) -> dict[str, np.ndarray]:
    """Fit every baseline on the training rows and predict the test rows.

    Args:
        train: N records, or strings in normal form.
        train_targets: Labels of shape (N, T), NaN where missing; 0 and 1 for two classes, from 0 on for more.
        test: M of the same.
        notation: What the strings are.
        task: What the labels are.
        features: Numbers beside the training and the test strings, (N, X) and (M, X), NaN where missing.
        weights: How much each training string counts, (N,), not negative; the median heeds none.
        sizes: Classes of each target, where these are several.
        seed: Of the inner validation rows and the trees.
        names: Which of them; all by default.
        on_failure: Called with the name of a baseline that fails and the reason, and the others go on; the
            error is raised without it.
        time_limit: Seconds after which a baseline counts as failed; by default 5 minutes, and another for
            every 1,000 training rows.

    Returns:
        By name, float64 arrays (M, T) in label units, or probabilities of class 1; of several classes those
        of each, a column after the other. `median` (`prior` for classes) looks at no string; `ngram-ridge`
        (`ngram-logistic`) is linear in token n-grams;
        `descriptor-gbm` boosts trees on n-grams and descriptors; `morgan-forest`, for molecules, is a random
        forest on Morgan fragments.

    Raises:
        TimeoutError: A baseline takes longer than `time_limit`, and `on_failure` is not given.
    """
    given = [np.empty((len(part), 0)) for part in (train, test)] if features is None else features
    strings = _Strings(
        as_records(train, notation), as_records(test, notation), notation, train_targets.shape[1],
        np.concatenate(given), weights,
    )  # fmt: skip
    limit = 300 + 0.06 * len(train) if time_limit is None else time_limit
    predictions = {}
    fits = _fits(notation, task)
    for name, fit in ({name: fits[name] for name in names} or fits).items():
        try:
            predictions[name] = within(
                limit, partial(_predict, fit, strings, train_targets, task, seed, sizes or ())
            )
        except Exception as error:
            if on_failure is None:
                raise
            on_failure(name, " ".join(str(error).split()) or type(error).__name__)
    return predictions


def _fits(notation: NotationName, task: Task) -> dict[str, Fit]:
    """The baselines of a notation and a task by name."""
    constant, linear = ("median", "ngram-ridge") if task == "regression" else ("prior", "ngram-logistic")
    fits: dict[str, Fit] = {constant: _constant, linear: _linear, "descriptor-gbm": _boosted}
    return fits | {"morgan-forest": _forest} if notation in HAS_FRAGMENTS else fits


def _predict(
    fit: Fit, strings: _Strings, targets: np.ndarray, task: Task, seed: int, sizes: Sequence[int]
) -> np.ndarray:
    """Predictions for all targets, (M, T) or (M, C); each is fitted to its labelled rows."""
    if task == "multiclass":
        pairs = zip(targets.T, sizes, strict=True)
        return np.hstack([_predict_classes(fit, strings, labels, size, seed) for labels, size in pairs])
    columns = [_predict_one(fit, strings, labels, task, seed) for labels in targets.T]
    return np.stack(columns, axis=1).astype(np.float64)


def _predict_classes(fit: Fit, strings: _Strings, labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Probabilities of several classes, (M, K): trees learn them together, others each against the rest."""
    rows = _learnt(strings, labels)
    present = np.unique(labels[rows]).astype(np.int64)
    if fit in (_constant, _linear) or len(rows) < FEWEST_ROWS or len(present) < 2:
        rests = [np.where(np.isnan(labels), np.nan, labels == k) for k in range(size)]
        found = [_predict_one(fit, strings, rest, "classification", seed) for rest in rests]
        shares = np.stack(found, axis=1)
    else:
        shares = np.zeros((len(strings.test), size))
        shares[:, present] = fit(strings, rows, labels[rows], "multiclass", seed)
    total = shares.sum(axis=1, keepdims=True)
    return np.where(total > 0, shares / np.where(total > 0, total, 1), 1 / size)


def _learnt(strings: _Strings, labels: np.ndarray) -> np.ndarray:
    """Training rows with a label, and a weight above zero."""
    heeded = True if strings.weights_N is None else strings.weights_N > 0
    return np.flatnonzero(~np.isnan(labels) & heeded)


def _predict_one(fit: Fit, strings: _Strings, labels: np.ndarray, task: Task, seed: int) -> np.ndarray:
    """One target; labels that do not vary need no model."""
    rows = _learnt(strings, labels)
    labels = labels[rows]
    if len(rows) == 0 or labels.min() == labels.max():
        return np.full(len(strings.test), labels[0] if len(rows) else np.nan)
    if len(rows) < FEWEST_ROWS:
        fit = _constant
    if task == "classification":
        return fit(strings, rows, labels, task, seed)
    # A power of four changes no digit of a label nor of its root, and squares neither overflow nor vanish.
    exponent = 2 * (int(np.frexp(np.abs(labels).max())[1]) // 2)
    predictions = fit(strings, rows, np.ldexp(labels, -exponent), task, seed)
    with np.errstate(over="ignore"):
        return np.ldexp(predictions, exponent)


def _constant(strings: _Strings, rows: np.ndarray, labels: np.ndarray, task: Task, seed: int) -> np.ndarray:
    share = np.average(labels, weights=strings.weighting(rows).get("sample_weight"))
    return np.full(len(strings.test), np.median(labels) if task == "regression" else share)


def _linear(strings: _Strings, rows: np.ndarray, labels: np.ndarray, task: Task, seed: int) -> np.ndarray:
    """Ridge or logistic regression, its penalty chosen on a tenth of the rows."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.metrics import log_loss
    from sklearn.model_selection import train_test_split

    counts = strings.terms
    is_class = task == "classification"
    mean = 0.0 if is_class else labels.mean()

    def predict(places: np.ndarray, penalty: float, features: sparse.csr_matrix) -> np.ndarray:
        if is_class:
            model = LogisticRegression(C=1 / penalty, solver="liblinear")
        else:
            model = Ridge(alpha=penalty, solver="lsqr", fit_intercept=False, tol=1e-3)
        model.fit(counts[rows[places]], labels[places] - mean, **strings.weighting(rows[places]))
        return _predictions(model, features, task) + mean

    def error(penalty: float) -> float:
        predictions = predict(inner, penalty, counts[rows[outer]])
        if is_class:
            return float(log_loss(labels[outer], predictions, labels=[0, 1]))
        return float(np.abs(predictions - labels[outer]).mean())

    places = np.arange(len(rows))
    if is_class and _rarest(labels) < 2:  # the one row of a class cannot be in both inner parts
        penalty = PENALTIES[len(PENALTIES) // 2]
    else:
        inner, outer = train_test_split(
            places,
            test_size=max(0.1, 2 / len(rows)),
            random_state=seed,
            stratify=labels if is_class else None,
        )
        penalty = min(PENALTIES, key=error)
    return predict(places, penalty, counts[len(strings.train) :])


def _boosted(strings: _Strings, rows: np.ndarray, labels: np.ndarray, task: Task, seed: int) -> np.ndarray:
    """Gradient boosting on the n-grams and descriptors that vary among these rows."""
    from scipy.stats import skew
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    model = kind(
        learning_rate=0.06, max_iter=N_ROUNDS, max_leaf_nodes=31, min_samples_leaf=10, l2_regularization=1.0,
        max_features=0.3, tol=0.0, n_iter_no_change=20, random_state=seed,
        # It holds out rows, and of classes some of both.
        early_stopping=len(rows) >= 50 if task == "regression" else bool(_rarest(labels) >= 10),
    )  # fmt: skip
    columns = varying_columns(strings.dense[rows])
    # Squared loss beats absolute loss here, even by absolute error. Labels that pile up above zero, such as
    # uptakes, are learnt as square roots: a mean of these is near the median, and large ones do not rule.
    rooted = task == "regression" and labels.min() >= 0 and skew(labels) > LARGEST_SKEWNESS
    # As many threads as there is work for: on a busy machine, idle ones spin and hold it up.
    n_threads = max(1, min(os.cpu_count() or 1, len(rows) // ROWS_PER_THREAD))
    with threadpool_limits(n_threads, user_api="openmp"):
        model.fit(
            strings.dense[np.ix_(rows, columns)],
            np.sqrt(labels) if rooted else labels,
            **strings.weighting(rows),
        )
        predictions = _predictions(model, strings.dense[len(strings.train) :, columns], task)
    return np.clip(predictions, 0, None) ** 2 if rooted else predictions


def _forest(strings: _Strings, rows: np.ndarray, labels: np.ndarray, task: Task, seed: int) -> np.ndarray:
    """A random forest on Morgan fragments; all targets together share its trees."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    settings: dict[str, Any] = {
        "n_estimators": max(N_TREES // strings.n_targets, FEWEST_TREES),
        "max_samples": min(len(rows), ROWS_PER_TREE),
        "random_state": seed,
        "n_jobs": -1,
    }
    if task == "regression":
        model = RandomForestRegressor(max_features=0.1, **settings)
    else:
        model = RandomForestClassifier(max_features="sqrt", min_samples_leaf=2, **settings)
    model.fit(strings.fragments[rows], labels, **strings.weighting(rows))
    return _predictions(model, strings.fragments[len(strings.train) :], task)


def _predictions(model: Any, features: Any, task: Task) -> np.ndarray:
    """Values, or probabilities of class 1, or of all classes that there are."""
    if task == "regression":
        return np.asarray(model.predict(features))
    if task == "multiclass":
        return np.asarray(model.predict_proba(features))
    return np.asarray(model.predict_proba(features)[:, list(model.classes_).index(1.0)])


def _rarest(labels: np.ndarray) -> int:
    """Rows of the class that has fewest."""
    return int(np.unique(labels, return_counts=True)[1].min())
