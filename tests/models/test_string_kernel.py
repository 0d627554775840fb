"""Similarities are what their formulas say."""

from __future__ import annotations

import pytest
import torch

from catenane.models.string_kernel import SharedFragments, rational_quadratic, squared_distances

COUNTS = torch.tensor([[0, 1, 3, 0], [2, 1, 1, 0], [0, 0, 0, 0], [0, 1, 3, 9]], dtype=torch.uint8)


@pytest.mark.parametrize("highest", [2, 9])
def test_fragments_are_shared_as_the_smaller_counts_over_the_larger(highest):
    random = torch.Generator().manual_seed(0)
    rows, landmarks = torch.randint(0, 5, (2, 60, 4), generator=random, dtype=torch.uint8)
    rows[:, 0], landmarks[:, 1] = 0, 0  # kinds that only the others have
    a, b = rows.clamp(max=highest)[:, None], landmarks.clamp(max=highest)
    expected = torch.minimum(a, b).sum(-1) / torch.maximum(a, b).sum(-1)
    assert torch.equal(SharedFragments(landmarks, highest)(rows), expected.nan_to_num(nan=1.0))


def test_rows_share_everything_with_themselves_and_nothing_where_they_have_nothing():
    similarity = SharedFragments(COUNTS, 9)(COUNTS)
    assert torch.equal(similarity.diagonal(), torch.ones(4))
    assert similarity[0, 1] == 2 / 6
    assert similarity[0, 2] == 0.0
    assert SharedFragments(COUNTS, 9)(COUNTS[:0]).shape == (0, 4)


def test_distances_equal_those_of_torch():
    rows = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(squared_distances(rows, rows[:3]), torch.cdist(rows, rows[:3]) ** 2)


def test_a_rational_quadratic_of_large_shape_is_a_gaussian():
    squared = torch.linspace(0, 4, 9, dtype=torch.float64)
    length, shape = torch.tensor(0.7, dtype=torch.float64), torch.tensor(1e7, dtype=torch.float64)
    torch.testing.assert_close(
        rational_quadratic(squared, length, shape), torch.exp(-squared / (2 * 0.49)), rtol=1e-5, atol=0
    )
