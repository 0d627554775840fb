"""Tables of strings and labels: in memory, normalised, with what was rejected beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from catenane.config import Task
from catenane.data.clusters import butina_clusters
from catenane.data.columns import find_column, find_notation, find_string_column
from catenane.data.labels import check_target_names, split_unit
from catenane.data.numbers import cell_text, find_numbers, parse_columns, parse_targets, parse_weights
from catenane.data.rejects import Rejection
from catenane.data.sources import Dataset, find_source
from catenane.data.table_files import TableFile, open_table
from catenane.errors import ConfigError, DataError, NotationError
from catenane.notation import Feature, NotationName, Record, read_records
from catenane.notation.syntax import SPACE

__all__ = [
    "Table",
    "choose_string_column",
    "read_cells",
    "read_table",
    "string_value",
]

OnError = Literal["skip", "raise"]


@dataclass(frozen=True, eq=False)
class Table:
    """N strings with T labels each, in the order of the source."""

    records: list[Record]
    """What was read: canonical isomeric SMILES, or compact MOFids, and what was computed from them."""
    notation: NotationName
    """What the strings are."""
    targets: np.ndarray
    """float64, shape (N, T); NaN where a label is missing. Of several classes their place in `classes`."""
    target_names: tuple[str, ...]
    """Names of the T label columns, without the unit that a header may carry."""
    rows: np.ndarray
    """int64, shape (N,): data row of the source, from 1; the header is not counted."""
    columns: dict[str, list[str]]
    """Other columns that were chosen, as text."""
    rejected: list[Rejection]
    """Rows that are not used, with their reasons, in order."""
    source: str
    """Where it was read from."""
    string_column: str
    """Column of the strings; of several joined by commas."""
    string_columns: tuple[str, ...] = ()
    """Columns of the strings where each row has several, in order."""
    units: dict[str, str] = field(default_factory=dict)
    """Unit of each target; "" where it is not known."""
    features: dict[str, np.ndarray] = field(default_factory=dict)
    """Numbers that a model is to read beside the string, by name: float64 (N,), NaN where missing."""
    weights: np.ndarray | None = None
    """How much each row counts in training, float64 (N,), not negative; None where all count alike."""
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of the classes of each target that has several, in order."""
    bounds: np.ndarray | None = None
    """Which labels are bounds, (N, T): 1 where the true value lies above the label, -1 where below, else 0;
    None where none is."""

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        targets = ", ".join(self.target_names) or "no targets"
        rejected = f"{len(self.rejected):,} rejected"
        return f"Table({self.source!r}: {len(self):,} rows of {self.notation}, {rejected}; {targets})"

    @cached_property
    def strings(self) -> list[str]:
        """The normal forms."""
        return [record.text for record in self.records]

    @property
    def n_strings(self) -> int:
        """Strings of each row."""
        return max(1, len(self.string_columns))

    @cached_property
    def clusters(self) -> np.ndarray:
        """Cluster of each molecule, of several the first, int64 (N,), see `butina_clusters`."""
        return butina_clusters([record.parts[0] for record in self.records])

    @property
    def sizes(self) -> tuple[int, ...]:
        """Columns that a prediction of each target has: one, or one a class where it has several."""
        return tuple(len(self.classes.get(name, "_")) for name in self.target_names)

    @property
    def exact(self) -> np.ndarray:
        """The labels, NaN where they are missing or mere bounds."""
        return self.targets if self.bounds is None else np.where(self.bounds != 0, np.nan, self.targets)

    @cached_property
    def inputs(self) -> list[tuple[str, bytes]]:
        """Inputs of a model for each row, its string and features: rows that are equal here are repeats."""
        return [(text, row.tobytes()) for text, row in zip(self.strings, self.feature_matrix, strict=True)]

    @property
    def feature_matrix(self) -> np.ndarray:
        """All features, (N, X)."""
        return np.column_stack([np.empty((len(self), 0)), *self.features.values()])

    def take(self, indices: np.ndarray | Sequence[int]) -> Table:
        """The rows at these places, in this order; `rejected` stays as it is."""
        places = np.asarray(indices, dtype=np.int64)
        return replace(
            self,
            records=[self.records[i] for i in places],
            targets=self.targets[places],
            rows=self.rows[places],
            columns={name: [values[i] for i in places] for name, values in self.columns.items()},
            features={name: values[places] for name, values in self.features.items()},
            weights=None if self.weights is None else self.weights[places],
            bounds=None if self.bounds is None else self.bounds[places],
        )

    def reject(self, wrong_N: np.ndarray, column: str, reason: str) -> Table:
        """The rows that are not wrong (bool); the others join `rejected`, with what stands in the column."""
        values = self.columns.get(column, self.strings)
        more = [
            Rejection(int(self.rows[i]), column, values[i], None, reason) for i in np.flatnonzero(wrong_N)
        ]
        rejected = sorted([*self.rejected, *more], key=lambda rejection: rejection.row)
        return replace(self.take(np.flatnonzero(~wrong_N)), rejected=rejected)


def read_table(
    source: str | Path,
    *,
    targets: Sequence[str] = (),
    string_column: str | Sequence[str] | None = None,
    notation: NotationName | None = None,
    columns: Sequence[str] = (),
    on_error: OnError = "skip",
    data_dir: str | Path | None = None,
    task: Task | None = None,
    features: Sequence[str] = (),
    weights: str | None = None,
    compute: Sequence[Feature] = (),
) -> Table:
    """Read strings and labels: CSV, TSV, SMI (all plain or gzip) or Parquet.

    Args:
        source: A path, the name of a data set such as "molnet/esol", or "-" for standard input.
        targets: Label columns. Empty cells, NA and NaN are missing labels; a row with no label is rejected.
            Numbers may be bounds, such as "<5" or ">10".
        string_column: Column of the strings; found by its name, else by its content, if None. Several, such
            as those of a solute and its solvent, which then are in one notation.
        notation: What the strings are; detected if None.
        columns: Other columns to keep as text, such as one that holds a split.
        on_error: "skip" keeps bad rows aside in `Table.rejected`, "raise" stops at the first.
        data_dir: Folder of the data sets' local copies; by default the environment variable CATENANE_DATA.
        task: What the labels are; text is refused where they are numbers or two classes, 0 and 1. By default
            they are numbers, or several classes where they are text that repeats itself.
        features: Columns of numbers that a model is to read beside the string. Empty cells are missing.
        weights: Column of the weights of rows; a row with none, or a negative one, is rejected.
        compute: Functions of a record to compute while it is at hand, such as `catenane.notation.groups` and
            `catenane.descriptors.describe`; others are computed when they are needed.

    Raises:
        DataError: The source cannot be read, a column is missing or does not hold numbers, no row
            can be used, or, with on_error="raise", a row is bad.
        ConfigError: `on_error` is neither "skip" nor "raise".
    """
    if on_error not in ("skip", "raise"):
        raise ConfigError(f"on_error={on_error!r} must be 'skip' or 'raise'")
    place = find_source(source, data_dir)
    file = open_table(place)
    known = place.dataset if place.dataset and place.dataset.string_column in file.columns else None
    # First of all, since it separates a table without a header from one that lacks a target.
    wanted = [string_column] if string_column is None or isinstance(string_column, str) else string_column
    string_places = [choose_string_column(file, name, known, notation) for name in wanted]
    target_places = find_numbers(file, targets, string_places, "target")
    taken = [*string_places, *target_places]
    feature_places = find_numbers(file, features, taken, "feature")
    weight_places = find_numbers(file, [weights] if weights else [], taken, "weight")
    headers = [file.columns[i] for i in target_places]
    units = dict(split_unit(header) for header in headers)
    names = tuple(split_unit(header)[0] for header in headers)
    check_target_names(names, headers, file.name)
    other_places = [find_column(file.columns, column, file.name) for column in columns]
    places = [*string_places, *target_places, *feature_places, *weight_places, *other_places]
    rows, cells, rejected = _read_cells(file, places)
    # Numbers before strings: a wrong target is found before many molecules are parsed.
    labels, bounds, classes, wrong = parse_targets(file, rows, target_places, cells, task)
    numbers, unread = parse_columns(file, rows, feature_places, cells, "feature")
    counted, uncounted = parse_weights(file, rows, weight_places, cells)
    wrong = uncounted | unread | wrong

    string_columns = [file.columns[place] for place in string_places]
    notation = notation or (known.notation if known else None)
    parts: dict[int, list[Record]] = {i: [] for i in range(len(rows)) if i not in wrong}
    for number, column in zip(string_places, string_columns, strict=True):
        texts = cells[number]
        notation = notation or find_notation(texts, column, file.name)
        found = read_cells([(rows[i], texts[i]) for i in parts], column, notation, compute)
        for i, read in zip(list(parts), found, strict=True):
            if isinstance(read, Record):
                parts[i].append(read)
            else:
                wrong[i] = read
                del parts[i]
    records = {i: Record.joint(of_row) for i, of_row in parts.items()}
    assert notation is not None
    rejected = sorted([*rejected, *wrong.values()], key=lambda rejection: rejection.row)
    if rejected and on_error == "raise":
        raise rejected[0].error(file.name)
    if not records:
        first = f"; the first is {rejected[0]}" if rejected else ""
        raise DataError(f"{file.name}: no row can be used, {len(rejected)} are rejected{first}")
    good = list(records)
    return Table(
        records=list(records.values()),
        notation=notation,
        targets=labels[good],
        target_names=names,
        rows=np.asarray(rows, dtype=np.int64)[good],
        columns={
            name: [cell_text(cells[place][i]) for i in good]
            for name, place in zip(columns, other_places, strict=True)
        },
        rejected=rejected,
        source=str(source),
        string_column=",".join(string_columns),
        string_columns=tuple(string_columns) if len(string_columns) > 1 else (),
        units={name: unit or (known.targets.get(name, "") if known else "") for name, unit in units.items()},
        features={file.columns[place]: numbers[good, x] for x, place in enumerate(feature_places)},
        weights=counted[good, 0] if weights else None,
        classes={names[t]: found for t, found in classes.items()},
        bounds=bounds[good] if bounds[good].any() else None,
    )


def _read_cells(
    file: TableFile, places: Sequence[int]
) -> tuple[list[int], dict[int, list[Any]], list[Rejection]]:
    """Row numbers, the values of each column by its number, and the rows that cannot be read."""
    rows: list[int] = []
    values: list[list[Any]] = []
    rejected: list[Rejection] = []
    for item in file.rows(places):
        if isinstance(item, Rejection):
            rejected.append(item)
        else:
            rows.append(item[0])
            values.append(item[1])
    return rows, {place: [row[i] for row in values] for i, place in enumerate(places)}, rejected


def read_cells(
    cells: Sequence[tuple[int, Any]],
    column: str,
    notation: NotationName,
    features: Sequence[Feature] = (),
    *,
    n_jobs: int | None = None,
) -> list[Record | Rejection]:
    """The record of each cell of a column, given with its row, or why there is none; see `read_records`."""
    strings = [string_value(cell) for _, cell in cells]
    texts = [text for text in strings if isinstance(text, str)]
    records = iter(read_records(texts, notation, features, n_jobs=n_jobs))
    found: list[Record | Rejection] = []
    for (row, cell), string in zip(cells, strings, strict=True):
        read = next(records) if isinstance(string, str) else string
        if isinstance(read, NotationError):
            value = string if isinstance(string, str) else cell_text(cell)
            found.append(Rejection(row, column, value, read.position, str(read)))
        else:
            found.append(read)
    return found


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
