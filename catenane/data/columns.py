"""Which column of a table is meant: by its name as far as it is given or usual, else by what stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catenane.errors import DataError, NotationError, suggestion
from catenane.notation import NotationName, detect_notation

__all__ = ["find_column", "find_notation", "find_string_column", "holds_strings", "usual_notation"]

# Spelt without case, spaces, hyphens and underscores; earlier names go before later ones.
_STRING_NAMES: dict[NotationName, tuple[str, ...]] = {
    "mofid": ("mofid", "mofidv1"),
    "smiles": (
        *("smiles", "canonicalsmiles", "isomericsmiles", "smilesstring", "rdkitsmiles", "smi"),
        *("mol", "molecule", "structure"),
    ),
}
_SHOWN_COLUMNS = 20


def usual_notation(name: str) -> NotationName | None:
    """The notation of strings that usually stand in a column of this name; None where none do."""
    return next((notation for notation, names in _STRING_NAMES.items() if _plain(name) in names), None)


def find_column(columns: Sequence[str], name: str, source: str) -> int:
    """Number of the column of this name; upper and lower case may be mixed up where that is not ambiguous.

    Raises:
        DataError: There is no such column, or several; the nearest one, or those that there are, are named.
    """
    if columns.count(name) > 1:
        raise DataError(f"{source}: several columns are called {name!r} but for their units: give the unit")
    if name in columns:
        return columns.index(name)
    alike = [i for i, column in enumerate(columns) if column.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    raise DataError(f"{source}: no column {name!r}: {suggestion(name, columns)}")


def find_string_column(
    columns: Sequence[str], sample: Sequence[Sequence[Any]], source: str, notation: NotationName | None = None
) -> int:
    """Number of the column of strings: the one with a usual name, else the only one that looks so.

    Raises:
        DataError: No column looks like SMILES or MOFid, several do, or the first line is data, not a header.
    """
    plain = [_plain(column) for column in columns]
    names = [name for kind, names in _STRING_NAMES.items() if notation in (None, kind) for name in names]
    named = [plain.index(name) for name in names if name in plain]
    if named:
        return next((i for i in named if holds_strings([row[i] for row in sample])), named[0])
    if not sample:
        raise DataError(f"{source}: the table has no rows under its header")
    alike = [i for i in range(len(columns)) if holds_strings([row[i] for row in sample])]
    if not alike:
        raise DataError(f"{source}: no column looks like SMILES or MOFid; the columns are {_listed(columns)}")
    if any(holds_strings([columns[i]]) for i in alike):
        raise DataError(
            f"{source}: the first line looks like data, not like names of columns: "
            "add a header such as 'smiles,y', or say which column holds the strings if it is one"
        )
    if len(alike) > 1:
        several = _listed([columns[i] for i in alike])
        raise DataError(f"{source}: the strings may be in any of {several}: say which column is meant")
    return alike[0]


def holds_strings(values: Sequence[Any]) -> bool:
    """Whether these values of a column are chemical strings: SMILES or MOFid, and not just numbers."""
    texts = [value.strip() for value in values if isinstance(value, str) and value.strip()]
    if not texts or all(_is_number(text) for text in texts):
        return False
    try:
        detect_notation(texts)
    except NotationError:
        return False
    return True


def find_notation(values: Sequence[Any], column: str, source: str) -> NotationName:
    """Notation of the strings of a column: as most of them look, else as the column is called.

    Raises:
        DataError: Neither is known.
    """
    try:
        return detect_notation([value for value in values if isinstance(value, str)])
    except NotationError as error:
        notation = usual_notation(column)
        if notation is None:
            raise DataError(f"{source}: column {column!r}: {error}") from None
        return notation


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c not in " _-")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN_COLUMNS])
    return f"{shown} and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else shown
