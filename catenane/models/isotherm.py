"""Uptake at any pressure: the parameters of an adsorption isotherm instead of a number for each pressure.

Axes: B or N strings, G gases, S sites, O scores of the last layer, T targets, C columns of a prediction, M
members of a head.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus

from catenane.adsorption import Uptake, as_uptakes, choose_uptakes
from catenane.config import HeadConfig
from catenane.errors import UsageError
from catenane.models.head import Conditions
from catenane.models.property_head import PropertyHead

__all__ = ["Isotherm", "IsothermHead"]

PARAMETERS = 3
"""Of a site: its capacity, its affinity and its exponent."""
SPREAD = 1.5
"""Deviations of the logarithm of an affinity that one unit of a raw score stands for."""
STEEPEST = 1.1
"""Exponents lie between exp(-1.1) and exp(1.1), about a third and three."""
EXPONENT_SCALE = 0.2
"""What one unit of a raw score adds to the log of an exponent. It is little, so that exponents stay near
Langmuir's one unless labels demand more: between two distant pressures nothing else constrains them."""
SMALLEST_STEP = math.log(math.expm1(1.0))
"""A raw score of zero becomes softplus of this, which is one."""


class Isotherm(nn.Module):
    """Sum of S Langmuir-Freundlich (Sips) sites for each of G gases.

    The uptake at pressure p is Σ_s c_s (b_s p)^n_s / (1 + (b_s p)^n_s) with capacities c_s > 0, affinities
    b_s > 0 and exponents n_s > 0. So it rises with pressure and is zero at zero whatever the parameters are.
    Exponents of one are Langmuir's; above one the curve is convex at first, as the isotherms of wide pores
    are and no sum of Langmuir sites is.

    Args:
        uptakes: Gas and pressure of each target that the model is trained on.
        n_sites: S.

    Source: R. Sips, J. Chem. Phys. 1948, 16, 490, eq. 1; two sites as usual in the fitting of simulated
    isotherms.
    """

    log_affinity_GS: Tensor
    capacity_G: Tensor

    def __init__(self, uptakes: Sequence[Uptake], n_sites: int) -> None:
        super().__init__()
        self.uptakes = tuple(uptakes)
        self.gases = tuple(dict.fromkeys(uptake.gas for uptake in uptakes))
        rising = sorted(range(len(uptakes)), key=lambda place: uptakes[place].pressure)
        self.places = {gas: [place for place in rising if uptakes[place].gas == gas] for gas in self.gases}
        """Targets of each gas, by pressure."""
        self.n_sites = n_sites
        self.n_scores = len(self.gases) * n_sites * PARAMETERS
        # Before training the sites fill one after the other over the pressures that are known.
        known = [self.pressures(gas) for gas in self.gases]
        centres = [np.linspace(math.log(0.2 / p[0]), -math.log(2 * p[-1]), n_sites) for p in known]
        self.register_buffer("log_affinity_GS", torch.tensor(np.array(centres, "float32")), persistent=False)
        self.register_buffer("capacity_G", torch.ones(len(self.gases)))

    def fit_scale(self, means: Sequence[float]) -> None:
        """Start capacities at the size of the labels, given the mean label of each target."""
        for row, places in enumerate(self.places.values()):
            self.capacity_G[row] = max((means[place] for place in places if means[place] > 0), default=1.0)

    def pressures(self, gas: str) -> list[float]:
        """Pressures of training in bar, ascending; above the last, uptakes are extrapolated."""
        return [self.uptakes[place].pressure for place in self.places[gas]]

    def forward(self, raw: Tensor, uptakes: Sequence[Uptake] | None = None) -> Tensor:
        """Uptakes in the unit of the labels, float32 (..., C).

        Args:
            raw: The head's last layer, (..., O) with O = `n_scores`.
            uptakes: Gases, all of them in training, and pressures of C columns; the targets by default.
        """
        wanted = self.uptakes if uptakes is None else uptakes
        gas_C = torch.tensor([self.gases.index(uptake.gas) for uptake in wanted], device=raw.device)
        log_pressure_C = torch.tensor([uptake.pressure for uptake in wanted], device=raw.device).log()
        capacity, affinity, exponent = (
            raw.float().unflatten(-1, (len(self.gases), self.n_sites, PARAMETERS)).unbind(dim=-1)
        )  # each (..., G, S)
        capacity = softplus(capacity + SMALLEST_STEP) * self.capacity_G[:, None]
        log_affinity = self.log_affinity_GS + SPREAD * affinity
        exponent = torch.exp(STEEPEST * torch.tanh(EXPONENT_SCALE * exponent / STEEPEST))
        # log(0) is -inf, of which the sigmoid is exactly zero.
        filling = torch.sigmoid(
            exponent[..., gas_C, :] * (log_affinity[..., gas_C, :] + log_pressure_C[:, None])
        )
        return (capacity[..., gas_C, :] * filling).sum(dim=-1)


class IsothermHead(PropertyHead):
    """Uptakes of gases, read off isotherms whose parameters are the outputs of the members.

    Its conditions are `gas`, a formula, and `pressure`, a number of bar or several; without them it predicts
    its targets. The mean over members is taken of uptakes, so each member's isotherm rises from zero and so
    does their mean.

    Raises:
        ConfigError: A target names no gas and pressure.
    """

    def __init__(self, config: HeadConfig, *, targets: Sequence[str], **shape: Any) -> None:
        isotherm = Isotherm(as_uptakes(targets), config.isotherm_sites)
        super().__init__(config, targets=targets, n_outputs=isotherm.n_scores, **shape)
        self.isotherm = isotherm

    def forward(
        self, pooled_BD: Tensor, descriptors_BF: Tensor | None = None, *, per_member: bool = False
    ) -> Tensor:
        """As in `PropertyHead`."""
        uptakes_MBT: Tensor = self.isotherm(self.outputs(pooled_BD, descriptors_BF))
        return self.standardise(uptakes_MBT if per_member else uptakes_MBT.mean(dim=0))

    def fit_targets(self, targets_NT: Tensor) -> None:
        """As `Head`, and start the capacities at the size of the labels."""
        super().fit_targets(targets_NT)
        self.isotherm.fit_scale(targets_NT.nanmean(dim=0).tolist())

    def uptakes(self, conditions: Conditions | None = None) -> tuple[Uptake, ...]:
        """Gas and pressure of each column.

        Raises:
            UsageError: A condition is neither gas nor pressure, one of the two is missing or no gas or
                pressure at all, or the gas was not in training.
        """
        if not conditions:
            return self.isotherm.uptakes
        if unknown := sorted(set(conditions) - {"gas", "pressure"}):
            raise UsageError(f"this model takes gas and pressure as conditions, not {', '.join(unknown)}")
        pressures = np.atleast_1d(conditions.get("pressure", ())).tolist()
        uptakes = choose_uptakes(conditions.get("gas"), pressures)
        if uptakes is None:
            raise UsageError("an uptake needs a gas and a pressure in bar; both are missing")
        if uptakes[0].gas not in self.isotherm.gases:
            known = ", ".join(self.isotherm.gases)
            raise UsageError(f"this model has isotherms of {known}; got {uptakes[0].gas!r}")
        return uptakes

    def columns(self, conditions: Conditions | None = None) -> tuple[str, ...]:
        """Names of the uptakes, such as `co2_0.15bar`; the targets where there are no conditions."""
        return tuple(uptake.name for uptake in self.uptakes(conditions)) if conditions else self.targets

    def extrapolations(self, conditions: Conditions | None = None) -> tuple[str, ...]:
        """For each column, whether its pressure lies outside those of training; "" where it does not."""
        notes = []
        for uptake in self.uptakes(conditions):
            known = self.isotherm.pressures(uptake.gas)
            inside = uptake.pressure == 0 or known[0] <= uptake.pressure <= known[-1]
            trained = f"{known[0]:g} to {known[-1]:g} bar"
            notes.append("" if inside else f"{uptake.pressure:g} bar is outside the trained {trained}")
        return tuple(notes)

    def predict(
        self, pooled_BD: Tensor, descriptors_BF: Tensor | None = None, conditions: Conditions | None = None
    ) -> Tensor:
        """As in `Head`; at any pressures where `conditions` give a gas and pressures."""
        if not conditions:
            return super().predict(pooled_BD, descriptors_BF)
        uptakes = self.uptakes(conditions)
        uptakes_MBC: Tensor = self.isotherm(self.outputs(pooled_BD, descriptors_BF), uptakes)
        return uptakes_MBC.mean(dim=0)

    def bounds(
        self,
        values_NC: NDArray,
        at_targets_NT: NDArray,
        ends_NT: tuple[NDArray, NDArray],
        conditions: Conditions | None = None,
    ) -> tuple[NDArray, NDArray]:
        """Intervals at any pressure, from those at the pressures of training.

        Between two of these an end moves as the uptake itself does from the one to the other; below the first
        and above the last it is in proportion to the uptake. So both ends rise with pressure from zero, and
        the uptake lies between them.
        """
        low_NT, high_NT = (ends.copy() for ends in ends_NT)
        for places in self.isotherm.places.values():
            # Ends that fall from one pressure to the next are widened until they rise.
            low_NT[:, places] = np.minimum.accumulate(low_NT[:, places[::-1]], axis=1)[:, ::-1]
            high_NT[:, places] = np.maximum.accumulate(high_NT[:, places], axis=1)
        if not conditions:
            return low_NT, high_NT
        wanted = self.uptakes(conditions)  # all of one gas
        of_gas = self.isotherm.places[wanted[0].gas]
        known_NK, low_NK, high_NK = (
            np.pad(values[:, of_gas], ((0, 0), (1, 0))) for values in (at_targets_NT, low_NT, high_NT)
        )
        pressures = self.isotherm.pressures(wanted[0].gas)
        above_C = 1 + np.searchsorted(pressures, [uptake.pressure for uptake in wanted])
        inside_C = above_C <= len(of_gas)
        left_C, right_C = np.where(inside_C, above_C - 1, 0), np.minimum(above_C, len(of_gas))
        step_NC = np.maximum(known_NK[:, right_C] - known_NK[:, left_C], np.finfo(float).tiny)
        share_NC = (values_NC - known_NK[:, left_C]) / step_NC
        # It leaves these bounds by rounding alone.
        share_NC = share_NC.clip(np.where(inside_C, 0, 1), np.where(inside_C, 1, np.inf))
        low_NC, high_NC = (
            ends_NK[:, left_C] + (ends_NK[:, right_C] - ends_NK[:, left_C]) * share_NC
            for ends_NK in (low_NK, high_NK)
        )
        return low_NC, high_NC
