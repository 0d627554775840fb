"""Where a table comes from: a file, a data set known by name, or standard input; compressed or not."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tomllib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Literal, cast

from catenane.config import Task
from catenane.errors import DataError, nearest, suggestion
from catenane.notation import NotationName

__all__ = [
    "DATASETS",
    "LAYOUTS",
    "LONGEST_LINE",
    "STDIN",
    "Dataset",
    "Original",
    "Source",
    "data_folder",
    "dataset_file",
    "find_dataset",
    "find_source",
    "find_sources",
    "match_dataset",
    "uncompressed",
]

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
_ZSTD = b"\x28\xb5\x2f\xfd"
_PARQUET = b"PAR1"
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook: unpack it, or save the sheet as CSV",
    b"BZh": "compressed with bzip2: unpack it, or compress it with gzip or zstd",
    b"\xfd7zXZ": "compressed with xz: unpack it, or compress it with gzip or zstd",
    b"\xff\xfe": "encoded in UTF-16: save it as UTF-8",
    b"\xfe\xff": "encoded in UTF-16: save it as UTF-8",
}


@dataclass(frozen=True, kw_only=True)
class Original:
    """The public file that a data set is made of, as `catenane.data.fetching` reads it."""

    url: str
    """Its address; `{part}` stands for each of `parts`."""
    parts: Sequence[str] = ()
    """Files that follow each other in the table, whose column `split` names them."""
    checksum: str = ""
    """Algorithm and digest, as in "md5:0c90..."; "" where its publisher gives none."""
    columns: dict[str, str] = field(default_factory=dict)
    """Our names of columns, and what they are called there."""
    header: Sequence[str] = ()
    """Names of the columns of a file that has no header."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Description of a public data set."""

    name: str
    """Group and short name: "molnet/esol"."""
    file: str
    """Path of its table inside the data folder."""
    notation: NotationName
    """What its strings are."""
    string_column: str
    """Column of the strings."""
    targets: dict[str, str]
    """Unit of each label column; "" for a pure number. The key "*" stands for every column not named."""
    task: dict[str, Task]
    """Kind of each label column, with the same keys."""
    rows: int
    """Data rows of the table."""
    description: str
    """What it is, in a line."""
    citation: str
    """The papers to cite."""
    licence: str
    """Licence of the public source."""
    address: str
    """Where it is public: repository, and the path inside it."""
    original: Original | None = None
    """What `catenane data fetch` makes it of; None where it was put together by hand."""


def _load(path: Path) -> dict[str, Dataset]:
    entries: dict[str, dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))
    datasets = {}
    for name, entry in entries.items():
        values = entries.get(entry.pop("like", ""), {}) | entry
        units: dict[str, str] = values.pop("regression", {})
        classes: list[str] = values.pop("classification", [])
        task: dict[str, Task] = {
            **dict.fromkeys(units, "regression"),
            **dict.fromkeys(classes, "classification"),
        }
        if "original" in values:
            values["original"] = Original(**values["original"])
        datasets[name] = Dataset(name=name, targets=units | dict.fromkeys(classes, ""), task=task, **values)
    return datasets


DATASETS: dict[str, Dataset] = _load(Path(__file__).with_name("registry.toml"))
"""Every known data set by name."""


def match_dataset(name_or_path: str | Path) -> Dataset | None:
    """The data set of this name, or the one that a path points at; None where it is neither.

    A path is recognised by its last two parts (`molnet/esol.csv.gz`), or by its file name where only one
    data set has such a file; `.gz` may be missing.
    """
    if str(name_or_path) in DATASETS:
        return DATASETS[str(name_or_path)]
    parts = _plain_parts(name_or_path)
    for length in (2, 1):
        matches = [d for d in DATASETS.values() if _plain_parts(d.file)[-length:] == parts[-length:]]
        if len(matches) == 1:
            return matches[0]
    return None


def find_dataset(name_or_path: str | Path) -> Dataset:
    """The data set of this name, or the one that a path points at (see `match_dataset`).

    Raises:
        DataError: It is not known; the nearest name is given.
    """
    dataset = match_dataset(name_or_path)
    if dataset is None:
        name = str(name_or_path)
        raise DataError(f"no data set is called {name!r}: {suggestion(name, DATASETS)}")
    return dataset


def data_folder(data_dir: str | Path | None = None) -> Path:
    """Folder of the local copies of data sets: the one given, CATENANE_DATA, or one of the user's own."""
    if chosen := data_dir or os.environ.get("CATENANE_DATA"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/catenane/data"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "catenane/data"


def dataset_file(dataset: Dataset, data_dir: str | Path | None = None) -> Path:
    """Path of the local copy of a data set, in the folder that `data_folder` gives.

    Raises:
        DataError: There is no local copy; the message says how to get one, and under which licence.
    """
    path = data_folder(data_dir) / dataset.file
    if path.is_file():
        return path
    fetch = f"run catenane data fetch {dataset.name}, or " if dataset.original else ""
    raise DataError(
        f"no local copy of {dataset.name!r}: {path} does not exist; {fetch}set CATENANE_DATA to the folder "
        f"that holds {dataset.file}; it is public at {dataset.address}, licence: {dataset.licence}"
    )


def _plain_parts(path: str | Path) -> tuple[str, ...]:
    return PurePath(uncompressed(str(path))).parts


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

    def lines(self, *, newline: str = "") -> Iterator[str]:
        """The lines of a text with their ends; a byte that is not UTF-8 becomes a lone surrogate (PEP 383).

        With a line feed as `newline` nothing else ends a line, such as a carriage return in its middle.

        Of a line that is longer than `LONGEST_LINE`, one character more is given and the rest passed over, so
        that a file of a few bytes cannot fill the memory.

        Raises:
            DataError: The file cannot be read, is not text, or is cut short or damaged where compressed.
        """
        try:
            if self.path is None:
                yield from self._decoded(_standard_input(), newline)
            else:
                with io.BufferedReader(io.FileIO(self.path), READ_AHEAD) as binary:
                    yield from self._decoded(binary, newline)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            damage = f"the gzip file is cut short or damaged ({error}); copy it again"
            raise DataError(f"{self.name}: {damage}") from None
        except OSError as error:
            raise DataError(f"{self.name}: cannot be read: {error.strerror or error}") from None

    def _decoded(self, binary: io.BufferedReader[Any], newline: str) -> Iterator[str]:
        if binary.peek(2).startswith(_GZIP):
            binary = io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=binary)), READ_AHEAD)
        elif binary.peek(4).startswith(_ZSTD):
            import pyarrow

            binary = io.BufferedReader(pyarrow.CompressedInputStream(binary, "zstd"), READ_AHEAD)
        start = binary.peek(8)
        for magic, what in _FOREIGN.items():
            if start.startswith(magic):
                raise DataError(f"{self.name}: the file is {what}")
        text = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline=newline)
        try:
            while line := text.readline(LONGEST_LINE + 1):
                yield line
                piece = line
                while len(piece) > LONGEST_LINE and piece[-1] not in (newline or "\r\n"):
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
    layout = "parquet" if is_parquet else _layout(path.name)
    return Source(str(source), path, layout, match_dataset(source))


def find_sources(given: str | Path, data_dir: str | Path | None = None) -> list[Source]:
    """As `find_source`, or all tables that lie in a folder, sorted by name.

    Raises:
        DataError: As `find_source`, or no file of the folder is a table by its ending.
    """
    folder = Path(given)
    if str(given) == STDIN or not folder.is_dir():
        return [find_source(given, data_dir)]
    paths = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    found = [path for path in paths if _layout(path.name) != "unknown"]
    if not found:
        raise DataError(f"{folder} holds no table: none of its files ends in {', '.join(LAYOUTS)}")
    return [find_source(path) for path in found]


def _layout(name: str) -> Layout:
    return LAYOUTS.get(PurePath(uncompressed(name.lower())).suffix, "unknown")


def uncompressed(name: str) -> str:
    """A file name without the ending of its compression."""
    return name.removesuffix(".gz").removesuffix(".zst")


def _standard_input() -> io.BufferedReader[Any]:
    if sys.stdin is None:
        raise DataError("standard input is closed")
    binary: Any = sys.stdin.buffer
    return binary if isinstance(binary, io.BufferedReader) else io.BufferedReader(binary)
