"""Our block with the weights of a reference gives what the reference gives.

Axes: B strings, L tokens, S tokens of the memory, D features of the stream.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import BertConfig, RoFormerConfig
from transformers.models.bert.modeling_bert import BertEncoder
from transformers.models.roformer.modeling_roformer import RoFormerEncoder

from catenane.nn import (
    Attention,
    AttentionMask,
    Block,
    BlockCache,
    FeedForward,
    FullAttention,
    LinearAttention,
    Memory,
    RotaryPositions,
)

ATTENTION = {
    "in_proj_weight": "input.weight",
    "in_proj_bias": "input.bias",
    "out_proj.weight": "output.weight",
    "out_proj.bias": "output.bias",
}
LAYER = {
    "linear1": "feed_forward.input",
    "linear2": "feed_forward.output",
}
KEEP_BL = torch.arange(6) < torch.tensor([[6], [4]])
KEEP_BS = torch.arange(9) < torch.tensor([[9], [3]])


def kernel(name: str) -> FullAttention | LinearAttention:
    return FullAttention(0.0) if name == "full" else LinearAttention(4, 16, "map-rotated", seed=0)


def make_block(
    *, norm_order: Any = "post", activation: Any = "gelu", decoder: bool = False, attention: str = "full"
) -> Block:
    block = Block(
        Attention(12, 3, kernel(attention)),
        FeedForward(12, 20, activation, 0.0),
        d_model=12,
        norm_order=norm_order,
        dropout=0.0,
        cross_attention=Attention(12, 3, kernel(attention)) if decoder else None,
    ).eval()
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.5)
    return block


def copy_to_pytorch(block: Block, reference: nn.Module) -> None:
    """Load our weights under PyTorch's names, all of them and no others."""
    decoder = block.cross_attention is not None
    names = {f"self_attn.{theirs}": f"attention.{ours}" for theirs, ours in ATTENTION.items()}
    norms = ["attention_norm", "feed_forward_norm"]
    if decoder:
        names |= {f"multihead_attn.{theirs}": f"cross_attention.{ours}" for theirs, ours in ATTENTION.items()}
        norms.insert(1, "cross_attention_norm")
    for kind in ("weight", "bias"):
        names |= {f"{theirs}.{kind}": f"{ours}.{kind}" for theirs, ours in LAYER.items()}
        names |= {f"norm{place}.{kind}": f"{ours}.{kind}" for place, ours in enumerate(norms, 1)}
    weights = block.state_dict()
    assert set(weights) == set(names.values())
    reference.load_state_dict({theirs: weights[ours] for theirs, ours in names.items()})


@pytest.mark.parametrize("norm_order", ["pre", "post"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_block_is_the_encoder_layer_of_pytorch(norm_order, activation):
    ours = make_block(norm_order=norm_order, activation=activation)
    reference = nn.TransformerEncoderLayer(
        12, 3, 20, 0.0, activation=activation, batch_first=True, norm_first=norm_order == "pre"
    )
    copy_to_pytorch(ours, reference)
    x_BLD = torch.randn(2, 6, 12)
    expected_BLD = reference(x_BLD, src_key_padding_mask=~KEEP_BL)
    found_BLD = ours(x_BLD, mask=AttentionMask(KEEP_BL)).states_BLD
    torch.testing.assert_close(found_BLD[KEEP_BL], expected_BLD[KEEP_BL], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("norm_order", ["pre", "post"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_block_with_cross_attention_is_the_decoder_layer_of_pytorch(norm_order, activation):
    ours = make_block(norm_order=norm_order, activation=activation, decoder=True)
    reference = nn.TransformerDecoderLayer(
        12, 3, 20, 0.0, activation=activation, batch_first=True, norm_first=norm_order == "pre"
    )
    copy_to_pytorch(ours, reference)
    x_BLD, memory_BSD = torch.randn(2, 6, 12), torch.randn(2, 9, 12)
    expected_BLD = reference(
        x_BLD,
        memory_BSD,
        tgt_mask=torch.ones(6, 6, dtype=torch.bool).triu(1),
        tgt_key_padding_mask=~KEEP_BL,
        memory_key_padding_mask=~KEEP_BS,
    )
    found_BLD = ours(
        x_BLD, mask=AttentionMask(KEEP_BL, causal=True), memory=Memory(memory_BSD, AttentionMask(KEEP_BS))
    ).states_BLD
    torch.testing.assert_close(found_BLD, expected_BLD, atol=1e-5, rtol=1e-5)


SHAPE = {
    "hidden_size": 12,
    "num_hidden_layers": 1,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "layer_norm_eps": 1e-5,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "attn_implementation": "eager",
}


def copy_to_transformers(block: Block, layer: nn.Module, order_D: Tensor) -> None:
    """Load our weights under the names of BERT, features of queries and keys in this order in each head."""
    rows_D = torch.cat([start + order_D for start in range(0, 12, 4)])
    weights = block.state_dict()
    theirs = {}
    for kind in ("weight", "bias"):
        queries, keys, values = weights[f"attention.input.{kind}"].chunk(3)
        theirs[f"attention.self.query.{kind}"] = queries[rows_D]
        theirs[f"attention.self.key.{kind}"] = keys[rows_D]
        theirs[f"attention.self.value.{kind}"] = values
        theirs[f"attention.output.dense.{kind}"] = weights[f"attention.output.{kind}"]
        theirs[f"attention.output.LayerNorm.{kind}"] = weights[f"attention_norm.{kind}"]
        theirs[f"intermediate.dense.{kind}"] = weights[f"feed_forward.input.{kind}"]
        theirs[f"output.dense.{kind}"] = weights[f"feed_forward.output.{kind}"]
        theirs[f"output.LayerNorm.{kind}"] = weights[f"feed_forward_norm.{kind}"]
    layer.load_state_dict(theirs)


def additive(keep_BL: Tensor) -> Tensor:
    return torch.zeros(keep_BL.shape).masked_fill(~keep_BL, torch.finfo(torch.float32).min)[:, None, None, :]


def test_a_block_is_the_layer_of_bert():
    ours, reference = make_block(), BertEncoder(BertConfig(**SHAPE)).eval()
    copy_to_transformers(ours, reference.layer[0], torch.arange(4))
    x_BLD = torch.randn(2, 6, 12)
    expected_BLD = reference(x_BLD, attention_mask=additive(KEEP_BL)).last_hidden_state
    found_BLD = ours(x_BLD, mask=AttentionMask(KEEP_BL)).states_BLD
    torch.testing.assert_close(found_BLD, expected_BLD, atol=1e-5, rtol=1e-5)


def test_a_block_with_rotary_positions_is_the_layer_of_roformer():
    ours, reference = make_block(), RoFormerEncoder(RoFormerConfig(**SHAPE)).eval()
    # Outside of a whole pretrained model its table of positions is not filled in.
    reference.embed_positions.weight.data = reference.embed_positions.create_weight()
    # RoFormer pairs features 2p and 2p + 1 where we pair p and p + D / 2.
    copy_to_transformers(ours, reference.layer[0], torch.tensor([0, 2, 1, 3]))
    x_BLD = torch.randn(2, 6, 12)
    expected_BLD = reference(x_BLD, attention_mask=additive(KEEP_BL)).last_hidden_state
    rotation = RotaryPositions(4, 6)(torch.arange(6))
    found_BLD = ours(x_BLD, mask=AttentionMask(KEEP_BL), rotation=rotation).states_BLD
    torch.testing.assert_close(found_BLD, expected_BLD, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(ours(x_BLD, mask=AttentionMask(KEEP_BL)).states_BLD, expected_BLD, atol=1e-2)


@pytest.mark.parametrize("attention", ["full", "linear"])
@pytest.mark.parametrize("norm_order", ["pre", "post"])
def test_a_decoder_reads_nothing_that_comes_later(attention, norm_order):
    block = make_block(decoder=True, attention=attention, norm_order=norm_order)
    x_BLD, memory = torch.randn(2, 6, 12), Memory(torch.randn(2, 9, 12), AttentionMask(KEEP_BS))
    mask = AttentionMask(causal=True)
    before_BLD = block(x_BLD, mask=mask, memory=memory).states_BLD
    x_BLD[:, 4:] += 1.0
    after_BLD = block(x_BLD, mask=mask, memory=memory).states_BLD
    assert torch.equal(after_BLD[:, :4], before_BLD[:, :4])
    assert not torch.isclose(after_BLD[:, 4:], before_BLD[:, 4:]).all(dim=-1).any()


@pytest.mark.parametrize("attention", ["full", "linear"])
@pytest.mark.parametrize("rotary", [False, True])
def test_decoding_step_by_step_is_decoding_at_once(attention, rotary):
    block = make_block(decoder=True, attention=attention)
    positions_BL = torch.tensor([[3, 4, 5, 6, 7, 8], [0, 1, 2, 3, 4, 5]])
    tables = RotaryPositions(4, 9) if rotary else None

    def rotation(positions: Tensor) -> tuple[Tensor, Tensor] | None:
        return tables(positions) if tables else None

    x_BLD = torch.randn(2, 6, 12)
    memory = Memory(torch.randn(2, 9, 12), AttentionMask(KEEP_BS), rotation(torch.arange(9)))
    mask, cache = AttentionMask(causal=True), BlockCache()
    expected_BLD = block(x_BLD, mask=mask, rotation=rotation(positions_BL), memory=memory).states_BLD
    steps = [
        block(
            x_BLD[:, [step]],
            mask=mask,
            rotation=rotation(positions_BL[:, [step]]),
            memory=memory,
            cache=cache,
        ).states_BLD
        for step in range(5)
    ]
    torch.testing.assert_close(torch.cat(steps, dim=1), expected_BLD[:, :5], atol=1e-5, rtol=1e-5)
    cache.select(torch.tensor([0, 0]))
    first = Memory(memory.states_BSD[[0, 0]], AttentionMask(KEEP_BS[[0, 0]]), memory.rotation)
    last_rotation = rotation(positions_BL[[0, 0], 5:])
    last = block(x_BLD[[0, 0], 5:], mask=mask, rotation=last_rotation, memory=first, cache=cache).states_BLD
    torch.testing.assert_close(last, expected_BLD[[0, 0], 5:], atol=1e-5, rtol=1e-5)


def test_weights_come_from_both_attentions_when_asked_for():
    block = make_block(decoder=True)
    x_BLD, memory = torch.randn(2, 6, 12), Memory(torch.randn(2, 9, 12), AttentionMask(KEEP_BS))
    assert block(x_BLD, memory=memory)[1:] == (None, None)
    _, weights_BHLL, memory_weights_BHLS = block(x_BLD, memory=memory, return_weights=True)
    assert weights_BHLL.shape == (2, 3, 6, 6)
    assert memory_weights_BHLS.shape == (2, 3, 6, 9)
    assert not memory_weights_BHLS[1, :, :, 3:].any()
