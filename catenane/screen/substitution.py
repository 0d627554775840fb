"""Linkers with groups in the place of aromatic hydrogens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from catenane.errors import ConfigError
from catenane.notation import read_block, write_block
from catenane.notation.building_blocks import Linker, Substituent

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["functionalise"]


def functionalise(linker: Linker, substituent: Substituent, *, most: int = 1) -> Iterator[Linker]:
    """Every linker with one to `most` aromatic C-H replaced by the same group, each isomer once.

    The isomers are named in the order found: `BDC-F`, `2,6-NDC-F`, `2,6-NDC-F~2`, `BDC-(F)2`. Donor, shape
    and length stay those of the linker.

    Raises:
        ConfigError: `most` is less than 1.
    """
    if most < 1:
        raise ConfigError(f"most={most} substituents must be at least 1")
    mol, group = read_block(linker.smiles), read_block(substituent.smiles)
    sites = [
        atom.GetIdx()
        for atom in mol.GetAtoms()
        if atom.GetIsAromatic() and atom.GetSymbol() == "C" and atom.GetTotalNumHs() == 1
    ]
    for count in range(1, min(most, len(sites)) + 1):
        label = substituent.name if count == 1 else f"({substituent.name}){count}"
        for number, smiles in enumerate(_isomers(mol, group, sites, count), start=1):
            isomer = f"~{number}" if number > 1 else ""
            yield replace(
                linker,
                name=f"{linker.name}-{label}{isomer}",
                smiles=smiles,
                full_name=f"{linker.full_name}, {count} x {substituent.name}".lstrip(", "),
            )


def _isomers(mol: Mol, group: Mol, sites: list[int], count: int) -> Iterator[str]:
    from rdkit import Chem

    seen = set()
    for places in combinations(sites, count):
        substituted = Chem.RWMol(mol)
        for place in places:
            attached = substituted.GetNumAtoms()
            substituted.InsertMol(group)
            substituted.AddBond(place, attached, Chem.BondType.SINGLE)
        substituted.UpdatePropertyCache(strict=False)
        smiles = write_block(substituted)
        if smiles not in seen:
            seen.add(smiles)
            yield smiles
