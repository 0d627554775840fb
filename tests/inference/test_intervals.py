"""Coverage by simulation, with fixed seeds. Axes: N rows, T targets, M members, F features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from catenane.inference.calibration import fit_reference
from catenane.inference.intervals import (
    FEWEST_ROWS,
    difficulty_features,
    fit_classes,
    fit_intervals,
    learning_mask,
    out_of_fold,
)

LEVELS = (0.5, 0.8, 0.9, 0.95)


@pytest.mark.parametrize("n_members", [2, 4, 8])
def test_a_member_leaves_out_each_row_and_a_second_one_some_rows(n_members):
    learns_MN = learning_mask(1000, n_members, seed=0)
    left_N = n_members - learns_MN.sum(axis=0)
    assert set(left_N) == ({1} if n_members == 2 else {1, 2})
    assert left_N.mean() == pytest.approx(1.0 if n_members == 2 else 1.15, abs=0.03)
    assert np.ptp(learns_MN.sum(axis=1)) <= 60
    assert np.array_equal(learns_MN, learning_mask(1000, n_members, seed=0))


def test_a_single_member_learns_from_all_rows():
    assert learning_mask(10, 1, seed=0).all()


def test_rows_of_one_group_are_left_out_together():
    groups_N = np.random.default_rng(0).integers(30, size=300)
    learns_MN = learning_mask(300, 6, seed=1, groups=groups_N)
    for group in range(30):
        assert len(np.unique(learns_MN[:, groups_N == group], axis=1).T) == 1


def test_a_group_that_is_too_large_for_a_fold_is_left_out_row_by_row():
    groups_N = np.where(np.arange(300) < 200, "pcu", np.arange(300).astype(str))
    learns_MN = learning_mask(300, 4, seed=0, groups=groups_N)
    assert (learns_MN.sum(axis=1) > 180).all()


def test_out_of_fold_scores_come_from_members_that_left_a_row_out():
    score_MNT = np.array([1.0, 2.0, 4.0, 8.0])[:, None, None] * np.ones((4, 3, 1))
    learns_MN = np.array([[0, 1, 1], [0, 0, 1], [1, 0, 1], [1, 1, 1]], dtype=bool)
    score_NT, variance_NT = out_of_fold(score_MNT, learns_MN)
    np.testing.assert_array_equal(score_NT[:, 0], [1.0, 2.0, np.nan])
    np.testing.assert_array_equal(variance_NT[:, 0], [0.5, 2.0, np.nan])


def sample(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of two kinds, the second spread out and three times as noisy: embedding, kind, noise."""
    hard_N = rng.random(n) < 0.3
    pooled_ND = rng.normal(size=(n, 6)) * np.where(hard_N, 3.0, 1.0)[:, None]
    return pooled_ND, hard_N, np.where(hard_N, 0.9, 0.3)


def simulate(seed: int, *, n: int = 600, n_members: int = 8, own: float = 0.5, hard: bool = False) -> dict:
    """Whether intervals hold the labels of 2,000 new rows, by level; members have errors of their own."""
    rng = np.random.default_rng(seed)
    (train_ND, _, scale_N), (new_ND, hard_K, scale_K) = sample(rng, n), sample(rng, 2000)
    own_MN1 = own * rng.normal(size=(n_members, n, 1))
    learns_MN = learning_mask(n, n_members, seed)
    score_NT, variance_NT = out_of_fold((rng.normal(size=(n, 1)) + own_MN1) * scale_N[:, None], learns_MN)
    reference, own_N = fit_reference(train_ND, np.abs(score_NT), seed)
    calibration = fit_intervals(
        difficulty_features(*reference.neighbours(train_ND, own_N), np.zeros((n, 1)), np.ones((n, 1))),
        -score_NT, variance_NT, n_members=n_members, seed=seed,
    )  # fmt: skip
    own_K = own * rng.normal(size=(n_members, 2000)).mean(axis=0)
    error_K = np.abs(rng.normal(size=2000) + own_K) * scale_K
    features = difficulty_features(*reference.neighbours(new_ND), np.zeros((2000, 1)), np.ones((2000, 1)))
    widths = {level: calibration.half_width(features, level)[:, 0] for level in LEVELS}
    if hard:
        return {level: widths[level][hard_K].mean() / widths[level][~hard_K].mean() for level in LEVELS}
    return {level: error_K <= width_K for level, width_K in widths.items()}


@pytest.mark.parametrize("n_members", [3, 8])
def test_intervals_hold_the_share_that_was_asked_for(n_members):
    held = [simulate(seed, n_members=n_members) for seed in range(12)]
    for level in LEVELS:
        assert np.mean([run[level].mean() for run in held]) == pytest.approx(level, abs=0.02)


def test_hard_rows_get_wide_intervals():
    assert all(ratio > 1.5 for seed in range(3) for ratio in simulate(seed, hard=True).values())


def test_disagreeing_members_do_not_make_intervals_too_wide():
    """Their mean errs less than the one that left a row out, by a factor that the calibration finds."""
    held = [simulate(seed, own=1.2) for seed in range(12)]
    assert np.mean([run[0.9].mean() for run in held]) == pytest.approx(0.9, abs=0.02)


def test_the_order_of_calibration_rows_changes_no_quantile():
    rng = np.random.default_rng(0)
    features, residual = rng.normal(size=(300, 1, 3)), rng.normal(size=(300, 1))
    order = rng.permutation(300)
    found = [
        fit_intervals(features[rows], residual[rows], np.full((300, 1), np.nan), n_members=1)
        for rows in (np.arange(300), order)
    ]
    np.testing.assert_allclose(found[0].weights_TF, found[1].weights_TF)
    widths = [calibration.half_width(features, 0.9) for calibration in found]
    np.testing.assert_allclose(widths[0], widths[1], rtol=0.05)


def test_too_few_rows_or_too_high_a_coverage_give_no_interval():
    rng = np.random.default_rng(0)
    features, residual = rng.normal(size=(100, 2, 3)), rng.normal(size=(100, 2))
    residual[FEWEST_ROWS - 1 :, 1] = np.nan
    found = fit_intervals(features, residual, np.full((100, 2), np.nan), n_members=1)
    assert np.isfinite(found.half_width(features, 0.9)).all(axis=0).tolist() == [True, False]
    assert np.isnan(found.half_width(features, 0.999)).all()
    assert (found.half_width(features, 0.95)[:, 0] > found.half_width(features, 0.5)[:, 0]).all()


def test_constant_residuals_and_features_are_no_trouble():
    found = fit_intervals(
        np.ones((50, 1, 3)), np.zeros((50, 1)), np.zeros((50, 1)), n_members=8
    )  # fmt: skip
    assert (found.half_width(np.ones((5, 1, 3)), 0.9) == 0).all()


def test_probabilities_are_calibrated_and_bounded():
    """Log-odds that are three times too sure: probabilities meet the frequencies, in order."""
    rng = np.random.default_rng(0)
    truth_N = rng.normal(size=(6000, 1))
    label_N = (rng.random((6000, 1)) < 1 / (1 + np.exp(-truth_N))).astype(float)
    calibration = fit_classes(3 * truth_N[:2000], label_N[:2000])
    value_N, low_N, high_N = (found[:, 0] for found in calibration.probability(3 * truth_N[2000:]))
    assert ((low_N <= value_N) & (value_N <= high_N)).all()
    assert ((low_N >= 0) & (high_N <= 1)).all()
    assert (np.diff(value_N[np.argsort(truth_N[2000:, 0])]) >= 0).all(), "the ranking stays"
    for lower in np.arange(0.1, 0.9, 0.1):
        chosen = (value_N >= lower) & (value_N < lower + 0.1)
        assert label_N[2000:, 0][chosen].mean() == pytest.approx(value_N[chosen].mean(), abs=0.06)
    assert (high_N - low_N).mean() < 0.05


def test_classes_that_are_rare_are_not_bounded():
    label_NT = np.zeros((100, 1))
    label_NT[:3] = 1.0
    value, low, high = fit_classes(np.linspace(-1, 1, 100)[:, None], label_NT).probability(np.zeros((2, 1)))
    np.testing.assert_array_equal(value, 0.5)
    assert np.isnan([low, high]).all()


def test_scores_that_rank_the_wrong_way_give_the_share_of_the_class():
    logit_N1 = np.linspace(-2, 2, 200)[:, None]
    value_N1, _, _ = fit_classes(logit_N1, (logit_N1 < -1).astype(float)).probability(logit_N1)
    np.testing.assert_allclose(value_N1, 0.25, atol=0.01)
    assert (np.diff(value_N1[:, 0]) > 0).all()


def test_rows_that_the_head_deviates_more_on_have_wider_intervals():
    """Beyond the calibration rows too, where errors grow with the deviation; others do not look at it."""
    rng = np.random.default_rng(0)

    def draw(n: int, largest: float) -> tuple[np.ndarray, np.ndarray]:
        deviation = rng.uniform(0.2, largest, size=(n, 1))
        nothing = np.ones(n), np.ones((n, 1)), np.zeros((n, 1))
        return difficulty_features(*nothing, deviation), deviation * rng.normal(size=(n, 1))

    (known, residual), (new, error) = draw(1000, 0.6), draw(4000, 1.2)
    found = fit_intervals(known, residual, np.full((1000, 1), np.nan), n_members=1)
    width = found.half_width(new, 0.9)
    assert float((np.abs(error) <= width).mean()) == pytest.approx(0.9, abs=0.03)
    before = replace(found, weights_TF=found.weights_TF[:, :-1])
    assert np.ptp(before.half_width(new, 0.9)) < 1e-9 < np.ptp(width)
    without = difficulty_features(np.ones(3), np.ones((3, 1)), np.zeros((3, 1)), np.full((3, 1), np.nan))
    assert np.isfinite(without).all()
