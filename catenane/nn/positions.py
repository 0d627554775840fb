"""How a token knows its place: sinusoidal, learned or rotary positions.

Axes: B strings, H heads, L tokens, D features (of the stream, or of one head where there are heads), P =
D / 2 pairs of features that turn together.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["LearnedPositions", "RotaryPositions", "SinusoidalPositions", "rotate"]

Rotation = tuple[Tensor, Tensor]
LONGEST_WAVE = 10_000.0
"""Wavelength of the slowest pair over 2π, in tokens; as in Vaswani et al. 2017 and Su et al. 2021."""


def angles(length: int, width: int) -> Tensor:
    """Angle by which each pair of features has turned at each place, θ_p = place / 10000^(2p / width).

    Returns:
        float32 tensor of shape (length, width / 2), in radians.
    """
    rates_P = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(LONGEST_WAVE) / width))
    return torch.outer(torch.arange(length, dtype=torch.float64), rates_P).float()


def rotate(x_BHLD: Tensor, rotation: Rotation) -> Tensor:
    """Turn each pair of features by the angle of its place.

    Feature p is paired with feature p + D / 2, as in GPT-NeoX and MoLFormer; Su et al. pair neighbours, which
    is the same map after a permutation of the features that the projections before it absorb.

    Args:
        x_BHLD: Queries, keys, or their feature maps, with an even D.
        rotation: What `RotaryPositions` gives for L.

    Returns:
        Tensor of the shape and dtype of `x_BHLD`.

    Source: Su et al. 2021, arXiv:2104.09864, eq. 34.
    """
    cos_LD, sin_LD = (table_LD.to(x_BHLD.dtype) for table_LD in rotation)
    return x_BHLD * cos_LD + x_BHLD.roll(x_BHLD.shape[-1] // 2, dims=-1) * sin_LD


class RotaryPositions(nn.Module):
    """The tables of `rotate`, computed once and shared by every block.

    Args:
        width: Features that turn: those of one head, or of its feature map; even.
        max_length: Longest sequence in tokens.
    """

    cos_LD: Tensor
    sin_LD: Tensor

    def __init__(self, width: int, max_length: int) -> None:
        super().__init__()
        angles_LP = angles(max_length, width)
        cos_LP, sin_LP = angles_LP.cos(), angles_LP.sin()
        # The left half of a pair becomes x cos - y sin, the right half y cos + x sin.
        self.register_buffer("cos_LD", torch.cat([cos_LP, cos_LP], dim=1), persistent=False)
        self.register_buffer("sin_LD", torch.cat([-sin_LP, sin_LP], dim=1), persistent=False)

    def forward(self, length: int) -> Rotation:
        """Cosines, and sines with the sign of their half, of the first places: (length, width) each."""
        return self.cos_LD[:length], self.sin_LD[:length]


class SinusoidalPositions(nn.Module):
    """Fixed waves to be added to the embeddings; sines in the even features, cosines in the odd ones.

    Args:
        d_model: Width of the stream; even.
        max_length: Longest sequence in tokens.

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
    """

    table_LD: Tensor

    def __init__(self, d_model: int, max_length: int) -> None:
        super().__init__()
        angles_LP = angles(max_length, d_model)
        table_LD = torch.stack([angles_LP.sin(), angles_LP.cos()], dim=-1).flatten(1)
        self.register_buffer("table_LD", table_LD, persistent=False)

    def forward(self, length: int) -> Tensor:
        """Waves at the first `length` places, (length, d_model)."""
        return self.table_LD[:length]


class LearnedPositions(nn.Module):
    """One trained vector for each place, to be added to the embeddings, as in BERT.

    Args:
        d_model: Width of the stream.
        max_length: Longest sequence in tokens.
    """

    def __init__(self, d_model: int, max_length: int) -> None:
        super().__init__()
        self.table_LD = nn.Parameter(torch.zeros(max_length, d_model))

    def forward(self, length: int) -> Tensor:
        """Vectors of the first `length` places, (length, d_model)."""
        return self.table_LD[:length]
