"""Axes: B strings, H heads, L tokens, D features of one head, M features after the map."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils._python_dispatch import TorchDispatchMode

from catenane.nn import (
    Attention,
    FullAttention,
    LinearAttention,
    RotaryPositions,
    full_attention,
    linear_attention,
    rotate,
)

FeatureOrder = Literal["map-rotated", "rotate-mapped"]


def keep_up_to(lengths: list[int], length: int) -> Tensor:
    return torch.arange(length) < torch.tensor(lengths)[:, None]


def mapped(*shape: int) -> Tensor:
    return torch.rand(shape, dtype=torch.float64) + 0.1


@pytest.mark.parametrize("keep_BL", [None, keep_up_to([7, 4], 7)])
@pytest.mark.parametrize("rotary", [False, True])
def test_linear_attention_is_the_explicit_sum_over_pairs(keep_BL, rotary):
    q_BHLM, k_BHLM, v_BHLD = mapped(2, 3, 7, 6), mapped(2, 3, 7, 6), torch.randn(2, 3, 7, 5).double()
    rotation = RotaryPositions(6, 7).double()(7) if rotary else None
    turned_q, turned_k = (rotate(x, rotation) if rotation else x for x in (q_BHLM, k_BHLM))
    expected_BHLD = torch.zeros_like(v_BHLD)
    for b in range(2):
        for h in range(3):
            for i in range(7):
                attended = [j for j in range(7) if keep_BL is None or keep_BL[b, j]]
                above = sum((turned_q[b, h, i] @ turned_k[b, h, j]) * v_BHLD[b, h, j] for j in attended)
                below = sum(q_BHLM[b, h, i] @ k_BHLM[b, h, j] for j in attended)
                expected_BHLD[b, h, i] = above / below
    torch.testing.assert_close(linear_attention(q_BHLM, k_BHLM, v_BHLD, keep_BL, rotation), expected_BHLD)


def test_linear_attention_mixes_values_by_weights_that_sum_to_one():
    v_BHLD = torch.ones(2, 3, 7, 5, dtype=torch.float64)
    torch.testing.assert_close(linear_attention(mapped(2, 3, 7, 6), mapped(2, 3, 7, 6), v_BHLD), v_BHLD)


def test_linear_attention_never_makes_a_square_of_the_length():
    length = 20_000  # L × L in float32 would be 1.6 GB
    q_BHLM, k_BHLM, v_BHLD = (
        torch.rand(1, 1, length, 8),
        torch.rand(1, 1, length, 8),
        torch.rand(1, 1, length, 4),
    )
    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            result = func(*args, **(kwargs or {}))
            largest = max(largest, result.numel() if isinstance(result, Tensor) else 0)
            return result

    with Watch():
        linear_attention(q_BHLM, k_BHLM, v_BHLD)
    assert largest <= length * 8


@pytest.mark.parametrize("keep_BL", [None, keep_up_to([9, 3], 9)])
def test_full_attention_is_that_of_pytorch(keep_BL):
    q_BHLD, k_BHLD, v_BHLD = torch.randn(3, 2, 4, 9, 8).requires_grad_()
    expected_BHLD = scaled_dot_product_attention(
        q_BHLD, k_BHLD, v_BHLD, attn_mask=None if keep_BL is None else keep_BL[:, None, None, :]
    )
    torch.testing.assert_close(full_attention(q_BHLD, k_BHLD, v_BHLD, keep_BL), expected_BHLD)


def test_full_attention_takes_its_softmax_in_float32():
    q_BHLD, k_BHLD, v_BHLD = torch.randn(3, 2, 4, 9, 8)
    precise_BHLD = full_attention(q_BHLD, k_BHLD, v_BHLD, keep_up_to([9, 3], 9))
    rough_BHLD = full_attention(*(x.bfloat16() for x in (q_BHLD, k_BHLD, v_BHLD)), keep_up_to([9, 3], 9))
    assert rough_BHLD.dtype == torch.bfloat16
    torch.testing.assert_close(rough_BHLD.float(), precise_BHLD, atol=0.03, rtol=0.03)


@pytest.mark.parametrize("feature_order", ["map-rotated", "rotate-mapped"])
def test_linear_attention_sums_in_float32_under_autocast(feature_order: FeatureOrder):
    kernel = LinearAttention(8, 16, feature_order, seed=0)
    rotation = RotaryPositions(8 if feature_order == "map-rotated" else 16, 300)(300)
    q_BHLD, k_BHLD = torch.randn(2, 1, 2, 300, 8).bfloat16()
    v_BHLD = torch.randn(1, 2, 300, 8).bfloat16()
    dtypes = []
    kernel.features.register_forward_hook(lambda _, __, mapped_BHLM: dtypes.append(mapped_BHLM.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        rough_BHLD = kernel(q_BHLD, k_BHLD, v_BHLD, None, rotation)
    precise_BHLD = kernel(q_BHLD.float(), k_BHLD.float(), v_BHLD.float(), None, rotation)
    assert rough_BHLD.dtype == torch.bfloat16
    assert set(dtypes) == {torch.float32}
    torch.testing.assert_close(rough_BHLD.float(), precise_BHLD, atol=1e-3, rtol=8e-3)


def test_the_two_feature_orders_differ_only_where_there_is_a_rotation():
    q_BHLD, k_BHLD, v_BHLD = torch.randn(3, 2, 3, 6, 8)
    molformer, roformer = (LinearAttention(8, 8, order, seed=0) for order in ("map-rotated", "rotate-mapped"))
    rotation = RotaryPositions(8, 6)(6)
    torch.testing.assert_close(
        molformer(q_BHLD, k_BHLD, v_BHLD, None, None), roformer(q_BHLD, k_BHLD, v_BHLD, None, None)
    )
    assert not torch.allclose(
        molformer(q_BHLD, k_BHLD, v_BHLD, None, rotation), roformer(q_BHLD, k_BHLD, v_BHLD, None, rotation)
    )


def test_map_rotated_weights_depend_on_distance_alone_on_average():
    length = 12
    rotation = RotaryPositions(8, length)(length)
    kernel = LinearAttention(8, 60_000, "map-rotated", seed=0)
    query_D, key_D = torch.randn(2, 8, generator=torch.Generator().manual_seed(1))
    q_LM, k_LM = (
        kernel.features(rotate(x_D.expand(1, 1, length, 8), rotation))[0, 0] for x_D in (query_D, key_D)
    )
    weights_LL = q_LM @ k_LM.T
    for distance in range(-length + 1, length):
        same = weights_LL.diagonal(distance)
        torch.testing.assert_close(same, same[:1].expand_as(same), rtol=0.05, atol=0.03)


def test_self_attention_is_that_of_pytorch():
    ours = Attention(12, 3, FullAttention(0.0))
    reference = nn.MultiheadAttention(12, 3, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(ours.input.weight)
        reference.in_proj_bias.copy_(ours.input.bias.normal_())
        reference.out_proj.weight.copy_(ours.output.weight)
        reference.out_proj.bias.copy_(ours.output.bias.normal_())
    x_BLD, keep_BL = torch.randn(2, 6, 12), keep_up_to([6, 4], 6)
    expected_BLD, _ = reference(x_BLD, x_BLD, x_BLD, key_padding_mask=~keep_BL, need_weights=False)
    torch.testing.assert_close(ours(x_BLD, keep_BL), expected_BLD)


def test_attention_weights_are_dropped_in_training_alone():
    attention = Attention(12, 3, FullAttention(0.5))
    x_BLD = torch.randn(2, 6, 12)
    assert not torch.equal(attention(x_BLD), attention(x_BLD))
    attention.eval()
    assert torch.equal(attention(x_BLD), attention(x_BLD))
