"""What every property head has: its targets, scalers, conditions, and the way to the labels' units.

Axes: B or N strings, D width of the stream, F descriptors, T targets, M members, C columns of a prediction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from catenane.config import HeadConfig, Task
from catenane.errors import ConfigError, DataError, UsageError

__all__ = ["Conditions", "Head", "standardised_inputs"]

Conditions: TypeAlias = Mapping[str, Any]
"""What a prediction is made for besides the string, by name: `{"gas": "co2", "pressure": 0.15}`."""
LARGEST_INPUT = 5.0
"""Standardised inputs are cut off here: one far outside the training data must not drown the others."""
LEAST_AMOUNT = 1e-6
"""Added under the square root, whose slope has no bound at zero."""
LEAST_LABEL = 1e-30
"""Of the largest label of a target; its inverse is the most that it may be."""


class Head(nn.Module, ABC):
    """Scores of T targets from one vector a string, and its descriptors where there are any.

    Scores are on the scale that the loss is taken on: standardised labels or their square roots, or the
    log-odds of class 1 or of each of several classes. Scalers are buffers, saved with the weights.

    Args:
        config: Its settings.
        d_model: Width of the vectors.
        targets: Names of the T targets.
        n_descriptors: Descriptors and features, which are standardised, and fragment counts together; 0 for
            none.
        n_features: Features among them, between descriptors and fragments.
        task: What the labels are.
        sizes: Classes of each target, where these are several; a target then has as many scores, the log-odds
            of each class against the others.

    Raises:
        ConfigError: Classes are to be learnt as amounts, or fragments outnumber the inputs.
    """

    descriptor_mean_F: Tensor
    descriptor_std_F: Tensor
    pooled_mean_D: Tensor
    pooled_std_D: Tensor
    target_mean_T: Tensor
    target_std_T: Tensor

    def __init__(
        self,
        config: HeadConfig,
        *,
        d_model: int,
        targets: Sequence[str],
        n_descriptors: int = 0,
        n_features: int = 0,
        task: Task = "regression",
        sizes: Sequence[int] = (),
    ) -> None:
        super().__init__()
        if task != "regression" and (config.target_scale == "sqrt" or config.isotherm_sites):
            raise ConfigError(
                "head.target_scale='sqrt' and head.isotherm_sites are for amounts, not for classes"
            )
        n_counts = config.fragments + config.n_roles
        self.n_plain = n_descriptors - n_counts if n_descriptors else 0
        if self.n_plain < 0:
            raise ConfigError(f"{n_counts} fragments are more than {n_descriptors} inputs")
        self.targets, self.d_model = tuple(targets), d_model
        self.n_descriptors, self.n_features = n_descriptors, n_features
        self.task, self.target_scale = task, config.target_scale
        self.sizes = tuple(sizes)
        self.n_scores = sum(self.sizes) or len(self.targets)
        widths = {"target": ("T", self.n_scores), "descriptor": ("F", self.n_plain), "pooled": ("D", d_model)}
        for name, (axis, size) in widths.items():
            self.register_buffer(f"{name}_mean_{axis}", torch.zeros(size))
            self.register_buffer(f"{name}_std_{axis}", torch.ones(size))

    @abstractmethod
    def forward(
        self, pooled_BD: Tensor, descriptors_BF: Tensor | None = None, *, per_member: bool = False
    ) -> Tensor:
        """Score every target of every string.

        Args:
            pooled_BD: One vector a string.
            descriptors_BF: Descriptors in their own units, NaN where undefined; if and only if F > 0.
            per_member: Give the scores of each of M members, for training, instead of their mean.

        Returns:
            float tensor of shape (B, T), or (M, B, T) per member.

        Raises:
            DataError: Descriptors are missing, or there are other than F of them.
        """

    def with_deviation(self, pooled_BD: Tensor, descriptors_BF: Tensor | None = None) -> Tensor:
        """Scores, and the deviation of the labels from them that a head expects, NaN if none: (2, B, T)."""
        scores_BT = self(pooled_BD, descriptors_BF)
        return torch.stack([scores_BT, torch.full_like(scores_BT, torch.nan)])

    def predict(
        self, pooled_BD: Tensor, descriptors_BF: Tensor | None = None, conditions: Conditions | None = None
    ) -> Tensor:
        """Values in the units of the labels, or probabilities of class 1, float32 (B, C); see `forward`.

        Raises:
            UsageError: The head has no such conditions.
        """
        self.columns(conditions)
        return self.to_labels(self(pooled_BD, descriptors_BF))

    def standardise(self, targets_BT: Tensor) -> Tensor:
        """Labels on the scale of the scores; NaN stays NaN, and classes are 0 and 1.

        Of several classes the label is 1 in the column of its class and 0 in the others of its target.
        """
        if self.task == "classification":
            return targets_BT
        if self.task == "multiclass":
            classes_C = torch.cat([torch.arange(size, device=targets_BT.device) for size in self.sizes])
            targets_BC = self.spread(targets_BT)
            return torch.where(targets_BC.isnan(), targets_BC, (targets_BC == classes_C).to(targets_BC.dtype))
        return (self._on_scale(targets_BT) - self.target_mean_T) / self.target_std_T

    def to_labels(self, scores: Tensor) -> Tensor:
        """Scores (..., T) in the units of the labels, or as probabilities of class 1; float32.

        What is learnt as amounts is never negative.
        """
        if self.task != "regression":
            return self.shares(scores.float().sigmoid())
        scaled = scores.float() * self.target_std_T + self.target_mean_T
        if self.target_scale != "sqrt":
            return scaled
        return (scaled.clamp(min=0).square() - LEAST_AMOUNT).clamp(min=0)

    def spread(self, values_BT: Tensor) -> Tensor:
        """What belongs to targets, (..., T), for each of their scores."""
        if not self.sizes:
            return values_BT
        return values_BT.repeat_interleave(torch.tensor(self.sizes, device=values_BT.device), dim=-1)

    def shares(self, odds_BC: Tensor) -> Tensor:
        """Numbers of several classes divided by their sum for each target; others as they are."""
        parts = (
            [part / part.sum(dim=-1, keepdim=True) for part in odds_BC.split(self.sizes, dim=-1)]
            if self.sizes
            else []
        )
        return torch.cat(parts, dim=-1) if parts else odds_BC

    def log_odds(self, logits_BC: Tensor) -> Tensor:
        """The log-odds of each of several classes from the logarithms of their unnormalised shares."""
        parts = []
        for part_BK in logits_BC.split(self.sizes, dim=-1) if self.sizes else ():
            own_KK = torch.eye(part_BK.shape[-1], dtype=torch.bool, device=part_BK.device)
            others_BKK = part_BK[..., None, :].masked_fill(own_KK, -torch.inf)
            parts.append(part_BK - others_BKK.logsumexp(dim=-1))
        return torch.cat(parts, dim=-1) if parts else logits_BC

    def columns(self, conditions: Conditions | None = None) -> tuple[str, ...]:
        """Names of the C values of a prediction: the targets, unless conditions ask for others.

        Raises:
            UsageError: The head has no such conditions.
        """
        if conditions:
            raise UsageError(
                f"this model takes no {', '.join(conditions)}: it predicts {', '.join(self.targets)}"
            )
        return self.targets

    def extrapolations(self, conditions: Conditions | None = None) -> tuple[str, ...]:
        """For each column, how the conditions leave the range of training; "" where they do not."""
        return ("",) * len(self.columns(conditions))

    def bounds(
        self,
        values_NC: NDArray,
        at_targets_NT: NDArray,
        ends_NT: tuple[NDArray, NDArray],
        conditions: Conditions | None = None,
    ) -> tuple[NDArray, NDArray]:
        """Lower and upper ends of the intervals of values under conditions, (N, C) each.

        `ends_NT` are those of the values at the targets.
        """
        return ends_NT

    def fit_targets(self, targets_NT: Tensor) -> None:
        """Learn mean and deviation of each target; one that never varies keeps a deviation of one.

        Raises:
            DataError: A target has no label at all, is no amount where amounts are to be learnt, or is too
                large or too small for 32-bit numbers.
        """
        sizes = self.sizes or (1,) * len(self.targets)
        names = [name for name, size in zip(self.targets, sizes, strict=True) for _ in range(size)]
        for name, column_N in zip(names, targets_NT.T, strict=True):
            known_M = column_N[~column_N.isnan()]
            if not len(known_M):
                raise DataError(f"target {name!r} has no label in the training rows")
            largest = known_M.abs().max().item()
            if largest and not LEAST_LABEL <= largest <= 1 / LEAST_LABEL:
                raise DataError(
                    f"target {name!r} reaches {largest:g}, beyond what 32-bit numbers hold: give it in a "
                    f"unit in which its largest value lies between {LEAST_LABEL:g} and {1 / LEAST_LABEL:g}"
                )
            if self.target_scale == "sqrt" and bool((known_M < 0).any()):
                raise DataError(
                    f"head.target_scale='sqrt' is for amounts; target {name!r} goes down to {known_M.min():g}"
                )
        if self.target_scale == "raw":
            return
        mean_T, std_T = _moments(self._on_scale(targets_NT))
        self.target_mean_T.copy_(mean_T)
        self.target_std_T.copy_(torch.where(std_T > 0, std_T, 1.0))

    def _fit_inputs(
        self, descriptors_NF: NDArray | Tensor | None, pooled_ND: NDArray | Tensor | None
    ) -> None:
        """Learn mean and deviation of each input that is given; fragment counts stay as they are.

        One that never varies carries no signal: an infinite deviation makes it zero ever after.
        """
        self._check_descriptors(descriptors_NF)
        for values, mean, std in (
            (descriptors_NF, self.descriptor_mean_F, self.descriptor_std_F),
            (pooled_ND, self.pooled_mean_D, self.pooled_std_D),
        ):
            if values is not None:
                found_mean, found_std = _moments(torch.as_tensor(values[:, : len(mean)]))
                mean.copy_(found_mean.nan_to_num(nan=0.0))
                std.copy_(torch.where(found_std > 0, found_std, torch.inf))

    def _on_scale(self, labels_NT: Tensor) -> Tensor:
        """Labels, or their square roots where they are learnt as amounts; NaN stays NaN."""
        if self.target_scale != "sqrt":
            return labels_NT
        return (labels_NT.clamp(min=0) + LEAST_AMOUNT).sqrt()

    def _check_descriptors(self, descriptors_BF: NDArray | Tensor | None) -> None:
        n_given = 0 if descriptors_BF is None else descriptors_BF.shape[1]
        if n_given != self.n_descriptors:
            raise DataError(
                f"the model reads {self.n_descriptors} descriptors a string, and {n_given} were given"
            )


def standardised_inputs(values_NC: Tensor, mean_C: Tensor, std_C: Tensor) -> Tensor:
    """Inputs of mean zero and deviation one, cut off at `LARGEST_INPUT`; a missing one is the mean."""
    return ((values_NC - mean_C) / std_C).nan_to_num(nan=0.0).clamp(-LARGEST_INPUT, LARGEST_INPUT)


def _moments(values_NC: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each column, NaN left out; a deviation that is but rounding is zero."""
    mean_C = values_NC.double().nanmean(dim=0)
    std_C = (values_NC.double() - mean_C).square().nanmean(dim=0).sqrt()
    return mean_C, torch.where(std_C > 1e-6 * mean_C.abs(), std_C, 0.0)
