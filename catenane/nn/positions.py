"""Positional encoding: sinusoidal, learned or rotary, looked up by index.

Axes: B strings, H heads, L tokens, D features (of the stream, or of one head where there are heads), P =
D / 2 pairs of features that rotate together, N positions of a table. Indices have the shape (L,), or (B, L)
where strings differ: the tokens of a fragment keep the positions that they have in the whole string.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["LearnedPositions", "RotaryPositions", "Rotation", "SinusoidalPositions", "rotate"]

Rotation = tuple[Tensor, Tensor]
"""Cosines and signed sines of each token, each broadcastable to (B, H, L, D)."""
LONGEST_WAVE = 10_000.0
"""Wavelength of the slowest pair over 2π, in tokens; as in Vaswani et al. 2017 and Su et al. 2021."""


def angles(length: int, width: int) -> Tensor:
    """Angles (length, width / 2) of the pairs of features, θ_p = position / 10000^(2p / width), float32."""
    # Also where a network is laid out on the meta device, whose arange loads 800 modules of PyTorch.
    places_L = torch.arange(length, dtype=torch.float64, device="cpu")
    pairs_P = torch.arange(0, width, 2, dtype=torch.float64, device="cpu")
    return torch.outer(places_L, torch.exp(pairs_P * (-math.log(LONGEST_WAVE) / width))).float()


def rotate(x_BHLD: Tensor, rotation: Rotation | None) -> Tensor:
    """Rotate each pair of features by the angle of its position; not at all where there is no rotation.

    Feature p is paired with feature p + D / 2, as in GPT-NeoX and MoLFormer; Su et al. pair neighbours, which
    is the same map after a permutation of the features that the projections before it absorb.

    Args:
        x_BHLD: Queries, keys, or their feature maps, with an even D; shape and dtype stay.
        rotation: What `RotaryPositions` gives for the L tokens.

    Source: Su et al. 2021, arXiv:2104.09864, eq. 34.

    >>> rotate(torch.tensor([[1.0, 0.0]]), RotaryPositions(2, 8)(torch.tensor([0]))).tolist()
    [[1.0, 0.0]]
    """
    if rotation is None:
        return x_BHLD
    cos, sin = (table.to(x_BHLD.dtype) for table in rotation)
    return torch.addcmul(x_BHLD * cos, x_BHLD.roll(x_BHLD.shape[-1] // 2, dims=-1), sin)


class RotaryPositions(nn.Module):
    """The tables of `rotate`, computed once and shared by every block.

    Args:
        width: Features that rotate: those of one head, or of its feature map; even.
        max_length: Number of positions N.
    """

    cos_ND: Tensor
    sin_ND: Tensor

    def __init__(self, width: int, max_length: int) -> None:
        super().__init__()
        angles_NP = angles(max_length, width)
        cos_NP, sin_NP = angles_NP.cos(), angles_NP.sin()
        # The left half of a pair becomes x cos - y sin, the right half y cos + x sin.
        self.register_buffer("cos_ND", torch.cat([cos_NP, cos_NP], dim=1), persistent=False)
        self.register_buffer("sin_ND", torch.cat([-sin_NP, sin_NP], dim=1), persistent=False)

    def forward(self, positions: Tensor) -> Rotation:
        """Cosines, and sines with the sign of their half, at int64 positions of shape (L,) or (B, L).

        Returns:
            Two tensors of shape (L, width) or (B, 1, L, width).
        """
        if positions.ndim == 2:
            positions = positions.unsqueeze(1)
        return self.cos_ND[positions], self.sin_ND[positions]


class SinusoidalPositions(nn.Module):
    """Fixed waves to be added to the embeddings; sines in the even features, cosines in the odd ones.

    The width of the stream must be even.

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
    """

    table_ND: Tensor

    def __init__(self, d_model: int, max_length: int) -> None:
        super().__init__()
        angles_NP = angles(max_length, d_model)
        table_ND = torch.stack([angles_NP.sin(), angles_NP.cos()], dim=-1).flatten(1)
        self.register_buffer("table_ND", table_ND, persistent=False)

    def forward(self, positions: Tensor) -> Tensor:
        """Waves at int64 positions of shape (L,) or (B, L): (L, d_model) or (B, L, d_model)."""
        return self.table_ND[positions]


class LearnedPositions(nn.Module):
    """One trained vector for each position, to be added to the embeddings, as in BERT."""

    def __init__(self, d_model: int, max_length: int) -> None:
        super().__init__()
        self.table_LD = nn.Parameter(torch.zeros(max_length, d_model))  # the name is that in saved weights

    def forward(self, positions: Tensor) -> Tensor:
        """Vectors at int64 positions of shape (L,) or (B, L): (L, d_model) or (B, L, d_model)."""
        return self.table_LD[positions]
