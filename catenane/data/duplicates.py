"""Strings that occur more than once: how far their labels disagree, and how to make one row of them.

The disagreement is a floor: no model that reads the string alone can have a smaller error on such rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypedDict, get_args

import numpy as np

from catenane.data.table import Table
from catenane.errors import ConfigError

__all__ = ["Aggregation", "Duplicates", "NoiseFloor", "aggregate", "find_duplicates", "noise_floor"]

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
            disagree, mean and median may be neither.

    Returns:
        A table whose `rows` and `columns` are those of the first row of each string.

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
    for place, rows in enumerate(groups):
        for t, labels in enumerate(table.targets[rows].T if len(rows) > 1 else ()):
            known = labels[~np.isnan(labels)]
            if len(known):
                targets[place, t] = known[0] if how == "first" else getattr(np, how)(known)
    return replace(table.take(first), targets=targets)


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
    """Rows of each string, in order of first appearance."""
    rows: dict[str, list[int]] = {}
    for row, string in enumerate(table.strings):
        rows.setdefault(string, []).append(row)
    return list(rows.values())
