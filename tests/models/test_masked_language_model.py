"""Axes: B strings, L tokens, N chosen tokens, V vocabulary."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import gelu, layer_norm

from catenane.config import EncoderConfig, TokenHeadConfig
from catenane.models.encoder import TransformerEncoder
from catenane.models.networks import MaskedLanguageModel
from catenane.objectives import mask_tokens, masked_loss

CONFIG = EncoderConfig(
    vocabulary_size=20, d_model=32, n_layers=1, n_heads=4, d_hidden=64, dropout=0.0, max_length=16
)


def test_only_chosen_tokens_are_named_in_reading_order():
    model = MaskedLanguageModel(TransformerEncoder(CONFIG)).eval()
    ids_BL, keep_BL = torch.randint(5, 20, (3, 8)), torch.ones(3, 8, dtype=torch.bool)
    all_BLV = model(ids_BL, keep_BL, keep_BL).unflatten(0, (3, 8))
    chosen_BL = torch.zeros(3, 8, dtype=torch.bool)
    chosen_BL[0, 3] = chosen_BL[2, 1] = chosen_BL[2, 6] = True
    expected_NV = torch.stack([all_BLV[0, 3], all_BLV[2, 1], all_BLV[2, 6]])
    torch.testing.assert_close(model(ids_BL, keep_BL, chosen_BL), expected_NV)


def test_the_embedding_that_reads_tokens_also_names_them():
    model = MaskedLanguageModel(TransformerEncoder(CONFIG))
    names = [name for name, parameter in model.named_parameters() if parameter.shape == (20, 32)]
    assert names == ["encoder.embedding.weight"]
    assert {name.split(".")[0] for name in model.state_dict()} == {"encoder", "head"}
    ids_BL, keep_BL = torch.randint(5, 20, (1, 8)), torch.ones(1, 8, dtype=torch.bool)
    model(ids_BL, keep_BL, keep_BL)[:, 3].sum().backward()
    unread = [token for token in range(20) if token not in ids_BL]
    assert model.encoder.embedding.weight.grad[unread].any()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_tie_and_bias_of_the_head_are_settings(tied, bias):
    model = MaskedLanguageModel(TransformerEncoder(CONFIG), TokenHeadConfig(tied=tied, bias=bias))
    of_head = {name: tensor.shape for name, tensor in model.head.state_dict().items()}
    assert ("output_VD" in of_head, "bias_V" in of_head) == (not tied, bias)
    states_ND, embedding_VD = torch.randn(300, 32), model.encoder.embedding.weight
    hidden_ND = layer_norm(gelu(model.head.transform(states_ND)), (32,))
    output_VD = embedding_VD if tied else model.head.output_VD
    bias_V = model.head.bias_V.data.normal_() if bias else 0.0
    logits_NV = model.head(states_ND, embedding_VD)
    torch.testing.assert_close(logits_NV, hidden_ND @ output_VD.T + bias_V)
    assert 0.5 < (logits_NV - bias_V).std() < 1.5, "both start at a variance of one"


def test_it_learns_to_name_the_hidden_tokens_of_a_grammar():
    # Each token of a string follows from its neighbours: the alphabet in order from a random start.
    starts_B = torch.randint(0, 15, (32, 1))
    ids_BL = 5 + (starts_B + torch.arange(10)) % 15
    keep_BL = torch.ones_like(ids_BL, dtype=torch.bool)
    model = MaskedLanguageModel(TransformerEncoder(CONFIG))
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(120):
        masked = mask_tokens(
            ids_BL,
            keep_BL,
            policy="bert",
            share=0.2,
            generator=generator,
            vocabulary_size=20,
            mask_id=4,
            n_special=5,
        )
        logits_NV = model(masked.ids_BL, keep_BL, masked.chosen_BL)
        loss = masked_loss(logits_NV, masked.labels_N)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (logits_NV.argmax(dim=1) == masked.labels_N).float().mean() > 0.8
