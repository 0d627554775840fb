"""Axes: B strings, L tokens, S tokens of another stream, D features of the stream."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from catenane.nn import Attention, AttentionCache, AttentionMask, FullAttention, LinearAttention


def keep_up_to(lengths: list[int], length: int) -> Tensor:
    return torch.arange(length) < torch.tensor(lengths)[:, None]


def pair() -> tuple[Attention, nn.MultiheadAttention]:
    ours = Attention(12, 3, FullAttention(0.0))
    reference = nn.MultiheadAttention(12, 3, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(ours.input.weight)
        reference.in_proj_bias.copy_(ours.input.bias.normal_())
        reference.out_proj.weight.copy_(ours.output.weight)
        reference.out_proj.bias.copy_(ours.output.bias.normal_())
    return ours, reference


def test_self_attention_and_its_weights_are_those_of_pytorch():
    ours, reference = pair()
    x_BLD, keep_BL = torch.randn(2, 6, 12), keep_up_to([6, 4], 6)
    expected_BLD, expected_BHLL = reference(
        x_BLD, x_BLD, x_BLD, key_padding_mask=~keep_BL, average_attn_weights=False
    )
    found_BLD, weights_BHLL = ours(x_BLD, mask=AttentionMask(keep_BL), return_weights=True)
    torch.testing.assert_close(found_BLD, expected_BLD)
    torch.testing.assert_close(weights_BHLL, expected_BHLL)


def test_cross_attention_is_that_of_pytorch():
    ours, reference = pair()
    x_BLD, memory_BSD, keep_BS = torch.randn(2, 6, 12), torch.randn(2, 9, 12), keep_up_to([9, 4], 9)
    expected_BLD, expected_BHLS = reference(
        x_BLD, memory_BSD, memory_BSD, key_padding_mask=~keep_BS, average_attn_weights=False
    )
    found_BLD, weights_BHLS = ours(x_BLD, memory_BSD, mask=AttentionMask(keep_BS), return_weights=True)
    torch.testing.assert_close(found_BLD, expected_BLD)
    torch.testing.assert_close(weights_BHLS, expected_BHLS)


@pytest.mark.parametrize(
    "kernel", [FullAttention(0.0), LinearAttention(4, 16, "map-rotated", seed=0)], ids=["full", "linear"]
)
def test_a_memory_is_read_at_the_first_step_alone(kernel):
    attention, cache = Attention(12, 3, kernel), AttentionCache()
    x_BLD, memory_BSD = torch.randn(2, 6, 12), torch.randn(2, 9, 12)
    mask = AttentionMask(keep_up_to([9, 4], 9))
    expected_BLD, _ = attention(x_BLD, memory_BSD, mask=mask)
    first_BLD, _ = attention(x_BLD[:, :1], memory_BSD, mask=mask, cache=cache)
    later = [
        attention(x_BLD[:, [step]], memory_BSD.fill_(torch.nan), mask=mask, cache=cache)[0]
        for step in range(1, 6)
    ]
    torch.testing.assert_close(torch.cat([first_BLD, *later], dim=1), expected_BLD)


def test_attention_weights_are_dropped_in_training_alone():
    attention = Attention(12, 3, FullAttention(0.5))
    x_BLD = torch.randn(2, 6, 12)
    assert not torch.equal(attention(x_BLD)[0], attention(x_BLD)[0])
    attention.eval()
    assert torch.equal(attention(x_BLD)[0], attention(x_BLD)[0])
