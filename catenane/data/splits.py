"""Train, valid and test parts of a table, so that what is alike does not stand on both sides.

Groups of rows stay together:

- `random`: rows with the same string.
- `scaffold`: molecules with the same Bemis-Murcko scaffold; all that have no ring are one group. As in
  MoleculeNet the largest groups go to train, so that test holds rare scaffolds. Among groups of one size
  the seed decides.
- `topology`: frameworks with a net in common, again the largest to train. A MOFid with several codes chains
  all frameworks of any of them; those without a known net are one group.
- `framework`: frameworks of the same nodes, linkers and nets, which differ in catenation at most.
- `butina`: molecules of one Taylor-Butina cluster, the largest to train; see `catenane.data.clusters`.
- `time:COLUMN`: rows of one time, by a column of numbers or ISO dates: the oldest to train, the newest to
  test. The rows of a time go where their middle falls. A row without a time cannot be placed, and a string
  that repeats has the time of its first row.
- `column:NAME`: the parts that a column of the table names.

Where a row has several strings, as a solute and its solvent, the first decides what it shares with others;
`scaffold:solvent` is by another column of strings, and `random:solute,solvent` by both together.

`linker` has no such groups, since chained by the linkers that they share 90 % of the hMOF set hang together.
Instead linkers are drawn at random, and every framework with a drawn linker goes to test until test is full,
then likewise to valid. Every framework of test then has a linker that none of train has. Its *other* linkers
may be common ones; `shared_with_train` counts them.

Source of the scaffold split: Z. Wu et al., Chem. Sci. 2018, 9, 513 (MoleculeNet); G. W. Bemis and M. A.
Murcko, J. Med. Chem. 1996, 39, 2887.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catenane.data.row_groups import all_groups, column_values, keys_of
from catenane.data.table import Table
from catenane.errors import ConfigError, DataError
from catenane.notation import get_notation

__all__ = [
    "Split",
    "make_folds",
    "make_split",
    "parse_times",
    "reject_untimed",
    "split_shares",
]

PARTS = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation", "dev"),
    "test": ("test", "testing"),
}
"""Names of the parts in a column."""


@dataclass(frozen=True, eq=False)
class Split:
    """Places in a table, each in exactly one part: int64 indices, ascending."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    method: str
    """The `method` of `make_split`."""
    seed: int
    """The seed it was made with; a column needs none."""
    n_groups: int | None
    """Groups of rows that stayed together (for `linker`, distinct linkers); None for a column."""


def make_split(
    table: Table,
    method: str = "random",
    *,
    seed: int = 0,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    test: np.ndarray | None = None,
) -> Split:
    """Divide a table into train, valid and test as the head of this module describes.

    Args:
        table: Strings and labels, read with the column of `column:NAME` or `time:COLUMN`.
        method: "random", "scaffold" or "butina" (SMILES), "linker", "topology" or "framework" (MOFid),
            "time:COLUMN" or "column:NAME".
        seed: Decides every draw and every tie.
        fractions: Shares of train, valid and test, kept as nearly as the groups allow. A part may be left
            out by asking for 0. A column has its own shares.
        test: Places of the test rows where they are known: the others are divided into train and valid, by
            the first two shares.

    Raises:
        ConfigError: The method is unknown or does not suit the notation, or the shares do not add up to 1.
        DataError: A part would be empty, or the column is missing or names no part or no time.
    """
    places, n_groups = np.arange(len(table)), None
    if test is not None:
        places = np.setdiff1d(places, test)
        fractions = (*(np.array(fractions[:2]) / sum(fractions[:2])), 0.0)
    if method.startswith("column:") and test is None:
        part = _parts_of_column(table, method.removeprefix("column:"))
        wanted = np.array([1, 0, 1])  # It may leave validation out.
    else:
        wanted = np.array(split_shares(fractions, 3))
        rng = np.random.default_rng(seed)
        if method.partition(":")[0] in get_notation(table.notation).held_out:
            part, n_groups = _hold_out(keys_of(table.take(places), method), wanted, rng)
        elif method.startswith("time:"):
            part, n_groups = _by_time(table.take(places), method.removeprefix("time:"), wanted)
        else:
            _, group_of_row = np.unique(all_groups(table, method)[places], return_inverse=True)
            n_groups = int(group_of_row.max()) + 1
            part = _assign(group_of_row, wanted, rng, largest_first=not method.startswith("random"))
    parts = [places[part == p] for p in range(3)]
    for name, rows, share in zip(PARTS, parts, wanted, strict=True):
        if share and not len(rows):
            cause = "" if n_groups is None else f"; {len(places)} rows make {n_groups} groups"
            raise DataError(f"{table.source}: the split {method!r} leaves {name!r} empty{cause}")
    test = parts[2] if test is None else np.sort(test)
    return Split(parts[0], parts[1], test, method, seed, n_groups)


def make_folds(table: Table, method: str, n_folds: int, *, seed: int = 0) -> list[np.ndarray]:
    """Test rows of each fold of a cross-validation: every row in one, no group in two, equally many in each.

    The largest groups are dealt first, each to the fold that has fewest rows. The groups of `column:NAME` are
    those with one value there, whatever it is. Of `linker`, linkers are held out in turn; a framework whose
    linkers all occur in other folds too is in none, and always one to train on.

    Raises:
        ConfigError: The split is by time, or there are less than two folds.
        DataError: There are fewer groups than folds.
    """
    if n_folds < 2:
        raise ConfigError(f"folds={n_folds}: cross-validation needs at least 2")
    if method.startswith("time:"):
        raise ConfigError(
            f"split={method!r} makes no folds, since what is oldest would be tested on what is newer: leave "
            "folds out"
        )
    if method.partition(":")[0] in get_notation(table.notation).held_out:
        return _dealkeys_of(table, method, n_folds, np.random.default_rng(seed))
    group_of_row = all_groups(table, method)
    sizes = np.bincount(group_of_row)
    if len(sizes) < n_folds:
        raise DataError(
            f"{table.source}: {len(table)} rows make {len(sizes)} groups of the split {method!r}, "
            f"fewer than {n_folds} folds"
        )
    order = np.random.default_rng(seed).permutation(len(sizes))
    fold_of_group, n_rows = np.empty(len(sizes), dtype=np.int64), np.zeros(n_folds)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold = fold_of_group[group] = n_rows.argmin()
        n_rows[fold] += sizes[group]
    return [np.flatnonzero(fold_of_group[group_of_row] == fold) for fold in range(n_folds)]


def split_shares(sizes: Sequence[float], n_parts: int) -> tuple[float, ...]:
    """Shares of the parts of a split that add up to 1, from such shares or from percentages.

    Raises:
        ConfigError: They are not as many, not positive with some of train, or add up to neither 1 nor 100.
    """
    total = sum(sizes)
    adds_up = math.isclose(total, 100 if total > 1.5 else 1, rel_tol=1e-6)
    if adds_up and len(sizes) == n_parts and sizes[0] > 0 and min(sizes) >= 0:
        return tuple(size / total for size in sizes)
    parts = ("train", "valid", "test")[:n_parts]
    raise ConfigError(
        f"the shares {', '.join(f'{size:g}' for size in sizes)} add up to {total:g}: expected {n_parts}, of "
        f"{', '.join(parts)}, that add up to 1 or 100, some of train and none negative"
    )


def parse_times(values: Sequence[str]) -> np.ndarray:
    """Times of the cells of a column, float64, NaN where there is none.

    They are numbers where every cell is one that is not empty; else ISO 8601 dates, such as 2021-03-31.
    """
    import pandas as pd

    cells = pd.Series([value.strip() for value in values], dtype=object).replace("", None)
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
    if not (np.isnan(numbers) & cells.notna().to_numpy()).any():
        return np.where(np.isfinite(numbers), numbers, np.nan)
    dates = pd.to_datetime(cells, errors="coerce", format="ISO8601", utc=True)
    return np.where(dates.isna(), np.nan, dates.astype("int64").to_numpy(dtype=np.float64))


def reject_untimed(table: Table, column: str) -> Table:
    """The table without the rows that have no time in this column, which are rejected."""
    reason = "there is no number or ISO date, such as 2021-03-31, by which the row could be split"
    return table.reject(np.isnan(parse_times(column_values(table, column))), column, reason)


def _assign(
    groups: np.ndarray, fractions: np.ndarray, rng: np.random.Generator, *, largest_first: bool
) -> np.ndarray:
    """Part of each row. The parts are filled one by one with whole groups; the last one takes the rest."""
    sizes = np.bincount(groups)
    free = rng.permutation(len(sizes))
    if largest_first:
        free = free[np.argsort(-sizes[free], kind="stable")]
    parts = [p for p in ((0, 1, 2) if largest_first else (2, 1, 0)) if fractions[p]]
    part_of_group = np.full(len(sizes), parts[-1])
    for place, p in enumerate(parts[:-1]):
        # Where train had to take more or less than its share, the parts still to fill divide what is left.
        room = round(fractions[p] / fractions[parts[place:]].sum() * sizes[free].sum())
        spare = len(parts) - place - 1
        taken = _fitting(sizes[free], room, spare, largest=largest_first and p == 0)
        part_of_group[free[taken]] = p
        free = free[~taken]
    part: np.ndarray = part_of_group[groups]
    return part


def _fitting(sizes: np.ndarray, room: int, spare: int, *, largest: bool) -> np.ndarray:
    """Which groups a part takes: in this order all that fit in the room, or the smallest where none does.

    `spare` groups are left for the parts that follow; `largest` takes the first whether it fits or not.
    """
    taken = np.zeros(len(sizes), dtype=bool)
    may_take = len(sizes) - spare
    total = 0
    for group, size in enumerate(sizes.tolist()):
        if may_take > 0 and (total + size <= room or (largest and group == 0)):
            taken[group] = True
            total += size
            may_take -= 1
    if may_take > 0 and not total:
        taken[np.argmin(sizes)] = True
    return taken


def _hold_out(
    keys: Sequence[tuple[str, ...]], fractions: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """Part of each row, and the number of keys; see the head of this module."""
    rows_by_linker = _rows_by_key(keys)
    part = np.zeros(len(keys), dtype=np.int64)
    order = rng.permutation(len(rows_by_linker))
    for p in (2, 1):
        total, room = 0, round(fractions[p] * len(keys))
        for linker in order:
            rows = rows_by_linker[linker]
            new = rows[part[rows] == 0]
            if np.isin(part[rows], (0, p)).all() and total + len(new) <= room:
                part[new] = p
                total += len(new)
    return part, len(rows_by_linker)


def _dealkeys_of(table: Table, method: str, n_folds: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Test rows of each fold: keys are dealt in random order with all their rows, or not at all."""
    rows_by_key = _rows_by_key(keys_of(table, method))
    fold_N, n_rows, room = np.full(len(table), -1), np.zeros(n_folds), round(len(table) / n_folds)
    for key in rng.permutation(len(rows_by_key)):
        rows = rows_by_key[key]
        new, taken = rows[fold_N[rows] < 0], np.unique(fold_N[rows][fold_N[rows] >= 0])
        fold = int(taken[0]) if len(taken) else int(n_rows.argmin())
        if len(taken) < 2 and n_rows[fold] + len(new) <= room:
            fold_N[new] = fold
            n_rows[fold] += len(new)
    if not n_rows.all():
        raise DataError(
            f"{table.source}: {len(rows_by_key)} {method}s in {len(table)} rows are too few, or occur "
            f"together too often, for {n_folds} folds"
        )
    return [np.flatnonzero(fold_N == fold) for fold in range(n_folds)]


def _rows_by_key(keys: Sequence[tuple[str, ...]]) -> list[np.ndarray]:
    rows_of: dict[str, list[int]] = {}
    for row, found in enumerate(keys):
        for key in found:
            rows_of.setdefault(key, []).append(row)
    return [np.array(rows) for rows in rows_of.values()]


def _by_time(table: Table, column: str, fractions: np.ndarray) -> tuple[np.ndarray, int]:
    """Part of each row, and the number of different times."""
    time_N = parse_times(column_values(table, column))
    if np.isnan(time_N).any():
        i = int(np.argmax(np.isnan(time_N)))
        raise DataError(
            f"{table.source}: row {table.rows[i]}, column {column!r}: {table.columns[column][i]!r} is no time"
        )
    times, place_N, size = np.unique(time_N, return_inverse=True, return_counts=True)
    middle = (np.cumsum(size) - size / 2) / len(time_N)
    # Rounded, so that a share that is exact stays so; and no part goes without where there are enough times.
    old, known = np.searchsorted(middle, np.round(np.cumsum(fractions), 9)[:2]).tolist()
    some_valid, some_test = (fractions[1:] > 0).tolist()
    old = max(1, min(old, known - some_valid, len(times) - some_valid - some_test))
    known = max(old + some_valid, min(known, len(times) - some_test))
    part = np.searchsorted([old, known], np.arange(len(times)), side="right")
    return part[place_N], len(times)


def _parts_of_column(table: Table, name: str) -> np.ndarray:
    number = {spelling: p for p, spellings in enumerate(PARTS.values()) for spelling in spellings}
    parts = [number.get(value.strip().lower()) for value in column_values(table, name)]
    if None in parts:
        i = parts.index(None)
        raise DataError(
            f"{table.source}: row {table.rows[i]}, column {name!r}: {table.columns[name][i]!r} "
            "is not train, valid or test"
        )
    return np.array(parts, dtype=np.int64)
