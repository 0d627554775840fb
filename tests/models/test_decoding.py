"""Axes: B strings, S tokens that are read, L tokens that are written, V vocabulary."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor, nn

from catenane.config import DecoderConfig, EncoderConfig, TokenHeadConfig
from catenane.models.decoder import SequenceModel
from catenane.models.decoding import Decoding, Prompt, decode
from catenane.models.encoder import TransformerEncoder

MASK, SEP = 4, 3


def make_model(vocabulary_size: int = 12, **shape) -> SequenceModel:
    config = EncoderConfig(
        vocabulary_size=vocabulary_size, d_model=16, n_layers=2, n_heads=2, d_hidden=24, max_length=64,
        dropout=0.0, **shape,
    )  # fmt: skip
    model = SequenceModel(
        TransformerEncoder(config), DecoderConfig(n_layers=2), TokenHeadConfig(), mask_id=MASK
    )
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.4)
    return model.eval()


def prompt(before: list[int], position: list[int], most: list[int]) -> Prompt:
    return Prompt(torch.tensor(before), torch.tensor(position), torch.tensor(most))


def log_probability(model: SequenceModel, ids_S: Tensor, start: Prompt, written: tuple[int, ...], allowed_V):
    """Of tokens of one string, all scored in one pass of the network."""
    before_1L = torch.tensor([[int(start.before_B[0]), *written[:-1]]])
    positions_1L = start.position_B[:, None] + torch.arange(len(written))
    logits_LV = model(ids_S[None], torch.ones(1, len(ids_S)).bool(), before_1L, positions_1L, before_1L >= 0)
    log_LV = logits_LV.masked_fill(~allowed_V, -torch.inf).log_softmax(-1)
    return log_LV[torch.arange(len(written)), torch.tensor(written)].sum().item()


def allow(*ids: int, size: int = 12) -> Tensor:
    return torch.isin(torch.arange(size), torch.tensor(ids))


@pytest.mark.parametrize("positions", ["rotary", "sinusoidal", "learned"])
@pytest.mark.parametrize("attention", ["full", "linear"])
@pytest.mark.parametrize("method", ["greedy", "beam", "nucleus"])
def test_cached_and_uncached_decoding_agree(method, attention, positions):
    model = make_model(attention=attention, positions=positions)
    ids_BS = torch.randint(5, 12, (3, 9))
    ids_BS[0, 2:5] = MASK
    keep_BS = torch.arange(9) < torch.tensor([[9], [6], [9]])
    start = prompt([2, 7, 8], [1, 0, 4], [5, 3, 7])
    how = Decoding(method=method, n=3, beams=4)
    found = [
        decode(
            model, ids_BS, keep_BS, start, how, allowed_V=allow(*range(5, 12)), end_id=SEP, cached=cached,
            generator=torch.Generator().manual_seed(1),
        )
        for cached in (True, False)
    ]  # fmt: skip
    assert [[w.ids for w in results] for results in found[0]] == [
        [w.ids for w in results] for results in found[1]
    ]
    for ours, theirs in zip(*found, strict=True):
        assert [w.log_probability for w in ours] == pytest.approx(
            [w.log_probability for w in theirs], abs=1e-4
        )


def test_strings_of_a_batch_do_not_disturb_each_other():
    model = make_model()
    ids_BS = torch.randint(5, 12, (3, 9))
    lengths = [9, 4, 6]
    keep_BS = torch.arange(9) < torch.tensor(lengths)[:, None]
    before, position, most = [2, 6, 9], [0, 3, 2], [4, 6, 2]
    how = Decoding(method="beam", n=3, beams=3)
    allowed_V = allow(*range(5, 12))
    together = decode(
        model, ids_BS, keep_BS, prompt(before, position, most), how, allowed_V=allowed_V, end_id=SEP
    )
    for row, length in enumerate(lengths):
        own = prompt([before[row]], [position[row]], [most[row]])
        ids_1S = ids_BS[row : row + 1, :length]
        [alone] = decode(model, ids_1S, ids_1S > 0, own, how, allowed_V=allowed_V, end_id=SEP)
        assert [w.ids for w in together[row]] == [w.ids for w in alone]


@pytest.mark.parametrize("end_id", [None, SEP])
def test_a_wide_beam_is_exhaustive_search(end_id):
    model, letters, most = make_model(), (5, 6, 7), 4
    allowed_V = allow(*letters)
    ids_S, start = torch.randint(5, 12, (6,)), prompt([2], [1], [most])
    if end_id is None:
        every = list(product(letters, repeat=most))
        scored = {text: log_probability(model, ids_S, start, text, allowed_V) for text in every}
    else:
        allowed_V[end_id] = True
        every = [text for n in range(most) for text in product(letters, repeat=n)]
        scored = {text: log_probability(model, ids_S, start, (*text, SEP), allowed_V) for text in every}
        full = product(letters, repeat=most)  # which nothing ends but their length
        scored |= {text: log_probability(model, ids_S, start, text, allowed_V) for text in full}
    how = Decoding(method="beam", n=len(scored), beams=len(scored))
    [found] = decode(
        model, ids_S[None], ids_S[None] > 0, start, how, allowed_V=allow(*letters), end_id=end_id
    )
    best_first = sorted(scored, key=lambda text: -scored[text])
    assert [w.ids for w in found] == best_first
    assert [w.log_probability for w in found] == pytest.approx([scored[t] for t in best_first], abs=1e-4)


def test_greedy_takes_the_likeliest_at_each_step():
    model, allowed_V = make_model(), allow(*range(5, 12))
    ids_S, start = torch.randint(5, 12, (6,)), prompt([2], [1], [5])
    [[found]] = decode(model, ids_S[None], ids_S[None] > 0, start, Decoding(), allowed_V=allowed_V)
    for place, chosen in enumerate(found.ids):
        options = {
            token: log_probability(model, ids_S, start, (*found.ids[:place], token), allowed_V)
            for token in range(5, 12)
        }
        assert chosen == max(options, key=options.__getitem__)


def test_a_length_penalty_reorders_a_beam():
    model = make_model()
    ids_1S, start = torch.randint(5, 12, (1, 6)), prompt([2], [1], [4])
    free, fair = (
        decode(
            model, ids_1S, ids_1S > 0, start, Decoding(method="beam", n=30, beams=30, length_penalty=penalty),
            allowed_V=allow(5, 6), end_id=SEP,
        )[0]
        for penalty in (0.0, 1.0)
    )  # fmt: skip
    assert {w.ids for w in free} == {w.ids for w in fair}
    scores = [w.log_probability / max(len(w.ids), 1) for w in fair]
    assert scores == sorted(scores, reverse=True)


def test_a_nucleus_draws_what_it_should():
    model = make_model()
    ids_1S, start = torch.randint(5, 12, (1, 6)), prompt([2], [1], [1])
    allowed_V = allow(*range(5, 12))
    expected = {
        token: torch.tensor(log_probability(model, ids_1S[0], start, (token,), allowed_V)).exp().item()
        for token in range(5, 12)
    }

    def shares(**settings) -> dict[int, float]:
        many_NS = ids_1S.repeat(4000, 1)
        results = decode(
            model, many_NS, many_NS > 0, prompt([2] * 4000, [1] * 4000, [1] * 4000),
            Decoding(method="nucleus", **settings), allowed_V=allowed_V,
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        drawn = [w.ids[0] for [w] in results]
        return {token: drawn.count(token) / len(drawn) for token in set(drawn)}

    for token, share in shares(share=1.0).items():
        assert share == pytest.approx(expected[token], abs=0.03)
    best_first = sorted(expected, key=lambda token: -expected[token])
    two = expected[best_first[0]] + expected[best_first[1]]
    assert set(shares(share=two - 1e-4)) == set(best_first[:2])
    assert set(shares(share=1.0, temperature=0.01)) == set(best_first[:1])


def test_what_a_nucleus_draws_side_by_side_differs_and_the_likely_come_often():
    model, allowed_V = make_model(), allow(5, 6, 7)
    ids_1S, start = torch.randint(5, 12, (1, 6)), prompt([2], [1], [2])
    how = Decoding(method="nucleus", n=12, share=1.0)
    [every] = decode(model, ids_1S, ids_1S > 0, start, how, allowed_V=allowed_V)
    assert {w.ids for w in every} == set(product((5, 6, 7), repeat=2))  # all that there are, each once
    many = 600
    first: dict[tuple[int, ...], int] = {}
    many_NS = ids_1S.repeat(many, 1)
    found = decode(
        model, many_NS, many_NS > 0, prompt([2] * many, [1] * many, [2] * many),
        Decoding(method="nucleus", n=3, share=1.0), allowed_V=allowed_V,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    for results in found:
        assert len({w.ids for w in results}) == 3
        first[results[0].ids] = first.get(results[0].ids, 0) + 1
    for ids in product((5, 6, 7), repeat=2):
        expected = torch.tensor(log_probability(model, ids_1S[0], start, ids, allowed_V)).exp().item()
        assert first.get(ids, 0) / many == pytest.approx(expected, abs=0.07)
