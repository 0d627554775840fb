"""What a reproduction found: tables of published and own numbers, as `result.json` and as Markdown.

The Markdown is made of what the JSON holds and nothing else, so that documents can be assembled from
committed results without running anything again.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from catenane.errors import DataError
from catenane.files import write_json

__all__ = [
    "Reproduction", "Row", "Table", "as_markdown", "cells", "is_grid", "layout", "look_up", "read_result",
    "write_result",
]  # fmt: skip

COLUMNS = {
    "quantity": "text", "unit": "text", "published": "number", "ours": "number", "spread": "number",
    "seeds": "number",
}  # fmt: skip
NOTHING = "–"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One quantity: the published number beside ours."""

    quantity: str
    column: str = ""
    """Data set whose column it stands in, where a table has a column for each."""
    unit: str = ""
    published: str = ""
    """As printed; "" where the paper prints none."""
    by_seed: Sequence[int | float] = field(default_factory=list)
    """Ours, one for each seed."""
    command: str = ""
    """Makes it again."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under a title."""

    title: str
    rows: Sequence[Row]


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What `result.json` holds."""

    name: str
    title: str
    source: str
    """The paper."""
    tables: Sequence[Table]
    figures: Sequence[tuple[str, str]]
    """File and caption of each."""
    version: str
    seconds: float
    """Wall time of all that was computed, pauses not counted."""


def write_result(folder: Path, result: Reproduction) -> None:
    """Write `result.json` and `result.md`; the figures are there already."""
    write_json(folder / "result.json", asdict(result))
    text = f"# {result.name}: {result.title}\n\n*{result.source}*\n\n{as_markdown(result)}"
    (folder / "result.md").write_text(text, encoding="utf-8")


def read_result(folder: str | Path) -> Reproduction:
    """What `result.json` in this folder holds.

    Raises:
        DataError: There is none, or it is not one of ours.
    """
    path = Path(folder) / "result.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        for table in values["tables"]:
            table["rows"] = [Row(**row) for row in table["rows"]]
        values["tables"] = [Table(**table) for table in values["tables"]]
        values["figures"] = [(file, caption) for file, caption in values["figures"]]
        return Reproduction(**values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not the result of catenane reproduce: {error}") from None


def as_markdown(result: Reproduction, folder: str = "") -> str:
    """Tables, commands and figures; `folder` is the path to the figures, with a slash at its end."""
    rows = [row for table in result.tables for row in table.rows]
    commands = list(dict.fromkeys(row.command for row in rows if row.command))
    lines = []
    for table in result.tables:
        columns, body = layout(table)
        if not is_grid(table):
            columns |= {"command": "number"}
            for row, line in zip(table.rows, body, strict=True):
                line.append(str(commands.index(row.command) + 1) if row.command else NOTHING)
        rule = ("---:" if kind == "number" else "---" for kind in columns.values())
        lines += [f"**{table.title}**", "", f"| {' | '.join(columns)} |", f"|{'|'.join(rule)}|"]
        lines += [*(f"| {' | '.join(line)} |" for line in body), ""]
    lines += ["```sh", *(f"{command}  # {n}" for n, command in enumerate(commands, 1)), "```", ""]
    for file, caption in result.figures:
        lines += [f"![{caption}]({folder}{file})", "", f"*{caption}*", ""]
    return "\n".join(lines)


def cells(row: Row) -> list[str]:
    """The row as it is printed: a mean over seeds with its standard deviation."""
    values = row.by_seed
    if len(set(values)) == 1 and isinstance(values[0], int):
        mean, spread = f"{values[0]:,}", NOTHING
    else:
        centre = statistics.fmean(values) if values else math.nan
        deviation = statistics.stdev(values) if len(values) > 1 else math.nan
        # Three decimals; more where these would be fewer than three digits of the larger of the two.
        size = max(abs(centre), 0.0 if math.isnan(deviation) else deviation)
        decimals = max(3, min(6, 2 - math.floor(math.log10(size)))) if 0 < size < math.inf else 3
        mean = f"{centre:z,.{decimals}f}".replace("-", "−") if values else NOTHING
        spread = NOTHING if math.isnan(deviation) else f"± {deviation:.{decimals}f}"
    return [row.quantity, row.unit, row.published or NOTHING, mean, spread, str(len(values) or NOTHING)]


def is_grid(table: Table) -> bool:
    """Whether a table has a column for each data set."""
    return any(row.column for row in table.rows)


def layout(table: Table) -> tuple[dict[str, str], list[list[str]]]:
    """Columns with their kind, "text" or "number", and the printed lines of a table.

    In one with a column for each data set a cell is the printed number, or our mean and its deviation.
    """
    if not is_grid(table):
        return dict(COLUMNS), [cells(row) for row in table.rows]
    sets = list(dict.fromkeys(row.column for row in table.rows))
    lines: dict[str, dict[str, str]] = {}
    for row in table.rows:
        _, _, published, mean, spread, _ = cells(row)
        ours = mean if spread == NOTHING else f"{mean} {spread}"
        lines.setdefault(row.quantity, {})[row.column] = ours if row.by_seed else published
    body = [[quantity, *(found.get(name, NOTHING) for name in sets)] for quantity, found in lines.items()]
    return {"": "text"} | dict.fromkeys(sets, "number"), body


def look_up(values: Any, path: str) -> Any:
    """What stands at a dotted path in nested values; None where there is nothing."""
    for key in path.split("."):
        values = values.get(key) if isinstance(values, Mapping) else None
    return values
