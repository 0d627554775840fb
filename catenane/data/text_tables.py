"""Tables written as text: comma- or tab-separated with a header, and lines of `STRING name` without one.

A row is rejected, with its reason, where it has too few or too many fields, where its quotes do not close,
where its line is longer than `LONGEST_LINE`, or where a field that is used holds a byte that is not UTF-8, a
NUL, or more than `LONGEST_FIELD` characters. A field that is not used may hold anything, so a name in Latin-1
costs no molecule. Blank lines are no rows, or rejected ones where lines are counted.
"""

from __future__ import annotations

import csv
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Protocol

from catenane.data.columns import is_string_name
from catenane.data.rejects import Rejection
from catenane.data.sources import LONGEST_LINE
from catenane.errors import DataError
from catenane.files import escaped
from catenane.notation.syntax import SPACE, excerpt

__all__ = [
    "LONGEST_FIELD",
    "SAMPLE_ROWS",
    "DelimitedTable",
    "LineTable",
    "Row",
    "TableFile",
    "find_fault",
    "until_text",
]

Row = tuple[int, list[Any]]
"""Data row, from 1, and the values of the columns asked for."""

LONGEST_FIELD = 131_072
SAMPLE_ROWS = 200

# A byte that is not UTF-8 is read as a lone surrogate (see `Source.lines`).
_UNREADABLE = re.compile("[\0\ud800-\udfff]")
_GAP = re.compile(f"[{SPACE}]+")


class TableFile(Protocol):
    """An open table, read once from front to back."""

    name: str
    columns: tuple[str, ...]

    def sample(self) -> list[list[Any]]:
        """The first rows, all columns; they are still part of `rows`."""

    def rows(self, use: Sequence[int], carry: Sequence[int] = ()) -> Iterator[Row | Rejection]:
        """The rows in order: the columns with these numbers, then those that are carried unchecked."""


class TextTable(ABC):
    """What the tables of this module share: a row of text is split, counted and checked.

    Args:
        name: What messages call it.
        lines: Lines with their ends, without the header.
        columns: Names of the columns.
        blank_rows: Whether a blank line is a row, and rejected as such, or none.
    """

    def __init__(
        self, name: str, lines: Iterable[str], columns: tuple[str, ...], *, blank_rows: bool = False
    ) -> None:
        self.name = name
        self.columns = columns
        self._blank_rows = blank_rows
        self._lines = _Lines(lines)
        self._records = self._read_records()
        self._first = list(islice(self._records, SAMPLE_ROWS))

    def sample(self) -> list[list[str]]:
        """The first rows, all columns; they are still part of `rows`."""
        return [record[1] for record in self._first if not isinstance(record, Rejection)]

    def rows(self, use: Sequence[int], carry: Sequence[int] = ()) -> Iterator[Row | Rejection]:
        """The rows in order: the columns with these numbers, then those that are carried unchecked."""
        taken = [*use, *carry]
        for record in chain(self._first, self._records):
            if isinstance(record, Rejection):
                yield record
                continue
            number, fields, plain = record
            if not plain and (fault := self._fault(number, fields, use)) is not None:
                yield fault
            else:
                yield number, [fields[i] for i in taken]

    @abstractmethod
    def _split(self, line: str) -> list[str]:
        """The fields of the row that begins with this line; csv.Error says why it has none."""

    def _read_records(self) -> Iterator[tuple[int, list[str], bool] | Rejection]:
        number = 0
        width = len(self.columns)
        for line in self._lines:
            if not line.strip("\r\n"):
                if self._blank_rows:
                    number += 1
                    yield Rejection(number, "", "", None, "the line is blank")
                continue
            number += 1
            if len(line) > LONGEST_LINE:
                reason = f"the line has more than {LONGEST_LINE:,} characters, of which the first are shown"
                yield Rejection(number, "", excerpt(line), None, reason)
                continue
            plain = line.isascii() and "\0" not in line and '"' not in line and len(line) <= LONGEST_FIELD
            try:
                fields = self._split(line)
            except csv.Error as error:
                yield Rejection(number, "", line.rstrip("\r\n"), None, str(error))
                continue
            if len(fields) == width:
                yield number, fields, plain
            else:
                reason = f"the row has {len(fields)} fields, the header {width}"
                yield Rejection(number, "", line.rstrip("\r\n"), None, reason)

    def _fault(self, number: int, fields: list[str], use: Sequence[int]) -> Rejection | None:
        for i in use:
            if (fault := find_fault(fields[i])) is not None:
                return Rejection(number, self.columns[i], fields[i], *fault)
        return None


class DelimitedTable(TextTable):
    """CSV or TSV with a header; fields may be quoted as in RFC 4180.

    Args:
        name: What messages call it.
        lines: Lines with their ends, the header first.
        delimiter: One character.
        blank_rows: Whether a blank line is a row, and rejected as such, or none.

    Raises:
        DataError: The header is missing or is not text, or two columns share a name.
    """

    def __init__(self, name: str, lines: Iterator[str], delimiter: str, *, blank_rows: bool = False) -> None:
        self._delimiter = delimiter
        super().__init__(name, lines, self._read_header(name, lines), blank_rows=blank_rows)

    def _read_header(self, name: str, lines: Iterator[str]) -> tuple[str, ...]:
        _, line = until_text(lines)
        if not line:
            raise DataError(f"{name}: the file is empty")
        if (fault := find_fault(line)) is not None:
            raise DataError(f"{name}: the first line is not text in UTF-8: {fault[1]}")
        try:
            columns = tuple(
                field.strip() for field in next(csv.reader([line], delimiter=self._delimiter, strict=True))
            )
        except csv.Error as error:
            raise DataError(f"{name}: the header cannot be read: {error}") from None
        for place, column in enumerate(columns):
            if column and (first := columns.index(column)) < place:
                raise DataError(
                    f"{name}: columns {first + 1} and {place + 1} are both called {column!r}; rename one"
                )
        return columns

    def _split(self, line: str) -> list[str]:
        if '"' not in line:
            text = line.rstrip("\r\n")
            # Under a single name a comma delimits nothing: MOFids hold commas, as in `&&bcu,fcu.cat0`.
            return text.split(self._delimiter) if len(self.columns) > 1 else [text]
        taken: list[str] = []
        reader = csv.reader(self._continued(line, taken), delimiter=self._delimiter, strict=True)
        try:
            return next(reader)
        except csv.Error as error:
            # An open quote runs on through good rows: give back all lines but the one that is at fault.
            self._lines.put_back(taken)
            raise csv.Error(f"the quotes of the row do not close: {error}") from None

    def _continued(self, line: str, taken: list[str]) -> Iterator[str]:
        yield line
        for following in self._lines:
            taken.append(following)
            yield following


class LineTable(TextTable):
    """Lines of a string and, after white space, an optional name: SMI files, and lists of strings.

    A first line `smiles name` is taken for a header. In a raw MOFid, `SMILES MOFid-v1.pcu.cat0;name`, what
    follows the white space belongs to the string.
    """

    def __init__(self, name: str, lines: Iterator[str], *, blank_rows: bool = False) -> None:
        start, first = until_text(lines)
        if not first:
            raise DataError(f"{name}: the file is empty")
        if is_string_name(_GAP.split(first.strip(SPACE), maxsplit=1)[0]):
            start = []
        elif not blank_rows:
            start = [first]
        super().__init__(name, chain(start, lines), ("smiles", "name"), blank_rows=blank_rows)

    def _split(self, line: str) -> list[str]:
        line = line.strip(SPACE)
        string, name = (*_GAP.split(line, maxsplit=1), "")[:2]
        return [line, ""] if name.startswith("MOFid-v") else [string, name]


def until_text(lines: Iterator[str]) -> tuple[list[str], str]:
    """The lines up to the first that is not blank, and that one; "" where all are."""
    taken = []
    for line in lines:
        taken.append(line)
        if line.strip(SPACE):
            return taken, line
    return taken, ""


def find_fault(field: str) -> tuple[int | None, str] | None:
    """Position and reason of what no field may hold, or None."""
    if len(field) > LONGEST_FIELD:
        return None, f"the field has {len(field):,} characters, more than {LONGEST_FIELD:,}"
    bad = _UNREADABLE.search(field)
    if bad is None:
        return None
    what = "a NUL byte" if bad[0] == "\0" else f"byte {escaped(bad[0])}, which is not UTF-8,"
    return bad.start(), f"{what} at position {bad.start()}"


class _Lines:
    """Lines that can be put back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._returned: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return self._returned.popleft() if self._returned else next(self._lines)

    def put_back(self, lines: Sequence[str]) -> None:
        self._returned.extendleft(reversed(lines))
