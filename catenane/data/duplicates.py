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

    groups: tuple[np.ndarray, ...]
    """For each such string, int64 places of its rows, ascending; groups in order of their first row."""
    spread: np.ndarray
    """float64, shape (G, T): largest less smallest label of the group, NaN with fewer than two labels."""

    @property
    def n_rows(self) -> int:
        """Rows whose string occurs more than once."""
        return sum(len(group) for group in self.groups)

    def conflicting(self) -> np.ndarray:
        """Which groups hold labels that differ: bool, shape (G,)."""
        conflicting: np.ndarray = np.any(self.spread > 0, axis=1)
        return conflicting


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
    """Find the strings that occur more than once, and how far their labels lie apart."""
    number = _string_numbers(table)
    sizes = np.bincount(number)
    by_group = np.argsort(number, kind="stable")
    repeated = np.flatnonzero(sizes > 1)
    ends = np.cumsum(sizes)
    groups = tuple(by_group[ends[g] - sizes[g] : ends[g]] for g in repeated)
    spread = np.full((len(groups), table.targets.shape[1]), np.nan)
    for g, rows in enumerate(groups):
        labels = table.targets[rows]
        enough = np.isfinite(labels).sum(axis=0) > 1
        spread[g, enough] = np.nanmax(labels[:, enough], axis=0) - np.nanmin(labels[:, enough], axis=0)
    return Duplicates(groups, spread)


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
    number = _string_numbers(table)
    _, first = np.unique(number, return_index=True)
    targets = table.targets[first]
    for rows in find_duplicates(table).groups:
        for t, labels in enumerate(table.targets[rows].T):
            there = labels[~np.isnan(labels)]
            if len(there):
                targets[number[rows[0]], t] = there[0] if how == "first" else getattr(np, how)(there)
    return replace(table.take(first), targets=targets)


def noise_floor(table: Table) -> dict[str, NoiseFloor]:
    """How far the labels of equal strings differ, by target."""
    groups = find_duplicates(table).groups
    floors = {}
    for name, labels in zip(table.target_names, table.targets.T, strict=True):
        known = [labels[rows][~np.isnan(labels[rows])] for rows in groups]
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


def _string_numbers(table: Table) -> np.ndarray:
    """Number of each row's string, counted in order of first appearance: int64, shape (N,)."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(string, len(numbers)) for string in table.strings], dtype=np.int64)
