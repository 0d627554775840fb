"""Names of linkers: in the library, or those of the parent and its substituents."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from catenane.errors import NotationError
from catenane.notation import Smiles, read_block
from catenane.notation.building_blocks import Linker, builtin_linkers, builtin_substituents, deprotonate

if TYPE_CHECKING:
    from rdkit.Chem import Atom, Mol

__all__ = ["LinkerName", "molecular_formula", "name_linker"]

MOST_MATCHES = 100
"""Ways to lay a parent over a linker that are tried; symmetric ones count once."""


@dataclass(frozen=True)
class LinkerName:
    """Name of a linker."""

    parent: Linker | None
    """The linker of the library that it is, or is made from; None for a foreign one."""
    substituents: tuple[tuple[str, int], ...]
    """Groups of the library in the place of the parent's hydrogens, and how many of each, in its order."""
    formula: str
    """As `molecular_formula` has it."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The substituents in words: `NH2`, `2 × NH2`."""
        return tuple(f"{count} × {group}" if count > 1 else group for group, count in self.substituents)

    @property
    def short(self) -> str:
        """`BDC`, `BDC, 2 × NH2`, or the formula of a foreign linker."""
        if self.parent is None:
            return self.formula
        return ", ".join([self.parent.name, *self.groups])


@lru_cache(maxsize=4096)
def name_linker(smiles: str) -> LinkerName:
    """Name one linker of a MOFid.

    The largest linker of the library is taken from which this one can be made by putting groups of the
    library in the place of hydrogens on carbon; acids count as their carboxylates. Where stereochemistry is
    written it has no name, as the library leaves that out.

    Args:
        smiles: One block that follows the grammar of SMILES, whether or not it is a molecule to RDKit.
    """
    formula = molecular_formula(smiles)
    try:
        read = Smiles.parse(smiles)
    except NotationError:
        return LinkerName(None, (), formula)
    if read.canonical() != read.canonical(isomeric=False):
        return LinkerName(None, (), formula)
    mol = deprotonate(read.mol)
    for parent, reference in _parents():
        groups = next(_substitutions(mol, reference), None)
        if groups is not None:
            counts = Counter(groups)
            order = (group.name for group in builtin_substituents() if group.name in counts)
            return LinkerName(parent, tuple((name, counts[name]) for name in order), formula)
    return LinkerName(None, (), formula)


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
def _parents() -> tuple[tuple[Linker, Mol], ...]:
    """The linkers of the library, the largest first."""
    pairs = ((linker, Smiles.parse(linker.smiles).mol) for linker in builtin_linkers())
    return tuple(sorted(pairs, key=lambda pair: -pair[1].GetNumHeavyAtoms()))


@cache
def _groups() -> dict[str, str]:
    """Name of each substituent by how it is written from its first atom while it sits on something."""
    names = {}
    for group in builtin_substituents():
        bearer = Smiles.parse(f"C{group.smiles}").mol
        names[_written(bearer, list(range(1, bearer.GetNumAtoms())), 1)] = group.name
    return names


def _substitutions(mol: Mol, parent: Mol) -> Iterator[list[str]]:
    """The groups that make the parent into this molecule, for each way to lay one over the other."""
    if mol.GetNumAtoms() < parent.GetNumAtoms():
        return
    for places in mol.GetSubstructMatches(parent, maxMatches=MOST_MATCHES):
        groups = _groups_beside(mol, parent, places)
        if groups is not None:
            yield groups


def _groups_beside(mol: Mol, parent: Mol, places: tuple[int, ...]) -> list[str] | None:
    """Names of what the molecule carries beside the parent; None where it is not made of it and known groups.

    Args:
        mol: The molecule.
        parent: What it may be made of.
        places: For each atom of the parent the atom of the molecule it is laid over.
    """
    from rdkit import Chem

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
        group = _beyond(mol, first.GetIdx(), inside)
        name = _groups().get(_written(mol, group, first.GetIdx()))
        if name is None or bearer.GetSymbol() != "C" or bond.GetBondType() != Chem.BondType.SINGLE:
            return None
        names.append(name)
        n_attached[bearer.GetIdx()] += 1
        n_outside -= len(group)
    alike = all(
        _state(mol.GetAtomWithIdx(place), n_attached[place]) == _state(atom)
        for atom, place in zip(parent.GetAtoms(), places, strict=True)
    )
    # A group that is bound twice has been counted twice, and is none of ours.
    return names if alike and n_inside == parent.GetNumBonds() and n_outside == 0 else None


def _beyond(mol: Mol, first: int, inside: set[int]) -> list[int]:
    """The atoms that hang together with the first one, without those inside."""
    found, todo = {first}, [first]
    while todo:
        neighbours = {other.GetIdx() for other in mol.GetAtomWithIdx(todo.pop()).GetNeighbors()}
        todo += neighbours - inside - found
        found |= neighbours - inside
    return sorted(found)


def _written(mol: Mol, group: list[int], first: int) -> str:
    from rdkit import Chem

    return str(Chem.MolFragmentToSmiles(mol, group, rootedAtAtom=first))


def _state(atom: Atom, n_attached: int = 0) -> tuple[int, int, int]:
    """Charge, radicals and hydrogens, the latter before so many were replaced."""
    return atom.GetFormalCharge(), atom.GetNumRadicalElectrons(), atom.GetTotalNumHs() + n_attached


def _formula(mol: Mol) -> str:
    from rdkit.Chem.rdMolDescriptors import CalcMolFormula

    return re.sub(r"([+-])(\d*)$", r" \2\1", CalcMolFormula(mol)).replace("-", "−")
