"""Rows that cannot be used: kept aside with their reason, never dropped in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from catenane.errors import DataError
from catenane.files import csv_writer
from catenane.notation.syntax import excerpt

__all__ = ["Rejection", "rejection_writer", "write_rejected"]

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


@contextmanager
def rejection_writer(path: Path) -> Iterator[Callable[[Rejection], None]]:
    """A function that adds a row to a CSV file, for runs that must not hold all of them."""
    with path.open("w", newline="", encoding="utf-8") as file:
        write = csv_writer(file)
        write(field.name for field in fields(Rejection))
        yield lambda rejection: write(astuple(rejection))


def write_rejected(path: Path, rejections: Iterable[Rejection]) -> None:
    """Write the rejected rows to a CSV file: row, column, value, position, reason."""
    with rejection_writer(path) as write:
        for rejection in rejections:
            write(rejection)
