"""The network that answers properties of strings, in the units of their labels.

Axes: B or N strings, L tokens, D width of the stream, F descriptors, T targets.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from catenane.config import HeadConfig
from catenane.errors import ConfigError, DataError
from catenane.models.encoder import Encoder
from catenane.models.heads import PropertyHead
from catenane.nn import pool

__all__ = ["PropertyModel"]

LARGEST_DESCRIPTOR = 5.0
"""Standardised descriptors are cut off here: one far outside the training data must not drown the string."""


class PropertyModel(nn.Module):
    """Pools the states of a string, joins its descriptors, and scores every target.

    Scores are on the standardised scale (regression) or logits (classification); `answer` brings them to the
    units of the labels, or to probabilities. Scalers are buffers, saved with the weights, which are named
    `encoder.*` and `head.*`.

    Args:
        encoder: Fresh or pretrained.
        head: Shape of the head.
        n_targets: Number of targets T.
        n_descriptors: Number of descriptors F; 0 for none.
        task: What the scores mean, for all targets.

    Raises:
        ConfigError: Descriptors are given to a head that is set to have none.
    """

    target_mean_T: Tensor
    target_std_T: Tensor
    descriptor_mean_F: Tensor
    descriptor_std_F: Tensor

    def __init__(
        self,
        encoder: Encoder,
        head: HeadConfig,
        *,
        n_targets: int,
        n_descriptors: int = 0,
        task: Literal["regression", "classification"] = "regression",
    ) -> None:
        super().__init__()
        if n_descriptors and not head.descriptors:
            raise ConfigError(f"head.descriptors=false leaves no place for {n_descriptors} descriptors")
        self.task = task
        self.pooling = head.pooling
        self.n_descriptors = n_descriptors
        self.encoder = encoder
        self.head = PropertyHead(
            head,
            d_model=encoder.config.d_model,
            n_targets=n_targets,
            n_descriptors=n_descriptors,
            relu=encoder.config.activation == "relu",
        )
        self.register_buffer("target_mean_T", torch.zeros(n_targets))
        self.register_buffer("target_std_T", torch.ones(n_targets))
        self.register_buffer("descriptor_mean_F", torch.zeros(n_descriptors))
        self.register_buffer("descriptor_std_F", torch.ones(n_descriptors))

    def forward(self, ids_BL: Tensor, keep_BL: Tensor, descriptors_BF: Tensor | None = None) -> Tensor:
        """Score every target of every string.

        Args:
            ids_BL: Token ids, int64, padded on the right.
            keep_BL: bool, True on real tokens.
            descriptors_BF: Descriptors in their own units, NaN where undefined; if and only if F > 0.

        Returns:
            float tensor of shape (B, T).

        Raises:
            DataError: Descriptors are missing, or there are other than F of them.
        """
        return self.score(self.embed(ids_BL, keep_BL), descriptors_BF)

    def embed(self, ids_BL: Tensor, keep_BL: Tensor) -> Tensor:
        """Pooled states of the strings, (B, d_model); arguments as in `forward`."""
        return pool(self.encoder(ids_BL, keep_BL), keep_BL, self.pooling)

    def score(self, pooled_BD: Tensor, descriptors_BF: Tensor | None = None) -> Tensor:
        """Score strings that `embed` has read already; the head alone is computed."""
        n_given = 0 if descriptors_BF is None else descriptors_BF.shape[1]
        if n_given != self.n_descriptors:
            raise DataError(
                f"the model reads {self.n_descriptors} descriptors a string, and {n_given} were given"
            )
        scores_BT: Tensor = self.head(pooled_BD, self._standardise_descriptors(descriptors_BF))
        return scores_BT

    def standardise(self, targets_BT: Tensor) -> Tensor:
        """Labels on the scale of the scores, for the loss; NaN stays NaN, classes stay as they are."""
        return (targets_BT - self.target_mean_T) / self.target_std_T

    def answer(self, scores_BT: Tensor) -> Tensor:
        """Scores in the units of the labels (regression), or as probabilities of class 1 (classification).

        Returns:
            float32 tensor of shape (B, T).
        """
        if self.task == "classification":
            return scores_BT.float().sigmoid()
        return scores_BT.float() * self.target_std_T + self.target_mean_T

    @torch.no_grad()
    def fit_scalers(
        self,
        targets_NT: NDArray[np.floating] | Tensor,
        descriptors_NF: NDArray[np.floating] | Tensor | None = None,
    ) -> None:
        """Learn means and deviations from the training rows; NaN is left out, classes are left alone.

        A target that never varies keeps a deviation of one. A descriptor that never varies in training says
        nothing and gets an infinite one, so that it reads as zero ever after.

        Raises:
            DataError: A target has no label at all, or descriptors are missing or of another number.
        """
        if self.task == "regression":
            mean_T, std_T = _moments(targets_NT)
            if bool(mean_T.isnan().any()):
                column = int(mean_T.isnan().nonzero()[0])
                raise DataError(f"target {column + 1} of {len(mean_T)} has no label in the training rows")
            self.target_mean_T.copy_(mean_T)
            self.target_std_T.copy_(torch.where(std_T > 0, std_T, 1.0))
        n_given = 0 if descriptors_NF is None else descriptors_NF.shape[1]
        if n_given != self.n_descriptors:
            raise DataError(
                f"the model reads {self.n_descriptors} descriptors a string, and {n_given} were given"
            )
        if descriptors_NF is not None:
            mean_F, std_F = _moments(descriptors_NF)
            self.descriptor_mean_F.copy_(mean_F.nan_to_num(nan=0.0))
            self.descriptor_std_F.copy_(torch.where(std_F > 0, std_F, torch.inf))

    def _standardise_descriptors(self, descriptors_BF: Tensor | None) -> Tensor | None:
        if descriptors_BF is None:
            return None
        scaled_BF = (descriptors_BF - self.descriptor_mean_F) / self.descriptor_std_F
        return scaled_BF.nan_to_num(nan=0.0).clamp(-LARGEST_DESCRIPTOR, LARGEST_DESCRIPTOR)


def _moments(values_NC: NDArray[np.floating] | Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each column, NaN left out; a deviation that is but rounding is zero."""
    values_NC = torch.as_tensor(values_NC).double()
    mean_C = values_NC.nanmean(dim=0)
    std_C = (values_NC - mean_C).square().nanmean(dim=0).sqrt()
    rounding_C = 1e-6 * mean_C.abs()
    return mean_C, torch.where(std_C > rounding_C, std_C, 0.0)
