"""A table of strings and labels in memory: read, checked and normalised, with what was rejected beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from catenane.data.columns import find_column, find_notation
from catenane.data.labels import check_target_names, parse_labels
from catenane.data.readers import cell_text, choose_string_column, open_table, string_value
from catenane.data.registry import Dataset
from catenane.data.rejects import Rejection
from catenane.data.sources import find_source
from catenane.data.text_tables import TableFile
from catenane.data.units import split_unit
from catenane.errors import ConfigError, DataError, NotationError
from catenane.notation import Feature, NotationName, Record, read_records

__all__ = ["OnError", "Table", "read_table"]

OnError = Literal["skip", "raise"]


@dataclass(frozen=True, eq=False)
class Table:
    """N strings with T labels each, in the order of the source."""

    records: list[Record]
    """What was read: canonical isomeric SMILES, or compact MOFids, and what was computed from them."""
    notation: NotationName
    """What the strings are."""
    targets: np.ndarray
    """float64, shape (N, T); NaN where a label is missing."""
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
    """Column of the strings."""
    units: dict[str, str] = field(default_factory=dict)
    """Unit of each target; "" where it is not known."""

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def strings(self) -> list[str]:
        """The normal forms."""
        return [record.text for record in self.records]

    def take(self, indices: np.ndarray | Sequence[int]) -> Table:
        """The rows at these places, in this order; `rejected` stays as it is."""
        places = np.asarray(indices, dtype=np.int64)
        return replace(
            self,
            records=[self.records[i] for i in places],
            targets=self.targets[places],
            rows=self.rows[places],
            columns={name: [values[i] for i in places] for name, values in self.columns.items()},
        )


def read_table(
    source: str | Path,
    *,
    targets: Sequence[str] = (),
    string_column: str | None = None,
    notation: NotationName | None = None,
    columns: Sequence[str] = (),
    on_error: OnError = "skip",
    data_dir: str | Path | None = None,
    features: Sequence[Feature] = (),
) -> Table:
    """Read strings and labels: CSV, TSV, SMI (all plain or gzip) or Parquet.

    Args:
        source: A path, the name of a data set such as "molnet/esol", or "-" for standard input.
        targets: Label columns. Empty cells, NA and NaN are missing labels; a row with no label is rejected.
        string_column: Column of the strings; found by its name, else by its content, if None.
        notation: What the strings are; detected if None.
        columns: Other columns to keep as text, such as one that holds a split.
        on_error: "skip" keeps bad rows aside in `Table.rejected`, "raise" stops at the first.
        data_dir: Folder of the data sets' local copies; by default the environment variable CATENANE_DATA.
        features: Functions of a record to compute while it is at hand, such as `catenane.notation.groups` and
            `catenane.descriptors.describe`; others are computed when they are needed.

    Raises:
        DataError: The source cannot be read, a column is missing, a target does not hold numbers, no row
            can be used, or, with on_error="raise", a row is bad.
        ConfigError: `on_error` is neither "skip" nor "raise".
    """
    if on_error not in ("skip", "raise"):
        raise ConfigError(f"on_error={on_error!r} must be 'skip' or 'raise'")
    found = find_source(source, data_dir)
    file = open_table(found)
    known = found.dataset if found.dataset and found.dataset.string_column in file.columns else None
    string, label_columns, extra = _choose_columns(file, known, targets, string_column, notation, columns)
    headers = [file.columns[i] for i in label_columns]
    names, units = _names_and_units(headers, known)
    check_target_names(names, headers, file.name)
    rows, cells, rejected = _read_cells(file, [string, *label_columns, *extra])
    texts, label_cells, extra_cells = cells[0], cells[1 : 1 + len(names)], cells[1 + len(names) :]
    # Numbers before strings: a wrong target is found before many molecules are parsed.
    labels, wrong = _parse_targets(file, rows, label_columns, label_cells)

    notation = notation or (known.notation if known else None)
    notation = notation or find_notation(texts, file.columns[string], file.name)
    records: list[Record] = []
    good: list[int] = []
    labelled = [i for i in range(len(texts)) if i not in wrong]
    for i, read in zip(labelled, _read_cell_strings(texts, labelled, notation, features), strict=True):
        if isinstance(read, Record):
            records.append(read)
            good.append(i)
        else:
            wrong[i] = Rejection(rows[i], file.columns[string], cell_text(texts[i]), read.position, str(read))

    rejected = sorted([*rejected, *wrong.values()], key=lambda rejection: rejection.row)
    if rejected and on_error == "raise":
        raise rejected[0].error(file.name)
    if not good:
        first = f"; the first is {rejected[0]}" if rejected else ""
        raise DataError(f"{file.name}: no row can be used, {len(rejected)} are rejected{first}")
    return Table(
        records=records,
        notation=notation,
        targets=labels[good],
        target_names=names,
        rows=np.asarray(rows, dtype=np.int64)[good],
        columns={
            name: [cell_text(values[i]) for i in good]
            for name, values in zip(columns, extra_cells, strict=True)
        },
        rejected=rejected,
        source=str(source),
        string_column=file.columns[string],
        units=units,
    )


def _read_cell_strings(
    cells: Sequence[Any], places: Sequence[int], notation: NotationName, features: Sequence[Feature]
) -> Iterator[Record | NotationError]:
    """What the cells at these places are read as, in order."""
    strings: dict[int, str] = {}
    refused: dict[int, NotationError] = {}
    for i in places:
        try:
            strings[i] = string_value(cells[i])
        except NotationError as error:
            refused[i] = error
    found = iter(read_records(strings.values(), notation, features))
    return (refused[i] if i in refused else next(found) for i in places)


def _choose_columns(
    file: TableFile,
    known: Dataset | None,
    targets: Sequence[str],
    string_column: str | None,
    notation: NotationName | None,
    columns: Sequence[str],
) -> tuple[int, list[int], list[int]]:
    """Numbers of the column of strings, of the labels and of the other columns."""
    # First of all, since it separates a table without a header from one that lacks a target.
    string = choose_string_column(file, string_column, known, notation)
    bare = [split_unit(column)[0] for column in file.columns]
    labels = [
        find_column(file.columns if target in file.columns else bare, target, file.name) for target in targets
    ]
    for label in labels:
        if label == string or labels.count(label) > 1:
            reason = "holds the strings" if label == string else "is named twice"
            raise DataError(f"{file.name}: target {file.columns[label]!r} {reason}")
    return string, labels, [find_column(file.columns, column, file.name) for column in columns]


def _names_and_units(headers: Sequence[str], known: Dataset | None) -> tuple[tuple[str, ...], dict[str, str]]:
    names_and_units = [split_unit(header) for header in headers]
    registered = known.targets if known else {}
    units = {name: unit or registered.get(name, "") for name, unit in names_and_units}
    return tuple(name for name, _ in names_and_units), units


def _read_cells(file: TableFile, use: Sequence[int]) -> tuple[list[int], list[list[Any]], list[Rejection]]:
    """Row numbers, the values of each column, and the rows that cannot be read."""
    rows: list[int] = []
    records: list[list[Any]] = []
    rejected: list[Rejection] = []
    for item in file.rows(use):
        if isinstance(item, Rejection):
            rejected.append(item)
        else:
            rows.append(item[0])
            records.append(item[1])
    return rows, [list(values) for values in zip(*records, strict=True)] or [[] for _ in use], rejected


def _parse_targets(
    file: TableFile, rows: Sequence[int], columns: Sequence[int], cells: Sequence[Sequence[Any]]
) -> tuple[np.ndarray, dict[int, Rejection]]:
    """Labels of shape (N, T), and by index the rows that hold a wrong label or none."""
    names = [file.columns[column] for column in columns]
    labels = np.empty((len(rows), len(names)))
    wrong: dict[int, Rejection] = {}
    for t, (name, values) in enumerate(zip(names, cells, strict=True)):
        labels[:, t], reasons = parse_labels(values, rows, name, file.name)
        for i, reason in reasons.items():
            wrong.setdefault(i, Rejection(rows[i], name, cell_text(values[i]), None, reason))
    for i in np.flatnonzero(np.isnan(labels).all(axis=1)).tolist() if names else ():
        wrong.setdefault(i, Rejection(rows[i], ", ".join(names), "", None, "there is no label"))
    return labels, wrong
