"""What every property head has: its targets, scalers, conditions, and the way to the labels' units.

Axes: B or N strings, D width of the stream, F descriptors, T targets, C columns of a prediction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from catenane.config import Task
from catenane.errors import DataError, UsageError

__all__ = ["Conditions", "Head"]

Conditions: TypeAlias = Mapping[str, Any]
"""What a prediction is made for besides the string, by name: `{"gas": "co2", "pressure": 0.15}`."""


class Head(nn.Module, ABC):
    """Scores of T targets from one vector a string, and its descriptors where there are any.

    Called with both, it gives scores (B, T) on the scale that the loss is taken on. Scalers are buffers,
    saved with the weights.

    Args:
        d_model: Width of the vectors.
        targets: Names of the T targets.
        n_descriptors: Columns of the descriptors that it reads; 0 for none.
        n_standardised: How many of them are standardised.
    """

    task: Task
    descriptor_mean_F: Tensor
    descriptor_std_F: Tensor
    pooled_mean_D: Tensor
    pooled_std_D: Tensor
    target_mean_T: Tensor
    target_std_T: Tensor

    def __init__(
        self, *, d_model: int, targets: Sequence[str], n_descriptors: int, n_standardised: int
    ) -> None:
        super().__init__()
        self.targets = tuple(targets)
        self.n_descriptors = n_descriptors
        sizes = {"target": ("T", len(targets)), "descriptor": ("F", n_standardised), "pooled": ("D", d_model)}
        for name, (axis, size) in sizes.items():
            self.register_buffer(f"{name}_mean_{axis}", torch.zeros(size))
            self.register_buffer(f"{name}_std_{axis}", torch.ones(size))

    @abstractmethod
    def predict(
        self,
        pooled_BD: Tensor,
        descriptors_BF: Tensor | None = None,
        conditions: Conditions | None = None,
    ) -> Tensor:
        """Values in the units of the labels, or probabilities of class 1, float32 (B, C).

        Args:
            pooled_BD: One vector a string.
            descriptors_BF: Descriptors in their own units, NaN where undefined; if and only if F > 0.
            conditions: What the prediction is made for, by name.

        Raises:
            UsageError: The head has no such conditions.
            DataError: Descriptors are missing, or there are other than F of them.
        """

    @abstractmethod
    def standardise(self, targets_BT: Tensor) -> Tensor:
        """Labels on the scale of the scores, for the loss; NaN stays NaN."""

    @abstractmethod
    def to_labels(self, scores: Tensor) -> Tensor:
        """Scores (..., T) in the units of the labels, or as probabilities of class 1; float32."""

    def columns(self, conditions: Conditions | None = None) -> tuple[str, ...]:
        """Names of the C values of a prediction: the targets, unless conditions say otherwise.

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
        """Intervals under conditions, (N, C) each, from those of the targets.

        Args:
            values_NC: What is predicted under the conditions.
            at_targets_NT: What is predicted for the targets.
            ends_NT: Lower and upper ends of the targets' intervals.
            conditions: As in `predict`.
        """
        return ends_NT

    def _check_descriptors(self, descriptors_BF: NDArray | Tensor | None) -> None:
        n_given = 0 if descriptors_BF is None else descriptors_BF.shape[1]
        if n_given != self.n_descriptors:
            raise DataError(
                f"the model reads {self.n_descriptors} descriptors a string, and {n_given} were given"
            )
