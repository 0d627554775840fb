"""Moments of inputs and labels, and the scales that labels are learnt on.

Axes: N rows, C columns, T targets.
"""

from __future__ import annotations

import torch
from numpy.typing import NDArray
from torch import Tensor

from catenane.config import TargetScale
from catenane.errors import DataError

__all__ = [
    "check_labels",
    "fit_input_moments",
    "fit_target_moments",
    "from_scale",
    "standardised_inputs",
    "to_scale",
]

LARGEST_INPUT = 5.0
"""Standardised inputs are cut off here: one far outside the training data must not drown the others."""
LEAST_AMOUNT = 1e-6
"""Added under the square root, whose slope has no bound at zero."""
LEAST_LABEL = 1e-30
"""Of the largest label of a target; its inverse is the most that it may be."""


def to_scale(labels_NT: Tensor, scale: TargetScale) -> Tensor:
    """Labels on the scale that they are learnt on; NaN stays NaN."""
    if scale == "linear":
        return labels_NT
    return (labels_NT.clamp(min=0) + LEAST_AMOUNT).sqrt()


def from_scale(scaled_NT: Tensor, scale: TargetScale) -> Tensor:
    """The labels that `to_scale` made these of; amounts are never negative."""
    if scale == "linear":
        return scaled_NT
    return (scaled_NT.clamp(min=0).square() - LEAST_AMOUNT).clamp(min=0)


def fit_target_moments(mean_T: Tensor, std_T: Tensor, scaled_NT: Tensor) -> None:
    """Write mean and standard deviation of each target; one that never varies keeps a deviation of one."""
    found_mean_T, found_std_T = _moments(scaled_NT)
    mean_T.copy_(found_mean_T)
    std_T.copy_(torch.where(found_std_T > 0, found_std_T, 1.0))


def fit_input_moments(mean_C: Tensor, std_C: Tensor, values_NC: NDArray | Tensor) -> None:
    """Write mean and standard deviation of each input; one that never varies gets an infinite deviation.

    An infinite deviation makes the input zero ever after: what never varied in training carries no signal.
    """
    found_mean_C, found_std_C = _moments(torch.as_tensor(values_NC))
    mean_C.copy_(found_mean_C.nan_to_num(nan=0.0))
    std_C.copy_(torch.where(found_std_C > 0, found_std_C, torch.inf))


def standardised_inputs(values_NC: Tensor, mean_C: Tensor, std_C: Tensor) -> Tensor:
    """Inputs of mean zero and deviation one, cut off at `LARGEST_INPUT`; a missing one is the mean."""
    scaled_NC = (values_NC - mean_C) / std_C
    return scaled_NC.nan_to_num(nan=0.0).clamp(-LARGEST_INPUT, LARGEST_INPUT)


def check_labels(labels_NT: Tensor, targets: tuple[str, ...], scale: TargetScale) -> None:
    """Refuse labels that cannot be learnt on this scale.

    Raises:
        DataError: A target has no label at all, is no amount where amounts are to be learnt, or is too
            large or too small for 32-bit numbers.
    """
    for name, column_N in zip(targets, labels_NT.T, strict=True):
        known_M = column_N[~column_N.isnan()]
        if not len(known_M):
            raise DataError(f"target {name!r} has no label in the training rows")
        largest = known_M.abs().max().item()
        if largest and not LEAST_LABEL <= largest <= 1 / LEAST_LABEL:
            raise DataError(
                f"target {name!r} reaches {largest:g}, beyond what 32-bit numbers hold: give it in a unit "
                f"in which its largest value lies between {LEAST_LABEL:g} and {1 / LEAST_LABEL:g}"
            )
        if scale == "sqrt" and bool((known_M < 0).any()):
            raise DataError(
                f"head.target_scale='sqrt' is for amounts; target {name!r} goes down to {known_M.min():g}"
            )


def _moments(values_NC: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each column, NaN left out; a deviation that is but rounding is zero."""
    values_NC = values_NC.double()
    mean_C = values_NC.nanmean(dim=0)
    std_C = (values_NC - mean_C).square().nanmean(dim=0).sqrt()
    rounding_C = 1e-6 * mean_C.abs()
    return mean_C, torch.where(std_C > rounding_C, std_C, 0.0)
