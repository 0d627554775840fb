"""What rows of a table may share, by the name of a split: keys of each row, and the groups that they make."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catenane.data.clusters import butina_clusters
from catenane.data.table import Table
from catenane.descriptors import HAS_FRAGMENTS
from catenane.errors import ConfigError, DataError, suggestion
from catenane.notation import JOINT, NOTATIONS, NotationName, compute_all, get_notation, groups

__all__ = ["all_groups", "column_of", "column_values", "group_rows", "keys_of"]


def column_of(method: str) -> str | None:
    """The column that a split is made by, if it is."""
    kind, colon, column = method.partition(":")
    return column if colon and kind in ("column", "time") else None


def group_rows(table: Table, method: str) -> np.ndarray | None:
    """Group of each row, (N,), for splits that keep groups whole; None for the others."""
    kind = method.partition(":")[0]
    if column_of(method) or kind in get_notation(table.notation).held_out:
        return None
    if kind == "random" and not table.string_columns:
        return None
    return (
        all_groups(table, method)
        if kind == "butina"
        else np.array(list(map(" ".join, keys_of(table, method))))
    )


def all_groups(table: Table, method: str) -> np.ndarray:
    """Group of each row, numbered from 0."""
    kind, _, names = method.partition(":")
    if kind == "butina" and table.notation in HAS_FRAGMENTS:
        chosen = _chosen(table, names)
        return (
            table.clusters if chosen == [0] else butina_clusters([r.parts[chosen[0]] for r in table.records])
        )
    return _grouped(keys_of(table, method))


def _chosen(table: Table, names: str) -> list[int]:
    """Places of the columns of strings by which rows are split: those named, else the first."""
    known = table.string_columns or (table.string_column,)
    for name in names.split(",") if names else ():
        if name not in known:
            raise ConfigError(
                f"a split is by columns of strings, and {name!r} is none: {suggestion(name, known)}"
            )
    return [known.index(name) for name in names.split(",")] if names else [0]


def keys_of(table: Table, method: str) -> list[tuple[str, ...]]:
    """What each row may share with others."""
    if method.startswith("column:"):
        return [(value,) for value in column_values(table, method.removeprefix("column:"))]
    method, _, names = method.partition(":")
    chosen = _chosen(table, names)
    if method == "random":
        return [(JOINT.join(record.parts[place].text for place in chosen),) for record in table.records]
    owned = {name: _methods(name) for name in NOTATIONS}
    if method in owned[table.notation]:
        every = [compute_all([record.parts[place] for record in table.records], groups) for place in chosen]
        return [
            tuple(key for found in of_row for key in found[method]) for of_row in zip(*every, strict=True)
        ]
    owners = {split: name for name, splits in owned.items() for split in splits}
    if method in owners:
        raise ConfigError(
            f"split={method!r} is for {owners[method]}, and {table.source} holds {table.notation}: "
            f"try {' or '.join(owned[table.notation])}"
        )
    raise ConfigError(
        f"split={method!r} must be one of random, {', '.join(owners)}, time:COLUMN or column:NAME"
    )


def _methods(notation: NotationName) -> tuple[str, ...]:
    """Splits that are for strings of this notation."""
    return get_notation(notation).splits + ("butina",) * (notation in HAS_FRAGMENTS)


def _grouped(keys: Sequence[tuple[str, ...]]) -> np.ndarray:
    """Group of each row, numbered in order of appearance.

    Rows that share a key, or are chained by rows that do, are one group; so are those without a key.
    """
    parent: dict[str | None, str | None] = {}

    def root(key: str | None) -> str | None:
        while parent.setdefault(key, key) != key:
            parent[key] = key = parent[parent[key]]
        return key

    for row in keys:
        for key in row[1:]:
            parent[root(key)] = root(row[0])
    numbers: dict[str | None, int] = {}
    found = [numbers.setdefault(root(row[0] if row else None), len(numbers)) for row in keys]
    return np.array(found, dtype=np.int64)


def column_values(table: Table, name: str) -> list[str]:
    """The cells of a column that the split is made by."""
    if name not in table.columns:
        known = f"; it holds {', '.join(table.columns)}" if table.columns else ""
        raise DataError(f"{table.source}: the table was read without the column {name!r} of the split{known}")
    return table.columns[name]
