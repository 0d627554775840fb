"""Train, valid and test parts of a table, so that what is alike does not stand on both sides.

Groups of rows stay together:

- `random`: rows with the same string.
- `scaffold`: molecules with the same Bemis-Murcko scaffold; all that have no ring are one group. As in
  MoleculeNet the largest groups go to train, so that test holds rare scaffolds. Among groups of one size
  the seed decides.
- `topology`: frameworks with a net in common, again the largest to train. A MOFid with several codes chains
  all frameworks of any of them; those without a known net are one group.
- `framework`: frameworks of the same nodes, linkers and nets, which differ in catenation at most.
- `column:NAME`: the parts that a column of the table names.

`linker` has no such groups, since chained by the linkers that they share 90 % of the hMOF set hang together.
Instead linkers are drawn at random, and every framework with a drawn linker goes to test until test is full,
then likewise to valid. Every framework of test then has a linker that none of train has. Its *other* linkers
may be common ones; `shared_with_train` counts them.

Source of the scaffold split: Z. Wu et al., Chem. Sci. 2018, 9, 513 (MoleculeNet); G. W. Bemis and M. A.
Murcko, J. Med. Chem. 1996, 39, 2887.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from catenane.data.table import Table
from catenane.errors import ConfigError, DataError
from catenane.notation import NOTATIONS, compute_all, get_notation, groups

__all__ = ["Split", "make_split", "shared_with_train"]

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
    table: Table, method: str = "random", *, seed: int = 0, fractions: Sequence[float] = (0.8, 0.1, 0.1)
) -> Split:
    """Divide a table into train, valid and test as the head of this module describes.

    Args:
        table: Strings and labels. For `column:NAME` it must have been read with `columns=[NAME]`.
        method: "random", "scaffold" (SMILES), "linker", "topology" or "framework" (MOFid), or
            "column:NAME".
        seed: Decides every draw and every tie.
        fractions: Shares of train, valid and test, kept as nearly as the groups allow. A part may be left
            out by asking for 0. A column has its own shares.

    Raises:
        ConfigError: The method is unknown or does not suit the notation, or the fractions do not add up to 1.
        DataError: A part would be empty, or the column is missing or names no part.
    """
    if method.startswith("column:"):
        part = _parts_of_column(table, method.removeprefix("column:"))
        wanted, n_groups = np.array([1, 0, 1]), None  # It may leave validation out.
    else:
        wanted = np.asarray(fractions, dtype=float)
        if wanted.shape != (3,) or not np.all(wanted >= 0) or abs(wanted.sum() - 1) > 1e-6 or not wanted[0]:
            shares = "three shares that add up to 1, with some of train"
            raise ConfigError(f"fractions={tuple(fractions)} must be {shares}")
        keys = _keys(table, method)
        rng = np.random.default_rng(seed)
        if method in get_notation(table.notation).held_out:
            part, n_groups = _hold_out(keys, wanted, rng)
        else:
            group_of_row, n_groups = _grouped(keys)
            part = _assign(group_of_row, wanted, rng, largest_first=method != "random")
    train, valid, test = (np.flatnonzero(part == p) for p in range(3))
    for name, rows, share in zip(PARTS, (train, valid, test), wanted, strict=True):
        if share and not len(rows):
            cause = "" if n_groups is None else f"; {len(table)} rows make {n_groups} groups"
            raise DataError(f"{table.source}: the split {method!r} leaves {name!r} empty{cause}")
    return Split(train, valid, test, method=method, seed=seed, n_groups=n_groups)


def shared_with_train(table: Table, split: Split) -> dict[str, float]:
    """Shares of the test rows that have something in common with a training row.

    Returns:
        From 0 to 1 by what is shared. For SMILES: `string`, `without stereochemistry` and `scaffold`
        (molecules without a ring have none). For MOFid: `string`, `framework` (nodes, linkers and nets;
        catenation may differ), `topology` (a net), `set of linkers`, `every linker` (each of its linkers is
        in some training framework) and `any linker`.
    """
    train, test = ([table.records[i] for i in part] for part in (split.train, split.test))
    shares = {"string": _share_known([[r.text] for r in train], [[r.text] for r in test])}
    known, tested = compute_all(train, groups), compute_all(test, groups)
    several = get_notation(table.notation).held_out
    for kind in tested[0] if tested else ():
        keys = [row[kind] for row in known], [row[kind] for row in tested]
        if kind not in several:
            shares[kind] = _share_known(*keys)
            continue
        sets = ([[frozenset(row)] if row else [] for row in part] for part in keys)
        shares[f"set of {kind}s"] = _share_known(*sets)
        shares[f"every {kind}"] = _share_known(*keys, every=True)
        shares[f"any {kind}"] = _share_known(*keys)
    return shares


def _share_known(
    train: Sequence[Sequence[Hashable]], test: Sequence[Sequence[Hashable]], *, every: bool = False
) -> float:
    """Share of the test rows of which some trait, or every trait, is one of a training row."""
    known = {trait for row in train for trait in row}
    shared = [[trait in known for trait in row] for row in test]
    return float(np.mean([bool(flags) and (all(flags) if every else any(flags)) for flags in shared]))


def _keys(table: Table, method: str) -> list[tuple[str, ...]]:
    """What each row may share with others."""
    if method == "random":
        return [(record.text,) for record in table.records]
    methods = get_notation(table.notation).splits
    if method in methods:
        return [found[method] for found in compute_all(table.records, groups)]
    owners = {split: name for name in NOTATIONS for split in get_notation(name).splits}
    if method in owners:
        raise ConfigError(
            f"split={method!r} is for {owners[method]}, and {table.source} holds {table.notation}: "
            f"try {' or '.join(methods)}"
        )
    raise ConfigError(f"split={method!r} must be one of random, {', '.join(owners)} or column:NAME")


def _grouped(keys: Sequence[tuple[str, ...]]) -> tuple[np.ndarray, int]:
    """Group of each row, numbered in order of appearance, and how many there are.

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
    return np.array(found, dtype=np.int64), len(numbers)


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
    rows_of: dict[str, list[int]] = {}
    for row, linkers in enumerate(keys):
        for linker in linkers:
            rows_of.setdefault(linker, []).append(row)
    rows_by_linker = [np.array(rows) for rows in rows_of.values()]
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


def _parts_of_column(table: Table, name: str) -> np.ndarray:
    if name not in table.columns:
        known = f"; it holds {', '.join(table.columns)}" if table.columns else ""
        raise DataError(f"{table.source}: the table was read without the column {name!r} of the split{known}")
    number = {spelling: p for p, spellings in enumerate(PARTS.values()) for spelling in spellings}
    parts = [number.get(value.strip().lower()) for value in table.columns[name]]
    if None in parts:
        i = parts.index(None)
        raise DataError(
            f"{table.source}: row {table.rows[i]}, column {name!r}: {table.columns[name][i]!r} "
            "is not train, valid or test"
        )
    return np.array(parts, dtype=np.int64)
