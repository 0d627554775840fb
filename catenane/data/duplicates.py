"""Strings that occur more than once: how far their labels disagree, and how to make one row of them.

The disagreement is a floor: no model that reads the string alone can have a smaller error on such rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypedDict, get_args

import numpy as np

from catenane.data.numbers import parse_classes
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
    labels_NT = table.exact
    highest = [np.fmax.reduce(labels_NT[rows]) for rows in groups]
    lowest = [np.fmin.reduce(labels_NT[rows]) for rows in groups]
    conflicting = [bool((high > low).any()) for high, low in zip(highest, lowest, strict=True)]
    return Duplicates(groups, np.array(conflicting, dtype=bool))


def aggregate(table: Table, how: Aggregation = "mean") -> Table:
    """Make one row of every string, in the order of first appearance.

    Args:
        table: Strings and labels.
        how: "mean", "median" or "first" of the labels that are there, or "keep" every row. Of classes that
            disagree, mean and median may be neither. A mean is weighted where rows have weights. Bounds count
            only where a string has nothing else: then the tightest does.

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
        for t, labels in enumerate(table.exact[rows].T if len(rows) > 1 else ()):
            known = ~np.isnan(labels)
            if single.bounds is not None and table.bounds is not None:
                targets[place, t], single.bounds[place, t] = _tightest(
                    table.targets[rows, t], table.bounds[rows, t]
                )
            if known.any():
                weights = None if table.weights is None else table.weights[rows][known]
                one = _one_class if table.target_names[t] in table.classes else _one_label
                targets[place, t] = one(labels[known], weights, how)
    return replace(single, targets=targets)


def _tightest(labels: np.ndarray, bounds: np.ndarray) -> tuple[float, float]:
    """The label and the bound of one string; of bounds on one side the tightest, on both sides the first."""
    if (known := (bounds == 0) & ~np.isnan(labels)).any() or not bounds.any():
        return (float(labels[known][0]) if known.any() else math.nan), 0.0
    labels, bounds = labels[bounds != 0], bounds[bounds != 0]
    if (bounds != bounds[0]).any():
        return float(labels[0]), float(bounds[0])
    return float(labels.max() if bounds[0] > 0 else labels.min()), float(bounds[0])


def _one_label(labels: np.ndarray, weights: np.ndarray | None, how: Aggregation) -> float:
    if how == "mean" and weights is not None and weights.any():
        return float(np.average(labels, weights=weights))
    return float(labels[0] if how == "first" else getattr(np, how)(labels))


def _one_class(labels: np.ndarray, weights: np.ndarray | None, how: Aggregation) -> float:
    """The class that most labels name; NaN where several are as frequent."""
    if how == "first":
        return float(labels[0])
    counts = np.bincount(labels.astype(np.int64), weights if weights is not None and weights.any() else None)
    (best,) = np.nonzero(counts >= counts.max() - 1e-9)
    return float(best[0]) if len(best) == 1 else math.nan


def _same_classes(tables: Sequence[Table]) -> list[Table]:
    """The tables with the classes of all of them, in one order."""
    both: dict[str, tuple[str, ...]] = {}
    for name in tables[0].classes:
        every = [one for table in tables for one in table.classes[name]]
        cells, column = [*dict.fromkeys(every)], name
        both[name] = parse_classes(cells, column, tables[0].source)[1]
    changed = []
    for table in tables:
        targets = table.targets.copy()
        for t, name in enumerate(table.target_names):
            if name in both:
                place = np.array([both[name].index(one) for one in table.classes[name]], dtype=np.float64)
                known = np.isfinite(targets[:, t])
                targets[known, t] = place[targets[known, t].astype(np.int64)]
        changed.append(replace(table, targets=targets, classes=both))
    return changed


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
    table, tested = _same_classes([table, tested])
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
        bounds=_joined_bounds([table, tested]),
        weights=None if table.weights is None else np.append(table.weights, np.ones(len(tested))),
        units={name: table.units.get(name) or tested.units.get(name, "") for name in table.target_names},
    )
    return joined, np.arange(len(table), len(joined))


def _joined_bounds(tables: Sequence[Table]) -> np.ndarray | None:
    if all(table.bounds is None for table in tables):
        return None
    parts = [np.zeros(table.targets.shape) if table.bounds is None else table.bounds for table in tables]
    return np.concatenate(parts)


def noise_floor(table: Table) -> dict[str, NoiseFloor]:
    """How far the labels of equal strings differ, by target."""
    groups = _rows_by_string(table)
    floors = {}
    for name, labels in zip(table.target_names, table.exact.T, strict=True):
        known = [labels[rows][~np.isnan(labels[rows])] for rows in groups if len(rows) > 1]
        centre = np.mean if name not in table.classes else lambda values: _one_class(values, None, "mean")
        by_group = [values - centre(values) for values in known if len(values) > 1]
        if name in table.classes:  # the share of labels that are not the commonest one of their string
            by_group = [(deviations != 0).astype(np.float64) for deviations in by_group]
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
