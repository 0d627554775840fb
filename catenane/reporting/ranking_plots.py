"""Small plots of a ranking page as inline SVG.

They are written by hand, a kilobyte each: a page may hold two hundred, which would take matplotlib a quarter
of a minute. Numbers go in as numbers and text is escaped, so that nothing foreign becomes markup.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from catenane.formatting import with_unit
from catenane.reporting.ranking_words import chemical

__all__ = ["IsothermPlotter", "Isotherms", "decades", "histogram", "ticks"]

CROWDED = 10.0
"""A pressure axis is logarithmic if a pressure of interest would lie below this fraction of its length."""
SMALLEST_BAR = 1.5
HEADROOM = 1.04


@dataclass(frozen=True)
class Isotherms:
    """Predicted uptake of one gas over pressure, for each string of a page."""

    gas: str
    """Formula, such as CO2."""
    pressures_P: np.ndarray
    """float64 (P,), bar, ascending, above 0."""
    uptake_KP: np.ndarray
    """float64 (K, P), mol/kg."""
    marked: float | None = None
    """The pressure ranked by, bar."""
    measured_P: Sequence[float] | np.ndarray = ()
    """Pressures that the model was trained at, bar; between them it interpolates."""


class IsothermPlotter:
    """Draws the isotherms of a page on one pair of axes, so that they can be compared by eye."""

    def __init__(self, isotherms: Isotherms) -> None:
        self.isotherms = isotherms
        low, high = float(isotherms.pressures_P[0]), float(isotherms.pressures_P[-1])
        self.measured_P = [float(pressure) for pressure in isotherms.measured_P if low <= pressure <= high]
        self.marked = isotherms.marked
        if self.marked is not None and not 0 < self.marked <= high:
            self.marked = None
        of_interest = [*self.measured_P, high if self.marked is None else self.marked]
        is_log = low < high and min(of_interest) < high / CROWDED
        uptake = isotherms.uptake_KP[np.isfinite(isotherms.uptake_KP)]
        self.frame = _Frame(
            width=360,
            height=172,
            x=(min(low, *of_interest) if is_log else 0.0, high),
            y=(0.0, HEADROOM * (float(uptake.max(initial=0.0)) or 1.0)),
            is_log=is_log,
        )
        self._axes = self.frame.axes(
            "pressure (bar)", with_unit(f"{chemical(isotherms.gas)} uptake", "mol/kg")
        )

    def draw(self, row: int) -> Markup:
        """The isotherm of one row as an `<svg>` element."""
        frame, alt = self.frame, f"{self.isotherms.gas} uptake over pressure"
        known_P = np.isfinite(self.isotherms.uptake_KP[row])
        if not known_P.any():
            return frame.svg(self._axes, alt)
        pressures_P, uptake_P = self.isotherms.pressures_P[known_P], self.isotherms.uptake_KP[row, known_P]
        if not frame.is_log:  # nothing is taken up at the origin of such an axis
            pressures_P, uptake_P = np.insert(pressures_P, 0, 0.0), np.insert(uptake_P, 0, 0.0)
        along_P = np.array([frame.across(pressure) for pressure in pressures_P])
        height_P = np.array([frame.up(uptake) for uptake in uptake_P])

        def point(pressure: float) -> tuple[float, float]:
            x = frame.across(pressure)
            return x, float(np.interp(x, along_P, height_P))

        parts = [self._axes]
        if self.marked is not None:
            x, _ = point(self.marked)
            side, shift = ("accent end", -5) if x > frame.width / 2 else ("accent", 5)
            parts += [
                _path("mark", f"M{_px(x)} {_px(frame.top)}V{_px(frame.base)}"),
                _text(side, x + shift, frame.top + 8, f"{self.marked:g} bar"),
            ]
        line = "L".join(f"{_px(x)} {_px(y)}" for x, y in zip(along_P, height_P, strict=True))
        parts.append(_path("curve", f"M{line}"))
        parts += [_circle("measured", *point(pressure), 2.5) for pressure in self.measured_P]
        if self.marked is not None:
            parts.append(_circle("dot", *point(self.marked), 3.5))
        return frame.svg(Markup("").join(parts), alt)


def histogram(values: np.ndarray, shown: np.ndarray, label: str) -> Markup | None:
    """How the predictions of all candidates lie, and where those shown are among them.

    Args:
        values: float64 (N,), of all candidates.
        shown: float64 (K,), of those shown.
        label: Of the axis.

    Returns:
        An `<svg>` element; None where no two values differ.
    """
    values, shown = values[np.isfinite(values)], shown[np.isfinite(shown)]
    if not len(values) or values.min() == values.max():
        return None
    counts_B, edges = np.histogram(values, bins=int(np.clip(2 * len(values) ** 0.4, 10, 48)))
    shown_B, _ = np.histogram(shown, bins=edges)
    frame = _Frame(
        420, 172, (float(edges[0]), float(edges[-1])), (0.0, HEADROOM * max(float(counts_B.max()), 4.0))
    )
    parts = [frame.axes(label, "candidates")]
    for kind, heights_B in (("all", counts_B), ("shown", shown_B)):
        bars = []
        for first, last, height in zip(edges[:-1], edges[1:], heights_B, strict=True):
            if height:
                x, width = frame.across(first) + 0.5, frame.across(last) - frame.across(first) - 1
                tall = max(frame.base - frame.up(height), SMALLEST_BAR)
                bars.append(f"M{_px(x)} {_px(frame.base)}v-{_px(tall)}h{_px(width)}v{_px(tall)}z")
        parts.append(_path(kind, "".join(bars)))
    rug = "".join(f"M{_px(frame.across(value))} {_px(frame.base)}v5" for value in shown)
    parts.append(_path("rug", rug))
    return frame.svg(Markup("").join(parts), f"{len(values):,} predictions, {label}")


@dataclass(frozen=True)
class _Frame:
    """A pair of axes in CSS pixels, and where numbers lie on them."""

    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    is_log: bool = False
    left: float = 30
    right: float = 10
    top: float = 20
    bottom: float = 36

    @property
    def base(self) -> float:
        """Where the horizontal axis is."""
        return self.height - self.bottom

    def across(self, value: float) -> float:
        """Where a number lies along the horizontal axis."""
        low, high = self.x
        share = (
            (value - low) / (high - low) if not self.is_log else math.log(value / low) / math.log(high / low)
        )
        return self.left + (self.width - self.left - self.right) * share

    def up(self, value: float) -> float:
        """Where a number lies along the vertical axis; below it, on it."""
        low, high = self.y
        return self.base - (self.base - self.top) * max((value - low) / (high - low), 0.0)

    def axes(self, xlabel: str, ylabel: str) -> Markup:
        """Grid, ticks and labels."""
        edge = self.width - self.right
        parts = []
        for tick in ticks(*self.y, most=4):
            y = self.up(tick)
            parts += [
                _path("grid", f"M{_px(self.left)} {_px(y)}H{_px(edge)}"),
                _text("end", self.left - 5, y + 3.5, _number(tick)),
            ]
        for tick in decades(*self.x) if self.is_log else ticks(*self.x, most=6):
            x = self.across(tick)
            parts += [
                _path("tick", f"M{_px(x)} {_px(self.base)}v4"),
                _text("mid", x, self.base + 15, _number(tick)),
            ]
        parts += [
            _path("tick", f"M{_px(self.left)} {_px(self.base)}H{_px(edge)}"),
            _text("mid label", (self.left + edge) / 2, self.height - 3, xlabel),
            _text("label", 0, 10, ylabel),
        ]
        return Markup("").join(parts)

    def svg(self, body: Markup, alt: str) -> Markup:
        """The finished drawing."""
        return Markup('<svg class="plot" role="img" aria-label="{}" viewBox="0 0 {} {}">{}</svg>').format(
            alt, _px(self.width), _px(self.height), body
        )


def ticks(low: float, high: float, *, most: int) -> list[float]:
    """Round numbers within a range, 1, 2 or 5 times a power of ten apart, about `most` of them."""
    least = (high - low) / most
    power = 10.0 ** math.floor(math.log10(least))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= 0.999 * least)
    return [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Powers of ten within a range; 2 and 5 times them too where it would hold fewer than three."""
    powers = [10.0**k for k in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    found: list[float] = []
    for steps in ((1,), (1, 2, 5)):
        found = [step * power for power in powers for step in steps]
        found = [tick for tick in found if 0.999 * low <= tick <= 1.001 * high]
        if len(found) >= 3:
            break
    return found


def _path(kind: str, outline: str) -> Markup:
    return Markup('<path class="{}" d="{}"/>').format(kind, outline)


def _text(kind: str, x: float, y: float, text: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(kind, _px(x), _px(y), text)


def _circle(kind: str, x: float, y: float, radius: float) -> Markup:
    return Markup('<circle class="{}" cx="{}" cy="{}" r="{}"/>').format(kind, _px(x), _px(y), radius)


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _number(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")
