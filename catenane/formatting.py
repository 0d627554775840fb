"""Numbers, units, counts, durations and formulas as text, the same in reports, pages and the terminal."""

from __future__ import annotations

import math
import re

__all__ = [
    "MISSING", "NO_BREAK", "chemical", "count", "duration", "number", "percent", "quantity", "unit_or_none",
    "with_unit",
]  # fmt: skip

MISSING = "–"
NO_BREAK = "\N{NO-BREAK SPACE}"
DIMENSIONLESS = {"", "-", "1", "class"}
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
SUPERSCRIPTS = str.maketrans("0123456789+−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")


def number(value: float | None, like: float | None = None, digits: int = 3) -> str:
    """A number with as many decimals as show `digits` significant digits of `like`.

    Args:
        value: What to write; None and what is not finite become a dash.
        like: The number that sets the decimals, so that a column of them lines up; `value` itself by default.
        digits: Significant digits.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    scale = abs(value if like is None or not math.isfinite(like) else like)
    # Rounded first, so that 0.0099999 is 0.0100 and not 0.01000.
    exponent = int(f"{scale:.{digits - 1}e}".split("e")[1])
    if exponent < -5 or exponent > 6:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        text = f"{mantissa}e{int(power)}"
    else:
        text = f"{value:z,.{max(0, digits - 1 - exponent)}f}"
    return text.replace("-", "−")


def quantity(value: float | None, unit: str | None, like: float | None = None) -> str:
    """A number with its unit, not broken across lines."""
    text, unit = number(value, like), unit_or_none(unit)
    return text if unit is None else text + NO_BREAK + unit.replace(" ", NO_BREAK)


def with_unit(name: str, unit: str | None) -> str:
    """The name of a quantity with its unit, for an axis or a table head: "uptake (mol/kg)"."""
    return name if unit_or_none(unit) is None else f"{name} ({unit})"


def unit_or_none(unit: str | None) -> str | None:
    """The unit, None where it is unknown or dimensionless."""
    return None if unit is None or unit in DIMENSIONLESS else unit


def count(n: int, thing: str = "") -> str:
    """A number of things: `count(1, "row")` is "1 row", `count(18670, "row")` is "18,670 rows"."""
    if not thing:
        return f"{n:,}"
    return f"{n:,}{NO_BREAK}{thing if n == 1 else thing + 's'}"


def chemical(formula: str) -> str:
    """A formula with its counts as subscripts and its charge as superscript: `C8H4O4 2−` is C₈H₄O₄²⁻."""
    charge = re.search(r" \d*[+−]$", formula)
    if charge is not None:
        formula = formula[: charge.start()] + charge[0].strip().translate(SUPERSCRIPTS)
    return re.sub(r"(?<=[A-Za-z)])\d+", lambda digits: digits[0].translate(SUBSCRIPTS), formula)


def percent(share: float | None) -> str:
    """A share of one in percent, with one decimal below ten."""
    if share is None or not math.isfinite(share):
        return MISSING
    value = 100 * share
    return f"{value:.{1 if 0 < abs(value) < 9.95 else 0}f}{NO_BREAK}%".replace("-", "−")


def duration(seconds: float) -> str:
    """A time in its two largest units: "48 s", "3 min 12 s", "2 h 5 min"."""
    if seconds < 10:
        return f"{seconds:.1f}{NO_BREAK}s"
    whole = round(seconds)
    for size, unit, smaller_size, smaller in ((3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size}{NO_BREAK}{unit}" + (f" {rest}{NO_BREAK}{smaller}" if rest else "")
    return f"{whole}{NO_BREAK}s"
