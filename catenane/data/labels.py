"""Label columns: names, units and numbers, with what is missing and what is wrong held apart."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from catenane.errors import DataError

__all__ = ["check_target_names", "parse_labels", "parse_numbers", "split_unit"]

_RESERVED = ("row", "string", "source", "split", "error", "in_domain", "note")
_SUFFIXES = ("low", "high", "predicted")

_MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none"})
_TRUTH = {"true": 1.0, "false": 0.0}
_SHOWN_ROWS = 3
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+")

# Symbols that chemists print in headers; a lone "C" or "A" is more often a name than a unit.
_SYMBOL = re.compile(
    r"(?:[munµμpfkcdMG]?(?:mol|eV|cal|Pa|bar|Hz|[gmsJKLlMVW])|Å|D|Ha|[Hh]artree|Eh|a\.u\.|a0|[Bb]ohr|atm|Torr"
    r"|mmHg|h|min|day|°C|(?:wt|vol|mol)?%|ppm|ppb|STP|v|-?log10|ln)(?:\^?[-−+]?\d|[⁻⁺¹²³])*"
)
_BETWEEN_SYMBOLS = re.compile(r"[\s/*·×()]+")
_CLOSING = {"(": ")", "[": "]"}


def split_unit(header: str) -> tuple[str, str]:
    """Name and unit of a column: `solubility (mol/L)` is `solubility` in mol/L.

    The brackets at the end hold a unit if all in them are symbols of units: `log S (exp)` has none. Without a
    unit the name is the whole header and the unit "".
    """
    header = header.strip()
    for place, opening in enumerate(header):
        if place and opening in _CLOSING and header.endswith(_CLOSING[opening]):
            unit = header[place + 1 : -1].strip()
            symbols = [symbol for symbol in _BETWEEN_SYMBOLS.split(unit) if symbol]
            if symbols and all(_SYMBOL.fullmatch(symbol) for symbol in symbols):
                return header[:place].strip(), unit
    return header, ""


def check_target_names(names: Sequence[str], headers: Sequence[str], source: str) -> None:
    """Refuse targets, by name without unit and by header, whose predictions could not be held apart.

    Raises:
        DataError: Two share a name, or one has the name of a column of predictions (`error`, or `y_low`
            beside `y`).
    """
    for name, header in zip(names, headers, strict=True):
        if names.count(name) > 1:
            twins = ", ".join(repr(h) for n, h in zip(names, headers, strict=True) if n == name)
            reason = f"the targets {twins} are all called {name!r} without their units"
        elif name.casefold() in _RESERVED or name in [f"{n}_{suffix}" for n in names for suffix in _SUFFIXES]:
            reason = f"target {header!r} has the name of a column of predictions"
        else:
            continue
        raise DataError(f"{source}: {reason}: rename the column")


def parse_labels(
    cells: Sequence[Any], rows: Sequence[int], column: str, source: str, what: str = "label"
) -> tuple[np.ndarray, dict[int, str]]:
    """As `parse_numbers`, for a column of a table.

    Args:
        cells: As there.
        rows: Data row of each cell, for messages.
        column: Name of the column, for messages.
        source: Name of the table, for messages.
        what: What the numbers are, for messages.

    Raises:
        DataError: Most cells are text.
    """
    values, wrong = parse_numbers(cells, what)
    text = [i for i in wrong if not np.isinf(values[i])]
    if len(text) > np.isfinite(values).sum():
        shown = ", ".join(f"{cells[i]!r} in row {rows[i]}" for i in text[:_SHOWN_ROWS])
        raise DataError(f"{source}: column {column!r} does not hold numbers: {shown}")
    values[np.isinf(values)] = math.nan
    return values, wrong


def parse_numbers(cells: Sequence[Any], what: str = "label") -> tuple[np.ndarray, dict[int, str]]:
    """The numbers in cells, and what is wrong with those that hold none.

    Empty cells, NA, NaN, null and none are missing; true and false are 1 and 0.

    Args:
        cells: Text or typed values, None where a typed file has a null.
        what: What the numbers are, for messages.

    Returns:
        float64 array of shape (len(cells),), not finite where the number is missing or wrong, and the reason
        by index for every wrong cell: text, or a number that is not finite.
    """
    values = np.full(len(cells), math.nan)
    wrong: dict[int, str] = {}
    for i, cell in enumerate(cells):
        try:
            values[i] = _number(cell)
        except (TypeError, ValueError):
            has_comma = _DECIMAL_COMMA.fullmatch(str(cell).strip())
            hint = "; write a point for the decimal comma" if has_comma else ""
            wrong[i] = f"{what} {cell!r} is not a number{hint}"
    for i in np.flatnonzero(np.isinf(values)).tolist():
        wrong[i] = f"{what} {cells[i]!r} is not finite"
    return values, wrong


def _number(cell: Any) -> float:
    if not isinstance(cell, str):
        return math.nan if cell is None else float(cell)
    text = cell.strip()
    word = text.lower()
    if word in _MISSING:
        return math.nan
    if word in _TRUTH:
        return _TRUTH[word]
    if "_" in text:
        raise ValueError(text)  # Python reads 1_000 as a number; no measurement is written so
    return float(text)
