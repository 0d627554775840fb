"""Names of linkers: in the library, or those of the parent and its substituents."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache

from catenane.errors import NotationError
from catenane.notation import Chem, Smiles, atoms_beyond, read_block
from catenane.notation.building_blocks import Linker, builtin_linkers, builtin_substituents, deprotonate

__all__ = ["LinkerName", "molecular_formula", "name_linker"]

_MOST_MATCHES = 100
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
        return ", ".join([self.parent.name, *self.groups]) if self.parent else self.formula


@lru_cache(maxsize=4096)
def name_linker(smiles: str) -> LinkerName:
    """Name one linker of a MOFid.

    The largest linker of the library is taken from which this one can be made by putting groups of the
    library in the place of hydrogens on carbon; acids count as their carboxylates. Where stereochemistry is
    written it has no name, as the library leaves that out. It need not be a molecule to RDKit.
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
        groups = _substituents(mol, reference)
        if groups is not None:
            counts = [(group.name, groups.count(group.name)) for group in builtin_substituents()]
            return LinkerName(parent, tuple(pair for pair in counts if pair[1]), foreign.formula)
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
def _names() -> dict[str, str]:
    """Name of each substituent by how it is written from its first atom while it sits on something."""
    bearers = ((Smiles.parse(f"C{group.smiles}").mol, group.name) for group in builtin_substituents())
    return {_written(mol, list(range(1, mol.GetNumAtoms())), 1): name for mol, name in bearers}


def _substituents(mol: Chem.Mol, parent: Chem.Mol) -> list[str] | None:
    """Names of the groups that make the parent into this molecule; None where it is not so made."""
    if mol.GetNumAtoms() < parent.GetNumAtoms():
        return None
    ways = mol.GetSubstructMatches(parent, maxMatches=_MOST_MATCHES)
    found = (_substituents_beside(mol, parent, places) for places in ways)
    return next((groups for groups in found if groups is not None), None)


def _substituents_beside(mol: Chem.Mol, parent: Chem.Mol, places: tuple[int, ...]) -> list[str] | None:
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
        names.append(name)
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
