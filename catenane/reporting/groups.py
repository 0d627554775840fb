"""Rows sorted by their chemistry, to colour the parity plot and to find where the model errs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from catenane.data import Split, Table
from catenane.notation import Mofid, Smiles

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["OTHER", "Grouping", "Groupings", "chemistry_groups"]

OTHER = "other"
MOST_GROUPS = 10
"""Groups that are shown; if there are more, the last one holds the rest."""
MOST_NAME = 24

SCAFFOLD_NAMES = {
    "": "no ring",
    "C1CCCC1": "cyclopentane",
    "C1CCCCC1": "cyclohexane",
    "C1CCNCC1": "piperidine",
    "C1CCOCC1": "oxane",
    "C1CNCCN1": "piperazine",
    "C1COCCN1": "morpholine",
    "O=C1C=C2CCC3C4CCCC4CCC3C2CC1": "androst-4-en-3-one",
    "O=C1CC(=O)NC(=O)N1": "barbituric acid",
    "O=c1cc[nH]c(=O)[nH]1": "uracil",
    "c1ccc(-c2ccccc2)cc1": "biphenyl",
    "c1ccc(Cc2ccccc2)cc1": "diphenylmethane",
    "c1ccc2[nH]ccc2c1": "indole",
    "c1ccc2[nH]cnc2c1": "benzimidazole",
    "c1ccc2cc3ccccc3cc2c1": "anthracene",
    "c1ccc2ccccc2c1": "naphthalene",
    "c1ccc2ncccc2c1": "quinoline",
    "c1ccccc1": "benzene",
    "c1ccncc1": "pyridine",
    "c1ccoc1": "furan",
    "c1ccsc1": "thiophene",
    "c1cncnc1": "pyrimidine",
    "c1ncc2nc[nH]c2n1": "purine",
    "c1ncncn1": "triazine",
}
"""What chemists call the commonest Bemis-Murcko scaffolds; the others go by their SMILES."""
RING_CLASSES = (
    "no ring",
    "1 aromatic ring",
    "1 aliphatic ring",
    "2 rings",
    "3 rings",
    "4 rings",
    "5 or more rings",
)


@dataclass(frozen=True)
class Grouping:
    """One way to sort the N rows of a table."""

    title: str
    """What the groups tell apart: "topology"."""
    row_names: npt.NDArray[np.str_]
    """Group of each row, (N,)."""
    names: tuple[str, ...]
    """The groups in the order to show them."""


@dataclass(frozen=True)
class Groupings:
    """Ways to sort the rows of one table."""

    main: Grouping
    """By topology; by scaffold or, where too few molecules share one, by rings. Colours the parity plot."""
    size: Grouping
    """By catenation or by heavy atoms."""
    seen: Grouping
    """By whether the training rows hold the linkers or the scaffold."""


def chemistry_groups(table: Table, split: Split) -> Groupings:
    """Sort the rows of a table by what their strings tell of their chemistry."""
    sort = _sort_mofs if table.notation == "mofid" else _sort_molecules
    return sort(table.strings, split)


def _sort_mofs(strings: Sequence[str], split: Split) -> Groupings:
    topologies, catenations, linkers = [], [], []
    for string in strings:
        mofid = Mofid.parse(string)
        topologies.append(",".join(mofid.topologies) or "none")
        catenations.append("unknown" if mofid.catenation is None else f"cat{mofid.catenation}")
        linkers.append(frozenset(mofid.linkers))
    known = frozenset[str]().union(*(linkers[row] for row in split.train))
    seen = ["all linkers seen" if blocks <= known else "a linker is new" for blocks in linkers]
    return Groupings(
        main=_commonest("topology", topologies),
        size=_ordered("catenation", catenations, sorted(set(catenations))),
        seen=_ordered("linkers in training", seen, ["all linkers seen", "a linker is new"]),
    )


def _sort_molecules(strings: Sequence[str], split: Split) -> Groupings:
    scaffolds, rings, sizes = [], [], []
    for string in strings:
        smiles = Smiles.parse(string)
        scaffolds.append(smiles.scaffold())
        rings.append(_ring_class(smiles.mol))
        sizes.append(smiles.mol.GetNumHeavyAtoms())
    known = {scaffolds[row] for row in split.train}
    seen = ["scaffold seen" if scaffold in known else "scaffold is new" for scaffold in scaffolds]
    main = _commonest("scaffold", [_scaffold_name(scaffold) for scaffold in scaffolds])
    # A scaffold split leaves the common scaffolds to the training rows: what counts is what the plot shows.
    if np.count_nonzero(main.row_names[split.test] == OTHER) > len(split.test) / 2:
        main = _ordered("rings", rings, RING_CLASSES)
    return Groupings(
        main=main,
        size=_size_classes(np.array(sizes, dtype=np.int64)),
        seen=_ordered("scaffold in training", seen, ["scaffold seen", "scaffold is new"]),
    )


def _scaffold_name(scaffold: str) -> str:
    name = SCAFFOLD_NAMES.get(scaffold, scaffold)
    return name if len(name) <= MOST_NAME else name[: MOST_NAME - 1] + "…"


def _ring_class(mol: Mol) -> str:
    atoms = mol.GetRingInfo().AtomRings()
    if len(atoms) == 1:
        aromatic = all(mol.GetAtomWithIdx(index).GetIsAromatic() for index in atoms[0])
        return RING_CLASSES[1 if aromatic else 2]
    return RING_CLASSES[min(len(atoms) + 1, len(RING_CLASSES) - 1) if atoms else 0]


def _commonest(title: str, names: Sequence[str]) -> Grouping:
    """The commonest groups by their names, the rest as one."""
    ranked = [name for name, _ in Counter(names).most_common()]
    shown = set(ranked if len(ranked) <= MOST_GROUPS else ranked[: MOST_GROUPS - 1])
    return _ordered(title, [name if name in shown else OTHER for name in names], [*ranked, OTHER])


def _size_classes(sizes: npt.NDArray[np.int64], most: int = 8) -> Grouping:
    """Classes of equal width, the last one open."""
    top = int(np.quantile(sizes, 0.99)) if len(sizes) else 0
    width = next(width for width in (1, 2, 5, 10, 20, 50, 100, top + 1) if top / width < most)
    last = max(0, top - 1) // width
    classes = np.minimum(np.maximum(sizes - 1, 0) // width, last)
    labels = [f"{k * width + 1}–{(k + 1) * width}" if width > 1 else f"{k + 1}" for k in range(last)]
    labels.append(f"{last * width + 1} or more")
    return _ordered("heavy atoms", [labels[k] for k in classes], labels)


def _ordered(title: str, names: Sequence[str], order: Sequence[str]) -> Grouping:
    present = set(names)
    shown = tuple(name for name in dict.fromkeys(order) if name in present)
    return Grouping(title, np.asarray(names, dtype=np.str_), shown)
