"""Axes: B strings, L tokens, N chosen tokens."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from catenane.config import Recipe
from catenane.data import collate
from catenane.models.bundle import BundleConfig
from catenane.objectives import OBJECTIVES, Masked, mask_tokens
from catenane.tokenizers import load_tokenizer

VOCABULARY, MASK, SPECIAL = 50, 4, 5


def mask(ids_BL: Tensor, keep_BL: Tensor, policy="bert", share=0.15, seed=0) -> Masked:
    return mask_tokens(
        ids_BL,
        keep_BL,
        policy=policy,
        share=share,
        generator=torch.Generator().manual_seed(seed),
        vocabulary_size=VOCABULARY,
        mask_id=MASK,
        n_special=SPECIAL,
    )


def strings(*lengths: int) -> tuple[Tensor, Tensor]:
    """[CLS] tokens [SEP] of these lengths, padded by zeros."""
    keep_BL = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    ids_BL = torch.randint(SPECIAL, VOCABULARY, keep_BL.shape) * keep_BL
    ids_BL[:, 0] = 2
    ids_BL[torch.arange(len(lengths)), torch.tensor(lengths) - 1] = 3
    return ids_BL, keep_BL


@pytest.mark.parametrize("share", [0.05, 0.15, 0.5, 0.9])
def test_the_share_is_chosen(share):
    ids_BL, keep_BL = strings(*[40] * 4000)
    masked = mask(ids_BL, keep_BL, share=share)
    n_choosable = (ids_BL >= SPECIAL).sum().item()
    assert masked.chosen_BL.sum().item() / n_choosable == pytest.approx(share, rel=0.01)


@pytest.mark.parametrize(
    ("policy", "shares"), [("bert", {"masked": 0.8, "kept": 0.1}), ("cao", {"masked": 0.9, "kept": 0.0})]
)
def test_chosen_tokens_meet_the_fate_of_the_policy(policy, shares):
    ids_BL, keep_BL = strings(*[60] * 8000)
    masked = mask(ids_BL, keep_BL, policy=policy)
    new_N = masked.ids_BL[masked.chosen_BL]
    # A random token is the old one by chance once in 45.
    by_chance = 0.1 / (VOCABULARY - SPECIAL)
    assert (new_N == MASK).float().mean().item() == pytest.approx(shares["masked"], abs=0.005)
    kept = (new_N == masked.labels_N).float().mean().item()
    assert kept == pytest.approx(shares["kept"] + by_chance, abs=0.004)
    replaced_N = new_N[(new_N != MASK) & (new_N != masked.labels_N)]
    counts = replaced_N.bincount(minlength=VOCABULARY)
    assert not counts[:SPECIAL].any(), "special tokens are never put in"
    assert counts[SPECIAL:].min() > 0.7 * counts[SPECIAL:].float().mean()


def test_special_tokens_and_padding_are_never_chosen():
    ids_BL, keep_BL = strings(*range(3, 40))
    ids_BL[:, 1] = 1  # [UNK]
    for seed in range(5):
        masked = mask(ids_BL, keep_BL, share=0.9, seed=seed)
        assert not masked.chosen_BL[~keep_BL].any()
        assert not masked.chosen_BL[ids_BL < SPECIAL].any()


def test_what_is_not_chosen_stays_and_labels_are_what_was_there():
    ids_BL, keep_BL = strings(30, 20, 10)
    before_BL = ids_BL.clone()
    masked = mask(ids_BL, keep_BL, share=0.4)
    assert torch.equal(ids_BL, before_BL)
    assert torch.equal(masked.ids_BL[~masked.chosen_BL], ids_BL[~masked.chosen_BL])
    assert torch.equal(masked.labels_N, ids_BL[masked.chosen_BL])


def test_every_string_gives_its_share():
    ids_BL, keep_BL = strings(42, 22, 12, 7)
    for seed in range(20):
        n_chosen_B = mask(ids_BL, keep_BL, share=0.15, seed=seed).chosen_BL.sum(dim=1)
        for n_chosen, n_tokens in zip(n_chosen_B.tolist(), (40, 20, 10, 5), strict=True):
            assert int(0.15 * n_tokens) <= n_chosen <= int(0.15 * n_tokens) + 1


def test_every_place_is_chosen_alike():
    ids_BL, keep_BL = strings(*[12] * 20_000)
    counts_L = mask(ids_BL, keep_BL, share=0.3).chosen_BL.float().mean(dim=0)
    torch.testing.assert_close(counts_L[1:-1], torch.full((10,), 0.3), atol=0.02, rtol=0)


def test_one_token_is_chosen_even_of_a_single_short_string():
    ids_BL, keep_BL = strings(4)
    for seed in range(30):
        assert mask(ids_BL, keep_BL, share=0.01, seed=seed).chosen_BL.sum() == 1


def test_nothing_is_chosen_where_there_is_nothing_to_choose():
    ids_BL, keep_BL = strings(2, 2)
    masked = mask(ids_BL, keep_BL)
    assert not masked.chosen_BL.any()
    assert masked.labels_N.shape == (0,)


def test_masks_follow_the_generator_alone():
    ids_BL, keep_BL = strings(30, 20)
    torch.manual_seed(1)
    first = mask(ids_BL, keep_BL, seed=7)
    torch.manual_seed(2)
    again, other = mask(ids_BL, keep_BL, seed=7), mask(ids_BL, keep_BL, seed=8)
    assert torch.equal(first.ids_BL, again.ids_BL)
    assert not torch.equal(first.chosen_BL, other.chosen_BL)


def test_masked_tokens_are_named_where_they_were_hidden():
    tokenizer = load_tokenizer("smiles")
    recipe = Recipe().with_settings(
        {"encoder.vocabulary_size": tokenizer.vocabulary_size, "encoder.n_layers": 1, "masking.share": 0.5}
    )
    encoded = tokenizer.encode_flat(["CCO", "c1ccccc1C(=O)O"], 64)
    batch = collate(encoded, np.arange(2))
    hidden = OBJECTIVES["mlm"](recipe, tokenizer).examples(batch, torch.Generator().manual_seed(0))
    model = BundleConfig(kind="encoder", notation="smiles", recipe=recipe).build_model()
    logits_NV = model(*hidden.inputs)
    assert logits_NV.shape == (len(hidden.labels_N), tokenizer.vocabulary_size)
    assert len(hidden.labels_N)
    assert torch.isin(hidden.labels_N, batch.ids_BL[batch.keep_BL]).all()
