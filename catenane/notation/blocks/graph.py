"""A block as plain lists: what its spelling depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["AROMATIC", "Atom", "BlockGraph", "block_graph"]

AROMATIC = 5
"""Order of an aromatic bond in the code of a numbering."""


class Atom(NamedTuple):
    """One heavy atom."""

    symbol: str
    number: int
    charge: int
    hydrogens: int
    aromatic: bool
    in_ring: bool


class BlockGraph(NamedTuple):
    """Atoms and bonds of a connected block."""

    atoms: list[Atom]
    bonds: list[dict[int, int]]
    """Order of the bond to each neighbour of each atom."""
    ring_bonds: set[frozenset[int]]


def block_graph(mol: Mol) -> BlockGraph:
    """The graph of an RDKit molecule, nitro groups written without charges as MOFid does."""
    from rdkit import Chem

    mol = Chem.RWMol(mol)
    mol.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(mol)
    for nitro in mol.GetSubstructMatches(Chem.MolFromSmarts("[N+](=O)[O-;D1]")):
        nitrogen, _, oxygen = nitro
        mol.GetAtomWithIdx(nitrogen).SetFormalCharge(0)
        mol.GetAtomWithIdx(oxygen).SetFormalCharge(0)
        mol.GetBondBetweenAtoms(nitrogen, oxygen).SetBondType(Chem.BondType.DOUBLE)
    atoms = [
        Atom(
            atom.GetSymbol(),
            atom.GetAtomicNum(),
            atom.GetFormalCharge(),
            atom.GetTotalNumHs(),
            atom.GetIsAromatic(),
            atom.IsInRing(),
        )
        for atom in mol.GetAtoms()
    ]
    bonds: list[dict[int, int]] = [{} for _ in atoms]
    ring_bonds = set()
    for bond in mol.GetBonds():
        begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        order = int(bond.GetBondTypeAsDouble())  # unsanitised biaryl bonds are of order 1.5
        if bond.IsInRing():
            ring_bonds.add(frozenset((begin, end)))
            order = AROMATIC if bond.GetIsAromatic() else order
        bonds[begin][end] = bonds[end][begin] = order
    return BlockGraph(atoms, bonds, ring_bonds)
