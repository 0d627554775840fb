"""The part of a block that works on each token alone.

Axes: B strings, L tokens, D features of the stream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import gelu, relu

from catenane.nn.dropout import Dropout

__all__ = ["Activation", "FeedForward"]

Activation = Literal["relu", "gelu", "geglu"]


class FeedForward(nn.Module):
    """Widen, apply the activation, and narrow again; with `geglu` one half of the wide layer gates the other.

    Args:
        d_model: Width of the stream.
        d_hidden: Width of the hidden layer after the non-linearity.
        activation: ReLU, GELU, or GELU-gated.
        dropout: Share of hidden activations dropped in training.

    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 2; `geglu` Shazeer 2020, arXiv:2002.05202, eq. 6.
    """

    def __init__(self, d_model: int, d_hidden: int, activation: Activation, dropout: float) -> None:
        super().__init__()
        self.gated = activation == "geglu"
        self.activation: Callable[[Tensor], Tensor] = relu if activation == "relu" else gelu
        self.input = nn.Linear(d_model, 2 * d_hidden if self.gated else d_hidden)
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(d_hidden, d_model)

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Transform each token; the shape stays."""
        wide = self.input(x_BLD)
        if self.gated:
            gate, value = wide.chunk(2, dim=-1)
            hidden = self.activation(gate) * value
        else:
            hidden = self.activation(wide)
        output_BLD: Tensor = self.output(self.dropout(hidden))
        return output_BLD
