"""Prediction intervals from residuals of rows that were not learnt from, and calibrated probabilities.

Regression: cross-conformal prediction, normalised by difficulty. Each member of a head leaves some rows out
of its training, and predicts them out of fold. Absolute residuals, divided by a modelled difficulty, are the
conformity scores, and their quantile times the difficulty of a new row is half the width of its interval. A
prediction is the mean of all members, which errs less than one of them; the widths are corrected by the ratio
of the two, found from rows that two members left out.

Classification: inductive Venn-Abers prediction on out-of-fold log-odds, of several classes each against the
others; and conformal sets of these.

Axes: N rows, T targets, M members, F features of difficulty, Q stored quantiles.

Source: Vovk 2015, Annals of Mathematics and Artificial Intelligence 74, 9 (cross-conformal); Papadopoulos et
al. 2011, Journal of Artificial Intelligence Research 40, 815 (normalised by neighbours); Vovk and Petej 2014,
arXiv:1211.0025 (Venn-Abers).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from catenane.models.logistic import logistic_curve

__all__ = [
    "ClassCalibration",
    "IntervalCalibration",
    "SetCalibration",
    "fit_classes",
    "fit_intervals",
    "fit_sets",
    "learning_mask",
    "out_of_fold",
]

Array = NDArray[np.float64]

FEWEST_ROWS = 20
"""Calibration rows below which there are no intervals."""
QUANTILES = 2000
"""Conformity scores that are stored at most, evenly spaced in rank."""
RIDGE = 0.05
"""Of the difficulty's coefficients, on standardised features."""
KNOTS = (-1.0, 0.0, 1.0, 2.0)
"""Where difficulty may change its slope over the prediction, in deviations of the labels."""
FOLDS = 5
TWICE = 0.15
"""Share of the rows that a second member leaves out, so that it is seen how members differ on new rows."""
TRIM = 0.98
"""Quantile above which squares are left out of the correction for the mean of members."""
LEAST_SLOPE = 1e-3
"""Of a probability's log-odds over the model's, so that more never means less."""
GRID = 512
"""Log-odds at which Venn-Abers probabilities are stored."""


def learning_mask(n_rows: int, n_members: int, seed: int, groups: NDArray | None = None) -> NDArray[np.bool_]:
    """Which member learns from which row, (M, N): one leaves out each row, and a second one some of them.

    A single member learns from all rows. Rows of one group (N,) are left out together, but row by row in a
    group that is too large for its fold.
    """
    learns_MN = np.ones((n_members, n_rows), dtype=bool)
    if n_members == 1:
        return learns_MN
    rng = np.random.default_rng([seed, 7])
    group_N, n_groups = np.arange(n_rows), n_rows
    if groups is not None:
        _, found_N, size_G = np.unique(groups, return_inverse=True, return_counts=True)
        small_N = size_G[found_N] <= n_rows / (2 * n_members)
        _, group_N = np.unique(np.where(small_N, found_N + n_rows, group_N), return_inverse=True)
        n_groups = int(group_N.max(initial=-1)) + 1
    fold_N = (rng.permutation(n_groups) % n_members)[group_N]
    learns_MN[fold_N, np.arange(n_rows)] = False
    if n_members > 2:
        twice = np.flatnonzero((rng.random(n_groups) < TWICE)[group_N])
        learns_MN[(fold_N[twice] + 1) % n_members, twice] = False
    return learns_MN


def out_of_fold(score_MNT: Array, learns_MN: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Predictions of rows by members that did not learn from them.

    Returns:
        The score by one such member, NaN where there is none; and the unbiased variance between all of them,
        NaN where there are fewer than two. Both of shape (N, T).
    """
    left_MN1 = ~learns_MN[:, :, None]
    n_N1 = left_MN1.sum(axis=0)
    first_N = np.argmax(~learns_MN, axis=0)
    score_NT = np.where(n_N1 > 0, score_MNT[first_N, np.arange(len(first_N))], np.nan)
    mean_NT = np.where(left_MN1, score_MNT, 0.0).sum(axis=0) / np.maximum(n_N1, 1)
    square_NT = np.where(left_MN1, (score_MNT - mean_NT) ** 2, 0.0).sum(axis=0)
    return score_NT, np.where(n_N1 > 1, square_NT / np.maximum(n_N1 - 1, 1), np.nan)


def difficulty_features(
    distance_N: Array, neighbour_NT: Array, score_NT: Array, deviation_NT: Array
) -> Array:
    """What difficulty is estimated from, (N, T, F): see `Reference.neighbours` and `Head.with_deviation`."""
    score_NT = np.clip(score_NT, -3.0, 4.0)
    distance_NT = np.broadcast_to(np.log(distance_N + 1e-3)[:, None], score_NT.shape)
    neighbour_NT = np.nan_to_num(np.log(neighbour_NT + 1e-3), nan=0.0)
    hinges = [np.maximum(score_NT - knot, 0.0) for knot in KNOTS]
    deviation_NT = np.nan_to_num(np.log(deviation_NT), nan=0.0)
    return np.stack([distance_NT, neighbour_NT, score_NT, *hinges, deviation_NT], axis=2)


@dataclass(frozen=True)
class IntervalCalibration:
    """Difficulty and conformity scores of T targets."""

    weights_TF: Array
    """Of the features, for the logarithm of the difficulty."""
    offset_T: Array
    bounds_T2: Array
    """Least and largest logarithm of a difficulty."""
    quantiles_TQ: Array
    """Conformity scores, ascending; NaN where a target has too few calibration rows."""
    n_T: Array
    """Calibration rows."""
    factor_T: Array
    """Error of the mean of all members over that of one."""

    def half_width(self, features_NTF: Array, coverage: float) -> Array:
        """Half the width of the intervals on the scale of the scores, (N, T); NaN where there are none."""
        features_NTF = features_NTF[..., : self.weights_TF.shape[1]]  # once there was no deviation
        sigma_NT = _difficulty(features_NTF, self.weights_TF, self.offset_T, self.bounds_T2)
        quantile_T = np.full(len(self.n_T), np.nan)
        for t, stored_Q in enumerate(self.quantiles_TQ):
            quantile_T[t] = _conformal_quantile(stored_Q, int(self.n_T[t]), coverage) * self.factor_T[t]
        return np.asarray(sigma_NT * quantile_T)


def _conformal_quantile(stored_Q: Array, n: int, coverage: float) -> float:
    """Of n scores, some of which are stored, that of rank ceil((n + 1) coverage); NaN if none."""
    rank = math.ceil((n + 1) * coverage - 1e-9)
    if not FEWEST_ROWS <= n >= rank:
        return math.nan
    return float(np.interp((rank - 1) / (n - 1) * (len(stored_Q) - 1), np.arange(len(stored_Q)), stored_Q))


def _stored(scores_N: Array, n_stored: int) -> Array:
    """So many of the scores, ascending and evenly spaced in rank."""
    ranks = np.linspace(0, len(scores_N) - 1, n_stored)
    return np.interp(ranks, np.arange(len(scores_N)), np.sort(scores_N))


def fit_intervals(
    features_NTF: Array, residual_NT: Array, variance_NT: Array, *, n_members: int, seed: int = 0
) -> IntervalCalibration:
    """Learn difficulty and conformity scores from out-of-fold residuals.

    Args:
        features_NTF: See `difficulty_features`.
        residual_NT: Label minus out-of-fold prediction, in deviations of the labels; NaN where no label.
        variance_NT: Between members that did not learn from a row; NaN where unknown.
        n_members: Members whose mean is the prediction.
        seed: Of the folds by which the difficulty is cross-fitted.
    """
    n_rows, n_targets, n_features = features_NTF.shape
    weights_TF, offset_T = np.zeros((n_targets, n_features)), np.zeros(n_targets)
    bounds_T2, factor_T = np.zeros((n_targets, 2)), np.ones(n_targets)
    n_T = np.zeros(n_targets)
    quantiles_TQ = np.full((n_targets, min(QUANTILES, max(n_rows, 1))), np.nan)
    for t in range(n_targets):
        rows = np.flatnonzero(np.isfinite(residual_NT[:, t]))
        n_T[t] = len(rows)
        if len(rows) < FEWEST_ROWS:
            continue
        features, residual = features_NTF[rows, t], np.abs(residual_NT[rows, t])
        weights_TF[t], offset_T[t], bounds_T2[t] = _fit_difficulty(features, residual)
        fold = np.random.default_rng([seed, 11]).permutation(len(rows)) % FOLDS
        sigma = np.empty(len(rows))
        for number in range(FOLDS):
            part = _fit_difficulty(features[fold != number], residual[fold != number])
            sigma[fold == number] = _difficulty(features[fold == number], *part)
        quantiles_TQ[t] = _stored(residual / sigma, quantiles_TQ.shape[1])
        factor_T[t] = _factor((residual / sigma) ** 2, variance_NT[rows, t] / sigma**2, n_members)
    return IntervalCalibration(weights_TF, offset_T, bounds_T2, quantiles_TQ, n_T, factor_T)


def _factor(square_N: Array, variance_N: Array, n_members: int) -> float:
    """Root mean square error of the mean of M members over that of one member.

    The squared error of the mean is that of a member less the variance between members times 1 - 1 / M.
    """
    variance_K = variance_N[np.isfinite(variance_N)]
    if len(variance_K) < FEWEST_ROWS:
        return 1.0
    total, own = (float(v_N[v_N <= np.quantile(v_N, TRIM)].mean()) for v_N in (square_N, variance_K))
    return math.sqrt(max(1 - own / total * (1 - 1 / n_members), 0.25)) if total > 0 else 1.0


def _fit_difficulty(features_NF: Array, residual_N: Array) -> tuple[Array, float, Array]:
    """Ridge regression of the logarithm of the absolute residual: weights, offset and bounds."""
    log_N = np.log(np.maximum(residual_N, 0.1 * np.median(residual_N) + 1e-6))
    mean_F, std_F = features_NF.mean(axis=0), features_NF.std(axis=0)
    std_F = np.where(std_F > 1e-9, std_F, np.inf)
    scaled_NF = (features_NF - mean_F) / std_F
    gram_FF = scaled_NF.T @ scaled_NF / len(scaled_NF) + (RIDGE + 5 / len(scaled_NF)) * np.eye(len(mean_F))
    weights_F = np.linalg.solve(gram_FF, scaled_NF.T @ (log_N - log_N.mean()) / len(log_N)) / std_F
    offset = float(log_N.mean() - weights_F @ mean_F)
    fitted_N = features_NF @ weights_F + offset
    return weights_F, offset, np.array([np.quantile(fitted_N, 0.01), fitted_N.max() + 1.0])


def _difficulty(features: Array, weights: Array, offset: Array | float, bounds: Array) -> Array:
    """Of rows of one target (N, F), or of all targets (N, T, F) by coefficients of each."""
    log = np.einsum("n...f,...f->n...", features, weights) + offset
    return np.asarray(np.exp(np.clip(log, bounds[..., 0], bounds[..., 1])))


@dataclass(frozen=True)
class ClassCalibration:
    """Calibrated probabilities of T classes over the log-odds of the model."""

    grid_TQ: Array
    """Log-odds, ascending; NaN where a target has too few calibration rows of either class."""
    low_TQ: Array
    """Venn-Abers probability of class 1 where the new row is counted as class 0."""
    high_TQ: Array
    """The same where it is counted as class 1."""
    slope_T: Array
    offset_T: Array
    """Of the logistic curve that the calibrated probability follows between the two."""

    def probability(self, logit_NT: Array) -> tuple[Array, Array, Array]:
        """Calibrated probability, and the lower and upper one, (N, T) each; low and high may be NaN."""
        value_NT = 0.5 * (1 + np.tanh(0.5 * (self.slope_T * logit_NT + self.offset_T)))
        low_NT, high_NT = np.full((2, *logit_NT.shape), np.nan)
        for t, grid_Q in enumerate(self.grid_TQ):
            if np.isfinite(grid_Q).all():
                low_NT[:, t] = np.interp(logit_NT[:, t], grid_Q, self.low_TQ[t])
                high_NT[:, t] = np.interp(logit_NT[:, t], grid_Q, self.high_TQ[t])
        return value_NT, np.minimum(low_NT, value_NT), np.maximum(high_NT, value_NT)


@dataclass(frozen=True)
class SetCalibration:
    """Which of several classes a row may have: those whose share is not too small.

    Source: M. Sadinle, J. Lei, L. Wasserman, J. Am. Stat. Assoc. 2019, 114, 223 (least ambiguous sets).
    """

    quantiles_TQ: Array
    """One minus the share of the true class, of rows that were not learnt from, ascending; NaN where there
    are too few."""
    n_T: Array
    """Calibration rows."""

    def members(self, share_NC: Array, sizes: Sequence[int], coverage: float) -> NDArray[np.bool_]:
        """The set of each row and target, (N, C): the likeliest class at least; empty if not calibrated."""
        inside_NC = np.zeros(share_NC.shape, dtype=bool)
        for t, part in enumerate(_parts(sizes)):
            largest = _conformal_quantile(self.quantiles_TQ[t], int(self.n_T[t]), coverage)
            share_NK = share_NC[:, part]
            likeliest_NK = share_NK >= share_NK.max(axis=1, keepdims=True)
            inside_NC[:, part] = (1 - share_NK <= largest) | (likeliest_NK & math.isfinite(largest))
        return inside_NC


def _parts(sizes: Sequence[int]) -> list[slice]:
    ends = np.cumsum(sizes).tolist()
    return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]


def fit_sets(share_NC: Array, label_NC: Array, sizes: Sequence[int]) -> SetCalibration:
    """Learn from calibrated shares of rows that were not learnt from, and classes: 1 at that of the label."""
    quantiles_TQ, n_T = (
        np.full((len(sizes), min(QUANTILES, max(len(share_NC), 1))), np.nan),
        np.zeros(len(sizes)),
    )
    for t, part in enumerate(_parts(sizes)):
        known_N = np.isfinite(label_NC[:, part] + share_NC[:, part]).all(axis=1)
        n_T[t] = np.count_nonzero(known_N)
        if n_T[t] >= FEWEST_ROWS:
            true_N = (share_NC[known_N, part] * label_NC[known_N, part]).sum(axis=1)
            quantiles_TQ[t] = _stored(1 - true_N, quantiles_TQ.shape[1])
    return SetCalibration(quantiles_TQ, n_T)


def fit_classes(logit_NT: Array, label_NT: Array) -> ClassCalibration:
    """Learn calibrated probabilities from out-of-fold log-odds and classes, NaN where no label."""
    n_targets = logit_NT.shape[1]
    tables = np.full((3, n_targets, GRID), np.nan)
    slope_T, offset_T = np.ones(n_targets), np.zeros(n_targets)
    for t in range(n_targets):
        known = np.isfinite(label_NT[:, t]) & np.isfinite(logit_NT[:, t])
        logit, positive = logit_NT[known, t], label_NT[known, t] > 0.5
        if min(positive.sum(), (~positive).sum()) < FEWEST_ROWS // 2:
            continue
        curve_2 = logistic_curve(torch.from_numpy(logit), torch.from_numpy(positive.astype(np.float64)))
        slope_T[t], offset_T[t] = curve_2.tolist()
        if slope_T[t] < LEAST_SLOPE:  # the scores are of no use: the share of class 1 for every row
            slope_T[t], offset_T[t] = LEAST_SLOPE, math.log((positive.sum() + 1) / ((~positive).sum() + 1))
        tables[:, t] = _venn_abers(logit, positive)
    return ClassCalibration(tables[0], tables[1], tables[2], slope_T, offset_T)


def _venn_abers(logit_N: Array, positive_N: NDArray[np.bool_]) -> Array:
    """Log-odds of a grid and both probabilities there, (3, GRID)."""
    from sklearn.isotonic import isotonic_regression

    edges = np.unique(np.quantile(logit_N, np.linspace(0, 1, GRID)))
    bin_N = np.clip(np.searchsorted(edges, logit_N, side="right") - 1, 0, len(edges) - 1)
    n_K = np.bincount(bin_N, minlength=len(edges)).astype(np.float64)
    ones_K = np.bincount(bin_N, weights=positive_N, minlength=len(edges))
    found = np.empty((2, len(edges)))
    for label in (0, 1):
        for k in range(len(edges)):
            n, ones = n_K.copy(), ones_K.copy()
            n[k], ones[k] = n[k] + 1, ones[k] + label
            used = n > 0
            fitted = isotonic_regression(ones[used] / n[used], sample_weight=n[used])
            found[label, k] = fitted[int(used[:k].sum())]
    grid = np.linspace(0, len(edges) - 1, GRID)
    return np.stack([np.interp(grid, np.arange(len(edges)), row) for row in (edges, *found)])
