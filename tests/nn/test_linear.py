"""Axes: D features of one head, M features after the map."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from catenane.nn import RandomFeatures
from catenane.nn.linear import orthogonal_directions


def half_arc_cosine_kernel(x_D: Tensor, y_D: Tensor) -> float:
    cosine = (x_D @ y_D / (x_D.norm() * y_D.norm())).clamp(-1, 1)
    angle = cosine.arccos()
    return float(x_D.norm() * y_D.norm() * (angle.sin() + (math.pi - angle) * cosine) / (2 * math.pi))


def test_products_of_features_are_the_kernel_on_average():
    generator = torch.Generator().manual_seed(0)
    features = RandomFeatures(8, 40_000, seed=3)
    for _ in range(5):
        x_D, y_D = torch.randn(2, 8, generator=generator)
        estimate = float(features(x_D) @ features(y_D))
        assert estimate == pytest.approx(half_arc_cosine_kernel(x_D, y_D), rel=0.03, abs=0.02)


def test_orthogonal_directions_estimate_better_than_independent_ones():
    generator = torch.Generator().manual_seed(0)
    x_D, y_D = torch.randn(2, 16, generator=generator)
    exact = half_arc_cosine_kernel(x_D, y_D)

    def mean_square_error(orthogonal: bool) -> float:
        errors = []
        for _ in range(400):
            directions_DM = (
                orthogonal_directions(16, 16, generator)
                if orthogonal
                else torch.randn(16, 16, generator=generator)
            )
            errors.append(float((x_D @ directions_DM).relu() @ (y_D @ directions_DM).relu()) / 16 - exact)
        return sum(error**2 for error in errors) / len(errors)

    assert mean_square_error(orthogonal=True) < mean_square_error(orthogonal=False)


def test_directions_are_orthogonal_within_a_group_and_normal_one_by_one():
    directions_DM = orthogonal_directions(8, 20, torch.Generator().manual_seed(0))
    assert directions_DM.shape == (8, 20)
    for start in (0, 8, 16):
        group_DM = torch.nn.functional.normalize(directions_DM[:, start : start + 8], dim=0)
        torch.testing.assert_close(group_DM.T @ group_DM, torch.eye(group_DM.shape[1]), atol=1e-6, rtol=0)
    many_DM = orthogonal_directions(8, 80_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(many_DM.mean(dim=1), torch.zeros(8), atol=0.02, rtol=0)
    torch.testing.assert_close(many_DM @ many_DM.T / 80_000, torch.eye(8), atol=0.03, rtol=0)


def test_features_are_positive():
    assert (RandomFeatures(4, 6, seed=0)(torch.randn(1000, 4)) > 0).all()
    assert (RandomFeatures(4, 6, seed=0)(torch.zeros(4)) > 0).all()
    assert not RandomFeatures(4, 6, seed=0, floor=0.0)(torch.zeros(4)).any()


def test_directions_come_from_the_seed_and_stay_when_used():
    features = RandomFeatures(4, 6, seed=5)
    before_DM = features.directions_DM.clone()
    torch.manual_seed(0)
    features.train()(torch.randn(3, 4))
    features.eval()(torch.randn(3, 4))
    assert torch.equal(features.directions_DM, before_DM)
    assert torch.equal(RandomFeatures(4, 6, seed=5).directions_DM, before_DM)
    assert not torch.equal(RandomFeatures(4, 6, seed=6).directions_DM, before_DM)


def test_directions_are_saved_and_redrawn_when_asked():
    features, other = RandomFeatures(4, 6, seed=0), RandomFeatures(4, 6, seed=1)
    before_DM = features.directions_DM.clone()
    features.redraw(torch.Generator().manual_seed(9))
    assert not torch.equal(features.directions_DM, before_DM)
    other.load_state_dict(features.state_dict())
    assert torch.equal(other.directions_DM, features.directions_DM)
