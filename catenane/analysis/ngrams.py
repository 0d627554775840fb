"""Every contiguous run of tokens of a corpus, counted exactly.

A suffix array brings equal runs together. Tokens are packed into machine words, so that suffixes are sorted
by six to ten tokens at once, and then, where they are still equal, by ranks of twice the length each time.
How many tokens neighbours in that order share then gives the runs of any length as stretches of the array.

Axes: P places in the corpus, N strings.

Source: U. Manber, G. Myers, SIAM J. Comput. 1993, 22, 935 (suffix arrays, prefix doubling).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenane.errors import DataError, UsageError
from catenane.tokenizers import EncodedStrings, StringTokenizer

__all__ = ["Ngram", "NgramCounts", "count_ngrams"]

Places = NDArray[np.int64]
WORD_BITS = 63


@dataclass(frozen=True, slots=True)
class Ngram:
    """A run of tokens."""

    text: str
    length: int
    """Tokens."""
    count: int
    """Places at which it stands; these may overlap."""
    documents: int
    """Strings that hold it."""


@dataclass(frozen=True)
class NgramCounts:
    """The commonest n-grams of every length."""

    ngrams: tuple[Ngram, ...]
    """By length, and the commonest of a length first; equally common ones in the order of their text."""
    distinct: dict[int, int]
    """Different n-grams of each length."""
    total: dict[int, int]
    """Places of each length at which one stands."""
    frequencies: dict[int, int]
    """By count, how many n-grams of all lengths have it."""
    n_strings: int

    def rank(self, gram: Ngram) -> int:
        """Place of an n-gram among those of all lengths that were counted, from 1; equal counts share it."""
        return 1 + sum(n for count, n in self.frequencies.items() if count > gram.count)


def count_ngrams(
    tokenizer: StringTokenizer,
    strings: Sequence[str],
    *,
    shortest: int = 1,
    longest: int = 40,
    top: int | None = 50,
) -> NgramCounts:
    """Count every n-gram of every length; [CLS] and [SEP] are in none, and none spans two strings.

    What the vocabulary lacks is a token like any other, as it is written.

    Args:
        tokenizer: Which says what a token is.
        strings: The corpus; 500,000 molecules take about 2 GB.
        shortest: Tokens of the shortest n-grams.
        longest: Of the longest.
        top: How many to keep of each length, of equally common ones those whose tokens have lower ids; None
            for all.

    Raises:
        UsageError: Lengths or `top` are out of range.
        DataError: There are no strings.
    """
    if not 1 <= shortest <= longest:
        raise UsageError(
            f"n-grams of {shortest} to {longest} tokens: the first number must be from 1 to the last"
        )
    if top is not None and top < 1:
        raise UsageError(f"top={top} must be at least 1")
    if not len(strings):
        raise DataError("there are no strings to count n-grams in")
    symbol_P, texts, sizes_N = _symbols(tokenizer, tokenizer.encode_flat(strings), strings)
    left_P = _left_in_string(sizes_N)
    order_P, shared_P = _suffix_array(symbol_P, left_P, len(texts), longest)
    reach_P = np.minimum(left_P, longest)[order_P]
    places = np.bincount(reach_P, minlength=longest + 1)
    counter = _Strings(order_P, np.repeat(np.arange(len(sizes_N), dtype=np.int32), sizes_N + 1), len(sizes_N))
    found: list[Ngram] = []
    distinct, total, frequencies = {}, {}, Counter[int]()
    # Slots of the suffix array whose next tokens stand elsewhere too, and those where they no longer do.
    slots, n_alone = np.arange(len(order_P), dtype=np.int32), np.zeros(longest + 1, np.int64)
    alone: list[NDArray[np.int32]] = []
    for length in range(1, longest + 1):
        first = shared_P < length
        repeated = ~(first & np.append(first[1:], True))
        alone.append(slots[~repeated])
        n_alone += np.bincount(reach_P[alone[-1]], minlength=longest + 1)
        slots, shared_P, first = slots[repeated], shared_P[repeated], first[repeated]
        if length < shortest:
            continue
        starts = np.flatnonzero(first)
        counts = np.diff(np.append(starts, len(slots)))
        distinct[length] = len(counts) + int(n_alone[length:].sum())
        total[length] = int(places[length:].sum())
        having = np.bincount(counts)
        frequencies.update({count: int(having[count]) for count in np.flatnonzero(having).tolist()})
        frequencies[1] += distinct[length] - len(counts)
        kept = np.arange(len(counts))
        if top is not None and len(counts) > top:
            least = np.partition(counts, -top)[-top]
            kept = np.flatnonzero(counts > least)
            kept = np.append(kept, np.flatnonzero(counts == least)[: top - len(kept)])
        stretches = [slots[starts[k] : starts[k] + counts[k]] for k in kept.tolist()]
        if top is None or len(kept) < top:
            lone = np.sort(np.concatenate(alone))
            lone = lone[reach_P[lone] >= length][: None if top is None else top - len(kept)]
            stretches += [lone[k : k + 1] for k in range(len(lone))]
        grams = []
        for stretch in stretches:
            place = order_P[stretch[0]]
            text = "".join([texts[symbol] for symbol in symbol_P[place : place + length].tolist()])
            grams.append(Ngram(text, length, len(stretch), counter.count(stretch)))
        found += sorted(grams, key=lambda gram: (-gram.count, gram.text))
    return NgramCounts(tuple(found), distinct, total, dict(frequencies), len(sizes_N))


class _Strings:
    """Counts the strings that slots of the suffix array are in."""

    def __init__(self, order_P: Places, string_P: NDArray[np.int32], n_strings: int) -> None:
        self._order_P, self._string_P = order_P, string_P
        self._seen_N = np.zeros(n_strings, bool)

    def count(self, slots: NDArray[np.int32]) -> int:
        if len(slots) == 1:
            return 1
        strings = self._string_P[self._order_P[slots]]
        if len(slots) < len(self._seen_N) // 16:
            return len(np.unique(strings))
        self._seen_N[:] = False
        self._seen_N[strings] = True
        return int(np.count_nonzero(self._seen_N))


def _symbols(
    tokenizer: StringTokenizer, encoded: EncodedStrings, strings: Sequence[str]
) -> tuple[NDArray[np.int32], list[str], NDArray[np.int64]]:
    """Numbers of the tokens (P,), 0 behind each string, their texts, and the tokens of each string (N,).

    Numbers are dense, so that few bits hold one.
    """
    ids_P = encoded.ids.astype(np.int32)
    numbers = dict(tokenizer.vocabulary)
    for row in np.flatnonzero(encoded.n_unknown).tolist():
        written = tokenizer.tokens(strings[row])
        ids = [numbers.setdefault(token, len(numbers)) for token in written]
        ids_P[encoded.offsets[row] + 1 : encoded.offsets[row + 1] - 1] = ids
    names = list(numbers)
    starts = encoded.offsets[:-1]
    ends = encoded.offsets[1:] - 1
    ids_P[ends] = ids_P[starts] = 0
    used = np.flatnonzero(np.bincount(ids_P))
    dense = np.zeros(len(names), np.int32)
    dense[used] = np.arange(len(used))
    body = np.ones(len(ids_P), bool)
    body[starts] = False
    return dense[ids_P[body]], [names[number] for number in used.tolist()], encoded.lengths - 2


def _left_in_string(sizes_N: NDArray[np.int64]) -> NDArray[np.int32]:
    """Tokens from each place to the end of its string, (P,)."""
    ends_N = np.cumsum(sizes_N + 1)
    left: NDArray[np.int32] = (np.repeat(ends_N, sizes_N + 1) - np.arange(ends_N[-1]) - 1).astype(np.int32)
    return left


def _suffix_array(
    symbol_P: NDArray[np.int32], left_P: NDArray[np.int32], n_symbols: int, longest: int
) -> tuple[Places, NDArray[np.int32]]:
    """Places in the order of the next `longest` tokens, and how many of these each shares with the last.

    Strings end with the symbol 0, which is never counted as shared.
    """
    n_places = len(symbol_P)
    bits = max(int(n_symbols - 1).bit_length(), 1)
    width = WORD_BITS // bits
    words_P = _packed(symbol_P, bits, width)
    order_P = np.argsort(words_P, kind="stable")
    known = width
    ordered = words_P[order_P]
    new_P = np.append(True, ordered[1:] != ordered[:-1])
    while known < longest:
        # The rank of a place is the first of its group in the order: sorting a group anew moves no other.
        first_P = np.maximum.accumulate(np.where(new_P, np.arange(n_places), 0))
        rank_P = np.empty(n_places + known, np.int64)
        rank_P[order_P], rank_P[n_places:] = first_P, 0
        open_P = np.flatnonzero(~(new_P & np.append(new_P[1:], True)))
        # A group that ends with its string is settled.
        open_P = open_P[left_P[order_P[open_P]] >= known]
        if not len(open_P):
            break
        places = order_P[open_P]
        keys = first_P[open_P] << 32 | rank_P[places + known]
        by_key = np.argsort(keys, kind="stable")
        order_P[open_P] = places[by_key]
        keys = keys[by_key]
        new_P[open_P[1:]] |= keys[1:] != keys[:-1]
        known *= 2
    return order_P, _shared(words_P, order_P, left_P, bits, width, longest)


def _packed(symbol_P: NDArray[np.int32], bits: int, width: int) -> NDArray[np.int64]:
    """The next `width` symbols of each place as one number, the first in its highest bits."""
    padded = np.append(symbol_P, np.zeros(width, np.int32))
    words_P = np.zeros(len(symbol_P), np.int64)
    for offset in range(width):
        words_P <<= bits
        words_P |= padded[offset : offset + len(symbol_P)]
    return words_P


def _shared(
    words_P: NDArray[np.int64],
    order_P: Places,
    left_P: NDArray[np.int32],
    bits: int,
    width: int,
    longest: int,
) -> NDArray[np.int32]:
    """Tokens that each place in the order shares with the one before, `longest` at most, (P,)."""
    most_P = np.minimum(left_P[order_P], longest)
    shared_P = np.zeros(len(order_P), np.int32)
    padded = np.append(words_P, np.zeros(longest + width, np.int64))
    todo = np.arange(1, len(order_P))
    for offset in range(0, longest, width):
        differ = padded[order_P[todo] + offset] ^ padded[order_P[todo - 1] + offset]
        # The bit below the highest is cleared, so that no rounding to a float reaches the next power of two.
        n_bits = np.frexp((differ & ~(differ >> 1)).astype(np.float64))[1]
        shared_P[todo] += (width * bits - n_bits) // bits
        todo = todo[(differ == 0) & (most_P[todo] > offset + width)]
    return np.minimum(shared_P, most_P)
