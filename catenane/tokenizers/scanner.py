"""The hot path: the token ids of a batch of strings by whole-array operations on its bytes.

The strings are joined with a spare byte before and after each, which become its [CLS] and [SEP]. Every byte
is first taken for a token of its own; then the few longer tokens (bracket atoms, `Br`, `Cl`, ring bonds, the
words of a MOFid tail) are found as spans, looked up by their text, and all but their first byte are struck
out. What is left, in order, are the ids. The rules are those of `catenane.tokenizers.grammar`, and tests hold
the two to each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from string import ascii_letters, digits
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from catenane.tokenizers.encoded import expand_ranges
from catenane.tokenizers.grammar import SPECIAL_TOKENS

__all__ = ["WORD_BYTES", "Scanner", "SpanTable", "words_at"]

Places: TypeAlias = NDArray[np.int64]
Spans: TypeAlias = tuple[Places, Places]
"""First byte and size in bytes of each span, both (n,)."""

_UNK, _CLS, _SEP = (SPECIAL_TOKENS.index(token) for token in ("[UNK]", "[CLS]", "[SEP]"))


def _bytes_in(characters: str) -> NDArray[np.bool_]:
    return np.isin(np.arange(256), list(characters.encode()))


_IS_DIGIT = _bytes_in(digits)
_IS_CODE = _bytes_in(ascii_letters + digits + "*+_-")
_IS_BRACKET_LIMIT = _bytes_in("[]&\n")
# The bytes that longer tokens are found by: the second letters of Br and Cl are rarer than the first.
_IS_MARK = _bytes_in("[]&\n%rl")
# The first byte of a UTF-8 character gives its size; those from 0x80 to 0xBF never are a first byte.
_FIRST_WIDE = 0xC0
_CHARACTER_BYTES = np.repeat(np.array([1, 2, 3, 4]), [192, 32, 16, 16])
_DOT_CAT = int.from_bytes(b".cat", "little")
_FOUR_BYTES = np.uint64(0xFFFFFFFF)
WORD_BYTES = 8
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(WORD_BYTES + 1)], np.uint64)


class Scanner:
    """Strings to the ids of one vocabulary; `with_tail` where `&&` opens a MOFid tail."""

    def __init__(self, vocabulary: Mapping[str, int], *, with_tail: bool) -> None:
        self._byte_ids = np.full(256, _UNK, np.uint16)
        for token, number in vocabulary.items():
            if len(token) == 1 and token.isascii():
                self._byte_ids[ord(token)] = number
        self._spans = SpanTable(vocabulary)
        self._with_tail = with_tail

    def scan(self, strings: Sequence[str]) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        """Ids of all strings end to end, [CLS] and [SEP] around each, and the number of ids of each."""
        batch = _Batch(strings, self._byte_ids)
        marks = np.flatnonzero(_IS_MARK[batch.data])
        kinds = batch.data[marks]

        atoms = _bracket_atoms(batch, marks[_IS_BRACKET_LIMIT[kinds]])
        found = self._fill(batch, *atoms)
        if self._with_tail:
            special = atoms[0][(found >= 0) & (found < len(SPECIAL_TOKENS))]
            tails, sizes = _tails(batch, marks[kinds == ord("&")], special)
            self._fill(batch, tails - 2, np.full(len(tails), 2))
            self._fill(batch, *_tail_words(batch, tails, sizes))
        self._fill(batch, *_ring_bonds(batch, marks[kinds == ord("%")]))
        for first, second in (b"Br", b"Cl"):
            self._fill(batch, *_letter_pairs(batch, marks[kinds == second], first))
        if batch.has_wide_characters:
            self._fill(batch, *_wide_characters(batch))

        lengths = np.add.reduceat(batch.keep.view(np.uint8), batch.firsts, dtype=np.int64)
        return batch.ids[batch.keep], lengths

    def _fill(self, batch: _Batch, starts: Places, sizes: Places) -> NDArray[np.int32]:
        """Write the id of each span at its first byte and strike the rest; return the ids, -1 for none."""
        found = self._spans.find(batch.padded, starts, sizes)
        batch.ids[starts] = np.where(found < 0, _UNK, found)
        batch.keep[expand_ranges(starts + 1, sizes - 1)] = False
        return found


class SpanTable:
    """The tokens of a vocabulary by their bytes: of up to eight as numbers to search, longer ones by text."""

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        ids = {token.encode("utf-8", "surrogatepass"): number for token, number in vocabulary.items()}
        self._long = {text: number for text, number in ids.items() if len(text) > WORD_BYTES}
        short = sorted((int.from_bytes(text, "little"), ids[text]) for text in ids.keys() - self._long.keys())
        # One entry more than there are keys, so that a search past the last key still reads one.
        self._keys = np.array([*(key for key, _ in short), 0], np.uint64)
        self._ids = np.array([*(number for _, number in short), -1], np.int32)

    def find(self, padded: bytes, starts: Places, sizes: Places) -> NDArray[np.int32]:
        """The id of each span, -1 for no token: (n,). The text has eight spare bytes behind it."""
        words = words_at(padded, starts) & _MASKS[np.minimum(sizes, WORD_BYTES)]
        places = np.searchsorted(self._keys[:-1], words)
        found = np.where(self._keys[places] == words, self._ids[places], np.int32(-1))
        long = np.flatnonzero(sizes > WORD_BYTES)
        spans = zip(starts[long].tolist(), sizes[long].tolist(), strict=True)
        found[long] = [self._long.get(padded[start : start + size], -1) for start, size in spans]
        return found


class _Batch:
    """The bytes of a batch of strings on their way to ids."""

    def __init__(self, strings: Sequence[str], byte_ids: NDArray[np.uint16]) -> None:
        joined = "\n\n".join(strings)
        # UTF-8 of all strings, a spare byte before and after each, and eight more at the end, not in `data`.
        self.padded = f"\n{joined}\n{WORD_BYTES * chr(0)}".encode("utf-8", "surrogatepass")
        self.data = np.frombuffer(self.padded, np.uint8, len(self.padded) - WORD_BYTES)
        self.has_wide_characters = not joined.isascii()
        texts: Iterable[str | bytes] = strings
        if self.has_wide_characters:
            texts = (string.encode("utf-8", "surrogatepass") for string in strings)
        sizes = np.fromiter(map(len, texts), np.int64, len(strings)) + 2
        ends = np.cumsum(sizes)
        self.firsts = ends - sizes
        self.ids = byte_ids[self.data]
        self.ids[self.firsts] = _CLS
        self.ids[ends - 1] = _SEP
        # Whether the byte begins a token.
        self.keep = np.ones(len(self.data), bool)


# Each of these finds one kind of token: the places that may begin one in, the spans out.


def _bracket_atoms(batch: _Batch, limits: Places) -> Spans:
    """`[...]`: a `[` whose next limit is a `]`, with something in between."""
    kinds = batch.data[limits]
    sizes = np.diff(limits) + 1
    closed = np.flatnonzero((kinds[:-1] == ord("[")) & (kinds[1:] == ord("]")) & (sizes > 2))
    return limits[closed], sizes[closed]


def _ring_bonds(batch: _Batch, percents: Places) -> Spans:
    """`%12`, outside bracket atoms and tail words."""
    whole = batch.keep[percents]
    for step in (1, 2):
        # The byte after a last `%` ends its string, and is no digit; the one after that may not exist.
        digit = np.minimum(percents + step, len(batch.data) - 1)
        whole &= _IS_DIGIT[batch.data[digit]] & batch.keep[digit]
    starts = percents[whole]
    return starts, np.full(len(starts), 3)


def _letter_pairs(batch: _Batch, seconds: Places, first: int) -> Spans:
    """`Br` or `Cl`, from its second letter, outside bracket atoms and tail words."""
    starts = seconds[(batch.data[seconds - 1] == first) & batch.keep[seconds]] - 1
    return starts, np.full(len(starts), 2)


def _wide_characters(batch: _Batch) -> Spans:
    """Characters beyond ASCII, outside bracket atoms."""
    starts = np.flatnonzero((batch.data >= _FIRST_WIDE) & batch.keep)
    return starts, _CHARACTER_BYTES[batch.data[starts]]


def _tails(batch: _Batch, ampersands: Places, special: Places) -> Spans:
    """What follows the first `&&` of each section, up to and with the byte that ends the section.

    A section is a string, or what a special token written out in one leaves of it. It ends with a byte that
    is no tail word ([SEP], or the `[` of the special token), so no word runs from one tail into the next.
    """
    bounds = np.sort(np.concatenate([batch.firsts, special + 1, [len(batch.data)]]))
    pairs = ampersands[:-1][np.diff(ampersands) == 1]
    sections = np.searchsorted(bounds, pairs, side="right")
    first = np.diff(sections, prepend=0) > 0
    tails = pairs[first] + 2
    return tails, bounds[sections[first]] - tails


def _tail_words(batch: _Batch, tails: Places, sizes: Places) -> Spans:
    """Topology codes, and catenations with the dot before them."""
    places = expand_ranges(tails, sizes)
    code = _IS_CODE[batch.data[places]] & batch.keep[places]
    change = np.diff(code.astype(np.int8), prepend=0)
    starts = places[change == 1]
    ends = places[change == -1]
    dotted = (words_at(batch.padded, starts - 1) & _FOUR_BYTES) == _DOT_CAT
    dotted[dotted] = _IS_DIGIT[batch.data[starts[dotted] + 3]]
    starts = starts - dotted
    return starts, ends - starts


def words_at(padded: bytes, starts: Places) -> NDArray[np.uint64]:
    """The eight bytes from each place on as one little-endian number, shape (n,)."""
    # All overlapping words of the text, one from each byte on, without a copy.
    words: NDArray[np.uint64] = np.ndarray((len(padded) - WORD_BYTES + 1,), "<u8", padded, strides=(1,))
    return words[starts]
