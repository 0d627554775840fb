"""Linkers of one's own, from a file."""

from __future__ import annotations

import csv
from pathlib import Path

from catenane.errors import CatenaneError, DataError
from catenane.notation.building_blocks import Linker

__all__ = ["read_linkers"]

_COLUMNS = ("smiles", "name", "shape")


def read_linkers(path: str | Path) -> list[Linker]:
    """Read linkers from a CSV file with the column `smiles`, and `name` and `shape` if they are known.

    A linker without a name is named L1, L2, ... by its row. Without a shape, it is found on a 3D model.

    Raises:
        DataError: The file cannot be read, holds no linker, or a row holds none; the row is named.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            if "smiles" not in (table.fieldnames or ()):
                raise DataError(
                    f"{path}: no column 'smiles'; the columns of linkers are {', '.join(_COLUMNS)}"
                )
            rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from None
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
