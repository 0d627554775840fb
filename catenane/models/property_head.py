"""Property heads that learn by gradient descent: layers on scaled inputs, members side by side.

Axes: B or N strings, D width of the stream, F descriptors, T targets, C columns of a prediction, M members,
O outputs of a member's last layer.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Sequence

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from catenane.config import HeadConfig
from catenane.errors import ConfigError
from catenane.models.head import Conditions, Head
from catenane.models.initialisation import initialise_property_head, start_linear
from catenane.models.scaling import fit_input_moments, standardised_inputs
from catenane.nn import Dropout

__all__ = ["PropertyHead"]


class PropertyHead(Head):
    """Scores of T targets from one vector a string, and its descriptors where there are any.

    A head defines what the scores mean (`standardise`, `to_labels`), what it predicts under which conditions
    (`columns`, `predict`), and what it learns from the labels before training (`fit_targets`). Scalers are
    buffers, saved with the weights.

    Args:
        config: Widths of the hidden layers, members, descriptors and dropout.
        d_model: Width of the stream.
        targets: Names of the T targets.
        n_outputs: Outputs of the last layer, O.
        n_descriptors: Number of descriptors F that are joined to the vector; 0 for none.
        relu: ReLU as activation, to match an encoder that has it; GELU otherwise.

    Raises:
        ConfigError: Descriptors are given to a head that is set to have none, or layers of unlike widths to
            one that adds them up.
    """

    members: nn.ModuleList

    def __init__(
        self,
        config: HeadConfig,
        *,
        d_model: int,
        targets: Sequence[str],
        n_outputs: int,
        n_descriptors: int = 0,
        relu: bool = False,
    ) -> None:
        super().__init__(
            d_model=d_model, targets=targets, n_standardised=n_descriptors, n_descriptors=n_descriptors
        )
        if n_descriptors and not config.descriptors:
            raise ConfigError(f"head.descriptors=false leaves no place for {n_descriptors} descriptors")
        activation = nn.ReLU if relu else nn.GELU
        joining = nn.Linear(n_descriptors, d_model) if n_descriptors and config.descriptor_layer else None
        self.descriptors = (
            None if joining is None else nn.Sequential(joining, activation(), Dropout(config.dropout))
        )
        n_joined = n_descriptors if joining is None else d_model
        widths = [d_model + n_joined, *config.hidden, n_outputs]
        self.members = nn.ModuleList(
            _layers(widths, activation, config.dropout, residual=config.residual)
            for _ in range(config.members)
        )
        if joining is not None:
            start_linear(joining, config.gain)
        for member in self.members:
            initialise_property_head(member, config.gain)

    def forward(
        self, pooled_BD: Tensor, descriptors_BF: Tensor | None = None, *, per_member: bool = False
    ) -> Tensor:
        """Score every target of every string, on the scale that the loss is taken on.

        Args:
            pooled_BD: One vector a string.
            descriptors_BF: Descriptors in their own units, NaN where undefined; if and only if F > 0.
            per_member: Give the scores of each member, for training, instead of their mean.

        Returns:
            float tensor of shape (B, T), or (M, B, T) per member.

        Raises:
            DataError: Descriptors are missing, or there are other than F of them.
        """
        scores_MBT = self.outputs(pooled_BD, descriptors_BF)
        return scores_MBT if per_member else scores_MBT.mean(dim=0)

    def outputs(self, pooled_BD: Tensor, descriptors_BF: Tensor | None) -> Tensor:
        """The last layer of each member, (M, B, O); arguments and errors as in `forward`."""
        self._check_descriptors(descriptors_BF)
        pooled_BD = (pooled_BD - self.pooled_mean_D) / self.pooled_std_D
        if descriptors_BF is not None:
            scaled_BF = standardised_inputs(descriptors_BF, self.descriptor_mean_F, self.descriptor_std_F)
            joined = scaled_BF if self.descriptors is None else self.descriptors(scaled_BF)
            pooled_BD = torch.cat([pooled_BD, joined], dim=1)
        return torch.stack([member(pooled_BD) for member in self.members])

    @abstractmethod
    def fit_targets(self, targets_NT: Tensor) -> None:
        """Learn what the head needs of the training labels before training; NaN is left out.

        Raises:
            DataError: The labels cannot be learnt by this head.
        """

    def predict(
        self,
        pooled_BD: Tensor,
        descriptors_BF: Tensor | None = None,
        conditions: Conditions | None = None,
        *,
        per_member: bool = False,
    ) -> Tensor:
        """Values in the units of the labels, or probabilities of class 1.

        Args:
            pooled_BD: One vector a string.
            descriptors_BF: As in `forward`.
            conditions: What the prediction is made for, by name.
            per_member: Give the values of each member instead of the prediction, which is their mean on the
                scale of the scores.

        Returns:
            float32 tensor of shape (B, C), or (M, B, C) per member.

        Raises:
            UsageError: The head has no such conditions.
            DataError: As in `forward`.
        """
        self.columns(conditions)
        return self.to_labels(self(pooled_BD, descriptors_BF, per_member=per_member))

    @torch.no_grad()
    def fit_scalers(
        self,
        targets_NT: NDArray | Tensor,
        descriptors_NF: NDArray | Tensor | None = None,
        pooled_ND: NDArray | Tensor | None = None,
    ) -> None:
        """Learn means and deviations from the training rows; NaN is left out.

        Args:
            targets_NT: Labels.
            descriptors_NF: Descriptors; if and only if F > 0.
            pooled_ND: Vectors of a frozen encoder. One that still learns will change its own, which are left
                as they are.

        Raises:
            DataError: The labels cannot be learnt by this head, or descriptors are missing or of another
                number.
        """
        self.fit_targets(torch.as_tensor(targets_NT))
        self._check_descriptors(descriptors_NF)
        if descriptors_NF is not None:
            fit_input_moments(self.descriptor_mean_F, self.descriptor_std_F, descriptors_NF)
        if pooled_ND is not None:
            fit_input_moments(self.pooled_mean_D, self.pooled_std_D, pooled_ND)


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
