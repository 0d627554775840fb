"""Tables in text and Parquet files, row by row.

A row of text is rejected, with its reason, where it has too few or too many fields, where its quotes do not
close, where its line is longer than `LONGEST_LINE`, or where a field that is used holds a byte that is not
UTF-8, a NUL, or more than `LONGEST_FIELD` characters. A field that is not used may hold anything, so a name
in Latin-1 costs no molecule.
"""

from __future__ import annotations

import csv
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from catenane.data.columns import holds_strings, usual_notation
from catenane.data.rejects import Rejection
from catenane.data.sources import LONGEST_LINE, Source
from catenane.errors import DataError
from catenane.files import escaped
from catenane.notation.syntax import SPACE

__all__ = ["LineTable", "PlainLines", "TableFile", "find_fault", "open_lines", "open_table"]

Row = tuple[int, list[Any]]
"""Data row, from 1, and the values of the columns asked for."""

LONGEST_FIELD = 131_072
SAMPLE_ROWS = 200
PARQUET_ROWS = 2048

# A byte that is not UTF-8 is read as a lone surrogate (see `Source.lines`).
_UNREADABLE = re.compile("[\0\ud800-\udfff]")
_GAP = re.compile(f"[{SPACE}]+")


class TableFile(ABC):
    """An open table, read once from front to back.

    Attributes:
        name: Its name in messages.
        columns: Names of the columns.
        types: Arrow types of the columns of a Parquet file.
    """

    def __init__(self, name: str, columns: Sequence[str], *, every_line: bool) -> None:
        self.name = name
        self.columns = tuple(columns)
        self.types: dict[str, Any] = {}
        self._every_line = every_line

    @abstractmethod
    def sample(self) -> list[list[Any]]:
        """The first rows, all columns; they are still part of `rows`."""

    def rows(self, use: Sequence[int]) -> Iterator[Row | Rejection]:
        """The rows in order, with the columns of these numbers, or why a row cannot be used."""
        for row in self._read(use):
            if isinstance(row, Rejection) or self._every_line:
                yield row
            else:
                yield self._rejection(row, use) or row

    @abstractmethod
    def _read(self, use: Sequence[int]) -> Iterator[Row | Rejection]:
        """As `rows`, with fields that may be faulty."""

    def _rejection(self, row: Row, use: Sequence[int]) -> Rejection | None:
        number, values = row
        for i, value in zip(use, values, strict=True):
            if isinstance(value, str) and (fault := find_fault(value)) is not None:
                return Rejection(number, self.columns[i], value, *fault)
        return None


class TextTable(TableFile):
    """Rows of text, one a line but where quotes hold line ends; `_split` makes the fields."""

    def __init__(self, name: str, columns: Sequence[str], lines: Iterator[str], *, every_line: bool) -> None:
        super().__init__(name, columns, every_line=every_line)
        self._lines = lines
        self._returned: deque[str] = deque()
        self._records = self._read_records()
        self._first = list(islice(self._records, SAMPLE_ROWS))

    def sample(self) -> list[list[str]]:
        """The first rows, all columns; they are still part of `rows`."""
        return [record[1] for record in self._first if not isinstance(record, Rejection)]

    def _read(self, use: Sequence[int]) -> Iterator[Row | Rejection]:
        for record in chain(self._first, self._records):
            yield record if isinstance(record, Rejection) else (record[0], [record[1][i] for i in use])

    def _read_records(self) -> Iterator[Row | Rejection]:
        number = 0
        for line in self._unread():
            if not self._every_line and not line.strip("\r\n"):
                continue
            number += 1
            try:
                record: Row | Rejection = number, self._fields(line)
            except ValueError as error:
                record = Rejection(number, "", line.rstrip("\r\n"), None, str(error))
            yield record

    def _fields(self, line: str) -> list[str]:
        """The fields of the row that begins with this line; a ValueError where it cannot be used."""
        if not line.strip("\r\n"):
            raise ValueError("the line is blank")
        if len(line) > LONGEST_LINE:
            shown = "of which the first are shown"
            raise ValueError(f"the line has more than {LONGEST_LINE:,} characters, {shown}")
        fields = self._split(line)
        if len(fields) != len(self.columns):
            raise ValueError(f"the row has {len(fields)} fields, the header {len(self.columns)}")
        return fields

    @abstractmethod
    def _split(self, line: str) -> list[str]:
        """The fields of the row that begins with this line; a ValueError where it has none."""

    def _unread(self) -> Iterator[str]:
        """The lines that are left, those that were returned first."""
        while line := self._returned.popleft() if self._returned else next(self._lines, ""):
            yield line


class DelimitedTable(TextTable):
    """CSV or TSV with a header; fields may be quoted as in RFC 4180.

    Raises:
        DataError: The header is not text, or two columns share a name.
    """

    def __init__(
        self, name: str, header: str, lines: Iterator[str], delimiter: str, *, every_line: bool
    ) -> None:
        self._delimiter = delimiter
        if (fault := find_fault(header)) is not None:
            raise DataError(f"{name}: the first line is not text in UTF-8: {fault[1]}")
        try:
            columns = [field.strip() for field in self._parse([header])]
        except csv.Error as error:
            raise DataError(f"{name}: the header cannot be read: {error}") from None
        for place, column in enumerate(columns):
            if column and (first := columns.index(column)) < place:
                raise DataError(
                    f"{name}: columns {first + 1} and {place + 1} are both called {column!r}; rename one"
                )
        super().__init__(name, columns, lines, every_line=every_line)

    def _split(self, line: str) -> list[str]:
        if '"' not in line:
            text = line.rstrip("\r\n")
            # Under a single name a comma delimits nothing: MOFids hold commas, as in `&&bcu,fcu.cat0`.
            return text.split(self._delimiter) if len(self.columns) > 1 else [text]
        taken: list[str] = []
        try:
            return self._parse(self._continued(line, taken))
        except csv.Error as error:
            # An open quote runs on through good rows: give back all lines but the one that is at fault.
            self._returned.extendleft(reversed(taken))
            raise ValueError(f"the quotes of the row do not close: {error}") from None

    def _parse(self, lines: Sequence[str] | Iterator[str]) -> list[str]:
        return next(csv.reader(lines, delimiter=self._delimiter, strict=True))

    def _continued(self, line: str, taken: list[str]) -> Iterator[str]:
        yield line
        for following in self._unread():
            taken.append(following)
            yield following


class LineTable(TextTable):
    """Lines of a string and, after white space, an optional name: SMI files, and lists of strings.

    In a raw MOFid, `SMILES MOFid-v1.pcu.cat0;name`, what follows the white space belongs to the string.
    """

    def _split(self, line: str) -> list[str]:
        line = line.strip(SPACE)
        string, name = (*_GAP.split(line, maxsplit=1), "")[:2]
        return [line, ""] if name.startswith("MOFid-v") else [string, name]


class PlainLines(TextTable):
    """Lines that are one string each, whatever they hold: files of sentences."""

    def _split(self, line: str) -> list[str]:
        return [line.rstrip("\r\n")]


class ParquetTable(TableFile):
    """A Parquet file as a table; values keep their type, and a null is None.

    Raises:
        DataError: It is not a Parquet file, or it is cut short.
    """

    def __init__(self, name: str, path: Path, *, every_line: bool) -> None:
        import pyarrow
        import pyarrow.parquet

        self._damage = (pyarrow.ArrowException, OSError)
        try:
            self._file = pyarrow.parquet.ParquetFile(path)
        except self._damage as error:
            raise DataError(f"{name}: not a readable Parquet file: {error}") from None
        schema = self._file.schema_arrow
        super().__init__(name, schema.names, every_line=every_line)
        self.types = dict(zip(schema.names, schema.types, strict=True))

    def sample(self) -> list[list[Any]]:
        """The first rows, all columns; they are still part of `rows`."""
        return list(islice(self._values(self.columns, SAMPLE_ROWS), SAMPLE_ROWS))

    def _read(self, use: Sequence[int]) -> Iterator[Row]:
        return enumerate(self._values([self.columns[i] for i in use], PARQUET_ROWS), start=1)

    def _values(self, columns: Sequence[str], batch_rows: int) -> Iterator[list[Any]]:
        try:
            for batch in self._file.iter_batches(batch_rows, columns=list(columns)):
                by_column = [batch.column(column).to_pylist() for column in columns]
                yield from map(list, zip(*by_column, strict=True))
        except self._damage as error:
            raise DataError(f"{self.name}: the Parquet file is damaged: {error}") from None


def open_lines(source: Source, *, every_line: bool = False) -> TableFile:
    """As `open_table`, of text: a file that is no CSV, TSV or Parquet by its name has a text on each line."""
    if source.layout in ("csv", "tsv", "parquet"):
        return open_table(source, every_line=every_line)
    return PlainLines(source.name, ("text",), source.lines(newline="\n"), every_line=every_line)


def open_table(source: Source, *, every_line: bool = False) -> TableFile:
    """Open a table for reading it once; where the file name does not give the layout, the first line does.

    Args:
        source: What to read.
        every_line: A blank line is a row too, rejected as such, and fields are not checked: a row for each
            line of the input. Else blank lines are no rows.

    Raises:
        DataError: It cannot be read, is empty, or its header is not one.
    """
    if source.layout == "parquet" and source.path is not None:
        return ParquetTable(source.name, source.path, every_line=every_line)
    lines = source.lines()
    blank: list[str] = []
    for first in lines:
        if first.strip(SPACE):
            break
        blank.append(first)
    else:
        raise DataError(f"{source.name}: the file is empty")
    if source.layout == "smi" or (source.layout == "unknown" and _is_line_of_strings(first)):
        is_header = usual_notation(_GAP.split(first.strip(SPACE), maxsplit=1)[0])
        lines = lines if is_header else chain(blank, [first], lines)
        return LineTable(source.name, ("smiles", "name"), lines, every_line=every_line)
    # A CSV may be delimited by semicolons (where the comma is the decimal sign) or by tabs.
    preferred = "\t,;" if source.layout == "tsv" else ",\t;"
    delimiter = next((mark for mark in preferred if mark in first), preferred[0])
    return DelimitedTable(source.name, first, lines, delimiter, every_line=every_line)


def find_fault(field: str) -> tuple[int | None, str] | None:
    """Position and reason of what no field may hold, or None."""
    if len(field) > LONGEST_FIELD:
        return None, f"the field has {len(field):,} characters, more than {LONGEST_FIELD:,}"
    bad = _UNREADABLE.search(field)
    if bad is None:
        return None
    what = "a NUL byte" if bad[0] == "\0" else f"byte {escaped(bad[0])}, which is not UTF-8,"
    return bad.start(), f"{what} at position {bad.start()}"


def _is_line_of_strings(line: str) -> bool:
    """Whether this first line is `STRING name`, or `smiles name` over such, not the header of a table."""
    words = line.split()
    if holds_strings(words[:1]):
        return True
    return not any(mark in line for mark in ",\t;") and not (len(words) == 1 and usual_notation(words[0]))
