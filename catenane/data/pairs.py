"""Pairs of strings, one of which is written from the other: columns of a table, or lines of two files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from catenane.data.columns import find_column
from catenane.data.numbers import cell_text
from catenane.data.rejects import Rejection
from catenane.data.sources import find_source
from catenane.data.table_files import open_lines, open_table
from catenane.errors import DataError, NotationError
from catenane.notation import normalise

__all__ = ["StringPair", "aligned_lines", "read_pairs"]


class StringPair(NamedTuple):
    """Two strings of one row."""

    row: int
    """From 1."""
    source: str
    target: str


def read_pairs(
    data: str | Path | None,
    source: str,
    target: str,
    *,
    is_text: bool = False,
    data_dir: str | Path | None = None,
) -> tuple[list[StringPair], list[Rejection]]:
    """Pairs of strings, chemical ones as they are spelled and text in normal form; and what is no pair.

    Args:
        data: A table, in which source and target are columns; None where these are files of text, whose lines
            belong together.
        source: What is read.
        target: What is written.
        is_text: The strings are text.
        data_dir: Local copies of data sets.

    Raises:
        DataError: A file cannot be read, the two have different numbers of lines, or no row is a pair.
    """
    rows: Iterator[tuple[int, Sequence[Any]] | Rejection]
    if data is None:
        where, names = f"{source} and {target}", (source, target)
        rows = aligned_lines(names, data_dir)
    else:
        opened = (open_lines if is_text else open_table)(find_source(data, data_dir))
        where, names = opened.name, (source, target)
        rows = opened.rows([find_column(opened.columns, name, where) for name in names])
    pairs: list[StringPair] = []
    rejected: list[Rejection] = []
    for item in rows:
        if isinstance(item, Rejection):
            rejected.append(item)
            continue
        row, cells = item
        texts: list[str] = []
        for name, cell in zip(names, cells, strict=True):
            text = cell_text(cell).strip()
            if not text:
                rejected.append(Rejection(row, name, "", None, "it is empty"))
                break
            try:
                texts.append(normalise(text, "text") if is_text else text)
            except NotationError as error:
                rejected.append(Rejection(row, name, text, error.position, str(error)))
                break
        else:
            pairs.append(StringPair(row, *texts))
    if not pairs:
        raise DataError(f"{where}: no row has both {source!r} and {target!r}")
    return pairs, rejected


def aligned_lines(
    names: Sequence[str], data_dir: str | Path | None = None
) -> Iterator[tuple[int, list[str]] | Rejection]:
    """The lines of two or more files of text, side by side; an error where one has more than another.

    Raises:
        DataError: At the end, where the files have different numbers of lines.
    """
    files = [open_lines(find_source(name, data_dir), every_line=True) for name in names]
    if strange := next((file for file in files if len(file.columns) > 1), None):
        raise DataError(f"{strange.name} is a table: give it as DATA, and columns as --source and --target")
    counts = [0] * len(files)
    for row, items in enumerate(zip_longest(*(file.rows([0]) for file in files)), start=1):
        counts = [count + (item is not None) for count, item in zip(counts, items, strict=True)]
        if len(set(counts)) > 1:
            continue
        texts: list[str] = []
        for name, item in zip(names, items, strict=True):
            if isinstance(item, Rejection):
                yield replace(item, column=name)
                break
            texts.append(item[1][0])
        else:
            yield row, texts
    if len(set(counts)) > 1:
        told = " and ".join(f"{name} has {count:,} lines" for name, count in zip(names, counts, strict=True))
        raise DataError(f"{told}: line for line they must belong together")
