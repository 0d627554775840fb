"""Property heads that learn by gradient descent: layers on scaled inputs, members side by side.

Axes: B or N strings, D width of the stream, F descriptors, T targets, M members, O outputs of a member's last
layer.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from catenane.config import HeadConfig
from catenane.errors import ConfigError
from catenane.models.head import Head, standardised_inputs
from catenane.models.initialisation import initialise_property_head, start_linear
from catenane.nn import Dropout

__all__ = ["PropertyHead"]


class PropertyHead(Head):
    """M networks whose mean is the score of each target.

    Args:
        config: Widths of the hidden layers, members, descriptors and dropout.
        relu: ReLU as activation, to match an encoder that has it; GELU otherwise.
        n_outputs: Outputs of the last layer, O; T by default.
        shape: As in `Head`.

    Raises:
        ConfigError: Descriptors are given to a head that is set to have none, layers of unlike widths to
            one that adds them up, or classes are to be learnt as amounts.
    """

    members: nn.ModuleList

    def __init__(
        self, config: HeadConfig, *, relu: bool = False, n_outputs: int | None = None, **shape: Any
    ) -> None:
        super().__init__(config, **shape)
        n_joined = self.n_descriptors
        if n_joined > self.n_features and not config.descriptors:
            raise ConfigError(f"head.descriptors=false leaves no place for {n_joined} descriptors")
        activation = nn.ReLU if relu else nn.GELU
        self.descriptors: nn.Sequential | None = None
        if n_joined and config.descriptor_layer:
            joining = nn.Linear(n_joined, self.d_model)
            self.descriptors = nn.Sequential(joining, activation(), Dropout(config.dropout))
            n_joined = self.d_model
        widths = [self.d_model + n_joined, *config.hidden, n_outputs or self.n_scores]
        self.members = nn.ModuleList(
            _layers(widths, activation, config.dropout, residual=config.residual)
            for _ in range(config.members)
        )
        if self.descriptors is not None:
            start_linear(joining, config.gain)
        for member in self.members:
            initialise_property_head(member, config.gain)

    def forward(
        self, pooled_BD: Tensor, descriptors_BF: Tensor | None = None, *, per_member: bool = False
    ) -> Tensor:
        """As in `Head`."""
        scores_MBT = self.log_odds(self.outputs(pooled_BD, descriptors_BF))
        return scores_MBT if per_member else scores_MBT.mean(dim=0)

    def outputs(self, pooled_BD: Tensor, descriptors_BF: Tensor | None) -> Tensor:
        """The last layer of each member, (M, B, O); arguments and errors as in `forward`."""
        self._check_descriptors(descriptors_BF)
        pooled_BD = (pooled_BD - self.pooled_mean_D) / self.pooled_std_D
        if descriptors_BF is not None:
            plain_BF, counts_BC = descriptors_BF[:, : self.n_plain], descriptors_BF[:, self.n_plain :]
            scaled_BF = standardised_inputs(plain_BF, self.descriptor_mean_F, self.descriptor_std_F)
            scaled_BF = torch.cat([scaled_BF, counts_BC.nan_to_num(nan=0.0).log1p()], dim=1)
            joined = scaled_BF if self.descriptors is None else self.descriptors(scaled_BF)
            pooled_BD = torch.cat([pooled_BD, joined], dim=1)
        return torch.stack([member(pooled_BD) for member in self.members])

    @torch.no_grad()
    def fit_scalers(
        self,
        targets_NT: NDArray | Tensor,
        descriptors_NF: NDArray | Tensor | None = None,
        pooled_ND: NDArray | Tensor | None = None,
    ) -> None:
        """Learn means and deviations from labels, descriptors and vectors of the training rows.

        NaN is left out. An encoder that still learns will change its vectors: they stay as they are.

        Raises:
            DataError: A target has no label, or is no amount where amounts are to be learnt; descriptors are
                missing, or there are other than F of them.
        """
        self.fit_targets(torch.as_tensor(targets_NT))
        self._fit_inputs(descriptors_NF, pooled_ND)
        if descriptors_NF is not None:
            # Weights of a fragment that no training row has stay at zero: none of them has a gradient.
            absent_C = ~(torch.as_tensor(descriptors_NF)[:, self.n_plain :] > 0).any(dim=0)
            for reader in [self.descriptors] if self.descriptors is not None else self.members:
                weight_OC = next(reader.parameters())[:, -self.n_descriptors :][:, self.n_plain :]
                weight_OC[:, absent_C] = 0

    def fit_targets(self, targets_NT: Tensor) -> None:
        """As `Head`; classes have no scale."""
        if self.task == "regression":
            super().fit_targets(targets_NT)


class _ResidualLayer(nn.Sequential):
    """A layer beside a residual path."""

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = super().forward(x)
        return x + changed


def _layers(
    widths: Sequence[int], activation: type[nn.Module], dropout: float, *, residual: bool
) -> nn.Sequential:
    """Linear layers of these widths, all but the last with activation and dropout."""
    *hidden, last = itertools.pairwise(widths)
    if residual and any(given != wanted for given, wanted in hidden):
        raise ConfigError(
            f"head.residual=true adds a layer's input to its output: every width of head.hidden="
            f"{list(widths[1:-1])} must be {widths[0]}, that of the joined inputs"
        )
    kind = _ResidualLayer if residual else nn.Sequential
    stack = [kind(nn.Linear(*pair), activation(), Dropout(dropout)) for pair in hidden]
    return nn.Sequential(*stack, nn.Linear(*last))
