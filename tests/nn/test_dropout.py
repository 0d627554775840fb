from __future__ import annotations

import pytest
import torch

from catenane.nn import Dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_share_is_dropped_and_the_mean_stays(share, dtype):
    torch.manual_seed(0)
    x = torch.full((1001, 333), 2.0, dtype=dtype)
    dropped = Dropout(share)(x)
    assert dropped.dtype == dtype
    assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=0.005)
    assert dropped.double().mean().item() == pytest.approx(2.0, rel=0.02)
    assert len(dropped.unique()) == 2


def test_gradients_pass_where_activations_did():
    torch.manual_seed(0)
    x = torch.randn(50, 50, requires_grad=True)
    dropped = Dropout(0.3)(x)
    dropped.sum().backward()
    assert torch.equal(x.grad == 0, dropped == 0)
    torch.testing.assert_close(x.grad * x, dropped)


def test_nothing_is_dropped_in_evaluation_or_by_a_share_of_zero():
    x = torch.randn(50, 50)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_choices_follow_the_seed_and_are_not_repeated():
    dropout, x = Dropout(0.5), torch.ones(100, 100)
    torch.manual_seed(3)
    first, second = dropout(x), dropout(x)
    torch.manual_seed(3)
    assert torch.equal(dropout(x), first)
    assert not torch.equal(first, second)


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    dropped = Dropout(0.5)(torch.ones(1000, 1024)) == 0
    for shift in (1, 2, 4, 8):
        together = (dropped & dropped.roll(shift, dims=1)).float().mean().item()
        assert together == pytest.approx(0.25, abs=0.003)
