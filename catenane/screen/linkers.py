"""Linkers beyond the library: from a file, and with groups in the place of aromatic hydrogens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from catenane.data import Rejection
from catenane.data.numbers import cell_text
from catenane.data.sources import find_source
from catenane.data.table import choose_string_column, string_value
from catenane.data.table_files import open_table
from catenane.errors import CatenaneError, ConfigError, DataError, NotationError
from catenane.notation import read_block, write_block
from catenane.notation.building_blocks import Linker, Substituent
from catenane.notation.building_blocks.linker_names import locant_order, locants, write_groups

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["functionalise", "read_linkers"]

_NAMES = ("name", "linker", "id", "label", "title")


def read_linkers(
    path: str | Path, *, string_column: str | None = None
) -> tuple[list[Linker], list[Rejection]]:
    """Read linkers from a table: CSV, TSV, SMI (all plain or gzip) or Parquet.

    Acids and azoles are deprotonated. A linker without a name is named L1, L2, ... by its row; one whose name
    another structure has already, `NAME (row 7)`. A missing shape is found on a 3D model.

    Args:
        path: The table. Beside the SMILES it may have a column of names (`name`, `linker`, `id`, `label` or
            `title`) and a column `shape`.
        string_column: Column of the SMILES; found by its name or content if None.

    Returns:
        The linkers, each once, and the rows that are none or repeat one, with the reason.

    Raises:
        DataError: The table cannot be read, holds no linker, or the column is not found.
    """
    file = open_table(find_source(path))
    place = choose_string_column(file, string_column, None)
    plain = [column.casefold() for column in file.columns]
    named = next((plain.index(name) for name in _NAMES if name in plain and plain.index(name) != place), None)
    shaped = plain.index("shape") if "shape" in plain else None
    linkers: dict[str, Linker] = {}
    rows: dict[str, int] = {}
    names: set[str] = set()
    rejected: list[Rejection] = []
    for row in file.rows(range(len(file.columns))):
        if isinstance(row, Rejection):
            rejected.append(row)
            continue
        number, cells = row
        name, shape = ("" if i is None else cell_text(cells[i]).strip() for i in (named, shaped))
        name = name or f"L{number}"
        if name in names:
            name = f"{name} (row {number})"
        try:
            string = string_value(cells[place])
            if isinstance(string, NotationError):
                raise string
            linker = Linker.from_smiles(string, name, shape=shape or None)
            if linker.smiles in linkers:
                raise DataError(f"the linker of row {rows[linker.smiles]} again")
        except CatenaneError as error:
            position = getattr(error, "position", None)
            column = file.columns[place]
            rejected.append(Rejection(number, column, cell_text(cells[place]), position, str(error)))
        else:
            linkers[linker.smiles], rows[linker.smiles] = linker, number
            names.add(name)
    if not linkers:
        first = f": {len(rejected):,} rows are none; the first is {rejected[0]}" if rejected else ""
        raise DataError(f"{file.name}: holds no linker{first}")
    return list(linkers.values()), rejected


def functionalise(linker: Linker, substituent: Substituent, *, most: int = 1) -> Iterator[Linker]:
    """Every linker with one to `most` aromatic C-H replaced by the same group, each isomer once.

    The isomers are named by their lowest locants, as `name_linker` does: `BDC, 2-F`, `BDC, 2,5-F2`. Donor,
    shape and length stay those of the linker.

    Raises:
        ConfigError: `most` is less than 1.
    """
    if most < 1:
        raise ConfigError(f"most={most} substituents must be at least 1")
    mol, group = read_block(linker.smiles), read_block(substituent.smiles)
    at = locants(linker)
    sites = [
        atom.GetIdx()
        for atom in mol.GetAtoms()
        if atom.GetIsAromatic() and atom.GetSymbol() == "C" and atom.GetTotalNumHs() == 1
    ]
    sites.sort(key=lambda site: locant_order(at[site]))
    for count in range(1, min(most, len(sites)) + 1):
        found: set[str] = set()
        for places in combinations(sites, count):  # the lowest locants first
            smiles = _attach(mol, group, places)
            if smiles in found:
                continue
            found.add(smiles)
            label = write_groups(substituent.name, [at[place] for place in places])
            parent = linker.full_name or linker.name
            yield replace(
                linker,
                name=f"{linker.name}, {label}",
                smiles=smiles,
                full_name=f"{label} derivative of {parent}",
                locants=(),
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
