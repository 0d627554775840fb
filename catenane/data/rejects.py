"""Rows that cannot be used: kept aside with their reason, never dropped in silence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from io import StringIO
from pathlib import Path

from catenane.errors import DataError
from catenane.files import csv_writer
from catenane.notation.syntax import excerpt

__all__ = ["Rejection", "rejected_text", "write_rejected"]

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


def rejected_text(rejections: Iterable[Rejection], *, header: bool) -> str:
    """Rejected rows as CSV: row, column, value, position, reason."""
    text = StringIO()
    write = csv_writer(text)
    if header:
        write(field.name for field in fields(Rejection))
    for rejection in rejections:
        write(astuple(rejection))
    return text.getvalue()


def write_rejected(path: Path, rejections: Iterable[Rejection]) -> None:
    """Write the rejected rows to a CSV file."""
    path.write_text(rejected_text(rejections, header=True), encoding="utf-8", newline="")
