"""The strings of a table, in a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from catenane.data.columns import find_column, find_string_column
from catenane.data.registry import Dataset
from catenane.data.rejects import Rejection
from catenane.data.sources import find_source
from catenane.data.table_files import TableFile, open_table
from catenane.errors import NotationError
from catenane.notation import NotationName
from catenane.notation.syntax import SPACE

__all__ = [
    "cell_text",
    "choose_string_column",
    "iterate_strings",
    "open_strings",
    "stream_strings",
    "string_value",
]


def stream_strings(
    source: str | Path,
    *,
    string_column: str | None = None,
    data_dir: str | Path | None = None,
    on_rejection: Callable[[Rejection], None] | None = None,
) -> Iterator[tuple[int, str]]:
    """The raw strings of a table in order, one by one: for tables that exceed the memory.

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
    table, column = open_strings(source, string_column, data_dir)
    for item in iterate_strings(table, column):
        if not isinstance(item, Rejection):
            yield item
        elif on_rejection is None:
            raise item.error(table.name)
        else:
            on_rejection(item)


def open_strings(
    source: str | Path, string_column: str | None, data_dir: str | Path | None
) -> tuple[TableFile, int]:
    """Open a table and find its column of strings; the arguments are those of `stream_strings`."""
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
        string = string_value(cell)
        if isinstance(string, NotationError):
            yield Rejection(row, table.columns[column], cell_text(cell), None, str(string))
        else:
            yield row, string


def choose_string_column(
    table: TableFile, name: str | None, known: Dataset | None, notation: NotationName | None = None
) -> int:
    """Number of the column of strings: the one named, else the registered one, else the one that looks so.

    Raises:
        DataError: There is no such column, or several look so.
    """
    if name is not None:
        return find_column(table.columns, name, table.name)
    if known is not None and known.string_column in table.columns:
        return table.columns.index(known.string_column)
    return find_string_column(table.columns, table.sample(), table.name, notation)


def string_value(cell: Any) -> str | NotationError:
    """The string in a cell, without white space around it, or why there is none."""
    if cell is not None and not isinstance(cell, str):
        return NotationError(f"{cell!r} is not text")
    return (cell or "").strip(SPACE) or NotationError("the string is missing")


def cell_text(cell: Any) -> str:
    """A cell as text; "" where a typed file has a null."""
    return "" if cell is None else str(cell)
