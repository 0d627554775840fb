"""What the test rows of a split have in common with its training rows."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from catenane.data.splits import Split
from catenane.data.table import Table
from catenane.notation import compute_all, get_notation, groups

__all__ = ["shared_with_train"]


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
    for place, name in enumerate(table.string_columns):
        shares[name] = _share_known(*([[r.parts[place].text] for r in part] for part in (train, test)))
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
