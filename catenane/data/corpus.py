"""Token ids of a corpus on disk, read through memory maps: however many there are, they take no memory.

A folder holds `index.json`, written last and in one step, without which there is no corpus, and files of
little-endian numbers: `lengths.u16`, the tokens of each string; `begins.i64`, where every 64th string begins;
and shards such as `00000.ids.u16`, the ids of strings end to end. `rejected-0.csv` names the rows of the
first source that were left out, and so on.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from catenane.errors import DataError
from catenane.notation import NotationName, get_notation
from catenane.tokenizers import EncodedStrings, StringTokenizer, TokenSlice
from catenane.tokenizers.encoded import expand_ranges

__all__ = ["CorpusCounts", "CorpusFile", "CorpusIndex", "CorpusSource", "TokenCorpus", "open_corpus"]

INDEX = "index.json"
FORMAT = "catenane token corpus, version 2"
IDS, IDS_FILE = np.dtype("<u2"), ".ids.u16"
LENGTHS, LENGTHS_FILE = np.dtype("<u2"), "lengths.u16"
BEGINS, BEGINS_FILE = np.dtype("<i8"), "begins.i64"
STRIDE = 64
"""Strings from one begin that is stored to the next."""
READ_AT_ONCE = 1 << 24


@dataclass(kw_only=True)
class CorpusCounts:
    """Counts of what became of the rows of the sources."""

    strings: int = 0
    tokens: int = 0
    """[CLS] and [SEP] included."""
    unknown_tokens: int = 0
    strings_with_unknown: int = 0
    cut_tokens: int = 0
    """Tokens dropped because a string was longer than the longest sequence."""
    cut_strings: int = 0
    long_strings: int = 0
    """Strings left out because they were longer than the longest sequence."""
    excluded: int = 0
    """Strings left out because they were to be."""
    rejected: int = 0
    """Rows without a usable string."""

    def add(self, encoded: EncodedStrings) -> None:
        """Count strings that were written."""
        self.strings += len(encoded)
        self.tokens += len(encoded.ids)
        self.unknown_tokens += int(encoded.n_unknown.sum())
        self.strings_with_unknown += int((encoded.n_unknown > 0).sum())
        self.cut_tokens += int(encoded.n_cut.sum())
        self.cut_strings += int((encoded.n_cut > 0).sum())


@dataclass(kw_only=True)
class CorpusFile:
    """How much of a file was written, and what."""

    bytes: int = 0
    crc32: int = 0


@dataclass(kw_only=True)
class CorpusSource:
    """A file that the corpus was made from."""

    name: str
    sha256: str | None
    """Of its content; None of standard input."""


@dataclass(kw_only=True)
class CorpusIndex:
    """Contents of `index.json`."""

    notation: NotationName
    """Notation of the tokenizer."""
    tokenizer: str
    """Fingerprint of the tokenizer."""
    max_length: int
    """Longest sequence, [CLS] and [SEP] included."""
    drop_long: bool
    """Whether longer strings were left out, and not cut."""
    string_column: str | None
    """Column of the strings that was asked for."""
    sources: list[CorpusSource]
    """What the corpus was made from."""
    languages: list[str] = field(default_factory=list)
    """Of the sources, where the tokenizer knows languages."""
    excluded: list[CorpusSource] = field(default_factory=list)
    """Whose strings were left out."""
    counts: CorpusCounts = field(default_factory=CorpusCounts)
    files: dict[str, CorpusFile] = field(default_factory=dict)
    """By name; shards in order."""

    @property
    def made_from(self) -> dict[str, Any]:
        """What decides the content, by name; where the sources lie does not."""
        settings = ("notation", "tokenizer", "max_length", "drop_long", "string_column", "languages")
        digests = {
            "sources": [source.sha256 for source in self.sources],
            "excluded": [source.sha256 for source in self.excluded],
        }
        return {name: getattr(self, name) for name in settings} | digests

    @property
    def fingerprint(self) -> str:
        """A digest of the content."""
        return sha256(
            json.dumps({name: asdict(file) for name, file in self.files.items()}).encode()
        ).hexdigest()

    def shards(self) -> list[str]:
        """Names of the files that hold ids, in order."""
        return [name for name in self.files if name.endswith(IDS_FILE)]


class TokenCorpus:
    """N tokenised strings on disk; `open_corpus` opens them, `take` reads some.

    Attributes:
        folder: Where they are.
        index: Its index.
        lengths: Tokens of each string, uint16 of shape (N,), a memory map.
    """

    def __init__(self, folder: Path, index: CorpusIndex) -> None:
        self.folder = folder
        self.index = index
        n = index.counts.strings
        self.lengths = self._mapped(LENGTHS_FILE, LENGTHS, n)
        self._begins = self._mapped(BEGINS_FILE, BEGINS, -(-n // STRIDE))
        tokens = [index.files[name].bytes // IDS.itemsize for name in index.shards()]
        self._shards = [
            self._mapped(name, IDS, count) for name, count in zip(index.shards(), tokens, strict=True)
        ]
        self._first = np.cumsum([0, *tokens])

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, indices: np.ndarray) -> TokenSlice:
        """The strings at these places, int64 of shape (n,), in this order; only they are read."""
        lengths = self.lengths[indices].astype(np.int64)
        offsets = np.append(0, np.cumsum(lengths))
        begins = self._find_begins(indices)
        shards = np.searchsorted(self._first, begins, side="right") - 1
        # In the order of the shards, so that a shard costs one slice: a batch of a large corpus is from many.
        order = np.argsort(shards, kind="stable")
        places = expand_ranges((begins - self._first[shards])[order], lengths[order])
        found, firsts = np.unique(shards[order], return_index=True)
        of_shard = np.split(places, np.cumsum(lengths[order])[firsts[1:] - 1])
        parts = [self._shards[shard][part] for shard, part in zip(found, of_shard, strict=False)]
        ids = np.empty(offsets[-1], np.uint16)
        ids[expand_ranges(offsets[:-1][order], lengths[order])] = np.concatenate([ids[:0], *parts])
        return TokenSlice(ids, offsets)

    def _find_begins(self, indices: np.ndarray) -> np.ndarray:
        """Tokens before each of these strings: those before the last begin that is stored, and since."""
        since = np.arange(STRIDE) < indices[:, None] % STRIDE
        places = np.minimum(indices[:, None] // STRIDE * STRIDE + np.arange(STRIDE), len(self) - 1)
        begins: np.ndarray = self._begins[indices // STRIDE] + (self.lengths[places] * since).sum(1, np.int64)
        return begins

    def _mapped(self, name: str, dtype: np.dtype, count: int) -> np.ndarray:
        path = self.folder / name
        size = path.stat().st_size if path.is_file() else 0
        if size != (wanted := count * dtype.itemsize):
            state = f"has {size:,} bytes in place of {wanted:,}" if size else "is missing or empty"
            raise DataError(f"{path}: the file {state}: write the corpus anew")
        return np.asarray(np.memmap(path, dtype, mode="r"))


def open_corpus(folder: str | Path) -> TokenCorpus:
    """Open the corpus that `write_corpus` left in a folder.

    Raises:
        DataError: There is none, it is damaged, or a file is missing or cut short.
    """
    folder = Path(folder)
    if not (folder / INDEX).is_file():
        raise DataError(f"{folder} holds no finished corpus: {INDEX} is missing")
    index, _ = read_index(folder / INDEX)
    return TokenCorpus(folder, index)


def read_index(path: Path) -> tuple[CorpusIndex, dict[str, Any]]:
    """The index in a file, and what else stands there.

    Raises:
        DataError: It is not one, or damaged.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if (written_as := values.pop("format")) != FORMAT:
            raise DataError(f"{path}: the format is {written_as!r}, this program reads {FORMAT!r}")
        index = values.pop("index")
        counts = CorpusCounts(**index.pop("counts"))
        sources, excluded = (
            [CorpusSource(**source) for source in index.pop(name)] for name in ("sources", "excluded")
        )
        files = {name: CorpusFile(**file) for name, file in index.pop("files").items()}
        return CorpusIndex(counts=counts, sources=sources, excluded=excluded, files=files, **index), values
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: not the index of a corpus, or damaged: {error}") from None


def check_files(folder: Path, index: CorpusIndex) -> None:
    """Compare the checksums of what was written with what is there; all of it is read.

    Raises:
        DataError: A file is cut short, or its content has changed.
    """
    for name, wanted in index.files.items():
        crc32, left = 0, wanted.bytes
        with (folder / name).open("rb") as file:
            while left and (part := file.read(min(left, READ_AT_ONCE))):
                crc32, left = zlib.crc32(part, crc32), left - len(part)
        if left or crc32 != wanted.crc32:
            what = f"has {left:,} bytes too few" if left else "has changed since it was written"
            raise DataError(f"{folder / name}: the file {what}: delete {folder} to write the corpus anew")


def tokenizer_digest(tokenizer: StringTokenizer) -> str:
    """A hash of the notation and of the tokens in the order of their ids; of text of all that makes them."""
    parts = sorted(tokenizer.vocabulary, key=tokenizer.vocabulary.__getitem__)
    if not get_notation(tokenizer.notation).is_chemical:
        parts = [json.dumps(tokenizer.document())]
    return sha256("\n".join([tokenizer.notation, *parts]).encode()).hexdigest()
