"""Axes: B strings, L tokens that are read, K tokens of the longest fragment, N hidden tokens."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from catenane.config import FragmentConfig, load_recipe
from catenane.data import collate
from catenane.models.bundle import BundleConfig
from catenane.objectives import OBJECTIVES
from catenane.objectives.fragments import Span, choose_spans, hide_fragments, parts_of
from catenane.tokenizers import load_tokenizer

VOCABULARY, MASK, SPECIAL = 50, 4, 5
LENGTHS = [3, 12, 30, 64]


def strings(lengths: list[int] = LENGTHS) -> tuple[Tensor, Tensor]:
    """[CLS] tokens [SEP] of these lengths, padded by zeros."""
    keep_BL = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    ids_BL = torch.randint(SPECIAL, VOCABULARY, keep_BL.shape) * keep_BL
    ids_BL[:, 0] = 2
    ids_BL[torch.arange(len(lengths)), torch.tensor(lengths) - 1] = 3
    return ids_BL, keep_BL


def spans_of(lengths: list[int], seed: int = 0, **settings) -> list[Span]:
    return choose_spans(lengths, FragmentConfig(**settings), torch.Generator().manual_seed(seed))


def hide(ids_BL: Tensor, spans: list[Span], policy: str = "bert", seed: int = 0):
    return hide_fragments(
        ids_BL, spans, policy=policy, generator=torch.Generator().manual_seed(seed),
        vocabulary_size=VOCABULARY, mask_id=MASK, n_special=SPECIAL,
    )  # fmt: skip


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_the_share_of_each_string_is_hidden_from_one_token_to_all_of_them(share):
    for length, (start, end) in zip(LENGTHS, spans_of(LENGTHS, share=share), strict=True):
        assert end - start == max(1, round(share * (length - 1)))
        assert 1 <= start < end <= length


def test_the_start_follows_the_published_policy():
    spans = spans_of([21] * 20_000, share=0.5)  # ten of twenty tokens: eleven places to begin at
    starts = np.array([span.start for span in spans])
    assert np.mean(starts == 1) == pytest.approx(0.2 + 0.6 / 11, abs=0.01)
    assert np.mean(starts == 11) == pytest.approx(0.2 + 0.6 / 11, abs=0.01)
    for place in range(2, 11):
        assert np.mean(starts == place) == pytest.approx(0.6 / 11, abs=0.01)
    even = np.array([span.start for span in spans_of([21] * 20_000, share=0.5, start="uniform")])
    for place in range(1, 12):
        assert np.mean(even == place) == pytest.approx(1 / 11, abs=0.01)


def test_a_spread_varies_the_share():
    sizes = np.array([end - start for start, end in spans_of([101] * 5000, share=0.4, spread=0.3)])
    assert (sizes.min(), sizes.max()) == (10, 70)
    assert sizes.mean() == pytest.approx(40, abs=1)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_decoder_reads_one_place_late_and_has_to_write_every_hidden_token(share):
    ids_BL, _ = strings()
    spans = spans_of(LENGTHS, share=share)
    hidden = hide(ids_BL, spans)
    labels, taken = hidden.labels_N.tolist(), 0
    for row, (start, end) in enumerate(spans):
        size = end - start
        assert hidden.written_BK[row].tolist() == [place < size for place in range(max(map(np.ptp, spans)))]
        assert labels[taken : taken + size] == ids_BL[row, start:end].tolist()
        assert hidden.before_BK[row, :size].tolist() == ids_BL[row, start - 1 : end - 1].tolist()
        assert hidden.positions_BK[row, :size].tolist() == list(range(start - 1, end - 1))
        assert (hidden.before_BK[row, size:] == 0).all()
        outside = [place for place in range(ids_BL.shape[1]) if not start <= place < end]
        assert (hidden.ids_BL[row, outside] == ids_BL[row, outside]).all()
        taken += size
    assert taken == len(labels)


def test_the_encoder_reads_80_10_10_of_the_fragment():
    ids_BL, _ = strings([60] * 4000)
    spans = spans_of([60] * 4000, share=0.5)
    read = hide(ids_BL, spans).ids_BL
    inside = torch.stack([(torch.arange(60) >= start) & (torch.arange(60) < end) for start, end in spans])
    inside &= ids_BL != 3
    masked = (read[inside] == MASK).float().mean().item()
    same = (read[inside] == ids_BL[inside]).float().mean().item()
    by_chance = 0.1 / (VOCABULARY - SPECIAL)
    assert masked == pytest.approx(0.8, abs=0.01)
    assert same == pytest.approx(0.1 + by_chance, abs=0.01)
    assert (read[inside] >= MASK).all()


def test_equal_generators_hide_alike():
    ids_BL, _ = strings()
    one, same, other = (hide(ids_BL, spans_of(LENGTHS, seed=seed), seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one.ids_BL, other.ids_BL)


def test_parts_are_blocks_and_branches():
    tokens = load_tokenizer("mofid").tokens("[O-]C(=O)c1cc(C(F)(F)F)ccc1.[Zn]&&pcu.cat0")
    texts = {"".join(tokens[start:end]) for start, end in parts_of(tokens)}
    assert texts == {"=O", "F", "C(F)(F)F", "[O-]C(=O)c1cc(C(F)(F)F)ccc1", "[Zn]"}
    assert list(parts_of([")", "("])) == [Span(0, 2)]  # brackets that pair with none


TEXTS = ["[O-]C(=O)c1ccc(cc1)C(=O)[O-].[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0", "CCO.[Zn]&&pcu.cat1", "[Zn]&&"]


def learn(**settings):
    tokenizer = load_tokenizer("mofid")
    changes = {"encoder.vocabulary_size": tokenizer.vocabulary_size, "encoder.dropout": 0.0, **settings}
    small = {"encoder.n_layers": 1, "decoder.n_layers": 1, "objective": "mass"}
    recipe = load_recipe("small").with_settings(small | changes)
    torch.manual_seed(0)
    model = BundleConfig(kind="generator", notation="mofid", recipe=recipe).build_model().eval()
    batch = collate(tokenizer.encode_flat(TEXTS), np.arange(len(TEXTS)))
    return model, OBJECTIVES["mass"](recipe, tokenizer), batch


def test_whole_parts_are_hidden_where_there_are_any():
    _, objective, batch = learn(**{"fragment.parts": 1.0, "fragment.policy": "bert"})
    tokenizer = objective.tokenizer
    found = set()
    for seed in range(60):
        examples = objective.examples(batch, torch.Generator().manual_seed(seed))
        ends = examples.inputs[4].sum(dim=1).cumsum(0).tolist()
        found |= {
            tokenizer.decode(examples.labels_N[start:end].tolist())
            for start, end in zip([0, *ends], ends, strict=False)
        }
    assert {"CCO", "[Zn]", "[O-]C(=O)c1ccc(cc1)C(=O)[O-]", "[Zn][O]([Zn])([Zn])[Zn]"} <= found
    assert not any("&&" in text or text.startswith(".") for text in found)


def changes(model, inputs: tuple[Tensor, ...], place: int, row: int, token: int) -> Tensor:
    """By how much each logit moves if the string had another token at a place, which labels would show."""
    before = model(*inputs)
    other = [x.clone() for x in inputs]
    other[place][row, token] = 11 if other[place][row, token] != 11 else 12
    return (model(*other) - before).abs().amax(dim=1)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_no_target_leaks_on_either_side(share):
    """A token that is to be written moves neither its own logits nor any before them."""
    model, objective, batch = learn(**{"fragment.share": share})
    examples = objective.examples(batch, torch.Generator().manual_seed(3))
    read_BL, _, before_BK, positions_BK, written_BK = examples.inputs
    n_first = int(written_BK[0].sum())
    for place in range(n_first):
        moved = changes(model, examples.inputs, 2, 0, place)  # the token before target number `place`
        assert (moved[:place] == 0).all()
        assert (moved[place : place + 1] > 0).all()
        assert (moved[n_first:] == 0).all()  # and no other string
    start = int(positions_BK[0, 0]) + 1
    masked = [place for place in range(start, start + n_first) if read_BL[0, place] == MASK]
    assert masked
    ids_K = batch.ids_BL[0, start : start + n_first]
    assert before_BK[0, 1:n_first].tolist() == ids_K[:-1].tolist()


def test_one_hidden_token_is_masked_language_modelling():
    """Its logits depend on every other token of the string, on both sides, and on no target."""
    model, objective, batch = learn(**{"fragment.share": 0.0, "fragment.start": "uniform"})
    examples = objective.examples(batch, torch.Generator().manual_seed(1))
    _, keep_BL, _, positions_BK, written_BK = examples.inputs
    assert written_BK.shape == (len(TEXTS), 1)
    assert len(examples.labels_N) == len(TEXTS)
    hidden = int(positions_BK[0, 0]) + 1
    length = int(keep_BL[0].sum())
    assert 1 < hidden < length - 1
    for place in set(range(1, length)) - {hidden}:
        moved = changes(model, examples.inputs, 0, 0, place)
        assert moved[0] > 0
        assert (moved[1:] == 0).all()


def test_a_string_hidden_whole_is_a_language_model():
    """All is predicted from left to right, [SEP] last, by what went before alone."""
    model, objective, batch = learn(**{"fragment.share": 1.0})
    examples = objective.examples(batch, torch.Generator().manual_seed(1))
    _, keep_BL, before_BK, positions_BK, written_BK = examples.inputs
    assert torch.equal(examples.labels_N, batch.ids_BL[:, 1:][batch.keep_BL[:, 1:]])
    assert torch.equal(before_BK[written_BK], batch.ids_BL[:, :-1][batch.keep_BL[:, 1:]])
    every = torch.where(keep_BL & (torch.arange(keep_BL.shape[1]) > 0), MASK, batch.ids_BL)
    assert model.read(every, keep_BL).mask.keep_BS[:, 1:].sum() == 0  # the decoder sees [CLS] alone
    n_first = int(written_BK[0].sum())
    moved = changes(model, (every, keep_BL, before_BK, positions_BK, written_BK), 2, 0, 6)
    assert (moved[:6] == 0).all()
    assert (moved[6:n_first] > 0).all()


def test_padding_changes_no_logit():
    model, objective, batch = learn()
    examples = objective.examples(batch, torch.Generator().manual_seed(1))
    _, keep_BL, _, _, written_BK = examples.inputs
    logits = model(*examples.inputs)
    first = 0
    for row in range(len(TEXTS)):
        length, size = int(keep_BL[row].sum()), int(written_BK[row].sum())
        alone = model(
            *(x[row : row + 1, :length] for x in examples.inputs[:2]),
            *(x[row : row + 1, :size] for x in examples.inputs[2:]),
        )
        torch.testing.assert_close(logits[first : first + size], alone, atol=1e-5, rtol=1e-4)
        first += size
