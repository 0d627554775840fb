"""Masked sequence to sequence: a fragment is hidden from the encoder, for a decoder to write (`mass`).

Axes: B strings, L tokens that are read, K tokens of the longest fragment, N hidden tokens.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor

from catenane.config import FragmentConfig
from catenane.data import StringBatch
from catenane.objectives.masking import HiddenTokens, MaskedTokens, corrupt

__all__ = ["Fragments", "HiddenFragment", "Span", "choose_spans", "hide_fragments", "parts_of"]

AT_AN_END = 0.2
"""Share of the fragments at the first place, and at the last, by the policy `mass`."""


class Span(NamedTuple):
    """A run of tokens of one string, by their places."""

    start: int
    end: int
    """The place behind the last."""


class HiddenFragment(NamedTuple):
    """What encoder and decoder read, and what the decoder should write."""

    ids_BL: Tensor
    """int64, inputs of the encoder."""
    before_BK: Tensor
    """int64, before each token of the fragment the one that precedes it in the string, itself not hidden;
    padded on the right."""
    positions_BK: Tensor
    """int64, the places of these in the string."""
    written_BK: Tensor
    """bool, False on padding."""
    labels_N: Tensor
    """int64, the tokens of the fragments, in reading order, string after string."""


def choose_spans(lengths: Sequence[int], config: FragmentConfig, generator: torch.Generator) -> list[Span]:
    """A run of tokens for each string, of [CLS], its tokens and [SEP]; never at [CLS].

    Of m tokens, [SEP] among them, a share k / m is hidden, at least one and at most all.

    Args:
        lengths: Tokens of each string, 2 at least.
        config: Share and start; `parts` is not heeded.
        generator: Source of all choices.

    Source: the public code of Song et al. 2019, which hides one number of tokens in all strings of a batch.
    """
    draws_B3 = torch.rand((len(lengths), 3), generator=generator, dtype=torch.float64).tolist()
    spans = []
    for length, (of_share, where, of_start) in zip(lengths, draws_B3, strict=True):
        share = config.share + (2 * of_share - 1) * config.spread
        size = min(max(round(share * (length - 1)), 1), length - 1)
        start = 1 + int(of_start * (length - size))
        if config.start == "mass" and where < 2 * AT_AN_END:
            start = 1 if where < AT_AN_END else length - size
        spans.append(Span(start, start + size))
    return spans


def parts_of(tokens: Sequence[str]) -> Iterator[Span]:
    """The runs between dots and within brackets, of the tokens of a string before its topology, if any.

    >>> [[*"CC(=O)O.[Na]"][span.start : span.end] for span in parts_of([*"CC(=O)O"])]
    [['=', 'O'], ['C', 'C', '(', '=', 'O', ')', 'O']]
    """
    opened, start = [], 0
    end = tokens.index("&&") if "&&" in tokens else len(tokens)
    for place, token in enumerate([*tokens[:end], "."]):
        if token == "(":
            opened.append(place + 1)
        elif token == ")" and opened:
            yield Span(opened.pop(), place)
        elif token == ".":
            if place > start:
                yield Span(start, place)
            start = place + 1


def hide_fragments(
    ids_BL: Tensor,
    spans: Sequence[Span],
    *,
    policy: str,
    generator: torch.Generator,
    vocabulary_size: int,
    mask_id: int,
    n_special: int,
    pad_id: int = 0,
) -> HiddenFragment:
    """Hide a run of each string from the encoder, and give it to the decoder one place late.

    Of the hidden tokens the encoder reads what `policy` says, see `mask_tokens`; the decoder reads at the
    place before each token what really stands there, so it is never shown what it has to write.

    Args:
        ids_BL: Token ids, int64; unchanged.
        spans: Of each string, at 1 or later.
        policy: Of masking.
        generator: Source of all choices.
        vocabulary_size: Number of tokens, special ones included.
        mask_id: Id of [MASK].
        n_special: Ids below are special.
        pad_id: What stands in `before_BK` behind shorter fragments.

    Source: Song et al. 2019, arXiv:1905.02450, and its public code: the first token of the fragment is
    predicted from the one before it, where the text shows a mask.
    """
    start_B, end_B = torch.tensor(spans, device=ids_BL.device).unbind(1)
    place_L = torch.arange(ids_BL.shape[1], device=ids_BL.device)
    hidden_BL = (place_L >= start_B[:, None]) & (place_L < end_B[:, None])
    fate_BL, token_BL = torch.rand((2, *ids_BL.shape), generator=generator).to(ids_BL.device)
    other_BL = n_special + (token_BL * (vocabulary_size - n_special)).long()
    read_BL = corrupt(ids_BL, hidden_BL, fate_BL, other_BL, policy=policy, mask_id=mask_id)
    size_B = end_B - start_B
    place_K = torch.arange(int(size_B.max()), device=ids_BL.device)
    written_BK = place_K < size_B[:, None]
    positions_BK = (start_B[:, None] - 1 + place_K).clamp(max=ids_BL.shape[1] - 1)
    before_BK = ids_BL.gather(1, positions_BK).masked_fill(~written_BK, pad_id)
    return HiddenFragment(read_BL, before_BK, positions_BK, written_BK, ids_BL[hidden_BL])


class Fragments(MaskedTokens):
    """Write a run of tokens that was hidden, by the recipe's table `fragment` (Song et al. 2019)."""

    kind = "generator"

    def examples(self, batch: StringBatch, generator: torch.Generator) -> HiddenTokens:
        """The model reads ids, real tokens, and for the fragment what precedes each token, and where."""
        config, tokenizer = self.recipe.fragment, self.tokenizer
        spans = choose_spans(batch.keep_BL.sum(dim=1).tolist(), config, generator)
        if config.parts:
            self._take_parts(batch, spans, generator)
        hidden = hide_fragments(
            batch.ids_BL, spans, policy=config.policy, generator=generator,
            vocabulary_size=tokenizer.vocabulary_size, mask_id=tokenizer.mask_id,
            n_special=tokenizer.n_special, pad_id=tokenizer.pad_id,
        )  # fmt: skip
        return HiddenTokens(
            (hidden.ids_BL, batch.keep_BL, hidden.before_BK, hidden.positions_BK, hidden.written_BK),
            hidden.labels_N,
        )

    def _take_parts(self, batch: StringBatch, spans: list[Span], generator: torch.Generator) -> None:
        """Put a whole part of the string in the place of some spans, a long one the likelier."""
        draws_B2 = torch.rand((len(spans), 2), generator=generator, dtype=torch.float64).tolist()
        texts = list(self.tokenizer.vocabulary)
        rows = zip(batch.ids_BL.tolist(), batch.keep_BL.sum(dim=1).tolist(), draws_B2, strict=True)
        for row, (ids_L, length, (which, at)) in enumerate(rows):
            tokens = [texts[token] for token in ids_L[1 : length - 1]]
            parts = list(parts_of(tokens)) if which < self.recipe.fragment.parts else []
            if parts:
                ends = list(accumulate(end - start for start, end in parts))
                start, end = parts[bisect_right(ends, at * ends[-1])]
                spans[row] = Span(start + 1, end + 1)
