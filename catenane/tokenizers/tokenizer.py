"""Text to ids and back, one class for each notation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from catenane.errors import ConfigError, DataError
from catenane.notation import NotationName, get_notation
from catenane.tokenizers.encoded import EncodedStrings
from catenane.tokenizers.exchange import FILE_NAME, read_tokenizer, write_tokenizer
from catenane.tokenizers.grammar import SPECIAL_TOKENS, TAIL_MARK, is_token, split
from catenane.tokenizers.ranges import expand_ranges
from catenane.tokenizers.scanner import Scanner

__all__ = ["KINDS", "MofidTokenizer", "SmilesTokenizer", "StringTokenizer"]

Ids: TypeAlias = NDArray[np.uint16]
Places: TypeAlias = NDArray[np.int64]

# Strings per pass: the arrays of a pass stay in the cache, and its fixed cost is spread thin.
_PASS = 4096
_LARGEST = 1 << 16


class StringTokenizer(ABC):
    """A vocabulary with the rules of its notation.

    Ids 0 to 4 are [PAD], [UNK], [CLS], [SEP] and [MASK]. A special token written out in a string is that
    token, as in the `tokenizers` library; what is not in the vocabulary is [UNK].

    Args:
        vocabulary: Id of every token, from 0 on without a gap, the special tokens first.

    Raises:
        ConfigError: The vocabulary is not of that kind, or holds what is not one token of the notation.
    """

    notation: ClassVar[NotationName]
    shortest: ClassVar[int]
    """Smallest `max_length`: room for the special tokens, what is never cut, and one token more."""
    n_special: ClassVar[int] = len(SPECIAL_TOKENS)
    pad_id, unk_id, cls_id, sep_id, mask_id = range(n_special)

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self.vocabulary = _checked(vocabulary, self.notation)
        self._texts = list(self.vocabulary)
        self._scanner = Scanner(self.vocabulary, with_tail=get_notation(self.notation).has_tail)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.vocabulary_size} tokens)"

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens, special tokens included."""
        return len(self._texts)

    def tokens(self, string: str) -> list[str]:
        """The tokens of a string as text, known or not; joined they are the string again."""
        return split(string, self.notation)

    def encode(self, strings: Sequence[str], max_length: int | None = None) -> list[list[int]]:
        """Ids of each string as a list, [CLS] first and [SEP] last; see `encode_flat`."""
        encoded = self.encode_flat(strings, max_length)
        ids = encoded.ids.tolist()
        return [ids[start:end] for start, end in pairwise(encoded.offsets.tolist())]

    def encode_flat(self, strings: Sequence[str], max_length: int | None = None) -> EncodedStrings:
        """Ids of all strings in one array, [CLS] and [SEP] around each.

        Args:
            strings: Strings as the model reads them; see `catenane.notation.normalise`.
            max_length: Longest sequence, [CLS] and [SEP] included. Of a longer SMILES the end is dropped; of
                a longer MOFid the end of its SMILES part, so that `&&`, topology and catenation stay.

        Raises:
            ConfigError: `max_length` is below `shortest`.
            DataError: Something in `strings` is not text.
        """
        if max_length is not None and max_length < self.shortest:
            raise ConfigError(f"max_length={max_length} must be at least {self.shortest} for {self.notation}")
        texts = _texts_of(strings)
        passes = [self._scanner.scan(texts[start : start + _PASS]) for start in range(0, len(texts), _PASS)]
        ids = np.concatenate([np.empty(0, np.uint16), *(ids for ids, _ in passes)])
        lengths = np.concatenate([np.empty(0, np.int64), *(lengths for _, lengths in passes)])
        n_cut = np.zeros(len(texts), np.int32)
        if max_length is not None and lengths.max(initial=0) > max_length:
            n_cut += np.maximum(lengths - max_length, 0).astype(np.int32)
            ids = self._truncate(ids, lengths, n_cut)
            lengths = lengths - n_cut
        offsets = np.append(0, np.cumsum(lengths))
        owners = np.searchsorted(offsets, np.flatnonzero(ids == self.unk_id), side="right") - 1
        n_unknown = np.bincount(owners, minlength=len(texts)).astype(np.int32)
        return EncodedStrings(ids, offsets, n_unknown, n_cut)

    def decode(self, ids: Iterable[int]) -> str:
        """The string of these ids, special tokens dropped.

        Raises:
            DataError: An id is not in the vocabulary.
        """
        numbers = list(ids)
        if numbers and not 0 <= min(numbers) <= max(numbers) < self.vocabulary_size:
            strange = next(number for number in numbers if not 0 <= number < self.vocabulary_size)
            raise DataError(f"id {strange} is not in this vocabulary of {self.vocabulary_size} tokens")
        return "".join([self._texts[number] for number in numbers if number >= self.n_special])

    def save(self, path: str | Path) -> Path:
        """Write a tokenizer.json, whole or not at all, and return its path.

        `tokenizers.Tokenizer.from_file` reads it, and `PreTrainedTokenizerFast(tokenizer_file=...)` of
        transformers, which needs the special tokens by name: `pad_token="[PAD]"` and so on.

        Args:
            path: The file, or a folder that exists, where it is then named `tokenizer.json`.

        Raises:
            UsageError: The folder does not exist or cannot be written to.
        """
        path = _file_at(path)
        write_tokenizer(path, self.vocabulary, self.notation)
        return path

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a tokenizer.json; the class of the result is that of its notation.

        Args:
            path: The file, or a folder that holds a `tokenizer.json`.

        Raises:
            ConfigError: The file is missing, damaged, foreign, or of another notation than this class.
        """
        path = _file_at(path)
        vocabulary, notation = read_tokenizer(path)
        kind = KINDS[notation]
        if not issubclass(kind, cls):
            raise ConfigError(f"{path}: a tokenizer of {notation}, which {cls.__name__} cannot read")
        try:
            return kind(vocabulary)
        except ConfigError as error:
            raise ConfigError(f"{path}: damaged: {error}") from None

    @abstractmethod
    def _cut_ends(self, ids: Ids, starts: Places, ends: Places) -> Places:
        """Where the part that may be cut ends, for each string, which are `ids[start:end]`."""

    def _truncate(self, ids: Ids, lengths: Places, n_cut: NDArray[np.int32]) -> Ids:
        """Drop `n_cut` ids of each string, from the end of the part that may be cut."""
        rows = np.flatnonzero(n_cut)
        ends = np.cumsum(lengths)[rows]
        starts = ends - lengths[rows]
        cut_ends = self._cut_ends(ids, starts, ends)
        # A tail longer than all of `max_length` is no real one; what is still too much goes from its end.
        first = np.minimum(n_cut[rows], cut_ends - starts - 1)
        second = n_cut[rows] - first
        keep = np.ones(len(ids), bool)
        keep[expand_ranges(cut_ends - first, first)] = False
        keep[expand_ranges(ends - 1 - second, second)] = False
        return ids[keep]


class SmilesTokenizer(StringTokenizer):
    """SMILES by atom: bracket atoms, `Br`, `Cl` and `%12` are one token, and so is any other character."""

    notation = "smiles"
    shortest = 3

    def _cut_ends(self, ids: Ids, starts: Places, ends: Places) -> Places:
        return ends - 1


class MofidTokenizer(StringTokenizer):
    """Compact MOFids: the building blocks as SMILES, then `&&`, each topology code and the catenation."""

    notation = "mofid"
    shortest = 8

    def _cut_ends(self, ids: Ids, starts: Places, ends: Places) -> Places:
        tails = np.flatnonzero(ids == self.vocabulary.get(TAIL_MARK, len(self.vocabulary)))
        nearest = np.append(tails, len(ids))[np.searchsorted(tails, starts)]
        cut_ends: Places = np.minimum(nearest, ends - 1)
        return cut_ends


KINDS: dict[NotationName, type[StringTokenizer]] = {
    kind.notation: kind for kind in (SmilesTokenizer, MofidTokenizer)
}
"""The tokenizer of each notation."""


def _checked(vocabulary: Mapping[str, int], notation: NotationName) -> dict[str, int]:
    """The vocabulary in the order of its ids."""
    size = len(vocabulary)
    ids = list(vocabulary.values())
    if any(type(number) is not int for number in ids) or set(ids) != set(range(size)):
        raise ConfigError(f"the ids of {size} tokens must be 0 to {size - 1}, each once")
    if size > _LARGEST:
        raise ConfigError(f"a vocabulary must hold at most {_LARGEST} tokens, not {size}")
    ordered = dict(sorted(vocabulary.items(), key=lambda item: item[1]))
    if tuple(ordered)[: len(SPECIAL_TOKENS)] != SPECIAL_TOKENS:
        raise ConfigError(f"a vocabulary must begin with {' '.join(SPECIAL_TOKENS)}")
    strange = [token for token in ordered if not is_token(token, notation)]
    if strange:
        raise ConfigError(f"{strange[0]!r} is not one token of {notation}")
    return ordered


def _texts_of(strings: Sequence[str]) -> list[str]:
    if isinstance(strings, str):
        raise DataError(f"a list of strings is needed, not one string: write [{strings!r}]")
    texts = list(strings)
    if not all(issubclass(kind, str) for kind in set(map(type, texts))):
        place, value = next((place, text) for place, text in enumerate(texts) if not isinstance(text, str))
        raise DataError(f"string {place} is {value!r}, which is not text")
    return texts


def _file_at(path: str | Path) -> Path:
    path = Path(path)
    return path / FILE_NAME if path.is_dir() else path
