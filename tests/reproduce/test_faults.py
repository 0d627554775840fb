"""The faults are what they are said to be, and our encoder has none of them."""

from __future__ import annotations

import pytest
import torch

from catenane.config import EncoderConfig
from catenane.models.encoder import TransformerEncoder
from catenane.reproduce.faults import ENCODERS

BATCH_AXIS = {"batch-axis positions", "both faults"}
UNMASKED = {"unmasked padding", "both faults"}
CONFIG = EncoderConfig(
    vocabulary_size=40, d_model=16, n_layers=2, n_heads=2, d_hidden=16, positions="sinusoidal", max_length=24
)


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    ids_BL = torch.randint(5, 40, (4, 12), generator=torch.Generator().manual_seed(0))
    keep_BL = torch.arange(12) < torch.tensor([12, 10, 7, 5])[:, None]
    return ids_BL.masked_fill(~keep_BL, 0), keep_BL


def first_states(name: str, ids_BL: torch.Tensor, keep_BL: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(0)
    encoder = ENCODERS[name](CONFIG).eval()
    with torch.inference_mode():
        return encoder(ids_BL, keep_BL)[:, 0]


def moved(first: torch.Tensor, second: torch.Tensor) -> bool:
    return bool((first - second).abs().max() > 1e-3)


def with_tokens_shuffled(ids_BL: torch.Tensor) -> torch.Tensor:
    shuffled_BL = ids_BL.clone()
    shuffled_BL[:, 1:5] = ids_BL[:, [3, 1, 4, 2]]
    return shuffled_BL


def test_without_faults_it_is_our_encoder(batch):
    torch.manual_seed(0)
    ours = TransformerEncoder(CONFIG).eval()
    with torch.inference_mode():
        torch.testing.assert_close(ours(*batch)[:, 0], first_states("correct", *batch))


def test_all_have_the_same_weights(batch):
    weights = []
    for make_encoder in ENCODERS.values():
        torch.manual_seed(0)
        weights.append(make_encoder(CONFIG).state_dict())
    for other in weights[1:]:
        assert other.keys() == weights[0].keys()
        assert all(torch.equal(other[name], weights[0][name]) for name in other)


@pytest.mark.parametrize("name", ENCODERS)
def test_positions_on_the_batch_axis_are_blind_to_order(name: str, batch):
    ids_BL, keep_BL = batch
    shuffled = first_states(name, with_tokens_shuffled(ids_BL), keep_BL)
    assert moved(first_states(name, ids_BL, keep_BL), shuffled) is (name not in BATCH_AXIS)


@pytest.mark.parametrize("name", ENCODERS)
def test_positions_on_the_batch_axis_depend_on_the_company(name: str, batch):
    ids_BL, keep_BL = batch
    order = torch.tensor([2, 0, 3, 1])
    shuffled = first_states(name, ids_BL[order], keep_BL[order])
    assert moved(first_states(name, ids_BL, keep_BL)[order], shuffled) is (name in BATCH_AXIS)


@pytest.mark.parametrize("name", ENCODERS)
def test_unmasked_padding_is_attended_to(name: str, batch):
    ids_BL, keep_BL = batch
    torch.manual_seed(0)
    encoder = ENCODERS[name](CONFIG).eval()
    with torch.inference_mode():
        encoder.padded_to = 24
        far = encoder(ids_BL, keep_BL)
        encoder.padded_to = 0
        near = encoder(ids_BL, keep_BL)
    assert far.shape[1] == 24
    assert moved(far[:, 0], near[:, 0]) is (name in UNMASKED)


def test_the_public_code_pads_every_batch_to_the_longest(batch):
    torch.manual_seed(0)
    assert ENCODERS["both faults"](CONFIG)(*batch).shape[1] == CONFIG.max_length
