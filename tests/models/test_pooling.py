from __future__ import annotations

import torch

from catenane.models.encoder import pool


def test_mean_is_over_real_tokens_and_cls_is_the_first():
    states_BLD = torch.randn(2, 5, 3)
    keep_BL = torch.tensor([[True] * 5, [True, True, False, False, False]])
    expected_BD = torch.stack([states_BLD[0].mean(dim=0), states_BLD[1, :2].mean(dim=0)])
    torch.testing.assert_close(pool(states_BLD, keep_BL, "mean"), expected_BD)
    assert torch.equal(pool(states_BLD, keep_BL, "cls"), states_BLD[:, 0])


def test_means_are_taken_in_float32():
    states_BLD = torch.randn(2, 400, 3).bfloat16()
    keep_BL = torch.ones(2, 400, dtype=torch.bool)
    with torch.autocast("cpu", torch.bfloat16):
        pooled_BD = pool(states_BLD, keep_BL, "mean")
    assert pooled_BD.dtype == torch.float32
    torch.testing.assert_close(pooled_BD, states_BLD.float().mean(dim=1))
