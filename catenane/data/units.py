"""The unit that a column's header carries: `solubility (mol/L)` is `solubility` in mol/L."""

from __future__ import annotations

import re

__all__ = ["split_unit"]

# Symbols that chemists print in headers; a lone "C" or "A" is more often a name than a unit.
_SYMBOL = re.compile(
    r"(?:[munµμpfkcdMG]?(?:mol|eV|cal|Pa|bar|Hz|[gmsJKLlMVW])|Å|D|Ha|[Hh]artree|Eh|a\.u\.|a0|[Bb]ohr|atm|Torr"
    r"|mmHg|h|min|day|°C|(?:wt|vol|mol)?%|ppm|ppb|STP|v|-?log10|ln)(?:\^?[-−+]?\d|[⁻⁺¹²³])*"
)
_BETWEEN_SYMBOLS = re.compile(r"[\s/*·×()]+")
_CLOSING = {"(": ")", "[": "]"}


def split_unit(header: str) -> tuple[str, str]:
    """Name and unit of a column; the unit is "" and the name is the whole header where none is recognised.

    The brackets at the end hold a unit if all in them are symbols of units: `log S (exp)` has none.
    """
    header = header.strip()
    for place, opening in enumerate(header):
        if place and opening in _CLOSING and header.endswith(_CLOSING[opening]):
            unit = header[place + 1 : -1].strip()
            symbols = [symbol for symbol in _BETWEEN_SYMBOLS.split(unit) if symbol]
            if symbols and all(_SYMBOL.fullmatch(symbol) for symbol in symbols):
                return header[:place].strip(), unit
    return header, ""
