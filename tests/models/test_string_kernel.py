"""Similarities are what their formulas say."""

from __future__ import annotations

import torch

from catenane.models.string_kernel import rational_quadratic, squared_distances, tanimoto, unary

COUNTS = torch.tensor([[0, 1, 3, 0], [2, 1, 1, 0], [0, 0, 0, 0], [0, 1, 3, 9]], dtype=torch.uint8)


def test_products_of_unary_codes_are_sums_of_the_smaller_counts():
    code = unary(COUNTS, 9)
    smaller = torch.minimum(COUNTS[:, None], COUNTS).sum(-1).float()
    assert torch.equal(code @ code.T, smaller)


def test_counts_above_the_highest_count_as_the_highest():
    assert torch.equal(unary(COUNTS, 3), unary(COUNTS.clamp(max=3), 3))


def test_tanimoto_is_shared_over_all_and_one_for_equals():
    code, sizes = unary(COUNTS, 9), COUNTS.sum(dim=1).float()
    similarity = tanimoto(code @ code.T, sizes, sizes)
    assert torch.equal(similarity.diagonal(), torch.ones(4))
    assert similarity[0, 1] == 2 / 6
    assert similarity[0, 2] == 0.0


def test_distances_equal_those_of_torch():
    rows = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(squared_distances(rows, rows[:3]), torch.cdist(rows, rows[:3]) ** 2)


def test_a_rational_quadratic_of_large_shape_is_a_gaussian():
    squared = torch.linspace(0, 4, 9, dtype=torch.float64)
    length, shape = torch.tensor(0.7, dtype=torch.float64), torch.tensor(1e7, dtype=torch.float64)
    torch.testing.assert_close(
        rational_quadratic(squared, length, shape), torch.exp(-squared / (2 * 0.49)), rtol=1e-5, atol=0
    )
