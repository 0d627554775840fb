"""Names and units of label columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from catenane.errors import DataError

__all__ = ["check_target_names", "split_unit"]

_RESERVED = ("row", "string", "source", "split", "error", "in_domain", "note")
_SUFFIXES = ("low", "high", "predicted")


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
