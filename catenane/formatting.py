"""Numbers, units, counts, durations and formulas as text, the same in reports, pages and the terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

__all__ = [
    "MISSING", "NO_BREAK", "chemical", "count", "duration", "number", "percent", "quantity", "scale",
    "unit_or_none", "with_unit",
]  # fmt: skip

MISSING = "–"
NO_BREAK = "\N{NO-BREAK SPACE}"
DIMENSIONLESS = {"", "-", "1", "class"}
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
SUPERSCRIPTS = str.maketrans("0123456789+−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")


def number(value: float | None, like: float | None = None) -> str:
    """A number with as many decimals as show three significant digits of `like`, of itself by default.

    None and what is not finite become a dash. Numbers with one `like` line up in a column.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    scale = abs(value if like is None or not math.isfinite(like) else like)
    # Rounded first, so that 0.0099999 is 0.0100 and not 0.01000.
    exponent = int(f"{scale:.2e}".split("e")[1])
    if -5 <= exponent <= 6:
        return f"{value:z,.{max(0, 2 - exponent)}f}".replace("-", "−")
    mantissa, power = f"{value:.2e}".split("e")
    return f"{mantissa}e{int(power)}".replace("-", "−")


def scale(values: Iterable[float], ends: Iterable[float] = ()) -> float:
    """What the numbers of a column are written like: the largest, or a tenth of the largest interval's end.

    So predictions far below their uncertainty get no digits that mean nothing.
    """
    sizes = [*map(abs, values), *(abs(end) / 10 for end in ends)]
    return max(filter(math.isfinite, sizes), default=math.nan)


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
    return f"{n:,}{NO_BREAK}{thing}{'s' * (n != 1)}" if thing else f"{n:,}"


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
    minutes, rest = divmod(round(seconds), 60)
    parts = [(minutes // 60, "h"), (minutes % 60, "min"), (0 if minutes >= 60 else rest, "s")]
    return " ".join(f"{amount}{NO_BREAK}{unit}" for amount, unit in parts if amount)
