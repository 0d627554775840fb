"""Targets that are uptakes: `co2_0.1bar` is the amount of CO2 that is taken up at 0.1 bar."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from catenane.errors import ConfigError, UsageError

__all__ = ["GASES", "Uptake", "as_uptakes", "choose_uptakes"]

GASES = ("CO2", "CH4", "N2", "H2", "O2", "Ar", "Kr", "Xe", "C2H6", "C3H8")
"""Formulas of the gases that a target's name may begin with; case does not count there."""
_FORMULAS = {gas.casefold(): gas for gas in GASES}


@dataclass(frozen=True)
class Uptake:
    """Amount of a gas that a framework takes up at a pressure."""

    gas: str
    """Formula, as in `GASES`."""
    pressure: float
    """In bar."""

    @classmethod
    def parse(cls, target: str) -> Uptake | None:
        """The uptake of a target named `GAS_PRESSUREbar`; None for any other."""
        named = re.fullmatch(r"([a-z0-9]+)_(\d+(?:\.\d+)?(?:e[-+]?\d+)?)_?bar", target.casefold())
        if named is None or named[1] not in _FORMULAS:
            return None
        return cls(_FORMULAS[named[1]], float(named[2]))

    @property
    def name(self) -> str:
        """The target's name, `co2_0.15bar`; two pressures never share one."""
        return f"{self.gas.casefold()}_{str(self.pressure).removesuffix('.0')}bar"


def as_uptakes(targets: Sequence[str]) -> tuple[Uptake, ...]:
    """The uptakes that targets name.

    Raises:
        ConfigError: One names none.
    """
    uptakes = []
    for target in targets:
        uptake = Uptake.parse(target)
        if uptake is None or uptake.pressure <= 0:
            raise ConfigError(
                f"isotherms need targets that name a gas and a pressure, as co2_0.1bar does; got {target!r}"
            )
        uptakes.append(uptake)
    return tuple(uptakes)


def choose_uptakes(gas: str | None, pressures: Sequence[float]) -> tuple[Uptake, ...] | None:
    """The uptakes of one gas at these pressures, in bar; None where neither is given.

    Raises:
        UsageError: One is given without the other, the gas is unknown, or a pressure is below zero.
    """
    if gas is None and not pressures:
        return None
    if gas is None or not pressures:
        missing = "gas" if gas is None else "pressure"
        raise UsageError(f"an uptake needs a gas and a pressure in bar; the {missing} is missing")
    formula = _FORMULAS.get(gas.casefold())
    if formula is None:
        raise UsageError(f"unknown gas {gas!r}: known are {', '.join(GASES)}")
    if wrong := [pressure for pressure in pressures if not (math.isfinite(pressure) and pressure >= 0)]:
        raise UsageError(f"a pressure must be a number of bar, not below 0; got {wrong[0]:g}")
    return tuple(dict.fromkeys(Uptake(formula, float(pressure)) for pressure in pressures))
