"""Where a table comes from: a file, a data set known by name, or standard input; compressed or not."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Any, Literal, cast

from catenane.data.registry import DATASETS, Dataset, dataset_file, match_dataset
from catenane.errors import DataError, nearest

__all__ = ["LAYOUTS", "LONGEST_LINE", "STDIN", "Layout", "Source", "find_source"]

Layout = Literal["csv", "tsv", "smi", "parquet", "unknown"]

STDIN = "-"
READ_AHEAD = 1 << 20
LONGEST_LINE = 1 << 22
"""Characters of a line of text; what is longer is cut and rejected."""

LAYOUTS: dict[str, Layout] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".smi": "smi",
    ".smiles": "smi",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook: unpack it, or save the sheet as CSV",
    b"BZh": "compressed with bzip2: unpack it, or compress it with gzip",
    b"\xfd7zXZ": "compressed with xz: unpack it, or compress it with gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: unpack it, or compress it with gzip",
    b"\xff\xfe": "encoded in UTF-16: save it as UTF-8",
    b"\xfe\xff": "encoded in UTF-16: save it as UTF-8",
}


@dataclass(frozen=True)
class Source:
    """A place to read a table from. Text is read once, in a stream; standard input can be read only once."""

    name: str
    """Name in messages."""
    path: Path | None
    """The file; None for standard input."""
    layout: Layout
    """How the table is written, by the file name and its first bytes."""
    dataset: Dataset | None = None
    """The data set that it is a copy of, if known."""

    def lines(self) -> Iterator[str]:
        """The lines of a text with their ends; a byte that is not UTF-8 becomes a lone surrogate (PEP 383).

        Of a line that is longer than `LONGEST_LINE`, one character more is given and the rest passed over, so
        that a file of a few bytes cannot fill the memory.

        Raises:
            DataError: The file cannot be read, is empty, is not text, or its gzip stream is damaged.
        """
        try:
            if self.path is None:
                yield from self._decoded(_standard_input())
            else:
                with io.BufferedReader(io.FileIO(self.path), READ_AHEAD) as binary:
                    yield from self._decoded(binary)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            damage = f"the gzip file is cut short or damaged ({error}); copy it again"
            raise DataError(f"{self.name}: {damage}") from None
        except OSError as error:
            raise DataError(f"{self.name}: cannot be read: {error.strerror or error}") from None

    def _decoded(self, binary: io.BufferedReader[Any]) -> Iterator[str]:
        if binary.peek(2).startswith(_GZIP):
            binary = io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=binary)), READ_AHEAD)
        start = binary.peek(8)
        if not start:
            raise DataError(f"{self.name}: the file is empty")
        for magic, what in _FOREIGN.items():
            if start.startswith(magic):
                raise DataError(f"{self.name}: the file is {what}")
        text = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")
        try:
            for line in iter(partial(text.readline, LONGEST_LINE + 1), ""):
                yield line
                piece = line
                while len(piece) > LONGEST_LINE and piece[-1] not in "\r\n":
                    piece = text.readline(LONGEST_LINE + 1)
        finally:
            # Standard input stays open. A file is closed by the one who opened it, which a reader that stops
            # early may have brought about already.
            if not binary.closed:
                text.detach()


def find_source(source: str | Path, data_dir: str | Path | None = None) -> Source:
    """Find what a path, the name of a data set, or "-" (standard input) points at.

    Args:
        source: What to read. An existing file goes before a data set of the same name.
        data_dir: Folder of the data sets' local copies; by default the environment variable CATENANE_DATA.

    Raises:
        DataError: There is no such file, it is a folder, or the data set has no local copy.
    """
    if str(source) == STDIN:
        return Source("standard input", None, "unknown")
    path = Path(source)
    if not path.exists() and str(source) in DATASETS:
        path = dataset_file(DATASETS[str(source)], data_dir)
    if path.is_dir():
        raise DataError(f"{path} is a folder: give one table inside it")
    if not path.exists():
        near = nearest(str(source), DATASETS)
        hint = f": did you mean {near!r}?" if near else ""
        raise DataError(f"{path} does not exist, and no data set is called so{hint}")
    try:
        with path.open("rb") as file:
            is_parquet = file.read(len(_PARQUET)) == _PARQUET
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    by_name = LAYOUTS.get(PurePath(path.name.lower().removesuffix(".gz")).suffix, "unknown")
    return Source(str(source), path, "parquet" if is_parquet else by_name, match_dataset(source))


def _standard_input() -> io.BufferedReader[Any]:
    if sys.stdin is None:
        raise DataError("standard input is closed")
    binary: Any = sys.stdin.buffer
    return binary if isinstance(binary, io.BufferedReader) else io.BufferedReader(binary)
