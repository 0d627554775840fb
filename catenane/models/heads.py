"""The property heads: numbers, classes, and uptakes read off an isotherm.

Axes: B or N strings, T targets, C columns of a prediction, M members.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from catenane.adsorption import Uptake, as_uptakes, choose_uptakes
from catenane.config import HeadConfig, Task
from catenane.errors import ConfigError, UsageError
from catenane.models.gaussian_process import GaussianProcessHead
from catenane.models.head import Conditions, Head
from catenane.models.isotherm import Isotherm
from catenane.models.property_head import PropertyHead
from catenane.models.scaling import check_labels, fit_target_moments, from_scale, to_scale

__all__ = ["ClassificationHead", "IsothermHead", "RegressionHead", "make_head"]


class RegressionHead(PropertyHead):
    """Numbers; scores are on the standardised scale of the labels, or of their square roots."""

    task = "regression"

    def __init__(
        self, config: HeadConfig, *, targets: Sequence[str], n_outputs: int | None = None, **shape: Any
    ) -> None:
        super().__init__(config, targets=targets, n_outputs=n_outputs or len(targets), **shape)
        self.target_scale = config.target_scale

    def standardise(self, targets_BT: Tensor) -> Tensor:
        """Labels on the scale of the scores; NaN stays NaN."""
        return (to_scale(targets_BT, self.target_scale) - self.target_mean_T) / self.target_std_T

    def to_labels(self, scores: Tensor) -> Tensor:
        """Scores (..., T) in the units of the labels, float32; amounts are never negative."""
        return from_scale(scores.float() * self.target_std_T + self.target_mean_T, self.target_scale)

    def fit_targets(self, targets_NT: Tensor) -> None:
        """Learn mean and deviation of each target; one that never varies keeps a deviation of one.

        Raises:
            DataError: A target has no label, or is no amount where amounts are to be learnt.
        """
        check_labels(targets_NT, self.targets, self.target_scale)
        fit_target_moments(self.target_mean_T, self.target_std_T, to_scale(targets_NT, self.target_scale))


class ClassificationHead(PropertyHead):
    """Probabilities of class 1; scores are log-odds.

    Raises:
        ConfigError: Classes are to be learnt as amounts.
    """

    task = "classification"

    def __init__(self, config: HeadConfig, *, targets: Sequence[str], **shape: Any) -> None:
        if config.target_scale == "sqrt" or config.isotherm_sites:
            raise ConfigError(
                "head.target_scale='sqrt' and head.isotherm_sites are for amounts, not for classes"
            )
        super().__init__(config, targets=targets, n_outputs=len(targets), **shape)

    def standardise(self, targets_BT: Tensor) -> Tensor:
        """Classes as they are."""
        return targets_BT

    def to_labels(self, scores: Tensor) -> Tensor:
        """Log-odds (..., T) as probabilities of class 1, float32."""
        return scores.float().sigmoid()

    def fit_targets(self, targets_NT: Tensor) -> None:
        """Nothing: classes have no scale."""


class IsothermHead(RegressionHead):
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
        """As `RegressionHead`, and start the capacities at the size of the labels."""
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
        uptakes = choose_uptakes(conditions.get("gas"), pressures) or ()
        for uptake in uptakes:
            if uptake.gas not in self.isotherm.gases:
                known = ", ".join(self.isotherm.gases)
                raise UsageError(f"this model has isotherms of {known}; got {uptake.gas!r}")
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
        self,
        pooled_BD: Tensor,
        descriptors_BF: Tensor | None = None,
        conditions: Conditions | None = None,
        *,
        per_member: bool = False,
    ) -> Tensor:
        """As in `PropertyHead`; at any pressures where `conditions` give a gas and pressures."""
        if not conditions:
            return super().predict(pooled_BD, descriptors_BF, per_member=per_member)
        uptakes = self.uptakes(conditions)
        uptakes_MBC: Tensor = self.isotherm(self.outputs(pooled_BD, descriptors_BF), uptakes)
        return uptakes_MBC if per_member else uptakes_MBC.mean(dim=0)

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
        low_NC, high_NC = np.empty_like(values_NC), np.empty_like(values_NC)
        for gas in self.isotherm.gases:
            places = [i for i, uptake in enumerate(self.isotherm.uptakes) if uptake.gas == gas]
            places.sort(key=lambda i: self.isotherm.uptakes[i].pressure)
            # Ends that fall from one pressure to the next are widened until they rise.
            low_NT[:, places] = np.minimum.accumulate(low_NT[:, places[::-1]], axis=1)[:, ::-1]
            high_NT[:, places] = np.maximum.accumulate(high_NT[:, places], axis=1)
            known_NK = np.pad(at_targets_NT[:, places], ((0, 0), (1, 0)))
            ends_NK = [np.pad(ends[:, places], ((0, 0), (1, 0))) for ends in (low_NT, high_NT)]
            for column, uptake in enumerate(self.uptakes(conditions)):
                if uptake.gas != gas:
                    continue
                right = int(np.searchsorted(self.isotherm.pressures(gas), uptake.pressure)) + 1
                inside = right <= len(places)
                left, right = (right - 1, right) if inside else (0, len(places))
                step_N = np.maximum(known_NK[:, right] - known_NK[:, left], np.finfo(float).tiny)
                share_N = (values_NC[:, column] - known_NK[:, left]) / step_N
                share_N = share_N.clip(0, 1) if inside else share_N.clip(1)  # it differs by rounding alone
                for end_NK, result_NC in zip(ends_NK, (low_NC, high_NC), strict=True):
                    result_NC[:, column] = end_NK[:, left] + (end_NK[:, right] - end_NK[:, left]) * share_N
        return (low_NC, high_NC) if conditions else (low_NT, high_NT)


def make_head(config: HeadConfig, *, task: Task = "regression", relu: bool = False, **shape: Any) -> Head:
    """The head that these settings and this task ask for.

    Args:
        config: Its settings.
        task: What the labels are.
        relu: ReLU as activation of a network; GELU otherwise.
        shape: `d_model`, `targets` and `n_descriptors` of `Head`.

    Raises:
        ConfigError: Settings, task and targets contradict each other.
    """
    if config.kind == "gaussian-process":
        return GaussianProcessHead(config, task=task, **shape)
    if task == "classification":
        return ClassificationHead(config, relu=relu, **shape)
    kind = IsothermHead if config.isotherm_sites else RegressionHead
    return kind(config, relu=relu, **shape)
