"""From tables of any size to a corpus of token ids; worker processes canonicalise and tokenise.

What is done is noted in `progress.json` every few seconds, so that a killed preparation goes on there. The
files do not depend on the number of workers.
"""

from __future__ import annotations

import logging
import os
import time
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from catenane.data.columns import find_notation
from catenane.data.corpus import (
    BEGINS,
    BEGINS_FILE,
    FORMAT,
    IDS,
    IDS_FILE,
    INDEX,
    LENGTHS,
    LENGTHS_FILE,
    STRIDE,
    CorpusFile,
    CorpusIndex,
    CorpusSource,
    TokenCorpus,
    check_files,
    open_corpus,
    read_index,
    tokenizer_digest,
)
from catenane.data.exclusion import read_excluded, write_excluded
from catenane.data.rejects import Rejection, rejected_text
from catenane.data.sources import find_source
from catenane.data.streams import open_strings
from catenane.data.table import read_cells
from catenane.errors import ConfigError, DataError
from catenane.files import file_digest, write_json
from catenane.notation import NotationName, Record, get_notation
from catenane.progress import RowCount
from catenane.tokenizers import EncodedStrings, StringTokenizer

__all__ = ["write_corpus"]

logger = logging.getLogger(__name__)
T = TypeVar("T")
Item = TypeVar("Item")
JOURNAL = "progress.json"
EXCLUDED = "excluded.txt"
JOURNAL_SECONDS = 5.0
"""Seconds of work that a kill may cost."""
CHUNK = 8192
"""Rows that are tokenised together."""
SHARD_TOKENS = 1 << 28
"""Tokens at which a shard is closed."""
AHEAD = 2
"""Chunks for each worker that are read before they are needed."""
LONGEST = np.iinfo(LENGTHS).max


@dataclass(frozen=True)
class Place:
    """How far the sources are read."""

    source: int = 0
    """Number of the source under way."""
    rows: int = 0
    """Of it."""
    notation: NotationName | None = None
    """What it holds, once its first rows are read."""


@dataclass(frozen=True)
class Chunk:
    """Rows as they were read."""

    place: Place
    """How far the sources are read with them."""
    column: str
    items: list[tuple[int, list[Any]] | Rejection]


def write_corpus(
    folder: str | Path,
    sources: Sequence[str | Path],
    tokenizer: StringTokenizer,
    *,
    max_length: int,
    drop_long: bool = False,
    string_column: str | None = None,
    languages: Sequence[str] = (),
    exclude: Sequence[str | Path] = (),
    data_dir: str | Path | None = None,
    workers: int | None = None,
    resume: bool = False,
) -> TokenCorpus:
    """Tokenise the strings of tables into a folder; the memory used does not grow with their number.

    Args:
        folder: Where to write; made if need be. What an interrupted run left in it is overwritten, or kept
            with `resume`.
        sources: Paths, names of data sets, or "-" for standard input, in order.
        tokenizer: That of the sources' notation; a tokenizer of MOFid takes SMILES too.
        max_length: Longest sequence, [CLS] and [SEP] included; what is cut off longer strings is counted.
        drop_long: Leave longer strings out instead, named among the rejected rows.
        string_column: Column of the strings; found by its name or content if None.
        languages: That of each source, where the tokenizer knows languages.
        exclude: Sources whose strings, in normal form, are left out and named among the rejected rows: those
            that a model is to be tested on, say. Their columns of strings are found.
        data_dir: Folder of the data sets' local copies; by default the environment variable CATENANE_DATA.
        workers: Processes that canonicalise and tokenise; by default one per core.
        resume: Go on where a run was killed, or take the finished corpus, once its checksums are confirmed.

    Raises:
        DataError: The folder holds a corpus already, or with `resume` a damaged one, or one of other sources
            or settings; a source cannot be read or is of another notation than the tokenizer; no string is
            left to write; or a worker was killed.
        ConfigError: `max_length` is more than the files can hold.
    """
    if max_length > LONGEST:
        raise ConfigError(f"max_length={max_length} must be at most {LONGEST:,}")
    folder, place = Path(folder), Place()
    index = CorpusIndex(
        notation=tokenizer.notation,
        tokenizer=tokenizer_digest(tokenizer),
        max_length=max_length,
        drop_long=drop_long,
        string_column=string_column,
        languages=list(languages),
        sources=[_describe(source, data_dir) for source in sources],
        excluded=[_describe(source, data_dir) for source in exclude],
    )
    if (folder / INDEX).exists():
        if not resume:
            raise DataError(f"{folder} holds a corpus already: choose another folder, or delete it")
        _read_earlier(folder / INDEX, index)
        return open_corpus(folder)
    if resume and (folder / JOURNAL).exists() and all(source.sha256 for source in index.sources):
        index, more = _read_earlier(folder / JOURNAL, index)
        place = Place(**more["place"])
        logger.info("corpus: going on after %s strings", f"{index.counts.strings:,}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, mark in index.files.items():
        os.truncate(folder / name, mark.bytes)
    chunks = _read_chunks(sources, place, string_column, data_dir, tokenizer)
    encode = partial(
        _encode, tokenizer=tokenizer, languages=tuple(languages), max_length=max_length, drop_long=drop_long,
        excluded=write_excluded(folder / EXCLUDED, exclude, data_dir, tokenizer.notation),
    )  # fmt: skip
    writer = _Writer(folder, index)
    with closing(_in_order(encode, chunks, workers)) as results, RowCount("corpus") as count:
        for here, encoded, rejected, left_out in results:
            writer.add(here, encoded, rejected, left_out)
            count.add(len(encoded) + len(rejected))
    if not index.counts.strings:
        names = ", ".join(source.name for source in index.sources)
        raise DataError(f"{names}: no string can be used; {folder}/rejected-*.csv says why")
    write_json(folder / INDEX, {"format": FORMAT, "index": asdict(index)})
    (folder / JOURNAL).unlink(missing_ok=True)
    return open_corpus(folder)


class _Writer:
    """Appends to the files of a corpus, after what its index says is there."""

    def __init__(self, folder: Path, index: CorpusIndex) -> None:
        self._folder, self._index = folder, index
        self._noted, self._touched = time.monotonic(), set[str]()

    def add(
        self, place: Place, encoded: EncodedStrings, rejected: Sequence[Rejection], left_out: tuple[int, int]
    ) -> None:
        """Write the strings of a chunk and its rejected rows, some too long; `place` is where it ends.

        `left_out` counts those of them that are too long, and that were to be excluded.
        """
        counts = self._index.counts
        name = f"rejected-{place.source}.csv"
        self._append(name, rejected_text(rejected, header=name not in self._index.files).encode())
        counts.rejected += len(rejected) - sum(left_out)
        counts.long_strings += left_out[0]
        counts.excluded += left_out[1]
        if len(encoded):
            begins = encoded.offsets[:-1][-counts.strings % STRIDE :: STRIDE] + counts.tokens
            self._append(self._shard(), encoded.ids.astype(IDS).tobytes())
            self._append(LENGTHS_FILE, encoded.lengths.astype(LENGTHS).tobytes())
            self._append(BEGINS_FILE, begins.astype(BEGINS).tobytes())
            counts.add(encoded)
        if time.monotonic() - self._noted >= JOURNAL_SECONDS:
            self._note(place)

    def _shard(self) -> str:
        shards = self._index.shards()
        if shards and self._index.files[shards[-1]].bytes < SHARD_TOKENS * IDS.itemsize:
            return shards[-1]
        return f"{len(shards):05d}{IDS_FILE}"

    def _append(self, name: str, data: bytes) -> None:
        mark = self._index.files.setdefault(name, CorpusFile())
        with (self._folder / name).open("ab" if mark.bytes else "wb") as file:
            file.write(data)
        mark.bytes, mark.crc32 = mark.bytes + len(data), zlib.crc32(data, mark.crc32)
        self._touched.add(name)

    def _note(self, place: Place) -> None:
        """Note how far the work is, once it is on the disk: a power cut must not leave a note alone."""
        for name in self._touched:
            with (self._folder / name).open("rb") as file:
                os.fsync(file.fileno())
        index = asdict(self._index)
        write_json(self._folder / JOURNAL, {"format": FORMAT, "index": index, "place": asdict(place)})
        self._noted, self._touched = time.monotonic(), set()


def _describe(source: str | Path, data_dir: str | Path | None) -> CorpusSource:
    path = find_source(source, data_dir).path
    return CorpusSource(name=str(source), sha256=None if path is None else file_digest(path))


def _read_earlier(path: Path, wanted: CorpusIndex) -> tuple[CorpusIndex, dict[str, Any]]:
    """The index of what was written before; an error where it was made from something else, or is damaged."""
    index, more = read_index(path)
    before, now = index.made_from, wanted.made_from
    if before != now:
        digests, excluded = before.pop("sources"), before.pop("excluded")
        names = [source.name for source in wanted.sources if source.sha256 not in digests]
        differs = [
            f"{key} was {before[key]!r} and is {now[key]!r}" for key in before if before[key] != now[key]
        ]
        differs += ["what is excluded is not the same"] * (excluded != now["excluded"])
        differs += [f"{', '.join(names) or 'the list of sources'} is new or has changed"]
        raise DataError(
            f"{path.parent} was made from something else: {differs[0]}; delete it, or give another folder"
        )
    check_files(path.parent, index)
    return index, more


def _read_chunks(
    sources: Sequence[str | Path],
    place: Place,
    string_column: str | None,
    data_dir: str | Path | None,
    tokenizer: StringTokenizer,
) -> Iterator[Chunk]:
    """The rows of the sources from a place on; the notation of each is that of its first chunk."""
    for number in range(place.source, len(sources)):
        is_text = not get_notation(tokenizer.notation).is_chemical
        table, column = open_strings(sources[number], string_column, data_dir, is_text=is_text)
        here = place if number == place.source else Place(number)
        name = table.columns[column]
        rows = islice(table.rows([column]), here.rows, None)
        while items := list(islice(rows, CHUNK)):
            notation = tokenizer.notation if is_text else here.notation
            if notation is None:
                cells = [item[1][0] for item in items if not isinstance(item, Rejection)]
                notation = find_notation(cells, name, table.name)
            if not get_notation(tokenizer.notation).reads(notation):
                raise DataError(
                    f"{table.name} holds {notation}, which a tokenizer of {tokenizer.notation} cannot read: "
                    f"use one of {notation}"
                )
            here = Place(number, here.rows + len(items), notation)
            yield Chunk(here, name, items)


def _encode(
    chunk: Chunk,
    *,
    tokenizer: StringTokenizer,
    languages: Sequence[str],
    max_length: int,
    drop_long: bool,
    excluded: tuple[Path, str] | None,
) -> tuple[Place, EncodedStrings, list[Rejection], tuple[int, int]]:
    """The strings of a chunk in normal form, tokenised, and the other rows; see `_Writer.add`."""
    notation = chunk.place.notation
    assert notation is not None
    cells = [(item[0], item[1][0]) for item in chunk.items if not isinstance(item, Rejection)]
    read = read_cells(cells, chunk.column, notation, n_jobs=1)
    rejected = [item for item in (*chunk.items, *read) if isinstance(item, Rejection)]
    strings = [
        (row, item.text) for (row, _), item in zip(cells, read, strict=True) if isinstance(item, Record)
    ]
    held = read_excluded(*excluded) if excluded else frozenset()
    rejected += [
        Rejection(row, chunk.column, text, None, "it is to be excluded")
        for row, text in strings
        if text in held
    ]
    n_read, strings = len(strings), [(row, text) for row, text in strings if text not in held]
    n_excluded = n_read - len(strings)
    speaking = tokenizer.speaking(languages[chunk.place.source] if languages else "")
    encoded = speaking.encode_flat([text for _, text in strings], max_length)
    long = np.flatnonzero(encoded.n_cut).tolist() if drop_long else []
    for row, text, n_cut in ((*strings[i], encoded.n_cut[i]) for i in long):
        reason = f"{max_length + n_cut} tokens are more than max_length={max_length}"
        rejected.append(Rejection(row, chunk.column, text, None, reason))
    if long:
        encoded = encoded.take(np.flatnonzero(encoded.n_cut == 0))
    rejected.sort(key=lambda rejection: rejection.row)
    return chunk.place, encoded, rejected, (len(long), n_excluded)


def _in_order(
    work: Callable[[Item], T], items: Iterable[Item], workers: int | None
) -> Generator[T, None, None]:
    """`work(item)` of every item, in order, in processes; the first here, while they would only start."""
    from joblib import cpu_count
    from joblib.externals.loky import ProcessPoolExecutor

    n = workers or int(cpu_count())
    waiting: deque[Any] = deque()
    items = iter(items)
    # Not the one that joblib keeps for `Parallel`: it could not use it afterwards.
    processes = ProcessPoolExecutor(n)
    try:
        for item in islice(items, None if n < 2 else 2):
            yield work(item)
        for item in items:
            waiting.append(processes.submit(work, item))
            if len(waiting) > AHEAD * n:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise DataError(
            "a worker process was killed, perhaps for want of memory: go on with resume and fewer workers"
        ) from None
    finally:
        processes.shutdown(kill_workers=bool(waiting))
