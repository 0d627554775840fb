"""Axes: B strings, H heads, L tokens, D features of one head."""

from __future__ import annotations

import math

import pytest
import torch

from catenane.nn import LearnedPositions, RotaryPositions, SinusoidalPositions, rotate


def test_rotation_is_multiplication_by_a_complex_phase():
    x_BHLD = torch.randn(2, 3, 5, 8)
    pairs_BHLP = torch.complex(*x_BHLD.chunk(2, dim=-1))
    rates_P = 10_000.0 ** (-torch.arange(4) / 4)
    phases_LP = torch.polar(torch.ones(5, 4), torch.outer(torch.arange(5.0), rates_P))
    turned_BHLP = pairs_BHLP * phases_LP
    expected_BHLD = torch.cat([turned_BHLP.real, turned_BHLP.imag], dim=-1)
    torch.testing.assert_close(rotate(x_BHLD, RotaryPositions(8, 5)(torch.arange(5))), expected_BHLD)


def test_scores_of_rotated_vectors_depend_on_their_distance_alone():
    length, width = 40, 16
    rotation = RotaryPositions(width, length)(torch.arange(length))
    query_D, key_D = torch.randn(2, width).double()
    queries_LD, keys_LD = (
        rotate(x_D.expand(1, 1, length, width), rotation)[0, 0] for x_D in (query_D, key_D)
    )
    scores_LL = queries_LD @ keys_LD.T
    for distance in range(-length + 1, length):
        same = scores_LL.diagonal(distance)
        torch.testing.assert_close(same, same[:1].expand_as(same), atol=1e-5, rtol=1e-5)
    assert scores_LL[0].std() > 0.1


def test_rotation_keeps_lengths_and_the_first_token():
    x_BHLD = torch.randn(2, 3, 7, 6)
    turned_BHLD = rotate(x_BHLD, RotaryPositions(6, 9)(torch.arange(7)))
    torch.testing.assert_close(turned_BHLD.norm(dim=-1), x_BHLD.norm(dim=-1))
    torch.testing.assert_close(turned_BHLD[:, :, 0], x_BHLD[:, :, 0])


def test_rotation_keeps_the_dtype_of_its_input():
    rotation = RotaryPositions(4, 8)(torch.arange(8))
    for dtype in (torch.bfloat16, torch.float32, torch.float64):
        assert rotate(torch.ones(1, 1, 8, 4, dtype=dtype), rotation).dtype == dtype


def test_sinusoidal_table_is_that_of_the_paper():
    table_LD = SinusoidalPositions(6, 50)(torch.arange(50))
    for place, feature in ((0, 0), (7, 2), (7, 3), (49, 5)):
        angle = place / 10_000 ** (2 * (feature // 2) / 6)
        expected = math.cos(angle) if feature % 2 else math.sin(angle)
        assert table_LD[place, feature].item() == pytest.approx(expected, abs=1e-6)


def test_fixed_tables_are_not_saved_and_learned_ones_are():
    assert not RotaryPositions(4, 8).state_dict()
    assert not SinusoidalPositions(4, 8).state_dict()
    assert set(LearnedPositions(4, 8).state_dict()) == {"table_LD"}


@pytest.mark.parametrize("kind", [SinusoidalPositions, LearnedPositions])
def test_positions_are_looked_up_by_index_for_each_string(kind):
    positions = kind(4, 8)
    table_ND = torch.randn(8, 4)
    for tensor in positions.state_dict(keep_vars=True).values():
        tensor.data = table_ND
    if kind is SinusoidalPositions:
        positions.table_ND = table_ND
    index_BL = torch.tensor([[5, 6, 7], [0, 3, 3]])
    assert torch.equal(positions(index_BL), torch.stack([table_ND[5:8], table_ND[[0, 3, 3]]]))


def test_rotations_are_looked_up_by_index_for_each_string():
    x_BHLD, positions = torch.randn(2, 3, 4, 6), RotaryPositions(6, 20)
    index_BL = torch.tensor([[9, 10, 11, 12], [0, 5, 2, 19]])
    turned_BHLD = rotate(x_BHLD, positions(index_BL))
    for row in range(2):
        torch.testing.assert_close(turned_BHLD[row], rotate(x_BHLD[row], positions(index_BL[row])))
    with pytest.raises(IndexError):
        positions(torch.tensor([20]))
