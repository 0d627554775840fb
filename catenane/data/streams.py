"""Strings of a table one by one, for tables that exceed the memory; and sentences, one a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from catenane.data.columns import find_column
from catenane.data.numbers import cell_text
from catenane.data.rejects import Rejection
from catenane.data.sources import find_source
from catenane.data.table import choose_string_column, string_value
from catenane.data.table_files import TableFile, open_lines, open_table
from catenane.errors import DataError

__all__ = ["choose_text_column", "open_strings", "stream_strings"]


def stream_strings(
    source: str | Path,
    *,
    string_column: str | None = None,
    data_dir: str | Path | None = None,
    on_rejection: Callable[[Rejection], None] | None = None,
    is_text: bool = False,
) -> Iterator[tuple[int, str]]:
    """The raw strings of a table in order, one by one: for tables that exceed the memory.

    Args:
        source: A path, the name of a data set, or "-" for standard input.
        string_column: Column of the strings; found by its name or content if None.
        data_dir: Folder of the data sets' local copies; by default the environment variable CATENANE_DATA.
        on_rejection: Called with every row that holds no string; without it, the first such row raises.
        is_text: The strings are text, see `open_strings`.

    Yields:
        Data row, from 1, and its string without white space around it.

    Raises:
        DataError: The source cannot be read, or a row holds no string and `on_rejection` is None.
    """
    table, column = open_strings(source, string_column, data_dir, is_text=is_text)
    for item in table.rows([column]):
        if not isinstance(item, Rejection):
            row, (cell,) = item
            string = string_value(cell)
            if isinstance(string, str):
                yield row, string
                continue
            item = Rejection(row, table.columns[column], cell_text(cell), None, str(string))
        if on_rejection is None:
            raise item.error(table.name)
        on_rejection(item)


def open_strings(
    source: str | Path, string_column: str | None, data_dir: str | Path | None, *, is_text: bool = False
) -> tuple[TableFile, int]:
    """Open a table and find its column of strings; the arguments are those of `stream_strings`.

    Of text every line is a string, and a table has one column or says which; see `open_lines`.
    """
    found = find_source(source, data_dir)
    if is_text:
        return (lines := open_lines(found)), choose_text_column(lines, string_column)
    table = open_table(found)
    return table, choose_string_column(table, string_column, found.dataset)


def choose_text_column(table: TableFile, name: str | None) -> int:
    """Number of the column of text: the one named, or the only one.

    Raises:
        DataError: There is no such column, or there are several and none is named.
    """
    if name is None and len(table.columns) > 1:
        raise DataError(
            f"{table.name}: say with --column which column is the text: {', '.join(table.columns)}"
        )
    return 0 if name is None or len(table.columns) == 1 else find_column(table.columns, name, table.name)
