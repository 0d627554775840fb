"""Axes: B strings, L tokens, D width of the stream."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from catenane.config import EncoderConfig, load_recipe, recipe_names
from catenane.errors import ConfigError
from catenane.models.encoder import TransformerEncoder
from catenane.nn import RandomFeatures

TINY = EncoderConfig(
    vocabulary_size=30, d_model=24, n_layers=2, n_heads=3, d_hidden=32, n_features=16, max_length=32
)
KERNELS = {
    "full": TINY,
    "map-rotated": replace(TINY, attention="linear", feature_order="map-rotated"),
    "rotate-mapped": replace(TINY, attention="linear", feature_order="rotate-mapped"),
}
EVERY_KIND = [
    replace(config, positions=positions, norm_order=norm_order, activation=activation)
    for config, positions, norm_order, activation in itertools.product(
        KERNELS.values(),
        ("sinusoidal", "learned", "rotary", "none"),
        ("pre", "post"),
        ("relu", "gelu", "geglu"),
    )
]


def batch(*lengths: int, padded_to: int | None = None) -> tuple[Tensor, Tensor]:
    """Random strings of these lengths; the same for the same lengths, however far they are padded."""
    generator = torch.Generator().manual_seed(len(lengths))
    width = padded_to or max(lengths)
    ids_BL = torch.zeros(len(lengths), width, dtype=torch.int64)
    for row, length in enumerate(lengths):
        ids_BL[row, :length] = torch.randint(5, 30, (length,), generator=generator)
    return ids_BL, torch.arange(width) < torch.tensor(lengths)[:, None]


def lively(config: EncoderConfig) -> TransformerEncoder:
    """An encoder that has weights as large as after training, so that nothing is lost in flat attention."""
    encoder = TransformerEncoder(config).eval()
    for parameter in encoder.parameters():
        if parameter.ndim == 2:
            nn.init.normal_(parameter, std=1.5 * parameter.shape[1] ** -0.5)
    return encoder


@pytest.fixture(params=KERNELS)
def encoder(request) -> TransformerEncoder:
    return lively(KERNELS[request.param])


@pytest.mark.parametrize("config", EVERY_KIND, ids=lambda c: f"{c.attention}-{c.positions}-{c.norm_order}")
def test_every_kind_reads_a_padded_batch_and_learns(config):
    encoder = TransformerEncoder(config)
    ids_BL, keep_BL = batch(7, 12, 3)
    states_BLD = encoder(ids_BL, keep_BL)
    assert states_BLD.shape == (3, 12, 24)
    states_BLD[keep_BL].square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("config", EVERY_KIND, ids=lambda c: f"{c.attention}-{c.positions}-{c.norm_order}")
def test_padding_changes_nothing(config):
    encoder = lively(config)
    tight_ids_BL, tight_keep_BL = batch(7, 12, 3)
    wide_ids_BL, wide_keep_BL = batch(7, 12, 3, padded_to=20)
    wide_ids_BL[~wide_keep_BL] = 17  # nor does what stands in the padding
    alone = torch.cat([encoder(*batch_of_one)[0] for batch_of_one in one_by_one(tight_ids_BL, tight_keep_BL)])
    tight = encoder(tight_ids_BL, tight_keep_BL)[tight_keep_BL]
    wide = encoder(wide_ids_BL, wide_keep_BL)[wide_keep_BL]
    torch.testing.assert_close(tight, wide, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(tight, alone, atol=2e-5, rtol=1e-4)


def one_by_one(ids_BL: Tensor, keep_BL: Tensor) -> list[tuple[Tensor, Tensor]]:
    return [
        (ids_L[keep_L][None], keep_L[keep_L][None]) for ids_L, keep_L in zip(ids_BL, keep_BL, strict=True)
    ]


def test_a_permuted_batch_permutes_the_states(encoder):
    ids_BL, keep_BL = batch(9, 4, 12, 7)
    order_B = torch.tensor([2, 0, 3, 1])
    expected = encoder(ids_BL, keep_BL)[order_B]
    torch.testing.assert_close(encoder(ids_BL[order_B], keep_BL[order_B]), expected, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "none"])
def test_the_order_of_tokens_matters_unless_there_are_no_positions(kernel, positions):
    encoder = lively(replace(KERNELS[kernel], positions=positions))
    ids_BL, keep_BL = batch(10)
    order_L = torch.tensor([0, 3, 1, 2, 9, 8, 7, 6, 5, 4])
    states_BLD = encoder(ids_BL, keep_BL)[:, order_L]
    permuted_BLD = encoder(ids_BL[:, order_L], keep_BL)
    if positions == "none":
        torch.testing.assert_close(permuted_BLD, states_BLD, atol=2e-5, rtol=1e-4)
    else:
        assert (permuted_BLD - states_BLD).abs().max() > 0.1


@pytest.mark.parametrize("kernel", ["full", "map-rotated"])
def test_attention_weights_are_given_by_block_and_change_nothing(kernel):
    encoder = lively(KERNELS[kernel])
    ids_BL, keep_BL = batch(9, 4)
    states_BLD, attention = encoder.attend(ids_BL, keep_BL)
    torch.testing.assert_close(states_BLD[keep_BL], encoder(ids_BL, keep_BL)[keep_BL], atol=2e-5, rtol=1e-4)
    assert [weights_BHLL.shape for weights_BHLL in attention] == [(2, 3, 9, 9)] * 2
    for weights_BHLL in attention:
        torch.testing.assert_close(weights_BHLL.sum(-1), torch.ones(2, 3, 9), atol=1e-5, rtol=0)
        assert not weights_BHLL[1, :, :, 4:].any()
    assert not torch.allclose(attention[0], attention[1], atol=0.01)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary"])
def test_positions_can_be_given(positions):
    encoder = lively(replace(TINY, positions=positions))
    ids_BL, keep_BL = batch(9, 4)
    states_BLD = encoder(ids_BL, keep_BL)
    index_BL = torch.arange(9).expand(2, 9)
    torch.testing.assert_close(encoder(ids_BL, keep_BL, index_BL)[keep_BL], states_BLD[keep_BL])
    shifted_BLD = encoder(ids_BL, keep_BL, index_BL + torch.tensor([[0], [20]]))
    torch.testing.assert_close(shifted_BLD[0], states_BLD[0])
    # Rotary scores depend on distances alone.
    assert torch.allclose(shifted_BLD[1, :4], states_BLD[1, :4], atol=1e-4) == (positions == "rotary")


@pytest.mark.parametrize("norm_order", ["pre", "post"])
def test_the_last_norm_is_a_setting(norm_order):
    by_default, with_norm, without = (
        TransformerEncoder(replace(TINY, norm_order=norm_order, final_norm=final_norm))
        for final_norm in (None, True, False)
    )
    assert len(with_norm.state_dict()) == len(without.state_dict()) + 2
    assert len(by_default.state_dict()) == len((with_norm if norm_order == "pre" else without).state_dict())
    if norm_order == "post":
        without.load_state_dict(with_norm.state_dict(), strict=False)
        with_norm.eval().norm.weight.data.fill_(3.0)
        expected_BLD = 3.0 * nn.functional.layer_norm(without.eval()(*batch(9)), (24,))
        torch.testing.assert_close(with_norm(*batch(9)), expected_BLD)


def test_saved_weights_give_identical_states(encoder, tmp_path):
    ids_BL, keep_BL = batch(9, 4)
    for module in encoder.modules():
        if isinstance(module, RandomFeatures):
            module.redraw(torch.Generator().manual_seed(4))
    torch.save(encoder.state_dict(), tmp_path / "weights.pt")
    other = TransformerEncoder(encoder.config).eval()
    assert not torch.equal(other(ids_BL, keep_BL), encoder(ids_BL, keep_BL))
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(other(ids_BL, keep_BL), encoder(ids_BL, keep_BL))


def test_random_features_differ_between_blocks_and_not_between_encoders():
    def directions(encoder: TransformerEncoder) -> list[Tensor]:
        return [tensor for name, tensor in encoder.state_dict().items() if name.endswith("directions_DM")]

    first, second = (directions(TransformerEncoder(KERNELS["map-rotated"])) for _ in range(2))
    assert len(first) == 2
    assert not torch.equal(first[0], first[1])
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_evaluation_is_repeatable_and_training_drops(encoder):
    ids_BL, keep_BL = batch(9, 4)
    assert torch.equal(encoder(ids_BL, keep_BL), encoder(ids_BL, keep_BL))
    encoder.train()
    assert not torch.equal(encoder(ids_BL, keep_BL), encoder(ids_BL, keep_BL))


def test_bf16_agrees_with_float32(encoder):
    ids_BL, keep_BL = batch(9, 30)
    precise = encoder(ids_BL, keep_BL)[keep_BL]
    with torch.autocast("cpu", torch.bfloat16):
        rough = encoder(ids_BL, keep_BL)[keep_BL]
    similarity_N = torch.nn.functional.cosine_similarity(rough.float(), precise)
    assert similarity_N.mean() > 0.999
    assert similarity_N.min() > 0.99


def test_it_compiles_without_a_break(encoder):
    ids_BL, keep_BL = batch(9, 4)
    compiled = torch.compile(encoder, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(ids_BL, keep_BL), encoder(ids_BL, keep_BL), atol=2e-5, rtol=1e-4)


def test_the_cao_encoder_is_that_of_pytorch():
    config = replace(TINY, positions="sinusoidal", norm_order="post", activation="relu")
    encoder = lively(config)
    layer = nn.TransformerEncoderLayer(24, 3, 32, 0.1, batch_first=True)
    reference = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    ours = [parameter for block in encoder.blocks for parameter in in_pytorch_order(block)]
    with torch.no_grad():
        for theirs, parameter in zip(reference.parameters(), ours, strict=True):
            theirs.copy_(parameter)
    ids_BL, keep_BL = batch(9, 4)
    angle_LP = torch.outer(torch.arange(9.0), 10_000 ** (-torch.arange(0, 24, 2) / 24))
    waves_LD = torch.stack([angle_LP.sin(), angle_LP.cos()], dim=-1).flatten(1)
    expected_BLD = reference(encoder.embedding(ids_BL) * 24**0.5 + waves_LD, src_key_padding_mask=~keep_BL)
    torch.testing.assert_close(encoder(ids_BL, keep_BL)[keep_BL], expected_BLD[keep_BL], atol=1e-5, rtol=1e-4)


def in_pytorch_order(block: nn.Module) -> list[Tensor]:
    parts = (
        block.attention.input,
        block.attention.output,
        block.feed_forward.input,
        block.feed_forward.output,
        block.attention_norm,
        block.feed_forward_norm,
    )
    return [parameter for part in parts for parameter in (part.weight, part.bias)]


MOLFORMER = replace(
    TINY,
    attention="linear",
    feature_order="map-rotated",
    feature_floor=0.0,
    positions="rotary",
    norm_order="post",
    final_norm=True,
    activation="gelu",
)


def test_the_released_molformer_is_a_setting():
    # Written from its equations: φ(Rq) · φ(Rk) with φ(x) = ReLU(xΩ), post-norm blocks, and a norm at the end.
    encoder = lively(MOLFORMER)
    ids_BL, keep_BL = batch(9, 4)
    angles_LP = torch.outer(torch.arange(9.0), 10_000 ** (-torch.arange(0, 8, 2) / 8))
    phases_LP = torch.polar(torch.ones_like(angles_LP), angles_LP)

    def features(x_BLD: Tensor, directions_DM: Tensor) -> Tensor:
        pairs_BLHP = torch.complex(*x_BLD.unflatten(-1, (3, 8)).chunk(2, dim=-1)) * phases_LP[:, None]
        return (torch.cat([pairs_BLHP.real, pairs_BLHP.imag], dim=-1) @ directions_DM).relu()

    states_BLD = encoder.embedding(ids_BL)
    for block in encoder.blocks:
        q_BLD, k_BLD, v_BLD = block.attention.input(states_BLD).chunk(3, dim=-1)
        directions_DM = block.attention.kernel.features.directions_DM
        scores_BHLL = torch.einsum(
            "blhm,bshm->bhls", features(q_BLD, directions_DM), features(k_BLD, directions_DM)
        )
        scores_BHLL = scores_BHLL * keep_BL[:, None, None]
        weights_BHLL = scores_BHLL / scores_BHLL.sum(-1, keepdim=True)
        mixed_BLHD = torch.einsum("bhls,bshd->blhd", weights_BHLL, v_BLD.unflatten(-1, (3, 8)))
        states_BLD = block.attention_norm(states_BLD + block.attention.output(mixed_BLHD.flatten(2)))
        hidden_BLD = nn.functional.gelu(block.feed_forward.input(states_BLD))
        states_BLD = block.feed_forward_norm(states_BLD + block.feed_forward.output(hidden_BLD))
    expected_BLD = encoder.norm(states_BLD)
    torch.testing.assert_close(encoder(ids_BL, keep_BL)[keep_BL], expected_BLD[keep_BL], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["cao-small", "cao-medium", "cao-large"])
def test_cao_recipes_have_the_weights_that_their_sizes_imply(name):
    config = replace(load_recipe(name).encoder, vocabulary_size=100)
    with torch.device("meta"):
        layer = nn.TransformerEncoderLayer(config.d_model, config.n_heads, config.d_hidden)
        encoder = TransformerEncoder(config)
    n_weights = 100 * config.d_model + config.n_layers * sum(p.numel() for p in layer.parameters())
    assert sum(parameter.numel() for parameter in encoder.parameters()) == n_weights


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_makes_an_encoder(name):
    config = replace(load_recipe(name).encoder, vocabulary_size=30, n_layers=1)
    ids_BL, keep_BL = batch(9, 4)
    assert TransformerEncoder(config).eval()(ids_BL, keep_BL).shape == (2, 9, config.d_model)


def test_sizes_that_cannot_be_meant_are_refused():
    with pytest.raises(ConfigError, match=r"vocabulary_size is not set: fill it from the tokenizer"):
        TransformerEncoder(EncoderConfig())
    with pytest.raises(ConfigError, match=r"batch of 33 tokens is longer than encoder.max_length=32"):
        TransformerEncoder(TINY)(*batch(33))
