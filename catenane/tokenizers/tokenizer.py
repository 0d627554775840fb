"""Text to ids and back, one class for each notation; vocabularies made from strings, or loaded by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from catenane.errors import ConfigError, DataError
from catenane.notation import NOTATIONS, NotationName, get_notation
from catenane.tokenizers.encoded import EncodedStrings, Tokenization, expand_ranges
from catenane.tokenizers.exchange import outline, read_tokenizer, vocabulary_of, write_tokenizer
from catenane.tokenizers.grammar import SPECIAL_TOKENS, TAIL_MARK, is_token, split
from catenane.tokenizers.scanner import Scanner

__all__ = [
    "MofidTokenizer",
    "SmilesTokenizer",
    "StringTokenizer",
    "build_tokenizer",
    "load_tokenizer",
    "summarise",
]

_SHIPPED = Path(__file__).parent / "vocabularies"
# Strings per pass: the arrays of a pass stay in the cache, and its fixed cost is spread thin.
_PASS = 4096
LARGEST = 1 << 16
_KINDS: dict[NotationName, type[StringTokenizer]] = {}


class StringTokenizer:
    """A vocabulary, which is the id of every token, with the rules of its notation.

    Ids 0 to 4 are [PAD], [UNK], [CLS], [SEP] and [MASK]. A special token written out in a string is that
    token, as in the `tokenizers` library; what is not in the vocabulary is [UNK].

    Raises:
        ConfigError: The ids have gaps, or other special tokens, or a token is not one of the notation.
    """

    notation: ClassVar[NotationName]
    shortest: ClassVar[int]
    """Smallest `max_length`: room for the special tokens, what is never cut, and one token more."""
    n_special = len(SPECIAL_TOKENS)
    pad_id, unk_id, cls_id, sep_id, mask_id = range(n_special)
    languages: tuple[str, ...] = ()
    """Those that strings may be marked by; see `speaking`."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _KINDS[cls.notation] = cls

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self.vocabulary = _ordered(vocabulary, self.notation)
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

    def speaking(self, language: str) -> Self:
        """The same, for strings of a language, which begin with its token in place of [CLS]; "" for none.

        Raises:
            ConfigError: It is not one of `languages`.
        """
        if not language:
            return self
        raise ConfigError(
            f"a tokenizer of {self.notation} has no languages, so {language!r} is none of its own"
        )

    def extended(self, strings: Iterable[str]) -> StringTokenizer:
        """This one with all further tokens of these strings."""
        return build_tokenizer(strings, self.notation, base=self)

    def encode_marked(self, string: str) -> list[int]:
        """Ids of a string in which [MASK] stands for hidden tokens."""
        return self.encode([string])[0]

    def encode(self, strings: Sequence[str], max_length: int | None = None) -> list[list[int]]:
        """Ids of each string as a list, [CLS] first and [SEP] last; see `encode_flat`."""
        encoded = self.encode_flat(strings, max_length)
        ids = encoded.ids.tolist()
        return [ids[start:end] for start, end in pairwise(encoded.offsets.tolist())]

    def encode_flat(self, strings: Sequence[str], max_length: int | None = None) -> EncodedStrings:
        """Ids of all strings, in normal form, in one array, [CLS] and [SEP] around each.

        A sequence is cut to `max_length` ids, [CLS] and [SEP] included: a SMILES at its end, a MOFid at the
        end of its SMILES part, so that `&&`, topology and catenation stay.

        Raises:
            ConfigError: `max_length` is below `shortest`.
            DataError: Something in `strings` is not text.
        """
        texts = self._checked(strings, max_length)
        passes = [self._scanner.scan(texts[start : start + _PASS]) for start in range(0, len(texts), _PASS)]
        ids = np.concatenate([np.empty(0, np.uint16), *(ids for ids, _ in passes)])
        lengths = np.concatenate([np.empty(0, np.int64), *(lengths for _, lengths in passes)])
        n_cut = np.zeros(len(texts), np.int32)
        if max_length is not None and lengths.max(initial=0) > max_length:
            n_cut += np.maximum(lengths - max_length, 0).astype(np.int32)
            ids = ids[self._kept(ids, lengths, n_cut)]
            lengths = lengths - n_cut
        offsets = np.append(0, np.cumsum(lengths))
        owners = np.searchsorted(offsets, np.flatnonzero(ids == self.unk_id), side="right") - 1
        n_unknown = np.bincount(owners, minlength=len(texts)).astype(np.int32)
        return EncodedStrings(ids, offsets, n_unknown, n_cut)

    def encode_placed(
        self, string: str, max_length: int | None = None
    ) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        """Ids of a string as `encode_flat` gives them, (L,), and which of its `tokens` each is, or -1."""
        whole = self.encode_flat([string])
        n_cut = np.array([0 if max_length is None else max(len(whole.ids) - max_length, 0)], np.int32)
        kept = self._kept(whole.ids, whole.lengths, n_cut)
        places = np.append(np.arange(-1, len(whole.ids) - 2), -1)
        return whole.ids[kept], places[kept]

    def decode(self, ids: Iterable[int]) -> str:
        """The string of these ids, special tokens dropped; `DataError` where one is not in the vocabulary."""
        numbers = list(ids)
        if numbers and not 0 <= min(numbers) <= max(numbers) < self.vocabulary_size:
            strange = next(number for number in numbers if not 0 <= number < self.vocabulary_size)
            raise DataError(f"id {strange} is not in this vocabulary of {self.vocabulary_size} tokens")
        return self._joined([number for number in numbers if number >= self.n_special])

    def save(self, path: str | Path) -> Path:
        """Write tokenizer.json, under this name in a folder that exists, and return its path.

        `tokenizers.Tokenizer.from_file` reads it, and `PreTrainedTokenizerFast(tokenizer_file=...)` of
        transformers, which needs the special tokens by name: `pad_token="[PAD]"` and so on.

        Raises:
            UsageError: The folder does not exist or cannot be written to.
        """
        path = _file_at(path)
        write_tokenizer(path, self.document())
        return path

    def document(self) -> dict[str, Any]:
        """The content of tokenizer.json."""
        return outline(self.vocabulary, self.notation)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a tokenizer.json, or that of a folder; the class of the result is that of its notation.

        Raises:
            ConfigError: The file is missing, damaged, foreign, or of another notation than this class.
        """
        path = _file_at(path)
        document, notation = read_tokenizer(path)
        kind = _KINDS[notation]
        if not issubclass(kind, cls):
            raise ConfigError(f"{path}: a tokenizer of {notation}, which {cls.__name__} cannot read")
        try:
            return kind.from_document(document)
        except ConfigError as error:
            raise ConfigError(f"{path}: damaged: {error}") from None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """That of the content of a tokenizer.json; `ConfigError` where it is damaged."""
        return cls(vocabulary_of(document))

    def _joined(self, ids: Sequence[int]) -> str:
        return "".join([self._texts[number] for number in ids])

    def _checked(self, strings: Sequence[str], max_length: int | None) -> list[str]:
        if max_length is not None and max_length < self.shortest:
            raise ConfigError(f"max_length={max_length} must be at least {self.shortest} for {self.notation}")
        return _texts_of(strings)

    def _kept(
        self, ids: NDArray[np.uint16], lengths: NDArray[np.int64], n_cut: NDArray[np.int32]
    ) -> NDArray[np.bool_]:
        """All but `n_cut` ids of each string: from before its tail, or from its end where it has none."""
        rows = np.flatnonzero(n_cut)
        ends = np.cumsum(lengths)[rows]
        starts = ends - lengths[rows]
        mark = self.vocabulary.get(TAIL_MARK)
        tails = np.flatnonzero(ids == mark) if mark else rows[:0]
        nearest = np.append(tails, len(ids))[np.searchsorted(tails, starts)]
        cut_ends = np.minimum(nearest, ends - 1)
        # A tail longer than all of `max_length` is no real one; what is still too much goes from its end.
        first = np.minimum(n_cut[rows], cut_ends - starts - 1)
        second = n_cut[rows] - first
        keep = np.ones(len(ids), bool)
        keep[expand_ranges(cut_ends - first, first)] = False
        keep[expand_ranges(ends - 1 - second, second)] = False
        return keep


class SmilesTokenizer(StringTokenizer):
    """SMILES by atom: bracket atoms, `Br`, `Cl` and `%12` are one token, and so is any other character."""

    notation = "smiles"
    shortest = 3


class MofidTokenizer(StringTokenizer):
    """Compact MOFids: the building blocks as SMILES, then `&&`, each topology code and the catenation."""

    notation = "mofid"
    shortest = 8


def build_tokenizer(
    strings: Iterable[str], notation: NotationName, base: StringTokenizer | None = None, min_count: int = 1
) -> StringTokenizer:
    """A tokenizer whose vocabulary is the tokens of these strings.

    The order is always the same: the special tokens, or all of `base` with its ids; then the new tokens that
    occur `min_count` times, the commonest first and equally common ones by their text.

    Args:
        strings: Strings in normal form; a generator is read once.
        notation: "smiles" or "mofid"; of text see `train_tokenizer`.
        base: A tokenizer to extend, so that one encoder serves both.
        min_count: Least count of a new token.

    Raises:
        ConfigError: A setting is not allowed, a token of `base` is none here, or tokens are too many.
        DataError: Something in `strings` is not text.
    """
    if not get_notation(notation).is_chemical:
        raise ConfigError(f"a vocabulary of {notation} is trained: see train_tokenizer")
    marks = {TAIL_MARK: min_count} if get_notation(notation).has_tail else {}
    if min_count < 1:
        raise ConfigError(f"min_count={min_count} must be at least 1")
    if isinstance(strings, str):
        raise DataError(f"many strings are needed, not one: write [{strings!r}]")
    counts = Counter(marks)
    for place, string in enumerate(strings):
        if not isinstance(string, str):
            raise _not_text(place, string)
        counts.update(split(string, notation))
    known = list(base.vocabulary) if base else list(SPECIAL_TOKENS)
    common = {token for token, count in counts.items() if count >= min_count}
    new = sorted(common.difference(known), key=lambda token: (-counts[token], token))
    return _KINDS[notation]({token: number for number, token in enumerate(known + new)})


def load_tokenizer(name_or_path: str | Path) -> StringTokenizer:
    """The tokenizer of the package for "smiles" or "mofid", or that of a tokenizer.json or its folder.

    Raises:
        ConfigError: There is no such tokenizer, or its file is damaged or foreign.
    """
    shipped = [name for name in NOTATIONS if get_notation(name).is_chemical]
    if name_or_path in shipped:
        return StringTokenizer.load(_SHIPPED / f"{name_or_path}.json")
    if Path(name_or_path).exists():
        return StringTokenizer.load(name_or_path)
    known = f"{', '.join(shipped)}, a tokenizer.json, or a folder that holds one"
    raise ConfigError(f"unknown tokenizer {str(name_or_path)!r}: known are {known}")


def summarise(tokenizer: StringTokenizer, strings: Sequence[str], encoded: EncodedStrings) -> Tokenization:
    """Count unknown and cut tokens of what the tokenizer encoded, before anything is trained on it."""
    with_unknown = np.flatnonzero(encoded.n_unknown)
    split_again = (token for row in with_unknown.tolist() for token in tokenizer.tokens(strings[row]))
    unknown = Counter(token for token in split_again if token not in tokenizer.vocabulary)
    return Tokenization(
        n_strings=len(encoded),
        n_tokens=len(encoded.ids),
        longest=int((encoded.lengths + encoded.n_cut).max(initial=0)),
        n_unknown=int(encoded.n_unknown.sum()),
        n_strings_unknown=len(with_unknown),
        unknown=tuple(sorted(unknown.items(), key=lambda item: (-item[1], item[0]))),
        n_cut=int(encoded.n_cut.sum()),
        n_strings_cut=int(np.count_nonzero(encoded.n_cut)),
    )


def _ordered(vocabulary: Mapping[str, int], notation: NotationName) -> dict[str, int]:
    """The vocabulary in the order of its ids."""
    size = len(vocabulary)
    if set(map(type, vocabulary.values())) - {int} or set(vocabulary.values()) != set(range(size)):
        raise ConfigError(f"the ids of {size} tokens must be 0 to {size - 1}, each once")
    if size > LARGEST:
        raise ConfigError(f"a vocabulary must hold at most {LARGEST} tokens, not {size}")
    ordered = dict(sorted(vocabulary.items(), key=lambda item: item[1]))
    if tuple(ordered)[: len(SPECIAL_TOKENS)] != SPECIAL_TOKENS:
        raise ConfigError(f"a vocabulary must begin with {' '.join(SPECIAL_TOKENS)}")
    for token in ordered:
        if not is_token(token, notation):
            raise ConfigError(f"{token!r} is not one token of {notation}")
    return ordered


def _texts_of(strings: Sequence[str]) -> list[str]:
    if isinstance(strings, str):
        raise DataError(f"a list of strings is needed, not one string: write [{strings!r}]")
    texts = list(strings)
    if not all(issubclass(kind, str) for kind in set(map(type, texts))):
        raise next(_not_text(place, text) for place, text in enumerate(texts) if not isinstance(text, str))
    return texts


def _not_text(place: int, value: object) -> DataError:
    return DataError(f"string {place} is {value!r}, which is not text")


def _file_at(path: str | Path) -> Path:
    path = Path(path)
    return path / "tokenizer.json" if path.is_dir() else path
