"""The head that answers properties, in the units of their labels.

Axes: B or N strings, D width of the stream, F descriptors, T targets, M members, O outputs of the last layer.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from catenane.adsorption import Uptake, as_uptakes
from catenane.config import HeadConfig, Task
from catenane.errors import ConfigError, DataError, UsageError
from catenane.models.initialisation import initialise_property_head, start_linear
from catenane.models.isotherm import Isotherm
from catenane.nn import Dropout

__all__ = ["PropertyHead"]

LARGEST_INPUT = 5.0
"""Standardised inputs are cut off here: one far outside the training data must not drown the others."""
LEAST_AMOUNT = 1e-6
"""Added under the square root, whose slope has no bound at zero."""


class PropertyHead(nn.Module):
    """Scores of T targets from one vector a string, and its chemical descriptors where there are any.

    Scores are on the standardised scale (regression) or logits (classification); `answer` brings them to the
    units of the labels, or to probabilities. Scalers are buffers, saved with the weights.

    Args:
        config: Widths of the hidden layers, what targets are learnt as, and dropout.
        d_model: Width of the stream.
        targets: Names of the T targets; for an isotherm they say gas and pressure.
        n_descriptors: Number of descriptors F that are joined to the vector; 0 for none.
        relu: Bend by ReLU, to match an encoder that does; by GELU otherwise.
        task: What the scores mean, for all targets.

    Raises:
        ConfigError: Descriptors are given to a head that is set to have none, isotherms are wanted of targets
            that are no uptakes, or classes are to be learnt as amounts.
    """

    target_mean_T: Tensor
    target_std_T: Tensor
    descriptor_mean_F: Tensor
    descriptor_std_F: Tensor
    pooled_mean_D: Tensor
    pooled_std_D: Tensor

    def __init__(
        self,
        config: HeadConfig,
        *,
        d_model: int,
        targets: Sequence[str],
        n_descriptors: int = 0,
        relu: bool = False,
        task: Task = "regression",
    ) -> None:
        super().__init__()
        if n_descriptors and not config.descriptors:
            raise ConfigError(f"head.descriptors=false leaves no place for {n_descriptors} descriptors")
        if task == "classification" and (config.target_scale == "sqrt" or config.isotherm_sites):
            raise ConfigError(
                "head.target_scale='sqrt' and head.isotherm_sites are for amounts, not for classes"
            )
        self.targets = tuple(targets)
        self.task = task
        self.target_scale = config.target_scale
        self.n_descriptors = n_descriptors
        self.isotherm = (
            Isotherm(as_uptakes(targets), config.isotherm_sites) if config.isotherm_sites else None
        )
        bend = nn.ReLU if relu else nn.GELU
        joining = nn.Linear(n_descriptors, d_model) if n_descriptors and config.descriptor_layer else None
        self.descriptors = (
            None if joining is None else nn.Sequential(joining, bend(), Dropout(config.dropout))
        )
        n_joined = n_descriptors if joining is None else d_model
        widths = [d_model + n_joined, *config.hidden]
        n_scores = len(targets) if self.isotherm is None else self.isotherm.n_scores
        self.members = nn.ModuleList(
            _layers([*widths, n_scores], bend, config.dropout) for _ in range(config.members)
        )
        if joining is not None:
            start_linear(joining, config.gain)
        for member in self.members:
            initialise_property_head(member, config.gain)
        self.register_buffer("target_mean_T", torch.zeros(len(targets)))
        self.register_buffer("target_std_T", torch.ones(len(targets)))
        self.register_buffer("descriptor_mean_F", torch.zeros(n_descriptors))
        self.register_buffer("descriptor_std_F", torch.ones(n_descriptors))
        self.register_buffer("pooled_mean_D", torch.zeros(d_model))
        self.register_buffer("pooled_std_D", torch.ones(d_model))

    def forward(
        self, pooled_BD: Tensor, descriptors_BF: Tensor | None = None, *, apart: bool = False
    ) -> Tensor:
        """Score every target of every string.

        Args:
            pooled_BD: One vector a string.
            descriptors_BF: Descriptors in their own units, NaN where undefined; if and only if F > 0.
            apart: Give the scores of each member, for training, instead of those of their mean.

        Returns:
            float tensor of shape (B, T), or (M, B, T) where members are kept apart.

        Raises:
            DataError: Descriptors are missing, or there are other than F of them.
        """
        raw_MBO = self._last_layers(pooled_BD, descriptors_BF)
        if self.isotherm is None:
            return raw_MBO if apart else raw_MBO.mean(dim=0)
        uptakes_MBT = self.isotherm(raw_MBO)
        return self.standardise(uptakes_MBT if apart else uptakes_MBT.mean(dim=0))

    def uptake(self, pooled_BD: Tensor, descriptors_BF: Tensor | None, uptakes: Sequence[Uptake]) -> Tensor:
        """Uptakes at any pressures, in the unit of the labels, (B, number of uptakes).

        Raises:
            UsageError: The head has no isotherm, or none of that gas.
            DataError: As in `forward`.
        """
        isotherm = self.require_isotherms(uptakes)
        uptakes_MBT: Tensor = isotherm(self._last_layers(pooled_BD, descriptors_BF), uptakes)
        return uptakes_MBT.mean(dim=0)

    def require_isotherms(self, uptakes: Sequence[Uptake]) -> Isotherm:
        """The isotherms, where there are such of these gases.

        Raises:
            UsageError: There are none.
        """
        if self.isotherm is None:
            raise UsageError(
                "this model has no isotherm, so no pressure can be chosen: it predicts "
                + ", ".join(self.targets)
            )
        if unknown := next((uptake.gas for uptake in uptakes if uptake.gas not in self.isotherm.gases), None):
            raise UsageError(f"this model has isotherms of {', '.join(self.isotherm.gases)}; got {unknown!r}")
        return self.isotherm

    def standardise(self, targets_BT: Tensor) -> Tensor:
        """Labels on the scale of the scores, for the loss; NaN stays NaN, classes stay as they are."""
        return (self._rescale(targets_BT) - self.target_mean_T) / self.target_std_T

    def answer(self, scores_BT: Tensor) -> Tensor:
        """Scores in the units of the labels (regression), or as probabilities of class 1 (classification).

        Returns:
            float32 tensor of shape (B, T).
        """
        if self.task == "classification":
            return scores_BT.float().sigmoid()
        scaled_BT = scores_BT.float() * self.target_std_T + self.target_mean_T
        if self.target_scale == "linear":
            return scaled_BT
        return (scaled_BT.clamp(min=0).square() - LEAST_AMOUNT).clamp(min=0)

    @torch.no_grad()
    def fit_scalers(
        self,
        targets_NT: NDArray[np.floating] | Tensor,
        descriptors_NF: NDArray[np.floating] | Tensor | None = None,
        pooled_ND: NDArray[np.floating] | Tensor | None = None,
    ) -> None:
        """Learn means and deviations from the training rows; NaN is left out, classes are left alone.

        A target that never varies keeps a deviation of one. A descriptor that never varies in training says
        nothing and gets an infinite one, so that it reads as zero ever after.

        Args:
            targets_NT: Labels.
            descriptors_NF: Descriptors; if and only if F > 0.
            pooled_ND: Vectors of a frozen encoder. One that still learns will change its own, which are left
                as they are.

        Raises:
            DataError: A target has no label at all or is no amount where amounts are to be learnt, or
                descriptors are missing or of another number.
        """
        targets_NT = torch.as_tensor(targets_NT)
        if self.task == "regression":
            self._fit_targets(targets_NT)
        self._check_descriptors(descriptors_NF)
        if descriptors_NF is not None:
            _fit(self.descriptor_mean_F, self.descriptor_std_F, descriptors_NF)
        if pooled_ND is not None:
            _fit(self.pooled_mean_D, self.pooled_std_D, pooled_ND)

    def _fit_targets(self, targets_NT: Tensor) -> None:
        for name, column_N in zip(self.targets, targets_NT.T, strict=True):
            if bool(column_N.isnan().all()):
                raise DataError(f"target {name!r} has no label in the training rows")
            if self.target_scale == "sqrt" and bool((column_N < 0).any()):
                least = column_N[~column_N.isnan()].min().item()
                raise DataError(
                    f"head.target_scale='sqrt' is for amounts; target {name!r} goes down to {least:g}"
                )
        mean_T, std_T = _moments(self._rescale(targets_NT))
        self.target_mean_T.copy_(mean_T)
        self.target_std_T.copy_(torch.where(std_T > 0, std_T, 1.0))
        if self.isotherm is not None:
            self.isotherm.fit_scale(targets_NT.nanmean(dim=0).tolist())

    def _last_layers(self, pooled_BD: Tensor, descriptors_BF: Tensor | None) -> Tensor:
        """What each member makes its answers of, (M, B, O): scores, or parameters of isotherms."""
        self._check_descriptors(descriptors_BF)
        pooled_BD = (pooled_BD - self.pooled_mean_D) / self.pooled_std_D
        if descriptors_BF is not None:
            scaled_BF = (descriptors_BF - self.descriptor_mean_F) / self.descriptor_std_F
            scaled_BF = scaled_BF.nan_to_num(nan=0.0).clamp(-LARGEST_INPUT, LARGEST_INPUT)
            joined = scaled_BF if self.descriptors is None else self.descriptors(scaled_BF)
            pooled_BD = torch.cat([pooled_BD, joined], dim=1)
        return torch.stack([member(pooled_BD) for member in self.members])

    def _rescale(self, targets_BT: Tensor) -> Tensor:
        """Labels on the scale that they are learnt on."""
        if self.target_scale == "linear":
            return targets_BT
        return (targets_BT.clamp(min=0) + LEAST_AMOUNT).sqrt()

    def _check_descriptors(self, descriptors_BF: NDArray[np.floating] | Tensor | None) -> None:
        n_given = 0 if descriptors_BF is None else descriptors_BF.shape[1]
        if n_given != self.n_descriptors:
            raise DataError(
                f"the model reads {self.n_descriptors} descriptors a string, and {n_given} were given"
            )


def _layers(widths: Sequence[int], bend: type[nn.Module], dropout: float) -> nn.Sequential:
    """Linear layers of these widths, all but the last bent and with dropout."""
    *hidden, last = itertools.pairwise(widths)
    stack = [nn.Sequential(nn.Linear(*pair), bend(), Dropout(dropout)) for pair in hidden]
    return nn.Sequential(*stack, nn.Linear(*last))


def _fit(mean_C: Tensor, std_C: Tensor, values_NC: NDArray[np.floating] | Tensor) -> None:
    """Means and deviations of inputs; a column that does not vary gets an infinite deviation."""
    found_mean_C, found_std_C = _moments(torch.as_tensor(values_NC))
    mean_C.copy_(found_mean_C.nan_to_num(nan=0.0))
    std_C.copy_(torch.where(found_std_C > 0, found_std_C, torch.inf))


def _moments(values_NC: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each column, NaN left out; a deviation that is but rounding is zero."""
    values_NC = values_NC.double()
    mean_C = values_NC.nanmean(dim=0)
    std_C = (values_NC - mean_C).square().nanmean(dim=0).sqrt()
    rounding_C = 1e-6 * mean_C.abs()
    return mean_C, torch.where(std_C > rounding_C, std_C, 0.0)
