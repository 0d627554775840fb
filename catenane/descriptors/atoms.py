"""The atoms and bonds of a molecule as a graph.

Axes: A atoms, E bonds, F features.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from catenane.errors import NotationError
from catenane.notation import Chem, NotationName, Record, rdkit_errors

__all__ = ["HAS_GRAPH", "N_CANONICAL", "N_ELEMENTS", "AtomGraph", "atom_graph"]

HAS_GRAPH: frozenset[NotationName] = frozenset({"smiles"})
"""Notations whose strings hold all that RDKit needs to make a graph of them."""
_ELEMENTS = re.findall(
    "[A-Z][a-z]?",
    "CNOSFSiPClBrMgNaCaFeAsAlIBVKTlYbSbSnAgPdCoSeTiZnHLiGeCuAuNiCdInMnZrCrPtHgPb",
)
_KNOWN: dict[str, Sequence[Any]] = {
    "element": _ELEMENTS,
    "bonds": range(11),
    "implicit hydrogens": range(7),
    "hybridisation": ("SP", "SP2", "SP3", "SP3D", "SP3D2"),
    "aromatic": (True,),
    "hydrogens": range(5),
}
_PLACES = {
    each: place for place, each in enumerate((n, value) for n, values in _KNOWN.items() for value in values)
}
_CHARGE, _RADICALS = len(_PLACES), len(_PLACES) + 1
N_CANONICAL = len(_PLACES) + 2
"""Canonical features of an atom."""
N_ELEMENTS = 119
"""Atomic numbers, 0 of a wildcard among them."""


class AtomGraph(NamedTuple):
    """A molecule as its normal form is written: atoms in that order, written hydrogens among them."""

    canonical_AF: NDArray[np.int8]
    """The 74 canonical atom features of DGL-LifeSci: one for each value of `_KNOWN` that an atom has,
    then its charge and its unpaired electrons."""
    number_A: NDArray[np.uint8]
    """Atomic numbers."""
    bonds_E2: NDArray[np.int32]
    """The two atoms of each bond, once; none of a single atom, none between the parts of a salt."""


def atom_graph(record: Record) -> AtomGraph:
    """The graph of one molecule; `NotationError` where RDKit does not read its normal form.

    Source of the features: M. Li et al., ACS Omega 2021, 6, 27233 (DGL-LifeSci).
    """
    parameters: Any = Chem.SmilesParserParams()
    parameters.removeHs = False  # tokens and atoms are the same in number and order
    with rdkit_errors(record.text):
        mol = Chem.MolFromSmiles(record.text, parameters)
        if mol is None:
            raise NotationError(f"RDKit makes no graph of {record.text}")
        atoms = list(mol.GetAtoms())
        bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()]
        canonical_AF = np.zeros((len(atoms), N_CANONICAL), np.int8)
        for row, atom in zip(canonical_AF, atoms, strict=True):
            row[[place for place in map(_PLACES.get, _traits(atom)) if place is not None]] = 1
            row[_CHARGE], row[_RADICALS] = atom.GetFormalCharge(), atom.GetNumRadicalElectrons()
    return AtomGraph(
        canonical_AF,
        np.array([atom.GetAtomicNum() for atom in atoms], np.uint8),
        np.array(bonds, np.int32).reshape(-1, 2),
    )


def _traits(atom: Any) -> Iterator[tuple[str, Any]]:
    """What an atom has, by names of `_KNOWN`."""
    values = (
        atom.GetSymbol(), atom.GetDegree(), atom.GetNumImplicitHs(), atom.GetHybridization().name,
        atom.GetIsAromatic(), atom.GetTotalNumHs(),
    )  # fmt: skip
    return zip(_KNOWN, values, strict=True)
