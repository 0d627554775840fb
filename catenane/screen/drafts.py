"""Drafts: what a model writes in the place of parts of strings, for many strings at once."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, cycle, islice
from typing import NamedTuple

import torch

from catenane.errors import UsageError
from catenane.inference.model import Model
from catenane.inference.writing import Gap, encode_known, write_gaps
from catenane.models.decoding import Decoding, Written
from catenane.notation import Record
from catenane.screen.checks import judge
from catenane.screen.guide import guide_of
from catenane.screen.regions import Region

__all__ = ["Draft", "Drafts", "find_gaps", "write_drafts"]

SHORTEST, LONGEST, MORE = 0.6, 1.5, 6
"""Lengths of fragments, as shares of what stood there, and how many tokens longer any may be."""
PASS, MOST_PASSES = 256, 12
"""Drafts of a string that are written together at most, and how often."""
ALIKE = 8
"""Drafts of one length of one part that are drawn together, all different."""


class Draft(NamedTuple):
    """One that is kept."""

    record: Record
    fragment: str
    likelihood: float
    """Mean probability of the fragment's tokens."""


class Drafts:
    """Those of one string, as they come.

    Args:
        writer: A model that writes fragments.
        origin: The string.
        regions: Its parts, each of some spelling of it.
        seed: Of the order in which lengths are tried.

    Raises:
        UsageError: The model cannot write there.
    """

    def __init__(self, writer: Model, origin: Record, regions: Sequence[Region], seed: int) -> None:
        self.origin, self.tokenizer = origin, writer.bundle.tokenizer
        self.gaps: Iterator[Gap] = islice(
            cycle(find_gaps(writer, regions, seed)), PASS * MOST_PASSES // ALIKE
        )
        self.kept: dict[str, Draft] = {}
        """By their strings."""
        self.left_out: Counter[str] = Counter()
        """The others by reason."""
        self.n_written = 0

    def add(self, gap: Gap, written: Written) -> None:
        """Judge one more, and keep it if it is sound and new."""
        self.n_written += 1
        text, fragment = self.tokenizer.decode(gap.filled(written.ids)), self.tokenizer.decode(written.ids)
        record, reason = judge(self.origin, text)
        if record is not None and record.text in self.kept:
            reason = "repeated"
        if reason or record is None:
            self.left_out[reason] += 1
        else:
            likelihood = math.exp(written.log_probability / len(written.ids))
            self.kept[record.text] = Draft(record, fragment, likelihood)


def write_drafts(
    writer: Model, all_drafts: Sequence[Drafts], wanted: int, how: Decoding, generator: torch.Generator
) -> None:
    """Write until so many of each string are kept, or as many were written as may be; all side by side."""
    going = list(all_drafts)
    while going:
        batch = [
            (drafts, gap)
            for drafts in going
            for gap in islice(drafts.gaps, min(2 * (wanted - len(drafts.kept)), PASS) // ALIKE + 1)
        ]
        for (drafts, gap), options in zip(
            batch, write_gaps(writer, [gap for _, gap in batch], how, generator), strict=True
        ):
            for written in options:
                drafts.add(gap, written)
        written_for = {id(drafts) for drafts, _ in batch}
        going = [drafts for drafts in going if id(drafts) in written_for and len(drafts.kept) < wanted]


def find_gaps(writer: Model, regions: Sequence[Region], seed: int) -> list[Gap]:
    """Every region with every length of what may stand in it, in random order.

    Raises:
        UsageError: A token is unknown or cut in two, or the string is too long.
    """
    tokenizer, longest = writer.bundle.tokenizer, writer.config.recipe.encoder.max_length
    gaps, guide = [], guide_of(tokenizer)
    for text, first, end in regions:
        ids = encode_known(writer, text)
        places = list(accumulate(map(len, tokenizer.tokens(text)), initial=0))
        if first not in places or end not in places:
            raise UsageError(f"{first}:{end} of {text} is {text[first:end]!r}, which cuts a token in two")
        start, stop = (1 + places.index(place) for place in (first, end))
        size, room = stop - start, longest - len(ids) + stop - start
        lengths = range(max(1, int(SHORTEST * size)), 1 + min(room, max(int(LONGEST * size), size + MORE)))
        gaps += [guide.hide(ids, start, stop, length) for length in lengths]
    random.Random(seed).shuffle(gaps)
    return gaps
