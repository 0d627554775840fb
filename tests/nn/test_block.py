from __future__ import annotations

import pytest
import torch
from torch import nn

from catenane.nn import Attention, Block, FeedForward, FullAttention


@pytest.mark.parametrize("norm_order", ["pre", "post"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_block_is_the_encoder_layer_of_pytorch(norm_order, activation):
    ours = Block(
        Attention(12, 3, FullAttention(0.0)),
        FeedForward(12, 20, activation, 0.0),
        d_model=12,
        norm_order=norm_order,
        dropout=0.0,
    )
    reference = nn.TransformerEncoderLayer(
        12, 3, 20, 0.0, activation=activation, batch_first=True, norm_first=norm_order == "pre"
    )
    names = {
        "self_attn.in_proj_weight": "attention.input.weight",
        "self_attn.in_proj_bias": "attention.input.bias",
        "self_attn.out_proj.weight": "attention.output.weight",
        "self_attn.out_proj.bias": "attention.output.bias",
        "linear1.weight": "feed_forward.input.weight",
        "linear1.bias": "feed_forward.input.bias",
        "linear2.weight": "feed_forward.output.weight",
        "linear2.bias": "feed_forward.output.bias",
        "norm1.weight": "attention_norm.weight",
        "norm1.bias": "attention_norm.bias",
        "norm2.weight": "feed_forward_norm.weight",
        "norm2.bias": "feed_forward_norm.bias",
    }
    for parameter in ours.parameters():
        nn.init.normal_(parameter, std=0.5)
    weights = ours.state_dict()
    assert set(weights) == set(names.values())
    reference.load_state_dict({theirs: weights[name] for theirs, name in names.items()})
    x_BLD = torch.randn(2, 6, 12)
    keep_BL = torch.arange(6) < torch.tensor([[6], [4]])
    expected_BLD = reference(x_BLD, src_key_padding_mask=~keep_BL)
    torch.testing.assert_close(ours(x_BLD, keep_BL)[keep_BL], expected_BLD[keep_BL], atol=1e-5, rtol=1e-5)
