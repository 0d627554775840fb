"""Predicted isotherms as inline SVG: axes by matplotlib, once a page, and a curve for each string.

A page may hold two hundred: with axes of its own each takes 62 ms, on shared ones 0.6 ms.

Axes: K strings, P pressures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from catenane.formatting import chemical, with_unit
from catenane.metrics import FloatArray
from catenane.reporting.plots import ACCENT, shared_axes

__all__ = ["IsothermPlotter", "Isotherms"]

WIDTH, HEIGHT = 360.0, 190.0
AXES_ID = "isotherm-axes"
SYMBOL = '<svg class="hidden" aria-hidden="true"><symbol id="{}" viewBox="0 0 {:g} {:g}">{}</symbol></svg>'
CURVE = (
    '<svg class="isotherm" role="img" aria-label="{} uptake over pressure" viewBox="0 0 {:g} {:g}">'
    '<use href="#{}" width="{:g}" height="{:g}"/>{}</svg>'
)


@dataclass(frozen=True)
class Isotherms:
    """Predicted uptake of one gas over pressure, for each string of a page."""

    gas: str
    """Formula, such as CO2."""
    pressures_P: FloatArray
    """bar, ascending, above 0."""
    uptake_KP: FloatArray
    """mol/kg; NaN where there is none."""
    marked: float | None = None
    """The pressure ranked by, bar."""
    measured_P: Sequence[float] = ()
    """Pressures that the model was trained at, bar; between them it interpolates."""
    low_KP: FloatArray | None = None
    high_KP: FloatArray | None = None
    """Ends of the prediction intervals; NaN where there is none."""


class IsothermPlotter:
    """Draws the isotherms of a page on one pair of axes, so that they can be compared by eye."""

    def __init__(self, isotherms: Isotherms) -> None:
        self.isotherms = isotherms
        low, high = float(isotherms.pressures_P[0]), float(isotherms.pressures_P[-1])
        self.measured_P = [float(pressure) for pressure in isotherms.measured_P if low <= pressure <= high]
        marked = isotherms.marked
        self.marked = marked if marked is not None and 0 < marked <= high else None
        low = min(low, self.marked or low)
        self._limits = (low, high) if low < high else (low / 2, 2 * high)
        body, self._place = shared_axes(self._draw_axes, width=WIDTH, height=HEIGHT)
        self.definitions = Markup(SYMBOL).format(AXES_ID, WIDTH, HEIGHT, body)
        """The axes, which stand once on the page, before the first isotherm."""

    def draw(self, row: int) -> Markup:
        """The isotherm of one row as an `<svg>` element."""
        isotherms, parts = self.isotherms, []
        curve_P, low_P, high_P = (
            np.full(len(isotherms.pressures_P), np.nan) if ends_KP is None else ends_KP[row]
            for ends_KP in (isotherms.uptake_KP, isotherms.low_KP, isotherms.high_KP)
        )
        band_P = np.isfinite(low_P) & np.isfinite(high_P)
        if band_P.any():
            ends = [self._points(isotherms.pressures_P[band_P], ends_P[band_P]) for ends_P in (low_P, high_P)]
            parts.append(_path("band", np.concatenate([ends[0], ends[1][::-1]])))
        known_P = np.isfinite(curve_P)
        if known_P.any():
            pressures_P, uptake_P = isotherms.pressures_P[known_P], curve_P[known_P]
            parts.append(_path("curve", self._points(pressures_P, uptake_P)))
            marks = [("measured", pressure) for pressure in self.measured_P]
            for kind, pressure in marks + ([("dot", self.marked)] if self.marked is not None else []):
                uptake = np.interp(np.log([pressure]), np.log(pressures_P), uptake_P)
                ((x, y),) = self._points(np.array([pressure]), uptake)
                parts.append(Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3"/>').format(kind, x, y))
        box = (WIDTH, HEIGHT)
        return Markup(CURVE).format(isotherms.gas, *box, AXES_ID, *box, Markup("").join(parts))

    def _draw_axes(self, axes: Any) -> None:
        from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

        isotherms = self.isotherms
        uptake = np.stack([isotherms.uptake_KP, *([] if isotherms.high_KP is None else [isotherms.high_KP])])
        top = float(np.max(uptake[np.isfinite(uptake)], initial=0.0)) or 1.0
        low, high = self._limits
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if high / low >= 100 else (1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda pressure, _: f"{pressure:.4g}"))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.set(xlim=(low, high), ylim=(0, 1.04 * top), xlabel="pressure (bar)")
        axes.set_ylabel(with_unit(f"{chemical(isotherms.gas)} uptake", "mol/kg"))
        axes.grid(visible=False, axis="x")
        if self.marked is not None:
            axes.axvline(self.marked, color=ACCENT, lw=1, ls=(0, (3, 3)))
            side, shift = ("right", -4) if self.marked**2 > low * high else ("left", 4)
            axes.annotate(
                f"{self.marked:g} bar", (self.marked, 1), (shift, -2), color=ACCENT, ha=side, va="top",
                xycoords=("data", "axes fraction"), textcoords="offset points",
            )  # fmt: skip

    def _points(self, pressures_P: FloatArray, uptake_P: FloatArray) -> FloatArray:
        return self._place(pressures_P, np.maximum(uptake_P, 0.0))


def _path(kind: str, points_N2: FloatArray) -> Markup:
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points_N2)
    return Markup('<path class="{}" d="M{}"/>').format(kind, line)
