"""Output files: whole or not there, where they may be written, in text that any reader takes."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from catenane.errors import UsageError

__all__ = [
    "check_output",
    "csv_writer",
    "escaped",
    "file_digest",
    "replaced",
    "replaced_folder",
    "storable",
    "write_json",
]

# A byte that is not UTF-8 is read as a lone surrogate (PEP 383), which no UTF-8 file can hold.
_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A name to write under, whose file takes the place of `path` when the block ends without an error.

    A reader never sees half a file; after an error nothing is left, and what was at `path` stays. Several
    processes may write to one path: the last wins. The file at the end of a link is replaced, not the link;
    a device or a pipe is written to directly.

    Raises:
        UsageError: No file can be written there (see `check_output`).
    """
    mode = _mode(path)
    if mode is not None and not stat.S_ISREG(mode):
        yield path
        return
    target = Path(os.path.realpath(path))
    fresh = _beside(target)
    try:
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        mode = fresh.stat().st_mode if mode is None else mode
        yield fresh
        # Some libraries write a file of their own under that name, for their user alone.
        fresh.chmod(stat.S_IMODE(mode))
        fresh.replace(target)
    except OSError as error:
        _rename_path(error, fresh, path)
        raise
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """As `replaced`, for a folder: an empty one, which becomes `folder` when the block ends well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = _beside(folder)
    try:
        fresh.mkdir()
        yield fresh
        if folder.exists():
            old = _beside(folder)
            folder.rename(old)
            fresh.rename(folder)
            shutil.rmtree(old)
        else:
            fresh.rename(folder)
    except OSError as error:
        _rename_path(error, fresh, folder)
        raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write readable JSON in one move.

    Raises:
        ValueError: A value is not finite: JSON has no name for it.
    """
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with replaced(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content; read once as long as its size and time of change stay as they are."""
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


@cache
def _sha256(path: Path, *_: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_output(path: Path, *, inputs: Iterable[Path | int] = (), overwrite: bool = True) -> None:
    """Refuse, before any work is done, a file that cannot or may not be written; nothing is touched.

    Args:
        path: The file, as the user gave it.
        inputs: Files that are read, by path or by descriptor: none of them is ever an output.
        overwrite: Whether a file that exists may be replaced; devices and pipes always take more.

    Raises:
        UsageError: The folder is missing or locked, a folder has that name, the name is too long, the file
            exists and may not be replaced, or it is an input.
    """
    mode = _mode(path)
    if mode is None or not stat.S_ISREG(mode):
        return
    if any(_is_same(path, source) for source in inputs):
        raise UsageError(f"{path} is an input and is never overwritten: give another file")
    if not overwrite:
        raise UsageError(f"{path} exists already: add --overwrite to replace it, or give another file")


def _beside(path: Path) -> Path:
    """A hidden name of one's own in the same folder."""
    return path.with_name(f".{path.name[:48]}.{secrets.token_hex(4)}.part")


def _rename_path(error: OSError, fresh: Path, path: Path) -> None:
    """Let the error name the path that was given, not the one written under."""
    if str(error.filename).startswith(str(fresh)) or (error.filename is None and error.errno == errno.ENOSPC):
        error.filename = str(path)


def _mode(path: Path) -> int | None:
    """Type and permissions of the file at the end of all links, or None where one can be made."""
    folder = Path(os.path.realpath(path)).parent
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if not folder.is_dir():
            raise UsageError(
                f"{path} cannot be written: there is no folder {path.parent}; make it first"
            ) from None
        mode = None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    if mode is not None and stat.S_ISDIR(mode):
        raise UsageError(f"{path} is a folder: give a file")
    if (mode is None or stat.S_ISREG(mode)) and not os.access(folder, os.W_OK):
        raise UsageError(f"{path} cannot be written: the folder {folder} is locked for you")
    return mode


def _is_same(path: Path, source: Path | int) -> bool:
    try:
        status = os.fstat(source) if isinstance(source, int) else source.stat()
        return os.path.samestat(path.stat(), status)
    except OSError:
        return False  # what is not there is the affair of the one who reads it


def csv_writer(file: TextIO, delimiter: str = ",") -> Callable[[Iterable[object]], None]:
    """A function that writes one row of CSV (RFC 4180, lines end in LF), texts as `storable` gives them."""
    # The csv module quotes a field with a carriage return only where that ends its lines.
    writer = csv.writer(_UnixLines(file), delimiter=delimiter, lineterminator="\r\n")

    def write(row: Iterable[object]) -> None:
        writer.writerow([storable(field) if isinstance(field, str) else field for field in row])

    return write


class _UnixLines:
    """Takes rows that end in CR LF and writes them ending in LF."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: str) -> int:
        return self._file.write(row[:-2] + "\n")


def storable(text: str) -> str:
    r"""The text as every UTF-8 file can hold it: NULs as `\x00`, bytes that are not UTF-8 as `\xe9`."""
    return _NOT_STORABLE.sub(lambda found: escaped(found[0]), text)


def escaped(character: str) -> str:
    r"""The character as a message can show it: `\t`, or `\xe9` for a byte that is not UTF-8."""
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
