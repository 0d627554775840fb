"""Token ids of a corpus on disk: written in a stream, and read through memory maps at no cost in memory.

A folder holds shards and `index.json`, written last and in one step; without it there is no corpus. A shard
is two files of little-endian numbers: `00000.ids.u16`, the ids of its strings end to end, and
`00000.offsets.i64`, where each string begins and where the last one ends. `rejected-0.csv` names the rows of
the first source that were left out, and so on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from catenane.data.columns import find_notation
from catenane.data.rejects import Rejection, rejection_writer
from catenane.data.table import open_strings, read_cells
from catenane.data.table_files import TableFile
from catenane.errors import DataError
from catenane.files import replaced
from catenane.notation import NotationName, Record, get_notation
from catenane.tokenizers import EncodedStrings, StringTokenizer
from catenane.tokenizers.encoded import expand_ranges

__all__ = ["CorpusCounts", "CorpusIndex", "Shard", "TokenCorpus", "TokenSlice", "open_corpus", "write_corpus"]

INDEX = "index.json"
FORMAT = "catenane token corpus, version 1"
IDS, IDS_FILE = np.dtype("<u2"), ".ids.u16"
OFFSETS, OFFSETS_FILE = np.dtype("<i8"), ".offsets.i64"
CHUNK = 8192
"""Strings that are tokenised together."""
SHARD_TOKENS = 1 << 28
"""Tokens at which a shard is closed."""


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
class Shard:
    """One pair of files."""

    name: str
    """What both file names begin with."""
    strings: int = 0
    tokens: int = 0

    def append(self, folder: Path, encoded: EncodedStrings) -> None:
        """Write strings after those that are there; the first ones make the files."""
        offsets = encoded.offsets[1:] + self.tokens if self.strings else encoded.offsets
        for ending, numbers in ((IDS_FILE, encoded.ids.astype(IDS)), (OFFSETS_FILE, offsets.astype(OFFSETS))):
            with (folder / (self.name + ending)).open("ab" if self.strings else "wb") as file:
                file.write(numbers.tobytes())
        self.strings += len(encoded)
        self.tokens += len(encoded.ids)

    def open(self, folder: Path) -> tuple[np.ndarray, np.ndarray]:
        """The ids and the offsets, as memory maps.

        Raises:
            DataError: A file is missing or cut short.
        """
        ids = _mapped(folder / (self.name + IDS_FILE), IDS, self.tokens)
        return ids, _mapped(folder / (self.name + OFFSETS_FILE), OFFSETS, self.strings + 1)


@dataclass(kw_only=True)
class CorpusIndex:
    """Contents of `index.json`."""

    notation: NotationName
    """Notation of the tokenizer."""
    tokenizer: str
    """Fingerprint of the tokenizer."""
    max_length: int
    """Longest sequence, [CLS] and [SEP] included."""
    sources: list[str]
    """What the corpus was made from."""
    counts: CorpusCounts = field(default_factory=CorpusCounts)
    shards: list[Shard] = field(default_factory=list)


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
        index: Its index.
        lengths: Tokens of each string, int32 of shape (N,).
    """

    def __init__(self, folder: Path, index: CorpusIndex) -> None:
        self.folder = folder
        self.index = index
        self._shards = [shard.open(folder) for shard in index.shards]
        self.lengths = np.concatenate([np.diff(offsets).astype(np.int32) for _, offsets in self._shards])
        self._first = np.cumsum([0] + [shard.strings for shard in index.shards])

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, indices: np.ndarray) -> TokenSlice:
        """The strings at these places, int64 of shape (n,), in this order; only they are read."""
        lengths = self.lengths[indices].astype(np.int64)
        offsets = np.append(0, np.cumsum(lengths))
        ids = np.empty(offsets[-1], np.uint16)
        shards = np.searchsorted(self._first, indices, side="right") - 1
        for shard in np.unique(shards).tolist():
            mine = np.flatnonzero(shards == shard)
            shard_ids, shard_offsets = self._shards[shard]
            begins = shard_offsets[indices[mine] - self._first[shard]]
            ids[expand_ranges(offsets[mine], lengths[mine])] = shard_ids[expand_ranges(begins, lengths[mine])]
        return TokenSlice(ids, offsets)

    def check_tokenizer(self, tokenizer: StringTokenizer) -> None:
        """Refuse a tokenizer whose ids mean something else.

        Raises:
            DataError: The corpus was written with another vocabulary.
        """
        if _fingerprint(tokenizer) != self.index.tokenizer:
            raise DataError(
                f"{self.folder}: written with another tokenizer than this one; write the corpus anew"
            )


def open_corpus(folder: str | Path) -> TokenCorpus:
    """Open the corpus that `write_corpus` left in a folder.

    Raises:
        DataError: There is none, it is damaged, or a shard is missing or cut short.
    """
    folder = Path(folder)
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
        index = CorpusIndex(counts=counts, shards=shards, **values)
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: not the index of a corpus, or damaged: {error}") from None
    return TokenCorpus(folder, index)


def write_corpus(
    folder: str | Path,
    sources: Sequence[str | Path],
    tokenizer: StringTokenizer,
    *,
    max_length: int,
    drop_long: bool = False,
    string_column: str | None = None,
    data_dir: str | Path | None = None,
) -> TokenCorpus:
    """Tokenise the strings of tables into a folder; the memory used does not grow with their number.

    Args:
        folder: Where to write; made if need be. What an interrupted run left in it is overwritten.
        sources: Paths, names of data sets, or "-" for standard input, in order.
        tokenizer: That of the sources' notation; a tokenizer of MOFid takes SMILES too.
        max_length: Longest sequence, [CLS] and [SEP] included; what is cut off longer strings is counted.
        drop_long: Leave longer strings out instead, named among the rejected rows.
        string_column: Column of the strings; found by its name or content if None.
        data_dir: Folder of the data sets' local copies; by default the environment variable CATENANE_DATA.

    Raises:
        DataError: The folder holds a corpus already, a source cannot be read or is of another notation than
            the tokenizer, or nothing is left to write.
    """
    folder = Path(folder)
    if (folder / INDEX).exists():
        raise DataError(f"{folder} holds a corpus already: choose another folder, or delete it")
    folder.mkdir(parents=True, exist_ok=True)
    index = CorpusIndex(
        notation=tokenizer.notation,
        tokenizer=_fingerprint(tokenizer),
        max_length=max_length,
        sources=[str(source) for source in sources],
    )
    counts = index.counts
    for number, source in enumerate(sources):
        with rejection_writer(folder / f"rejected-{number}.csv") as reject:
            table, column = open_strings(source, string_column, data_dir)
            for strings, rejected in _read_chunks(table, column, tokenizer):
                counts.rejected += len(rejected)
                encoded = tokenizer.encode_flat([text for _, text in strings], max_length)
                if drop_long:
                    long = np.flatnonzero(encoded.n_cut).tolist()
                    counts.long_strings += len(long)
                    for row, text, n_cut in ((*strings[i], encoded.n_cut[i]) for i in long):
                        reason = f"{max_length + n_cut} tokens are more than max_length={max_length}"
                        rejected.append(Rejection(row, table.columns[column], text, None, reason))
                    encoded = encoded.take(np.flatnonzero(encoded.n_cut == 0))
                for rejection in sorted(rejected, key=lambda rejection: rejection.row):
                    reject(rejection)
                if not len(encoded):
                    continue
                if not index.shards or index.shards[-1].tokens >= SHARD_TOKENS:
                    index.shards.append(Shard(name=f"{len(index.shards):05d}"))
                index.shards[-1].append(folder, encoded)
                counts.add(encoded)
    if not counts.strings:
        raise DataError(
            f"{', '.join(index.sources)}: no string can be used; {folder}/rejected-*.csv says why"
        )
    text = json.dumps({"format": FORMAT, **asdict(index)}, indent=1) + "\n"
    with replaced(folder / INDEX) as fresh:
        fresh.write_text(text, encoding="utf-8")
    return open_corpus(folder)


def _read_chunks(
    table: TableFile, column: int, tokenizer: StringTokenizer
) -> Iterator[tuple[list[tuple[int, str]], list[Rejection]]]:
    """Rows and strings in normal form, and the rows without one; the notation is that of the first chunk."""
    items = table.rows([column])
    name = table.columns[column]
    notation: NotationName | None = None
    while chunk := list(islice(items, CHUNK)):
        cells = [(item[0], item[1][0]) for item in chunk if not isinstance(item, Rejection)]
        notation = notation or find_notation([cell for _, cell in cells], name, table.name)
        if not get_notation(tokenizer.notation).reads(notation):
            raise DataError(
                f"{table.name} holds {notation}, which a tokenizer of {tokenizer.notation} cannot read: "
                f"use one of {notation}"
            )
        read = read_cells(cells, name, notation)
        rejected = [item for item in (*chunk, *read) if isinstance(item, Rejection)]
        rows = [row for row, _ in cells]
        strings = [(row, item.text) for row, item in zip(rows, read, strict=True) if isinstance(item, Record)]
        yield strings, rejected


def _fingerprint(tokenizer: StringTokenizer) -> str:
    """A hash of the notation and of the tokens in the order of their ids."""
    tokens = sorted(tokenizer.vocabulary, key=tokenizer.vocabulary.__getitem__)
    return sha256("\n".join([tokenizer.notation, *tokens]).encode()).hexdigest()


def _mapped(path: Path, dtype: np.dtype, count: int) -> np.ndarray:
    size = path.stat().st_size if path.is_file() else 0
    wanted = count * dtype.itemsize
    if size != wanted:
        state = f"has {size:,} bytes in place of {wanted:,}" if size else "is missing or empty"
        raise DataError(f"{path}: the shard {state}: write the corpus anew")
    return np.asarray(np.memmap(path, dtype, mode="r"))
