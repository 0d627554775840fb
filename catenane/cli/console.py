"""The two streams of a terminal program: results on stdout, everything else on stderr.

Text is printed as it stands: brackets and colons of data (`[nH]`, `:o:`) are neither markup nor emoji.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from catenane.files import escaped

__all__ = ["command_line", "print_json", "print_table", "stderr", "stdout"]

stdout = Console(highlight=False, markup=False, emoji=False)
stderr = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def print_json(values: Any) -> None:
    """Print for machines: one JSON document on stdout."""
    typer.echo(json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False))


def command_line() -> str:
    """What the user typed, to be typed again."""
    return shlex.join(["catenane", *sys.argv[1:]])


def print_table(title: str, columns: Mapping[str, str], rows: Sequence[Sequence[str]]) -> None:
    """Print for people: columns by their heads, those of the kind "number" aligned to the right.

    Where they are too wide for the terminal, heads of numbers are broken between words, and text anywhere.
    """
    by_column = [*zip(*rows, strict=True)] or [()] * len(columns)
    widths = [max(map(len, (head, *cells))) for head, cells in zip(columns, by_column, strict=True)]
    is_wide = sum(widths) + 2 * len(widths) > stdout.width
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, header_style="dim", pad_edge=False
    )
    for (head, kind), cells in zip(columns.items(), by_column, strict=True):
        if kind == "number":
            least = max(map(len, (*head.split(), *cells)))
            table.add_column(head, justify="right", width=least if is_wide else None)
        else:
            table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*map(_plain, row))
    stdout.print(table)


def _plain(cell: str) -> Text:
    """The cell without what moves the cursor or colours a terminal."""
    return Text("".join(c if c.isprintable() or c == "\n" else escaped(c) for c in cell))
