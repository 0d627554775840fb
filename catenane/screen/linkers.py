"""Linkers beyond the library: from a file, and with groups in the place of aromatic hydrogens."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from catenane.errors import CatenaneError, ConfigError, DataError
from catenane.notation import read_block, write_block
from catenane.notation.building_blocks import Linker, Substituent

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["functionalise", "read_linkers"]

_COLUMNS = ("smiles", "name", "shape")


def read_linkers(path: str | Path) -> list[Linker]:
    """Read linkers from a CSV file with the column `smiles`, and `name` and `shape` where they are known.

    A linker without a name is named L1, L2, ... by its row. A missing shape is found on a 3D model.

    Raises:
        DataError: The file cannot be read or holds no linker, or a row, which is named, is no linker.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            columns, rows = table.fieldnames or (), list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from None
    if "smiles" not in columns:
        raise DataError(f"{path}: no column 'smiles'; the columns of linkers are {', '.join(_COLUMNS)}")
    if not rows:
        raise DataError(f"{path}: holds no linker")
    linkers = []
    for number, row in enumerate(rows, start=1):
        smiles, name, shape = ((row.get(column) or "").strip() for column in _COLUMNS)
        try:
            linkers.append(Linker.from_smiles(smiles, name or f"L{number}", shape=shape or None))
        except CatenaneError as error:
            raise DataError(f"{path}, row {number}: {error}") from None
    return linkers


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
        isomers = dict.fromkeys(_attach(mol, group, places) for places in combinations(sites, count))
        for number, smiles in enumerate(isomers, start=1):
            yield replace(
                linker,
                name=f"{linker.name}-{label}{f'~{number}' if number > 1 else ''}",
                smiles=smiles,
                full_name=f"{linker.full_name}, {count} x {substituent.name}".lstrip(", "),
            )


def _attach(mol: Mol, group: Mol, places: tuple[int, ...]) -> str:
    """The block with the group on each of these atoms."""
    from rdkit import Chem

    substituted = Chem.RWMol(mol)
    for place in places:
        attached = substituted.GetNumAtoms()
        substituted.InsertMol(group)
        substituted.AddBond(place, attached, Chem.BondType.SINGLE)
    substituted.UpdatePropertyCache(strict=False)
    return write_block(substituted)
