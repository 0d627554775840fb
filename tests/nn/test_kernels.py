"""Axes: B strings, H heads, L queries, S keys, D features of one head, M features after the map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.utils._python_dispatch import TorchDispatchMode

from catenane.errors import ConfigError
from catenane.nn import (
    AttentionCache,
    AttentionMask,
    FullAttention,
    LinearAttention,
    RotaryPositions,
    full_attention,
    linear_attention,
    rotate,
)
from catenane.nn.linear import rounds_float32

FeatureOrder = Literal["map-rotated", "rotate-mapped"]
NO_MASK = AttentionMask()
ORDERS: tuple[FeatureOrder, ...] = ("map-rotated", "rotate-mapped")


def keep_up_to(lengths: list[int], length: int) -> Tensor:
    return torch.arange(length) < torch.tensor(lengths)[:, None]


def mapped(*shape: int) -> Tensor:
    return torch.rand(shape, dtype=torch.float64) + 0.1


def rotation_of(width: int, length: int) -> tuple[Tensor, Tensor]:
    return RotaryPositions(width, length)(torch.arange(length))


@pytest.mark.parametrize("keep_BL", [None, keep_up_to([150, 97], 150)])
@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_linear_attention_is_the_explicit_sum_over_pairs(keep_BL, rotary, causal):
    # Longer than two chunks of the causal form.
    q_BHLM, k_BHLM, v_BHLD = mapped(2, 3, 150, 6), mapped(2, 3, 150, 6), torch.randn(2, 3, 150, 5).double()
    rotation = rotation_of(6, 150) if rotary else None
    turned_q, turned_k = (rotate(x, rotation) if rotation else x for x in (q_BHLM, k_BHLM))
    found_BHLD, _ = linear_attention(
        q_BHLM, k_BHLM, v_BHLD, keep_BL, rotation=rotation, key_rotation=rotation, causal=causal
    )
    for b in range(2):
        for i in (0, 1, 63, 64, 96, 149):
            attended = [
                j for j in range(150) if (keep_BL is None or keep_BL[b, j]) and (not causal or j <= i)
            ]
            for h in range(3):
                above = sum((turned_q[b, h, i] @ turned_k[b, h, j]) * v_BHLD[b, h, j] for j in attended)
                below = sum(q_BHLM[b, h, i] @ k_BHLM[b, h, j] for j in attended)
                torch.testing.assert_close(found_BHLD[b, h, i], above / below)


@pytest.mark.parametrize("causal", [False, True])
def test_linear_attention_mixes_values_by_weights_that_sum_to_one(causal):
    v_BHLD = torch.ones(2, 3, 70, 5, dtype=torch.float64)
    mixed_BHLD, _ = linear_attention(mapped(2, 3, 70, 6), mapped(2, 3, 70, 6), v_BHLD, causal=causal)
    torch.testing.assert_close(mixed_BHLD, v_BHLD)


@pytest.mark.parametrize("causal", [False, True])
def test_linear_attention_never_makes_a_square_of_the_length(causal):
    length = 20_000  # L × L in float32 would be 1.6 GB
    q_BHLM, k_BHLM, v_BHLD = (torch.rand(1, 1, length, width) for width in (8, 8, 4))
    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            result = func(*args, **(kwargs or {}))
            largest = max(largest, result.numel() if isinstance(result, Tensor) else 0)
            return result

    with Watch():
        linear_attention(q_BHLM, k_BHLM, v_BHLD, causal=causal)
    assert largest <= length * (64 + 8)


@pytest.mark.parametrize("masked", ["nothing", "padding", "pairs", "causal", "all"])
def test_full_attention_is_that_of_pytorch(masked):
    q_BHLD, k_BHLD, v_BHLD = torch.randn(3, 2, 4, 9, 8)
    pairs_BLL = (torch.rand(2, 9, 9) < 0.5) | torch.eye(9, dtype=torch.bool)
    keep_BL = keep_up_to([9, 3], 9)
    pairs_BLL[:, :, 0] = True  # a query has a key that all parts of the mask allow
    mask = AttentionMask(
        keep_BS=keep_BL if masked in ("padding", "all") else None,
        pairs_BLS=pairs_BLL if masked in ("pairs", "all") else None,
        causal=masked in ("causal", "all"),
    )
    expected_mask = torch.ones(2, 1, 9, 9, dtype=torch.bool)
    if masked in ("padding", "all"):
        expected_mask = expected_mask & keep_BL[:, None, None, :]
    if masked in ("pairs", "all"):
        expected_mask = expected_mask & pairs_BLL[:, None]
    if masked in ("causal", "all"):
        expected_mask = expected_mask.tril()
    expected_BHLD = scaled_dot_product_attention(q_BHLD, k_BHLD, v_BHLD, attn_mask=expected_mask)
    found_BHLD, _ = full_attention(q_BHLD, k_BHLD, v_BHLD, mask.allowed(9, 9, q_BHLD.device))
    torch.testing.assert_close(found_BHLD, expected_BHLD)


def test_full_attention_takes_its_softmax_in_float32():
    q_BHLD, k_BHLD, v_BHLD = torch.randn(3, 2, 4, 9, 8)
    allowed = keep_up_to([9, 3], 9)[:, None, None, :]
    precise_BHLD, _ = full_attention(q_BHLD, k_BHLD, v_BHLD, allowed)
    rough_BHLD, _ = full_attention(*(x.bfloat16() for x in (q_BHLD, k_BHLD, v_BHLD)), allowed)
    assert rough_BHLD.dtype == torch.bfloat16
    torch.testing.assert_close(rough_BHLD.float(), precise_BHLD, atol=0.03, rtol=0.03)


def kernels() -> list[FullAttention | LinearAttention]:
    return [FullAttention(0.0), *(LinearAttention(8, 16, order, seed=0) for order in ORDERS)]


def rotation_for(kernel: FullAttention | LinearAttention, length: int) -> tuple[Tensor, Tensor]:
    mapped = isinstance(kernel, LinearAttention) and kernel.feature_order == "rotate-mapped"
    return rotation_of(16 if mapped else 8, length)


@pytest.mark.parametrize("kernel", kernels(), ids=lambda kernel: getattr(kernel, "feature_order", "full"))
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("rotary", [False, True])
def test_returned_weights_sum_to_one_and_give_the_output(kernel, causal, rotary):
    q_BHLD, k_BHLD, v_BHLD = torch.randn(3, 2, 4, 9, 8)
    rotation = rotation_for(kernel, 9) if rotary else None
    arguments = {
        "mask": AttentionMask(keep_BS=keep_up_to([9, 5], 9), causal=causal),
        "rotation": rotation,
        "key_rotation": rotation,
    }
    mixed_BHLD, none = kernel(q_BHLD, k_BHLD, v_BHLD, **arguments)
    again_BHLD, weights_BHLL = kernel(q_BHLD, k_BHLD, v_BHLD, **arguments, return_weights=True)
    assert none is None
    torch.testing.assert_close(again_BHLD, mixed_BHLD, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(weights_BHLL @ v_BHLD, mixed_BHLD, atol=1e-5, rtol=1e-5)
    assert not weights_BHLL[1, :, :, 5:].any()
    assert not causal or not weights_BHLL.triu(1).any()
    if not rotary or getattr(kernel, "feature_order", "") != "rotate-mapped":
        torch.testing.assert_close(weights_BHLL.sum(dim=-1), torch.ones(2, 4, 9), atol=1e-5, rtol=0)
        assert (weights_BHLL >= 0).all()


@pytest.mark.parametrize("kernel", kernels(), ids=lambda kernel: getattr(kernel, "feature_order", "full"))
def test_a_pair_mask_hides_keys_from_single_queries(kernel):
    q_BHLD, k_BHLD, v_BHLD = torch.randn(3, 1, 2, 6, 8)
    pairs_BLS = torch.ones(1, 6, 6, dtype=torch.bool)
    pairs_BLS[0, 2, 4] = False
    open_BHLD, _ = kernel(q_BHLD, k_BHLD, v_BHLD, mask=NO_MASK)
    hidden_BHLD, _ = kernel(q_BHLD, k_BHLD, v_BHLD, mask=AttentionMask(pairs_BLS=pairs_BLS))
    without_4 = [0, 1, 2, 3, 5]
    short_BHLD, _ = kernel(q_BHLD, k_BHLD[:, :, without_4], v_BHLD[:, :, without_4], mask=NO_MASK)
    others = [0, 1, 3, 4, 5]
    torch.testing.assert_close(hidden_BHLD[:, :, others], open_BHLD[:, :, others])
    torch.testing.assert_close(hidden_BHLD[:, :, 2], short_BHLD[:, :, 2])


@pytest.mark.parametrize("kernel", kernels(), ids=lambda kernel: getattr(kernel, "feature_order", "full"))
@pytest.mark.parametrize("steps", [[1] * 9, [4, 1, 4], [9]])
def test_steps_with_a_cache_are_one_causal_pass(kernel, steps):
    q_BHLD, k_BHLD, v_BHLD = torch.randn(3, 2, 4, 9, 8)
    keep_BL, (cos_LD, sin_LD) = keep_up_to([9, 9], 9), rotation_for(kernel, 9)
    keep_BL[1, 2] = False
    expected_BHLD, _ = kernel(
        q_BHLD,
        k_BHLD,
        v_BHLD,
        mask=AttentionMask(keep_BS=keep_BL, causal=True),
        rotation=(cos_LD, sin_LD),
        key_rotation=(cos_LD, sin_LD),
    )
    cache, parts, start = AttentionCache(), [], 0
    for n_tokens in steps:
        now = slice(start, start + n_tokens)
        part_BHLD, _ = kernel(
            q_BHLD[:, :, now],
            k_BHLD[:, :, now],
            v_BHLD[:, :, now],
            mask=AttentionMask(keep_BS=keep_BL[:, : now.stop], causal=True),
            rotation=(cos_LD[now], sin_LD[now]),
            key_rotation=(cos_LD[now], sin_LD[now]),
            cache=cache,
        )
        parts.append(part_BHLD)
        start = now.stop
    torch.testing.assert_close(torch.cat(parts, dim=2), expected_BHLD, atol=1e-5, rtol=1e-5)
    if isinstance(kernel, LinearAttention):
        assert [tensor.shape for tensor in cache.kept] == [(2, 4, 16, 8), (2, 4, 16)]


@pytest.mark.parametrize("kernel", kernels(), ids=lambda kernel: getattr(kernel, "feature_order", "full"))
def test_a_cache_goes_on_with_the_chosen_strings(kernel):
    q_BHLD, k_BHLD, v_BHLD = torch.randn(3, 3, 4, 5, 8)
    rows_B = torch.tensor([2, 0, 2])
    cache, chosen = AttentionCache(), AttentionCache()
    chosen.select(rows_B)  # nothing to choose from yet
    first, last = slice(0, 4), slice(4, 5)
    kernel(q_BHLD[:, :, first], k_BHLD[:, :, first], v_BHLD[:, :, first], mask=NO_MASK, cache=cache)
    select = [x_BHLD[rows_B] for x_BHLD in (q_BHLD, k_BHLD, v_BHLD)]
    kernel(*(x_BHLD[:, :, first] for x_BHLD in select), mask=NO_MASK, cache=chosen)
    cache.select(rows_B)
    step = [x_BHLD[:, :, last] for x_BHLD in select]
    torch.testing.assert_close(
        kernel(*step, mask=NO_MASK, cache=cache)[0], kernel(*step, mask=NO_MASK, cache=chosen)[0]
    )


def test_linear_attention_with_a_cache_has_no_pairs():
    kernel, x_BHLD = LinearAttention(8, 16, "map-rotated", seed=0), torch.randn(1, 2, 3, 8)
    pairs_BLS = torch.ones(1, 3, 3, dtype=torch.bool)
    for arguments in (
        {"mask": AttentionMask(pairs_BLS=pairs_BLS)},
        {"mask": NO_MASK, "return_weights": True},
    ):
        with pytest.raises(ConfigError, match=r"with a cache there are no pair masks and no weights"):
            kernel(x_BHLD, x_BHLD, x_BHLD, **arguments, cache=AttentionCache())


@pytest.fixture(params=["highest", "high", "medium"])
def matmul_precision(request) -> Iterator[str]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(request.param)
    yield request.param
    torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("feature_order", ORDERS)
@pytest.mark.parametrize("masked", ["nothing", "causal", "pairs"])
def test_no_setting_rounds_the_products_of_linear_attention(matmul_precision, feature_order, masked):
    kernel = LinearAttention(8, 16, feature_order, seed=0)
    q_BHLD, k_BHLD, v_BHLD = torch.randn(3, 1, 2, 300, 8)
    pairs_BLS = torch.ones(1, 300, 300, dtype=torch.bool) if masked == "pairs" else None
    mask = AttentionMask(pairs_BLS=pairs_BLS, causal=masked == "causal")
    multiplied: set[torch.dtype] = set()

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.bmm):
                multiplied.add(args[0].dtype)
            return func(*args, **(kwargs or {}))

    with Watch():
        found_BHLD, _ = kernel(q_BHLD, k_BHLD, v_BHLD, mask=mask)
    assert multiplied == {torch.float32 if matmul_precision == "highest" else torch.float64}
    assert found_BHLD.dtype == torch.float32
    expected_BHLD, _ = kernel(q_BHLD.double(), k_BHLD.double(), v_BHLD.double(), mask=mask)
    torch.testing.assert_close(found_BHLD.double(), expected_BHLD, atol=1e-6, rtol=1e-5)


def test_a_setting_that_rounds_products_is_seen_for_each_device(matmul_precision):
    assert rounds_float32("cpu") == rounds_float32("cuda") == (matmul_precision != "highest")
    assert not rounds_float32("mps")


@pytest.mark.parametrize("feature_order", ORDERS)
def test_linear_attention_sums_in_float32_under_autocast(feature_order: FeatureOrder):
    kernel = LinearAttention(8, 16, feature_order, seed=0)
    rotation = rotation_for(kernel, 300)
    q_BHLD, k_BHLD = torch.randn(2, 1, 2, 300, 8).bfloat16()
    v_BHLD = torch.randn(1, 2, 300, 8).bfloat16()
    arguments = {"mask": NO_MASK, "rotation": rotation, "key_rotation": rotation}
    dtypes = []
    kernel.features.register_forward_hook(lambda _, __, mapped_BHLM: dtypes.append(mapped_BHLM.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        rough_BHLD, _ = kernel(q_BHLD, k_BHLD, v_BHLD, **arguments)
    precise_BHLD, _ = kernel(q_BHLD.float(), k_BHLD.float(), v_BHLD.float(), **arguments)
    assert rough_BHLD.dtype == torch.bfloat16
    assert set(dtypes) == {torch.float32}
    torch.testing.assert_close(rough_BHLD.float(), precise_BHLD, atol=1e-3, rtol=8e-3)


def test_the_two_feature_orders_differ_only_where_there_is_a_rotation():
    q_BHLD, k_BHLD, v_BHLD = torch.randn(3, 2, 3, 6, 8)
    molformer, roformer = (LinearAttention(8, 8, order, seed=0) for order in ORDERS)
    rotation = rotation_of(8, 6)

    def mixed(kernel: LinearAttention, rotation: tuple[Tensor, Tensor] | None) -> Tensor:
        return kernel(q_BHLD, k_BHLD, v_BHLD, mask=NO_MASK, rotation=rotation, key_rotation=rotation)[0]

    torch.testing.assert_close(mixed(molformer, None), mixed(roformer, None))
    assert not torch.allclose(mixed(molformer, rotation), mixed(roformer, rotation))


def test_map_rotated_weights_depend_on_distance_alone_on_average():
    length = 12
    rotation = rotation_of(8, length)
    kernel = LinearAttention(8, 60_000, "map-rotated", seed=0)
    query_D, key_D = torch.randn(2, 8, generator=torch.Generator().manual_seed(1))
    q_LM, k_LM = (
        kernel.features(rotate(x_D.expand(1, 1, length, 8), rotation))[0, 0] for x_D in (query_D, key_D)
    )
    weights_LL = q_LM @ k_LM.T
    for distance in range(-length + 1, length):
        same = weights_LL.diagonal(distance)
        torch.testing.assert_close(same, same[:1].expand_as(same), rtol=0.05, atol=0.03)


def test_rotate_mapped_numerators_depend_on_distance_alone():
    length = 12
    rotation = rotation_of(16, length)
    kernel = LinearAttention(8, 16, "rotate-mapped", seed=0)
    q_BHLD, k_BHLD = (x_D.expand(1, 1, length, 8) for x_D in torch.randn(2, 8))
    values_BHLL = torch.eye(length)[None, None]  # so that the output is the weights
    weights_BHLL, _ = kernel(
        q_BHLD, k_BHLD, values_BHLL, mask=NO_MASK, rotation=rotation, key_rotation=rotation
    )
    for distance in range(-length + 1, length):
        same = weights_BHLL[0, 0].diagonal(distance)
        torch.testing.assert_close(same, same[:1].expand_as(same), rtol=1e-4, atol=1e-6)
    assert weights_BHLL[0, 0, 0].std() > 1e-3


def test_features_are_redrawn_in_training_alone_and_from_the_generator():
    kernel = LinearAttention(8, 16, "map-rotated", seed=0, redraws=True)
    x_BHLD = torch.randn(1, 2, 5, 8)

    def mixed(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return kernel(x_BHLD, x_BHLD, x_BHLD, mask=NO_MASK)[0]

    first, other, again = (mixed(seed) for seed in (1, 2, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    kernel.eval()
    assert torch.equal(mixed(3), first)  # evaluation keeps those that were drawn last
    still = LinearAttention(8, 16, "map-rotated", seed=0)
    before_DM = still.features.directions_DM.clone()
    still(x_BHLD, x_BHLD, x_BHLD, mask=NO_MASK)
    assert torch.equal(still.features.directions_DM, before_DM)
