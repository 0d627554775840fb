"""Uptake at any pressure: the parameters of an adsorption isotherm instead of a number for each pressure.

Axes: G gases, S sites, O scores of the last layer, T pressures of a prediction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from catenane.adsorption import Uptake

__all__ = ["Isotherm"]

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
        self.n_sites = n_sites
        self.n_scores = len(self.gases) * n_sites * PARAMETERS
        # Before training the sites fill one after the other over the pressures that are known.
        centres = [
            torch.linspace(math.log(0.2 / min(known)), -math.log(2 * max(known)), n_sites)
            for gas in self.gases
            for known in [self.pressures(gas)]
        ]
        self.register_buffer("log_affinity_GS", torch.stack(centres), persistent=False)
        self.register_buffer("capacity_G", torch.ones(len(self.gases)))

    def fit_scale(self, means: Sequence[float]) -> None:
        """Start capacities at the size of the labels.

        Args:
            means: Mean label of each target of `uptakes`.
        """
        for place, gas in enumerate(self.gases):
            known = [
                mean
                for uptake, mean in zip(self.uptakes, means, strict=True)
                if uptake.gas == gas and mean > 0
            ]
            self.capacity_G[place] = max(known, default=1.0)

    def pressures(self, gas: str) -> list[float]:
        """Pressures of training in bar, ascending; above the last, uptakes are extrapolated."""
        return sorted(uptake.pressure for uptake in self.uptakes if uptake.gas == gas)

    def forward(self, raw: Tensor, uptakes: Sequence[Uptake] | None = None) -> Tensor:
        """Uptakes in the unit of the labels.

        Args:
            raw: The head's last layer, (..., O) with O = `n_scores`.
            uptakes: Gases and pressures; the targets of training by default.

        Returns:
            float32 tensor of shape (..., T).

        Raises:
            ValueError: A gas was not in training.
        """
        wanted = self.uptakes if uptakes is None else tuple(uptakes)
        gas_T = torch.tensor([self.gases.index(uptake.gas) for uptake in wanted], device=raw.device)
        log_pressure_T = torch.tensor([uptake.pressure for uptake in wanted], device=raw.device).log()
        capacity, affinity, exponent = (
            raw.float().unflatten(-1, (len(self.gases), self.n_sites, PARAMETERS)).unbind(dim=-1)
        )  # each (..., G, S)
        capacity = softplus(capacity + SMALLEST_STEP) * self.capacity_G[:, None]
        log_affinity = self.log_affinity_GS + SPREAD * affinity
        exponent = torch.exp(STEEPEST * torch.tanh(EXPONENT_SCALE * exponent / STEEPEST))
        # log(0) is -inf, of which the sigmoid is exactly zero.
        filling = torch.sigmoid(
            exponent[..., gas_T, :] * (log_affinity[..., gas_T, :] + log_pressure_T[:, None])
        )
        return (capacity[..., gas_T, :] * filling).sum(dim=-1)
