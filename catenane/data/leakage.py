"""How much of a test part is known from training."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np

from catenane.data.splits import Split
from catenane.data.table import Table
from catenane.notation import Mofid, Smiles

__all__ = ["shared_with_train"]


def shared_with_train(table: Table, split: Split) -> dict[str, float]:
    """Shares of the test rows that have something in common with a training row.

    Returns:
        From 0 to 1 by what is shared. For SMILES: `string`, `without stereochemistry` and `scaffold`
        (molecules without a ring have none). For MOFid: `string`, `all but catenation`, `set of linkers`,
        `every linker` (each of its linkers is in some training framework) and `any linker`.
    """
    train, test = ([table.strings[i] for i in part] for part in (split.train, split.test))
    shares = {"string": _share_known(train, test, lambda string: [string])}
    if table.notation == "smiles":
        molecules = {string: Smiles.parse(string) for string in {*train, *test}}
        shares["without stereochemistry"] = _share_known(
            train, test, lambda string: [molecules[string].canonical(isomeric=False)]
        )
        shares["scaffold"] = _share_known(
            train, test, lambda string: filter(None, [molecules[string].scaffold()])
        )
        return shares
    frameworks = {string: Mofid.parse(string) for string in {*train, *test}}

    def linkers(string: str) -> set[str]:
        return set(frameworks[string].linkers)

    shares["all but catenation"] = _share_known(
        train, test, lambda string: [(frameworks[string].blocks, frameworks[string].topologies)]
    )
    shares["set of linkers"] = _share_known(
        train, test, lambda string: filter(None, [frozenset(linkers(string))])
    )
    shares["every linker"] = _share_known(train, test, linkers, every=True)
    shares["any linker"] = _share_known(train, test, linkers)
    return shares


def _share_known(
    train: Sequence[str],
    test: Sequence[str],
    traits: Callable[[str], Iterable[Hashable]],
    *,
    every: bool = False,
) -> float:
    """Share of the test strings of which some trait, or every trait, is one of a training string."""
    known = {trait for string in train for trait in traits(string)}
    shared = [[trait in known for trait in traits(string)] for string in test]
    return float(np.mean([bool(flags) and (all(flags) if every else any(flags)) for flags in shared]))
