"""Token ids of a corpus on disk, read through memory maps, so that its size costs no memory.

A folder holds shards and `index.json`, written last and in one step; without it there is no corpus. A shard
is two files of little-endian numbers: `00000.ids.u16`, the ids of its strings end to end, and
`00000.offsets.i64`, where each string begins and where the last one ends. `rejected-0.csv` names the rows
of the first source that were left out, and so on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from catenane.errors import DataError
from catenane.files import replaced
from catenane.notation import NotationName
from catenane.tokenizers import StringTokenizer
from catenane.tokenizers.ranges import expand_ranges

__all__ = [
    "CorpusCounts",
    "CorpusIndex",
    "Shard",
    "TokenCorpus",
    "TokenSlice",
    "open_corpus",
    "tokenizer_fingerprint",
]

INDEX = "index.json"
FORMAT = "catenane token corpus, version 1"
IDS = np.dtype("<u2")
OFFSETS = np.dtype("<i8")


@dataclass(frozen=True, kw_only=True)
class CorpusCounts:
    """What became of the rows of the sources."""

    strings: int = 0
    """Strings in the corpus."""
    tokens: int = 0
    """Their tokens, [CLS] and [SEP] included."""
    unknown_tokens: int = 0
    """Tokens that the vocabulary does not know."""
    strings_with_unknown: int = 0
    """Strings with such a token."""
    cut_tokens: int = 0
    """Tokens dropped because a string was longer than the longest sequence."""
    cut_strings: int = 0
    """Strings that lost tokens so."""
    rejected: int = 0
    """Rows without a usable string."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One pair of files."""

    name: str
    """What both file names begin with."""
    strings: int
    """Strings in it."""
    tokens: int
    """Tokens in it."""

    def ids_file(self, folder: Path) -> Path:
        """File of the ids, two bytes each."""
        return folder / f"{self.name}.ids.u16"

    def offsets_file(self, folder: Path) -> Path:
        """File of the offsets, eight bytes each, one more than there are strings."""
        return folder / f"{self.name}.offsets.i64"


@dataclass(frozen=True, kw_only=True)
class CorpusIndex:
    """What `index.json` says."""

    notation: NotationName
    """Notation of the tokenizer."""
    tokenizer: str
    """Fingerprint of the tokenizer."""
    max_length: int
    """Longest sequence, [CLS] and [SEP] included."""
    sources: list[str]
    """What the corpus was made from."""
    counts: CorpusCounts
    """What became of the rows of the sources."""
    shards: list[Shard]
    """The shards, in order."""

    def save(self, folder: Path) -> None:
        """Write the index, whole or not at all."""
        with replaced(folder / INDEX) as fresh:
            fresh.write_text(
                json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n", encoding="utf-8"
            )

    @classmethod
    def load(cls, folder: Path) -> CorpusIndex:
        """Read the index.

        Raises:
            DataError: There is none, or it is damaged or of another format.
        """
        path = folder / INDEX
        if not path.is_file():
            raise DataError(f"{folder} holds no finished corpus: {INDEX} is missing")
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            written_as = values.pop("format")
            if written_as != FORMAT:
                raise DataError(f"{path}: the format is {written_as!r}, this program reads {FORMAT!r}")
            counts = CorpusCounts(**values.pop("counts"))
            shards = [Shard(**shard) for shard in values.pop("shards")]
            return cls(counts=counts, shards=shards, **values)
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}: not the index of a corpus, or damaged: {error}") from None


class TokenSlice(NamedTuple):
    """Token ids of n strings end to end: string i owns `ids[offsets[i]:offsets[i + 1]]`."""

    ids: np.ndarray
    """uint16, shape (n_tokens,)."""
    offsets: np.ndarray
    """int64, shape (n + 1,), from 0 to n_tokens."""


class TokenCorpus:
    """N tokenised strings on disk; `open_corpus` opens them, `take` reads some.

    Attributes:
        folder: Where they are.
        index: What is known of them.
        lengths: Tokens of each string, int32 of shape (N,).
    """

    def __init__(
        self, folder: Path, index: CorpusIndex, ids: Sequence[np.ndarray], offsets: Sequence[np.ndarray]
    ) -> None:
        self.folder = folder
        self.index = index
        self.lengths = np.concatenate([np.diff(begins).astype(np.int32) for begins in offsets])
        self._ids = ids
        self._offsets = offsets
        self._first = np.cumsum([0] + [len(begins) - 1 for begins in offsets])

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, indices: np.ndarray) -> TokenSlice:
        """The strings at these places, in this order; only they are read.

        Args:
            indices: int64 array of shape (n,).
        """
        lengths = self.lengths[indices].astype(np.int64)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        ids = np.empty(offsets[-1], np.uint16)
        shards = np.searchsorted(self._first, indices, side="right") - 1
        for shard in np.unique(shards).tolist():
            mine = np.flatnonzero(shards == shard)
            begins = self._offsets[shard][indices[mine] - self._first[shard]]
            ids[expand_ranges(offsets[mine], lengths[mine])] = self._ids[shard][
                expand_ranges(begins, lengths[mine])
            ]
        return TokenSlice(ids, offsets)

    def check_tokenizer(self, tokenizer: StringTokenizer) -> None:
        """Refuse a tokenizer whose ids mean something else.

        Raises:
            DataError: The corpus was written with another vocabulary.
        """
        if tokenizer_fingerprint(tokenizer) != self.index.tokenizer:
            raise DataError(
                f"{self.folder}: written with another tokenizer than this one; write the corpus anew"
            )


def open_corpus(folder: str | Path) -> TokenCorpus:
    """Open the corpus that `write_corpus` left in a folder.

    Raises:
        DataError: There is none, it is damaged, or a shard is missing or cut short.
    """
    folder = Path(folder)
    index = CorpusIndex.load(folder)
    ids = [_mapped(shard.ids_file(folder), IDS, shard.tokens) for shard in index.shards]
    offsets = [_mapped(shard.offsets_file(folder), OFFSETS, shard.strings + 1) for shard in index.shards]
    return TokenCorpus(folder, index, ids, offsets)


def tokenizer_fingerprint(tokenizer: StringTokenizer) -> str:
    """A hash of the notation and of the tokens in the order of their ids."""
    tokens = sorted(tokenizer.vocabulary, key=tokenizer.vocabulary.__getitem__)
    return sha256("\n".join([tokenizer.notation, *tokens]).encode()).hexdigest()


def _mapped(path: Path, dtype: np.dtype, count: int) -> np.ndarray:
    size = path.stat().st_size if path.is_file() else 0
    if size != count * dtype.itemsize:
        state = (
            f"has {size:,} bytes in place of {count * dtype.itemsize:,}" if size else "is missing or empty"
        )
        raise DataError(f"{path}: the shard {state}: write the corpus anew")
    return np.asarray(np.memmap(path, dtype, mode="r"))
