"""Rows that cannot be used: kept aside with their reason, never dropped in silence."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Self

from catenane.errors import DataError
from catenane.files import csv_writer
from catenane.notation.syntax import excerpt

__all__ = ["Rejection", "RejectionWriter", "write_rejected"]

LONGEST_VALUE = 131_072


@dataclass(frozen=True, slots=True)
class Rejection:
    """One row that is not used, and why."""

    row: int
    """Data row of the source, from 1; the header is not counted."""
    column: str
    """Column at fault; "" where it is the row as a whole."""
    value: str
    """What stands there, whole; only more than `LONGEST_VALUE` characters are cut to an excerpt."""
    position: int | None
    """Zero-based character of the value at fault, or None where the whole value is."""
    reason: str
    """What is wrong, in a line that can be read by itself."""

    def __post_init__(self) -> None:
        if len(self.value) > LONGEST_VALUE:
            object.__setattr__(self, "value", excerpt(self.value, self.position or 0))

    def __str__(self) -> str:
        place = f"row {self.row}" + (f", column {self.column!r}" if self.column else "")
        return f"{place}: {self.reason}"

    def error(self, source: str) -> DataError:
        """The error to raise where a run must stop at its first bad row."""
        return DataError(f"{source}, {self}")


class RejectionWriter:
    """Writes rejections to a CSV file as they come, for runs that must not hold them all; a context manager.

    Args:
        path: The file; its columns are the fields of `Rejection`.
    """

    def __init__(self, path: str | Path) -> None:
        self.count = 0
        self._path = Path(path)

    def __enter__(self) -> Self:
        with ExitStack() as files:
            file = files.enter_context(self._path.open("w", newline="", encoding="utf-8"))
            self._write = csv_writer(file)
            self._write(field.name for field in fields(Rejection))
            self._files = files.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._files.close()

    def write(self, rejection: Rejection) -> None:
        """Add one row."""
        self._write(astuple(rejection))
        self.count += 1


def write_rejected(path: str | Path, rejections: Iterable[Rejection]) -> None:
    """Write the rejected rows to a CSV file: row, column, value, position, reason."""
    with RejectionWriter(path) as writer:
        for rejection in rejections:
            writer.write(rejection)
