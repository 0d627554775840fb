"""Names of linkers: in the library, or those of the parent and its substituents."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeAlias

import numpy as np

from catenane.errors import NotationError
from catenane.notation import Chem, Smiles, atoms_beyond, read_block
from catenane.notation.building_blocks import Linker, builtin_linkers, builtin_substituents, deprotonate

__all__ = ["LinkerName", "locant_order", "locants", "molecular_formula", "name_linker", "write_groups"]

_MOST_MATCHES = 100
"""Ways to lay a parent over a linker that are tried; symmetric ones count once."""
_MOST_NUMBERINGS = 20_000
"""Above the symmetries of the library's linkers, most of which flip rings."""


Substituents: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Groups by name, with their locants."""


@dataclass(frozen=True)
class LinkerName:
    """Name of a linker."""

    parent: Linker | None
    """The linker of the library that it is, or is made from; None for a foreign one."""
    substituents: Substituents
    """Groups of the library in the place of the parent's hydrogens, in its order, and the locants of each."""
    formula: str
    """As `molecular_formula` has it."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The substituents as chemists write them: `2-NH2`, `2,5-Cl2`, `2,5-(NH2)2`."""
        return tuple(write_groups(group, locants) for group, locants in self.substituents)

    @property
    def short(self) -> str:
        """`BDC`, `BDC, 2,5-Cl2`, or the formula of a foreign linker."""
        return ", ".join([self.parent.name, *self.groups]) if self.parent else self.formula

    @property
    def full(self) -> str:
        """The systematic name, or what it is a derivative of; "" for a foreign linker."""
        name = self.parent.full_name if self.parent else ""
        return f"{', '.join(self.groups)} derivative of {name}" if name and self.groups else name


def write_groups(group: str, locants: Sequence[str]) -> str:
    """Equal groups and where they are: `2-NH2`, `2,5-Cl2`, `2,5-(NH2)2`."""
    several = group if re.fullmatch("[A-Z][a-z]*", group) and group != "OH" else f"({group})"
    return f"{','.join(locants)}-{f'{several}{len(locants)}' if len(locants) > 1 else group}"


def locants(linker: Linker) -> tuple[str, ...]:
    """Names of the atoms of a linker's SMILES, see `linkers.toml`; C1, C2, ... where it is foreign."""
    known = linker.locants or _known().get(linker.smiles, ())
    return known or tuple(f"C{place + 1}" for place in range(read_block(linker.smiles).GetNumAtoms()))


def locant_order(locant: str) -> tuple[int, str, int]:
    """2 before 2' before 3, and numbers before letters."""
    base = locant.rstrip("'")
    number = re.search(r"\d+", base)
    return (int(number[0]) if number else sys.maxsize, base, len(locant) - len(base))


@lru_cache(maxsize=4096)
def name_linker(smiles: str) -> LinkerName:
    """Name one linker of a MOFid.

    The largest linker of the library is taken from which this one can be made by putting groups of the
    library in the place of hydrogens on carbon; acids and azoles count as their anions. Of equivalent ways to
    number the parent, that with the lowest locants counts, then that with the lowest for the groups that the
    library has first. Where stereochemistry is written it has no name, as the library leaves that out. It
    need not be a molecule to RDKit.
    """
    foreign = LinkerName(None, (), molecular_formula(smiles))
    try:
        read = Smiles.parse(smiles)
    except NotationError:
        return foreign
    if read.canonical() != read.canonical(isomeric=False):
        return foreign
    mol = deprotonate(read.mol)
    for parent, reference in _parents():
        found = _substituents(mol, reference)
        if found:
            return LinkerName(parent, min(_numbered(parent, groups) for groups in found)[1], foreign.formula)
    return foreign


def molecular_formula(smiles: str) -> str:
    """The formula in Hill's order with its charge, `C8H4O4 2−`, of a molecule or a block of a MOFid.

    Of what is no molecule to RDKit, with the hydrogens as they are written; if it has none at all, the text.
    """
    try:
        return _formula(Smiles.parse(smiles).mol)
    except NotationError:
        pass
    try:
        return _formula(read_block(smiles))
    except NotationError:
        return smiles


@cache
def _parents() -> tuple[tuple[Linker, Chem.Mol], ...]:
    """The linkers of the library, the largest first."""
    pairs = ((linker, Smiles.parse(linker.smiles).mol) for linker in builtin_linkers())
    return tuple(sorted(pairs, key=lambda pair: -pair[1].GetNumHeavyAtoms()))


@cache
def _known() -> dict[str, tuple[str, ...]]:
    return {linker.smiles: linker.locants for linker in builtin_linkers()}


@cache
def _numberings(parent: Linker) -> np.ndarray:
    """Equivalent numberings of a parent: places of its atoms in the order of locants, (numberings, atoms)."""
    mol = Smiles.parse(parent.smiles).mol
    ranked = sorted(set(parent.locants), key=locant_order)
    ranks_A = np.array([ranked.index(locant) for locant in parent.locants])
    ways_NA = mol.GetSubstructMatches(mol, uniquify=False, maxMatches=_MOST_NUMBERINGS)
    numberings_NA: np.ndarray = ranks_A[np.array(ways_NA)]
    return numberings_NA


def _numbered(parent: Linker, groups: list[tuple[int, str]]) -> tuple[Any, Substituents]:
    """The groups, given by atoms of the parent, with their lowest locants; first, what makes these lowest."""
    borne = {name for _, name in groups}
    names = [group.name for group in builtin_substituents() if group.name in borne]

    def ranks(way: list[int]) -> tuple[list[int], list[list[int]]]:
        pairs = list(zip(way, groups, strict=True))
        return sorted(way), [sorted(rank for rank, (_, other) in pairs if other == name) for name in names]

    ways_NG = np.unique(_numberings(parent)[:, [atom for atom, _ in groups]], axis=0)
    lowest = min(map(ranks, ways_NG.tolist()))
    ranked = sorted(set(parent.locants), key=locant_order)
    at = (tuple(ranked[rank] for rank in of_group) for of_group in lowest[1])
    return lowest, tuple(zip(names, at, strict=True))


@cache
def _names() -> dict[str, str]:
    """Name of each substituent by how it is written from its first atom while it sits on something."""
    bearers = ((Smiles.parse(f"C{group.smiles}").mol, group.name) for group in builtin_substituents())
    return {_written(mol, list(range(1, mol.GetNumAtoms())), 1): name for mol, name in bearers}


def _substituents(mol: Chem.Mol, parent: Chem.Mol) -> list[list[tuple[int, str]]]:
    """Ways to make the parent into this molecule: atoms of the parent, and the group that each bears."""
    if mol.GetNumAtoms() < parent.GetNumAtoms():
        return []
    ways = mol.GetSubstructMatches(parent, maxMatches=_MOST_MATCHES)
    found = (_substituents_beside(mol, parent, places) for places in ways)
    return [groups for groups in found if groups is not None]


def _substituents_beside(
    mol: Chem.Mol, parent: Chem.Mol, places: tuple[int, ...]
) -> list[tuple[int, str]] | None:
    """As `_substituents`, where each atom of the parent lies over the atom of the molecule at its place."""
    inside = set(places)
    n_inside, n_outside = 0, mol.GetNumAtoms() - len(inside)
    n_attached: Counter[int] = Counter()
    names = []
    for bond in mol.GetBonds():
        bearer, first = bond.GetBeginAtom(), bond.GetEndAtom()
        if first.GetIdx() in inside:
            bearer, first = first, bearer
        if bearer.GetIdx() not in inside:
            continue
        if first.GetIdx() in inside:
            n_inside += 1
            continue
        group = atoms_beyond(mol, first.GetIdx(), inside)
        name = _names().get(_written(mol, group, first.GetIdx()))
        if name is None or bearer.GetSymbol() != "C" or bond.GetBondType() != Chem.BondType.SINGLE:
            return None
        names.append((places.index(bearer.GetIdx()), name))
        n_attached[bearer.GetIdx()] += 1
        n_outside -= len(group)
    alike = all(
        _state(mol.GetAtomWithIdx(place), n_attached[place]) == _state(atom)
        for atom, place in zip(parent.GetAtoms(), places, strict=True)
    )
    # A group that is bound twice has been counted twice, and is none of ours.
    return names if alike and n_inside == parent.GetNumBonds() and n_outside == 0 else None


def _written(mol: Chem.Mol, group: list[int], first: int) -> str:
    return str(Chem.MolFragmentToSmiles(mol, group, rootedAtAtom=first))


def _state(atom: Chem.Atom, n_attached: int = 0) -> tuple[int, int, int]:
    """Charge, radicals and hydrogens, the latter before so many were replaced."""
    return atom.GetFormalCharge(), atom.GetNumRadicalElectrons(), atom.GetTotalNumHs() + n_attached


def _formula(mol: Chem.Mol) -> str:
    from rdkit.Chem.rdMolDescriptors import CalcMolFormula

    return re.sub(r"([+-])(\d*)$", r" \2\1", CalcMolFormula(mol)).replace("-", "−")
