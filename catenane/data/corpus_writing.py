"""Tokenise tables into a corpus on disk, in a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from catenane.data.columns import find_notation
from catenane.data.corpus import (
    IDS,
    INDEX,
    OFFSETS,
    CorpusCounts,
    CorpusIndex,
    Shard,
    TokenCorpus,
    open_corpus,
    tokenizer_fingerprint,
)
from catenane.data.readers import iterate_strings, open_strings
from catenane.data.rejects import Rejection, RejectionWriter
from catenane.data.table import OnError
from catenane.data.text_tables import TableFile
from catenane.errors import DataError, NotationError
from catenane.notation import get_notation, read_records
from catenane.tokenizers import EncodedStrings, StringTokenizer

__all__ = ["write_corpus"]

CHUNK = 8192
SHARD_TOKENS = 1 << 28


def write_corpus(
    folder: str | Path,
    sources: Sequence[str | Path],
    tokenizer: StringTokenizer,
    *,
    max_length: int,
    on_error: OnError = "skip",
    string_column: str | None = None,
    normalised: bool = False,
    data_dir: str | Path | None = None,
    shard_tokens: int = SHARD_TOKENS,
    progress: Callable[[int], None] | None = None,
) -> TokenCorpus:
    """Tokenise the strings of tables into a folder; the memory used does not grow with their number.

    Args:
        folder: Where to write; made if need be. What an interrupted run left in it is overwritten.
        sources: Paths, names of data sets, or "-" for standard input, in order.
        tokenizer: That of the sources' notation; a tokenizer of MOFid takes SMILES too.
        max_length: Longest sequence, [CLS] and [SEP] included; what is cut off longer strings is counted.
        on_error: "skip" writes bad rows to `rejected-*.csv` and goes on, "raise" stops at the first.
        string_column: Column of the strings; found by its name or content if None.
        normalised: The strings are in normal form already, which saves the time of parsing them.
        data_dir: Folder of the data sets' local copies; by default the environment variable CATENANE_DATA.
        shard_tokens: A shard is closed when it holds this many tokens.
        progress: Called now and then with the number of strings written so far.

    Raises:
        DataError: The folder holds a corpus already, a source cannot be read or is of another notation than
            the tokenizer, nothing is left to write, or, with on_error="raise", a row is bad.
    """
    folder = Path(folder)
    if (folder / INDEX).exists():
        raise DataError(f"{folder} holds a corpus already: choose another folder, or delete it")
    folder.mkdir(parents=True, exist_ok=True)
    counts = CorpusCounts()
    with _ShardWriter(folder, shard_tokens) as writer:
        for number, source in enumerate(sources):
            with RejectionWriter(folder / f"rejected-{number}.csv") as rejected:
                reject = rejected.write if on_error == "skip" else _raising(str(source))
                table, column = open_strings(source, string_column=string_column, data_dir=data_dir)
                strings = _tokenisable(table, column, tokenizer, reject, normalised=normalised)
                while chunk := list(islice(strings, CHUNK)):
                    encoded = tokenizer.encode_flat(chunk, max_length)
                    writer.write(encoded)
                    counts = _counted(counts, encoded)
                    if progress is not None:
                        progress(counts.strings)
            counts = replace(counts, rejected=counts.rejected + rejected.count)
    if not counts.strings:
        raise DataError(
            f"{', '.join(map(str, sources))}: no string can be used; {folder}/rejected-*.csv says why"
        )
    CorpusIndex(
        notation=tokenizer.notation,
        tokenizer=tokenizer_fingerprint(tokenizer),
        max_length=max_length,
        sources=[str(source) for source in sources],
        counts=counts,
        shards=writer.shards,
    ).save(folder)
    return open_corpus(folder)


def _tokenisable(
    table: TableFile,
    column: int,
    tokenizer: StringTokenizer,
    reject: Callable[[Rejection], None],
    *,
    normalised: bool,
) -> Iterator[str]:
    """The strings in normal form; the notation is that of the first of them."""
    items = iterate_strings(table, column)
    first = list(islice(items, CHUNK))
    strings = [item[1] for item in first if not isinstance(item, Rejection)]
    notation = find_notation(strings, table.columns[column], table.name)
    if not get_notation(tokenizer.notation).reads(notation):
        raise DataError(
            f"{table.name} holds {notation}, which a tokenizer of {tokenizer.notation} cannot read: "
            f"use one of {notation}"
        )
    items = chain(first, items)
    while chunk := list(islice(items, CHUNK)):
        strings = [item[1] for item in chunk if not isinstance(item, Rejection)]
        found = iter(strings if normalised else read_records(strings, notation))
        for item in chunk:
            if isinstance(item, Rejection):
                reject(item)
                continue
            read = next(found)
            if isinstance(read, NotationError):
                reject(Rejection(item[0], table.columns[column], item[1], read.position, str(read)))
            else:
                yield read if isinstance(read, str) else read.text


def _raising(source: str) -> Callable[[Rejection], None]:
    def reject(rejection: Rejection) -> None:
        raise rejection.error(source)

    return reject


def _counted(counts: CorpusCounts, encoded: EncodedStrings) -> CorpusCounts:
    return replace(
        counts,
        strings=counts.strings + len(encoded),
        tokens=counts.tokens + len(encoded.ids),
        unknown_tokens=counts.unknown_tokens + int(encoded.n_unknown.sum()),
        strings_with_unknown=counts.strings_with_unknown + int((encoded.n_unknown > 0).sum()),
        cut_tokens=counts.cut_tokens + int(encoded.n_cut.sum()),
        cut_strings=counts.cut_strings + int((encoded.n_cut > 0).sum()),
    )


class _ShardWriter:
    """Writes strings to one shard after the other; a context manager."""

    def __init__(self, folder: Path, shard_tokens: int) -> None:
        self.shards: list[Shard] = []
        self._folder = folder
        self._shard_tokens = shard_tokens
        self._files = ExitStack()
        self._ids: BinaryIO
        self._offsets: BinaryIO

    def __enter__(self) -> _ShardWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self._files.close()

    def write(self, encoded: EncodedStrings) -> None:
        if not self.shards or self.shards[-1].tokens >= self._shard_tokens:
            self._begin_shard()
        shard = self.shards[-1]
        self._ids.write(encoded.ids.astype(IDS, copy=False).tobytes())
        self._offsets.write((encoded.offsets[1:] + shard.tokens).astype(OFFSETS, copy=False).tobytes())
        self.shards[-1] = replace(
            shard, strings=shard.strings + len(encoded), tokens=shard.tokens + len(encoded.ids)
        )

    def _begin_shard(self) -> None:
        self._files.close()
        shard = Shard(name=f"{len(self.shards):05d}", strings=0, tokens=0)
        self._ids = self._files.enter_context(shard.ids_file(self._folder).open("wb"))
        self._offsets = self._files.enter_context(shard.offsets_file(self._folder).open("wb"))
        self._offsets.write(np.zeros(1, OFFSETS).tobytes())
        self.shards.append(shard)
