"""What a reproduction found, as `result.json`, as Markdown, and as pictures.

The Markdown is written from what the JSON holds and nothing else, so that documents can be assembled from
committed results without running anything again.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from catenane.errors import DataError
from catenane.formatting import MISSING, duration

__all__ = [
    "NOT_IN_PAPER",
    "NOT_KNOWN",
    "Cell",
    "Comparison",
    "Figure",
    "Findings",
    "Reproduction",
    "Table",
    "as_markdown",
    "compare",
    "format_cell",
    "mean",
    "numeric_columns",
    "read_reproduction",
    "spread",
    "write_reproduction",
]

NOT_KNOWN = "not known here"
"""The paper may print this number, and we have not seen it."""
NOT_IN_PAPER = "–"
"""The paper has no such number: it is ours, for scale."""

Cell = str | int | float | None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table as it is printed; floats get three decimals, None a dash."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    by_seed: tuple[tuple[float, ...], ...] = ()
    """Behind each row, what every seed gave, where that is one number."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One number of a paper, and ours from every seed."""

    quantity: str
    unit: str = ""
    paper: float | int | str = NOT_KNOWN
    """The published number, `NOT_KNOWN` or `NOT_IN_PAPER`."""
    ours: Sequence[float | int | None]
    """One a seed; None where there is none."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture of a result and what it shows."""

    file: str
    """Name of the PNG in the result's folder."""
    caption: str
    draw: Callable[[Any], None]
    """Is given an empty matplotlib Figure."""
    width: float = 720
    """CSS pixels."""
    height: float = 360


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a protocol hands back."""

    ran: str
    """What was done, in a sentence or two, with the rows it came to."""
    tables: tuple[Table, ...]
    shows: str
    """What the numbers say, also where they are worse than the paper's."""
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    """Where we part from the paper, and what else a reader must know."""


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """One finished reproduction: what `result.json` holds."""

    name: str
    """Of the protocol: "mof/table1"."""
    title: str
    source: str
    """The paper."""
    paper: str
    """What the paper did."""
    ran: str
    """What we did."""
    scale: str
    """How much of the protocol that was."""
    command: str
    """Does it again."""
    tables: tuple[Table, ...]
    shows: str
    figures: tuple[tuple[str, str], ...]
    """File and caption of each picture."""
    notes: tuple[str, ...]
    version: str
    """Of this package."""
    seconds: float
    """Wall time of all that was computed, pauses not counted."""


def compare(title: str, comparisons: Sequence[Comparison]) -> Table:
    """The table that every paper gets: its number, ours, and the spread over seeds."""
    rows = [(c.quantity, c.unit, c.paper, mean(c.ours), spread(c.ours)) for c in comparisons]
    return Table(
        title=title,
        columns=("quantity", "unit", "paper", "ours", "spread over seeds"),
        rows=tuple(rows),
        by_seed=tuple(tuple(value for value in c.ours if value is not None) for c in comparisons),
    )


def mean(values: Sequence[float | int | None]) -> float | int | None:
    """Mean over seeds; None where a seed has no value. A lone count stays a count."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return known[0] if len(known) == 1 else statistics.fmean(known)


def spread(values: Sequence[float | int | None]) -> str:
    """Standard deviation over seeds, in words where there is none."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return MISSING if known and isinstance(known[0], int) else "one seed"
    return f"± {statistics.stdev(known):.3f}"


def write_reproduction(folder: Path, result: Reproduction) -> None:
    """Write `result.json` and `result.md`; the pictures are there already."""
    # Results are listed and read without PyTorch, which training loads.
    from catenane.train.folder import write_json

    write_json(folder / "result.json", asdict(result))
    (folder / "result.md").write_text(as_markdown(result), encoding="utf-8")


def read_reproduction(folder: str | Path) -> Reproduction:
    """What `result.json` in this folder holds.

    Raises:
        DataError: There is none, or it is not one of ours.
    """
    path = Path(folder) / "result.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        tables = tuple(
            Table(
                title=table["title"],
                columns=tuple(table["columns"]),
                rows=tuple(map(tuple, table["rows"])),
                by_seed=tuple(map(tuple, table["by_seed"])),
            )
            for table in values.pop("tables")
        )
        figures = tuple((file, caption) for file, caption in values.pop("figures"))
        notes = tuple(values.pop("notes"))
        return Reproduction(tables=tables, figures=figures, notes=notes, **values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not the result of catenane reproduce: {error}") from None


def as_markdown(result: Reproduction, *, level: int = 1, folder: str = "") -> str:
    """The result as a section of a document.

    Args:
        result: What was found.
        level: Of its heading.
        folder: Path from the document to the pictures, with a slash at its end.
    """
    lines = [
        f"{'#' * level} {result.name}: {result.title}",
        "",
        f"*{result.source}*",
        "",
        f"**The paper.** {result.paper}",
        "",
        f"**What we ran.** {result.ran} Scale: {result.scale}. Time: {duration(result.seconds)}.",
        "",
        "```sh",
        result.command,
        "```",
    ]
    for table in result.tables:
        lines += ["", f"{table.title}:", "", *_table_lines(table)]
    for file, caption in result.figures:
        lines += ["", f"![{caption}]({folder}{file})", "", f"*{caption}*"]
    lines += ["", f"**What it shows.** {result.shows}"]
    if result.notes:
        lines += ["", *(f"- {note}" for note in result.notes)]
    return "\n".join(lines) + "\n"


def numeric_columns(table: Table) -> list[bool]:
    """Which columns hold a number somewhere: they are aligned to the right."""
    return [
        any(isinstance(row[place], int | float) for row in table.rows) for place in range(len(table.columns))
    ]


def format_cell(cell: Cell) -> str:
    """A cell as it is printed."""
    if cell is None:
        return MISSING
    if isinstance(cell, str):
        return cell
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:z,.3f}".replace("-", "−")


def _table_lines(table: Table) -> list[str]:
    return [
        f"| {' | '.join(table.columns)} |",
        f"|{'|'.join('---:' if right else '---' for right in numeric_columns(table))}|",
        *(f"| {' | '.join(map(format_cell, row))} |" for row in table.rows),
    ]
