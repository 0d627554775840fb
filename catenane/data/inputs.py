"""What is predicted for: strings, tables or folders of tables, row for row with all their columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from catenane.data.columns import find_column
from catenane.data.numbers import cell_text
from catenane.data.rejects import Rejection
from catenane.data.sources import DATASETS, LAYOUTS, STDIN, Source, find_sources
from catenane.data.streams import choose_text_column
from catenane.data.table import choose_string_column, string_value
from catenane.data.table_files import LineTable, TableFile, find_fault, open_lines, open_table
from catenane.errors import DataError, NotationError, UsageError
from catenane.notation import CHUNK_ROWS, JOINT

__all__ = ["InputChunk", "Inputs", "open_inputs"]

CHUNK_CHARACTERS = 1 << 24


@dataclass
class InputChunk:
    """Some rows that follow each other."""

    strings: list[str] = field(default_factory=list)
    """The strings, as they stand in the input; whole, where the row can be read."""
    errors: list[str] = field(default_factory=list)
    """Why a row has no string; "" where it has one."""
    columns: dict[str, list[Any]] = field(default_factory=dict)
    """The columns of the input, the strings among them; None where a row lacks a value."""

    def readable(self) -> list[str]:
        """The strings, with "" in place of those that have an error."""
        return ["" if error else string for string, error in zip(self.strings, self.errors, strict=True)]


class _Table(NamedTuple):
    source: Source
    columns: tuple[str, ...]
    string_places: tuple[int, ...]
    types: Mapping[str, Any]
    opened: TableFile | None
    """The table itself, where it is the only one or can be read only once."""


@dataclass(frozen=True)
class Inputs:
    """Rows to predict for, read in a stream; `chunks` can be called once."""

    name: str
    """Name in messages."""
    columns: tuple[str, ...]
    """Names of the columns: `string` of strings, else those of the tables in order of appearance."""
    types: dict[str, Any] = field(default_factory=dict)
    """Arrow types of the columns that have one in all tables that have the column."""
    strings: tuple[str, ...] = ()
    """The strings themselves, where they are given."""
    tables: tuple[_Table, ...] = ()
    """The tables, where these are given."""
    source_column: str | None = None
    """Name of the column of the table that a row is from, where several were given."""
    is_text: bool = False
    """Whether the strings are text."""

    @property
    def names(self) -> list[str]:
        """Names of the tables."""
        return [table.source.name for table in self.tables]

    @property
    def files(self) -> list[Path | int]:
        """The files that are read, by path, or by descriptor for standard input."""
        return [table.source.path or 0 for table in self.tables]

    def find(self, names: Sequence[str]) -> dict[str, str]:
        """The column of each of these numbers, which every table must have under one name.

        Raises:
            DataError: There is none, or tables spell it differently.
        """
        found: dict[str, str] = {}
        for name in names:
            if not self.tables:
                raise DataError(f"the model reads {name!r} beside a string: give a table with such a column")
            spelt = {t.columns[find_column(t.columns, name, t.source.name)] for t in self.tables}
            if len(spelt) > 1:
                raise DataError(
                    f"the tables spell the column {name!r} differently: {', '.join(sorted(spelt))}"
                )
            found[name] = spelt.pop()
        return found

    def chunks(self) -> Iterator[InputChunk]:
        """The rows in order, in pieces of a bounded size: a row for every row or line, whatever it holds.

        Raises:
            DataError: A table cannot be read to its end.
        """
        names = self.columns if self.source_column is None else (self.source_column, *self.columns)
        chunk, characters = InputChunk(columns={name: [] for name in names}), 0
        for string, error, cells in self._rows():
            chunk.strings.append(string)
            chunk.errors.append(error)
            for name in names:
                chunk.columns[name].append(cells.get(name))
            characters += len(string) + sum(len(cell) for cell in cells.values() if isinstance(cell, str))
            if len(chunk.strings) >= CHUNK_ROWS or characters >= CHUNK_CHARACTERS:
                yield chunk
                chunk, characters = InputChunk(columns={name: [] for name in names}), 0
        if chunk.strings:
            yield chunk

    def _rows(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """String, why there is none, and the cells by column, for every row."""
        for string in self.strings:
            yield string, _fault(string), {"string": string}
        for table in self.tables:
            file = table.opened or (open_lines if self.is_text else open_table)(table.source, every_line=True)
            origin = {self.source_column: table.source.name} if self.source_column else {}
            for item in file.rows(range(len(table.columns))):
                if isinstance(item, Rejection):
                    cells = {table.columns[table.string_places[0]]: item.value}
                    yield item.value, item.reason, origin | cells
                else:
                    strings = [item[1][place] for place in table.string_places]
                    cells = dict(zip(table.columns, item[1], strict=True))
                    fault = next(filter(None, map(_fault, strings)), "")
                    yield JOINT.join(map(cell_text, strings)), fault, origin | cells


def open_inputs(
    given: Sequence[str],
    *,
    string_column: str | Sequence[str] | None = None,
    data_dir: str | Path | None = None,
    is_text: bool = False,
    usual: str | None = None,
) -> Inputs:
    """Find out what is given, strings or tables, and open the tables.

    A table is named by a path, by the name of a data set, or by "-" (standard input); a folder stands for the
    tables in it, in the order of their names.

    Args:
        given: What the user named; at least one.
        string_column: Column of the strings; found by its name or content if None. Of several strings a row
            their columns, which are joined by `JOINT`.
        data_dir: Folder of the data sets' local copies; by default the environment variable CATENANE_DATA.
        is_text: The strings are text: a file that is no table by its name has one on each line.
        usual: Column of the strings where none is said and a table has one of this name.

    Raises:
        UsageError: Strings and tables are mixed, or standard input is named twice.
        DataError: A table cannot be read, has no column of strings, or a folder holds no table.
    """
    named = [_names_a_table(text) for text in given]
    if not any(named):
        return Inputs("the strings", ("string",), strings=tuple(given))
    if not all(named):
        file, string = given[named.index(True)], given[named.index(False)]
        raise UsageError(f"{file!r} is a table and {string!r} is not: give tables or strings, not both")
    if list(given).count(STDIN) > 1:
        raise UsageError("standard input can be read only once: give - once")
    sources = [source for text in given for source in find_sources(text, data_dir)]
    tables = tuple(
        _open(source, string_column, keep=len(sources) == 1, is_text=is_text, usual=usual)
        for source in sources
    )
    columns = tuple(dict.fromkeys(name for table in tables for name in table.columns))
    types = {}
    for name in columns:
        first, *others = (table.types.get(name) for table in tables if name in table.columns)
        if first is not None and all(other == first for other in others):
            types[name] = first
    source_column = "source" if len(given) > 1 or Path(given[0]).is_dir() else None
    while source_column in columns:
        source_column = f"{source_column}_file"
    name = given[0] if len(given) == 1 else f"{len(sources)} tables"
    return Inputs(name, columns, types, tables=tables, source_column=source_column, is_text=is_text)


def _open(
    source: Source, string_column: str | Sequence[str] | None, *, keep: bool, is_text: bool, usual: str | None
) -> _Table:
    file = (open_lines if is_text else open_table)(source, every_line=True)
    if string_column is None and usual in file.columns:
        string_column = usual
    wanted = [string_column] if string_column is None or isinstance(string_column, str) else string_column
    places = tuple(
        choose_text_column(file, name) if is_text else choose_string_column(file, name, source.dataset)
        for name in wanted
    )
    columns = ("string", "name") if isinstance(file, LineTable) else file.columns
    if len(set(columns)) < len(columns):
        columns = tuple(name or f"column {number}" for number, name in enumerate(columns, start=1))
    return _Table(source, columns, places, file.types, file if keep or source.path is None else None)


def _names_a_table(text: str) -> bool:
    """True for "-", a data set, a path that exists, and what can only be one: no SMILES ends in .csv."""
    if text == STDIN or text in DATASETS or text.lower().endswith((*LAYOUTS, ".txt", ".gz", ".zst")):
        return True
    try:
        return bool(text) and Path(text).exists()
    except (OSError, ValueError):  # a SMILES may be too long for a file name, or hold what none can
        return False


def _fault(cell: Any) -> str:
    """Why there is no string in the cell; "" where there is one."""
    if isinstance(cell, str) and (fault := find_fault(cell)) is not None:
        return fault[1]
    string = string_value(cell)
    return str(string) if isinstance(string, NotationError) else ""
