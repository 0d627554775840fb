from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from catenane.config import EncoderConfig, HeadConfig
from catenane.models.encoder import TransformerEncoder
from catenane.models.networks import MaskedLanguageModel, PropertyModel

SMALL = EncoderConfig(vocabulary_size=200, d_model=64, n_layers=8, n_heads=4, d_hidden=128, dropout=0.0)


def random_batch() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randint(5, 200, (16, 30)), torch.ones(16, 30, dtype=torch.bool)


@pytest.mark.parametrize("attention", ["full", "linear"])
@pytest.mark.parametrize("norm_order", ["pre", "post"])
def test_gradients_reach_the_first_block_as_the_last(attention, norm_order):
    encoder = TransformerEncoder(replace(SMALL, attention=attention, norm_order=norm_order))
    states_BLD = encoder(*random_batch())
    (states_BLD * torch.randn_like(states_BLD)).sum().backward()
    norms = [block.feed_forward.output.weight.grad.norm() for block in encoder.blocks]
    assert max(norms) / min(norms) < 10


def test_the_first_guess_of_a_token_is_near_uniform():
    model = MaskedLanguageModel(TransformerEncoder(SMALL))
    ids_BL, keep_BL = random_batch()
    logits_NV = model(ids_BL, keep_BL, keep_BL)
    loss = torch.nn.functional.cross_entropy(logits_NV, torch.randint(0, 200, (len(logits_NV),)))
    # Logits of variance one cost half a nat above the logarithm of the vocabulary.
    assert logits_NV.std().item() == pytest.approx(1.0, abs=0.3)
    assert loss.item() == pytest.approx(math.log(200) + 0.5, abs=0.4)


@pytest.mark.parametrize("hidden", [(), (64,), (256, 128, 64)])
def test_the_first_answers_are_near_the_mean_and_differ(hidden):
    model = PropertyModel(
        TransformerEncoder(SMALL), HeadConfig(hidden=hidden, dropout=0.0), targets=("a", "b"), n_descriptors=5
    )
    scores_BT = model(random_batch(), torch.randn(16, 5))
    assert scores_BT.abs().max() < 0.5
    assert scores_BT.std() > 1e-4


def test_weights_follow_the_seed():
    def weights() -> list[torch.Tensor]:
        torch.manual_seed(11)
        return list(TransformerEncoder(SMALL).parameters())

    assert all(torch.equal(a, b) for a, b in zip(weights(), weights(), strict=True))
