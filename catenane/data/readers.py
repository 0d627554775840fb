"""From a path, a name or standard input to the rows of a table, in a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from catenane.data.columns import find_column, find_string_column, holds_strings, is_string_name
from catenane.data.parquet_tables import ParquetTable
from catenane.data.registry import Dataset
from catenane.data.rejects import Rejection
from catenane.data.sources import Source, find_source
from catenane.data.text_tables import DelimitedTable, LineTable, TableFile, until_text
from catenane.errors import NotationError
from catenane.notation import NotationName
from catenane.notation.syntax import SPACE

__all__ = [
    "cell_text",
    "choose_string_column",
    "iterate_strings",
    "open_strings",
    "open_table",
    "stream_strings",
    "string_value",
]


def open_table(source: Source, *, blank_rows: bool = False) -> TableFile:
    """Open a table for reading it once; where the file name does not say the layout, the first line does.

    Args:
        source: What to read.
        blank_rows: Whether a blank line of text is a row, and rejected as such, or none.

    Raises:
        DataError: It cannot be read, is empty, or its header is not one.
    """
    if source.layout == "parquet" and source.path is not None:
        return ParquetTable(source.name, source.path)
    lines = source.lines()
    start, first = until_text(lines)
    lines = chain(start, lines)
    if source.layout == "smi" or (source.layout == "unknown" and _is_line_of_strings(first)):
        return LineTable(source.name, lines, blank_rows=blank_rows)
    # A CSV may be delimited by semicolons (where the comma is the decimal sign) or by tabs.
    preferred = "\t,;" if source.layout == "tsv" else ",\t;"
    delimiter = next((mark for mark in preferred if mark in first), preferred[0])
    return DelimitedTable(source.name, lines, delimiter, blank_rows=blank_rows)


def stream_strings(
    source: str | Path,
    *,
    string_column: str | None = None,
    data_dir: str | Path | None = None,
    on_rejection: Callable[[Rejection], None] | None = None,
) -> Iterator[tuple[int, str]]:
    """The raw strings of a table in order, one by one: for corpora and predictions that exceed the memory.

    Args:
        source: A path, the name of a data set, or "-" for standard input.
        string_column: Column of the strings; found by its name or content if None.
        data_dir: Folder of the data sets' local copies; by default the environment variable CATENANE_DATA.
        on_rejection: Called with every row that holds no string; without it, the first such row raises.

    Yields:
        Data row, from 1, and its string without white space around it.

    Raises:
        DataError: The source cannot be read, or a row holds no string and `on_rejection` is None.
    """
    table, column = open_strings(source, string_column=string_column, data_dir=data_dir)
    for item in iterate_strings(table, column):
        if not isinstance(item, Rejection):
            yield item
        elif on_rejection is None:
            raise item.error(table.name)
        else:
            on_rejection(item)


def open_strings(
    source: str | Path, *, string_column: str | None = None, data_dir: str | Path | None = None
) -> tuple[TableFile, int]:
    """Open a table and say which column holds the strings; the arguments are those of `stream_strings`."""
    found = find_source(source, data_dir)
    table = open_table(found)
    return table, choose_string_column(table, string_column, found.dataset)


def iterate_strings(table: TableFile, column: int) -> Iterator[tuple[int, str] | Rejection]:
    """Row and string, or why there is none, for every row in order."""
    for item in table.rows([column]):
        if isinstance(item, Rejection):
            yield item
            continue
        row, (cell,) = item
        try:
            string = string_value(cell)
        except NotationError as error:
            yield Rejection(row, table.columns[column], cell_text(cell), None, str(error))
        else:
            yield row, string


def choose_string_column(
    table: TableFile, name: str | None, known: Dataset | None = None, notation: NotationName | None = None
) -> int:
    """Number of the column of strings: the one named, else the registered one, else the one that looks so.

    Raises:
        DataError: There is no such column, or none can be told from the others.
    """
    if name is not None:
        return find_column(table.columns, name, table.name)
    if known is not None and known.string_column in table.columns:
        return table.columns.index(known.string_column)
    return find_string_column(table.columns, table.sample(), table.name, notation)


def string_value(cell: Any) -> str:
    """The string in a cell, without white space around it.

    Raises:
        NotationError: The cell is empty or not text.
    """
    if cell is not None and not isinstance(cell, str):
        raise NotationError(f"{cell!r} is not text")
    string = (cell or "").strip(SPACE)
    if not string:
        raise NotationError("the string is missing")
    return string


def cell_text(cell: Any) -> str:
    """What stands in a cell, as text; "" where a typed file has a null."""
    return "" if cell is None else str(cell)


def _is_line_of_strings(line: str) -> bool:
    """Whether this first line is `STRING name`, or `smiles name` over such, not the header of a table."""
    words = line.split()
    if not words or holds_strings(words[:1]):
        return True
    return not any(mark in line for mark in ",\t;") and not (len(words) == 1 and is_string_name(words[0]))
