"""Strings that occur more than once: how far their labels disagree, and how to make one row of them.

The disagreement is a floor: no model that reads the string alone can have a smaller error on such rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypedDict, get_args

import numpy as np

from catenane.data.table import Table
from catenane.errors import ConfigError, DataError

__all__ = [
    "Aggregation",
    "Duplicates",
    "NoiseFloor",
    "aggregate",
    "find_duplicates",
    "hold_out",
    "noise_floor",
]

Aggregation = Literal["mean", "median", "first", "keep"]


@dataclass(frozen=True, eq=False)
class Duplicates:
    """The strings of a table that occur more than once, G of them."""

    groups: tuple[list[int], ...]
    """For each such string, the places of its rows, ascending; groups in order of their first row."""
    conflicting: np.ndarray
    """Which groups hold labels that differ: bool, shape (G,)."""

    @property
    def n_rows(self) -> int:
        """Rows whose string occurs more than once."""
        return sum(len(group) for group in self.groups)


class NoiseFloor(TypedDict):
    """How far the labels of equal strings differ, in the unit of the target."""

    groups: int
    """Strings with two or more labels."""
    rows: int
    """Labels of those strings."""
    mean_absolute_deviation: float
    """Mean distance of a label from the mean of its string; NaN without such strings."""
    within_group_std: float
    """Standard deviation of a label around its string, pooled with rows - groups degrees of freedom."""


def find_duplicates(table: Table) -> Duplicates:
    """Find the strings that occur more than once, and which of them have labels that differ."""
    groups = tuple(rows for rows in _rows_by_string(table) if len(rows) > 1)
    # Unlike max and min, fmax and fmin pass over missing labels.
    highest = [np.fmax.reduce(table.targets[rows]) for rows in groups]
    lowest = [np.fmin.reduce(table.targets[rows]) for rows in groups]
    conflicting = [bool((high > low).any()) for high, low in zip(highest, lowest, strict=True)]
    return Duplicates(groups, np.array(conflicting, dtype=bool))


def aggregate(table: Table, how: Aggregation = "mean") -> Table:
    """Make one row of every string, in the order of first appearance.

    Args:
        table: Strings and labels.
        how: "mean", "median" or "first" of the labels that are there, or "keep" every row. Of classes that
            disagree, mean and median may be neither. A mean is weighted where rows have weights.

    Returns:
        A table whose `rows` and `columns` are those of the first row of each string, and whose weights are
        means.

    Raises:
        ConfigError: `how` is none of these.
    """
    if how not in get_args(Aggregation):
        raise ConfigError(f"aggregation {how!r} must be one of {', '.join(get_args(Aggregation))}")
    if how == "keep":
        return table
    groups = _rows_by_string(table)
    first = [rows[0] for rows in groups]
    targets = table.targets[first]
    single = table.take(first)
    for place, rows in enumerate(groups):
        if len(rows) > 1 and single.weights is not None and table.weights is not None:
            single.weights[place] = table.weights[rows].mean()
        for t, labels in enumerate(table.targets[rows].T if len(rows) > 1 else ()):
            known = ~np.isnan(labels)
            if known.any():
                weights = None if table.weights is None else table.weights[rows][known]
                targets[place, t] = _one_label(labels[known], weights, how)
    return replace(single, targets=targets)


def _one_label(labels: np.ndarray, weights: np.ndarray | None, how: Aggregation) -> float:
    if how == "mean" and weights is not None and weights.any():
        return float(np.average(labels, weights=weights))
    return float(labels[0] if how == "first" else getattr(np, how)(labels))


def hold_out(table: Table, tested: Table, *, keep: bool = False) -> tuple[Table, np.ndarray]:
    """Join test rows from a table of their own to one of other rows.

    A row of the first table whose string is a test row is rejected, unless it is to be kept. Columns that the
    test rows lack are empty there; their rejected rows are those of a column "COLUMN of SOURCE".

    Returns:
        One table, and the places of the test rows in it.

    Raises:
        DataError: The strings are of another notation or the labels in another unit, or no row is left.
    """
    if tested.notation != table.notation:
        raise DataError(f"{tested.source} holds {tested.notation}, and {table.source} {table.notation}")
    for name in table.target_names:
        here, there = (each.units.get(name, "") for each in (table, tested))
        if here and there and here != there:
            raise DataError(
                f"target {name!r} is in {there} in {tested.source}, and in {here} in {table.source}"
            )
    if not keep:
        known = set(tested.strings)
        reason = f"the same string is a test row of {tested.source}"
        table = table.reject(np.array([text in known for text in table.strings]), table.string_column, reason)
    if not len(table):
        raise DataError(f"{table.source}: every string is a test row of {tested.source}")
    joined = replace(
        table,
        records=table.records + tested.records,
        targets=np.concatenate([table.targets, tested.targets]),
        rows=np.concatenate([table.rows, tested.rows]),
        columns={
            name: values + tested.columns.get(name, [""] * len(tested))
            for name, values in table.columns.items()
        },
        rejected=[
            *table.rejected,
            *(replace(row, column=f"{row.column} of {tested.source}") for row in tested.rejected),
        ],
        features={
            name: np.concatenate([values, others])
            for (name, values), others in zip(table.features.items(), tested.features.values(), strict=True)
        },
        weights=None if table.weights is None else np.append(table.weights, np.ones(len(tested))),
        units={name: table.units.get(name) or tested.units.get(name, "") for name in table.target_names},
    )
    return joined, np.arange(len(table), len(joined))


def noise_floor(table: Table) -> dict[str, NoiseFloor]:
    """How far the labels of equal strings differ, by target."""
    groups = _rows_by_string(table)
    floors = {}
    for name, labels in zip(table.target_names, table.targets.T, strict=True):
        known = [labels[rows][~np.isnan(labels[rows])] for rows in groups if len(rows) > 1]
        by_group = [values - values.mean() for values in known if len(values) > 1]
        deviations = np.concatenate([np.zeros(0), *by_group])
        n_free = len(deviations) - len(by_group)
        floors[name] = NoiseFloor(
            groups=len(by_group),
            rows=len(deviations),
            mean_absolute_deviation=float(np.abs(deviations).mean()) if by_group else math.nan,
            within_group_std=math.sqrt((deviations**2).sum() / n_free) if by_group else math.nan,
        )
    return floors


def _rows_by_string(table: Table) -> list[list[int]]:
    """Rows of each string, apart where features differ, in order of first appearance."""
    rows: dict[tuple[str, bytes], list[int]] = {}
    for row, key in enumerate(table.inputs):
        rows.setdefault(key, []).append(row)
    return list(rows.values())
