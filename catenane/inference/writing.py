"""Hidden tokens named and hidden fragments written, in strings in which they are marked by [MASK]."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from catenane.data import LengthGroupedBatches
from catenane.errors import BundleError, NotationError, UsageError
from catenane.inference.model import BATCH_TOKENS, Model
from catenane.models.decoder import SequenceModel
from catenane.models.decoding import Decoding, Prompt, TokenState, Written, decode
from catenane.models.networks import MaskedLanguageModel
from catenane.notation import get_notation, read_mixed

__all__ = ["Filling", "Gap", "encode_known", "fill", "sequence_model", "write_gaps", "write_strings"]


class Gap(NamedTuple):
    """A string with a run of tokens to be written."""

    ids: tuple[int, ...]
    """Of the whole string, [CLS] and [SEP] around it, [MASK] within the run."""
    start: int
    """The first place of the run, 1 or later."""
    end: int
    """The place behind its last."""
    state: TokenState | None = None
    """Says which tokens may be written; of all gaps of a call, or of none."""

    def filled(self, written: Sequence[int]) -> tuple[int, ...]:
        """The string with these tokens in the run."""
        return (*self.ids[: self.start], *written, *self.ids[self.end :])


class Filling(NamedTuple):
    """One way to fill one gap of a string."""

    gap: int
    """Its number, from 1."""
    text: str
    """What stands in it."""
    probability: float
    string: str
    """The whole string, with the likeliest in every other gap."""
    error: str
    """Why that cannot be read; "" where it can."""


def fill(model: Model, string: str, *, top: int = 5) -> list[Filling]:
    """The likeliest tokens for each [MASK] of a string, and what the string becomes.

    A model that names tokens fills each [MASK] by itself; one that writes fragments fills a run of them with
    as many tokens, and gives the likeliest fragments that a beam finds. Other gaps are filled before, the
    surest first.

    Args:
        model: A pretrained encoder with its token head, or a model that writes.
        string: SMILES or MOFid with [MASK] in the place of one or more tokens.
        top: Fillings of each gap.

    Raises:
        UsageError: No token is masked, one is unknown, or the string is too long.
        BundleError: The model has no head for tokens.
    """
    tokenizer = model.bundle.tokenizer
    ids = tuple(encode_known(model, string))
    name = _name_tokens if isinstance(model.bundle.model, MaskedLanguageModel) else _name_fragments
    masked = [place for place, token in enumerate(ids) if token == tokenizer.mask_id]
    if not masked:
        raise UsageError("nothing is hidden: write [MASK] in the place of a token, as in 'CC(=O)[MASK]'")
    whole = ids
    while tokenizer.mask_id in whole:  # the surest gap first, which the others are then filled beside
        gap, options = max(name(model, whole, 1), key=lambda named: named[1][0].log_probability)
        whole = gap.filled(options[0].ids)
    found: list[tuple[int, Written, str]] = []
    for number, (gap, _) in enumerate(name(model, ids, 1), 1):
        others = tuple(
            whole[place] if not gap.start <= place < gap.end else token for place, token in enumerate(ids)
        )
        [(own, options)] = name(model, others, top)
        found += [(number, option, tokenizer.decode(own.filled(option.ids))) for option in options]
    read = read_mixed([text for *_, text in found], model.config.notation)
    return [
        Filling(
            number, tokenizer.decode(option.ids), math.exp(option.log_probability), text,
            str(item) if isinstance(item, NotationError) else "",
        )
        for (number, option, text), item in zip(found, read, strict=True)
    ]  # fmt: skip


Named = list[tuple[Gap, list[Written]]]


def _name_tokens(model: Model, ids: tuple[int, ...], top: int) -> Named:
    """The likeliest tokens of each [MASK]."""
    tokenizer, ids_1L = model.bundle.tokenizer, torch.tensor([ids], device=model.device)
    chosen_1L = ids_1L == tokenizer.mask_id
    with torch.inference_mode():
        logits_NV = model.bundle.model(ids_1L, torch.ones_like(chosen_1L), chosen_1L).float()
        logits_NV[:, : tokenizer.n_special] = -torch.inf
        best = logits_NV.log_softmax(dim=-1).topk(min(top, logits_NV.shape[1] - tokenizer.n_special), dim=-1)
    places = chosen_1L[0].nonzero().flatten().tolist()
    return [
        (Gap(ids, place, place + 1), [Written((token,), value) for token, value in zip(*row, strict=True)])
        for place, row in zip(
            places, zip(best.indices.tolist(), best.values.tolist(), strict=True), strict=True
        )
    ]


def _name_fragments(model: Model, ids: tuple[int, ...], top: int) -> Named:
    """The likeliest fragments of each run of [MASK]."""
    gaps, place = [], 0
    for token, run in groupby(ids):
        size = len(list(run))
        if token == model.bundle.tokenizer.mask_id:
            gaps.append(Gap(ids, place, place + size))
        place += size
    how = Decoding(method="beam", n=top, beams=max(2 * top, 5))
    return list(zip(gaps, write_gaps(model, gaps, how), strict=True))


def encode_known(model: Model, string: str) -> list[int]:
    """Ids of a string, which may hold [MASK], as it is spelled.

    Raises:
        UsageError: A token is unknown, or the string is too long.
    """
    tokenizer, longest = model.bundle.tokenizer, model.config.recipe.encoder.max_length
    ids = tokenizer.encode_marked(string)
    if tokenizer.unk_id in ids:
        unknown = next(token for token in tokenizer.tokens(string) if token not in tokenizer.vocabulary)
        raise UsageError(f"the token {unknown!r} is not in the vocabulary of this model")
    if len(ids) > longest:
        raise UsageError(f"{len(ids):,} tokens are more than the {longest} that this model reads")
    return ids


def sequence_model(model: Model) -> SequenceModel:
    """The network, where it can write.

    Raises:
        BundleError: It cannot.
    """
    if isinstance(model.bundle.model, SequenceModel):
        return model.bundle.model
    what = "a property model" if model.targets else "an encoder that names single tokens"
    raise BundleError(f"this model cannot write: it is {what}; pretrain one with --recipe mass-small")


def write_gaps(
    model: Model, gaps: Sequence[Gap], how: Decoding, generator: torch.Generator | None = None
) -> list[list[Written]]:
    """Tokens for the run of each string, exactly as many as are hidden, by `decode`.

    Raises:
        BundleError: The model cannot write.
    """
    prompts = [(gap.ids[gap.start - 1], gap.start - 1, gap.end - gap.start) for gap in gaps]
    states = [gap.state for gap in gaps if gap.state is not None]
    return _write(model, [gap.ids for gap in gaps], prompts, how, None, generator, states)


def write_strings(
    model: Model,
    sources: Sequence[Sequence[int]],
    how: Decoding,
    generator: torch.Generator | None = None,
    *,
    first_id: int | None = None,
) -> list[list[Written]]:
    """Another string for each that is read, ids with [CLS] and [SEP]; [SEP] ends it.

    A text begins with the token of its language, `first_id`, in place of [CLS], and is at most twice as long
    as the source and 20 tokens.

    Raises:
        BundleError: The model cannot write.
    """
    tokenizer, longest = model.bundle.tokenizer, model.config.recipe.encoder.max_length
    is_text = not get_notation(tokenizer.notation).is_chemical
    prompts = [
        (first_id or tokenizer.cls_id, 0, min(longest - 1, 2 * len(ids) + 20) if is_text else longest - 1)
        for ids in sources
    ]
    return _write(model, sources, prompts, how, tokenizer.sep_id, generator)


def _write(
    model: Model,
    sources: Sequence[Sequence[int]],
    prompts: Sequence[tuple[int, int, int]],
    how: Decoding,
    end_id: int | None,
    generator: torch.Generator | None,
    states: Sequence[TokenState] = (),
) -> list[list[Written]]:
    """`decode` in batches of sources of like length."""
    network, tokenizer, device = sequence_model(model), model.bundle.tokenizer, model.device
    allowed_V = torch.arange(tokenizer.vocabulary_size, device=device) >= tokenizer.n_special
    width = {"greedy": 1, "beam": how.beams, "nucleus": how.n}[how.method]
    results: list[list[Written]] = [[] for _ in sources]
    for rows in _alike([len(ids) for ids in sources], max(BATCH_TOKENS // width, 1)):
        ids_BS = pad_sequence([torch.tensor(sources[row]) for row in rows], batch_first=True).to(device)
        keep_BS = torch.arange(ids_BS.shape[1]) < torch.tensor([len(sources[row]) for row in rows])[:, None]
        prompt = Prompt(*torch.tensor([prompts[row] for row in rows], device=device).unbind(1))
        found = decode(
            network, ids_BS, keep_BS.to(device), prompt, how, allowed_V=allowed_V, end_id=end_id,
            states=[states[row] for row in rows] if states else None, generator=generator,
        )  # fmt: skip
        for row, written in zip(rows, found, strict=True):
            results[row] = written
    return results


def _alike(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    if lengths:
        batches = LengthGroupedBatches(np.array(lengths), batch_tokens, shuffle=False)
        yield from (rows.tolist() for rows in batches.batches(0))
