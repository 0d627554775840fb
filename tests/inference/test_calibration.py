from __future__ import annotations

import numpy as np

from catenane.inference.calibration import INSIDE, LARGEST_REFERENCE, fit_reference


def test_new_rows_of_the_same_kind_are_inside_and_far_ones_are_not():
    rng = np.random.default_rng(0)
    train_ND = rng.normal(size=(3000, 40)) * rng.gamma(1.0, size=40)
    reference, own_N = fit_reference(train_ND, np.full((3000, 1), np.nan))
    assert len(reference.points_RP) == LARGEST_REFERENCE
    assert (own_N >= 0).sum() == LARGEST_REFERENCE
    distance_N, _ = reference.neighbours(rng.normal(size=(4000, 40)) * train_ND.std(axis=0))
    assert abs((distance_N <= reference.limit).mean() - INSIDE) < 0.02
    far_N, _ = reference.neighbours(20 * train_ND[:50])
    assert (far_N > reference.limit).all()


def test_a_row_is_no_neighbour_of_itself():
    rng = np.random.default_rng(1)
    train_ND = rng.normal(size=(50, 4))
    residual_NT = np.arange(50.0)[:, None]
    reference, own_N = fit_reference(train_ND, residual_NT)
    with_itself, _ = reference.neighbours(train_ND)
    without, near_NT = reference.neighbours(train_ND, own_N)
    assert (without > with_itself).all()
    assert np.isfinite(near_NT).all()


def test_a_dimension_that_never_varies_and_a_single_row_are_no_trouble():
    train_ND = np.c_[np.arange(30.0), np.full(30, 7.0)]
    reference, _ = fit_reference(train_ND, np.full((30, 1), np.nan))
    distance_N, near_NT = reference.neighbours(np.array([[3.0, 1e9], [1e4, 7.0]]))
    assert (distance_N > reference.limit).tolist() == [False, True]
    assert np.isnan(near_NT).all()
    alone, _ = fit_reference(train_ND[:1], np.zeros((1, 1)))
    assert (alone.neighbours(train_ND)[0] <= alone.limit).all()
