"""Public data sets, downloaded and made into the tables that the registry describes."""

from __future__ import annotations

import csv
import gzip
import hashlib
import http.client
import io
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from catenane.data.sources import Dataset, data_folder
from catenane.errors import DataError
from catenane.files import csv_writer, replaced, write_json

__all__ = ["fetch"]

PATIENCE = 60
"""Seconds without a byte after which a download is given up."""
CHUNK = 1 << 16
Progress = Callable[[int, int], None]
"""Called with the bytes that have come, and those that will (0 where the server does not say)."""


def fetch(
    dataset: Dataset,
    to: str | Path | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
) -> tuple[Path, int]:
    """Make the local copy of a data set from its public file: our names of columns, and all its rows.

    The table takes its name when it is whole and its source is verified, against the checksum of the
    registry or, where there is none, against that of the first fetch, which is kept beside the table.

    Args:
        dataset: An entry of the registry.
        to: Folder of the local copies, made if need be; by default as `data_folder` says.
        overwrite: Whether a local copy that is there is made anew.
        progress: Told how far the download of a file is.

    Returns:
        The table, and its number of rows; 0 where it was there and stays.

    Raises:
        DataError: The data set has no single public source, cannot be downloaded, is not what it was, or
            lacks a column.
    """
    path = data_folder(to) / dataset.file
    if path.is_file() and not overwrite:
        return path, 0
    original = dataset.original
    if original is None:
        raise DataError(
            f"{dataset.name!r} was put together by hand from {dataset.address}: it cannot be fetched; "
            f"put a table with column {dataset.string_column} at {path}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = path.with_name(f"{path.name}.checksums.json")
    known: dict[str, str] = json.loads(kept.read_bytes()) if kept.is_file() else {}
    sums: dict[str, str] = {}
    n_rows = 0
    columns: list[str] = []
    with replaced(path) as fresh:
        with gzip.open(fresh, "wt", newline="", encoding="utf-8") as file:
            write = csv_writer(file)
            for part in original.parts or [""]:
                url = original.url.format(part=part)
                content = _download(url, progress)
                sums[url] = _verified(url, content, original.checksum or known.get(url, ""), kept)
                header, rows = _table(url, content, dataset, part)
                if not columns:
                    columns = header
                    write(columns)
                elif header != columns:
                    raise DataError(f"{url} has other columns than the part before it: {', '.join(header)}")
                for row in rows:
                    write(row)
                    n_rows += 1
        write_json(kept, sums)
    return path, n_rows


def _download(url: str, progress: Progress) -> bytes:
    try:
        with urlopen(url, timeout=PATIENCE) as answer:
            total = int(answer.headers.get("Content-Length") or 0)
            chunks: list[bytes] = []
            done = 0
            progress(done, total)
            while chunk := answer.read(CHUNK):
                chunks.append(chunk)
                done += len(chunk)
                progress(done, total)
    except HTTPError as error:
        raise DataError(f"{url}: the server returned {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(f"{url} cannot be reached: {reason}; fetch needs the network") from None
    if done < total:
        raise DataError(f"{url}: the download broke off after {done:,} of {total:,} bytes; fetch it again")
    return b"".join(chunks)


def _verified(url: str, content: bytes, expected: str, kept: Path) -> str:
    """The checksum of a file, once it is the one expected, if there is such."""
    algorithm = expected.partition(":")[0] or "sha256"
    found = f"{algorithm}:{hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()}"
    if expected and found != expected:
        hint = f"; remove {kept} to accept the new file" if kept.is_file() else ""
        raise DataError(f"{url} is not the file it was: its checksum is {found}, expected {expected}{hint}")
    return found


def _table(url: str, content: bytes, dataset: Dataset, part: str) -> tuple[list[str], Iterator[list[str]]]:
    """Our names of the columns of a public CSV, plain or gzip, and its rows; the part goes first."""
    assert dataset.original is not None
    try:
        text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8-sig")
    except (EOFError, OSError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{url} is no text, plain or gzip: {error}") from None
    rows = filter(None, csv.reader(io.StringIO(text, newline="")))
    ours = {theirs: name for name, theirs in dataset.original.columns.items()}
    header = list(dataset.original.header) or [ours.get(name, name) for name in next(rows, [])]
    if missing := {dataset.string_column, *dataset.targets} - {"*", *header}:
        raise DataError(f"{url} lacks {', '.join(sorted(missing))}: its columns are {', '.join(header)}")
    return (["split", *header], ([part, *row] for row in rows)) if part else (header, rows)
