"""Self-attention: one projection around one of two kernels, softmax or linear.

Axes: B strings, H heads, L tokens, D features (of the stream in `Attention`, of one head elsewhere), M
features after the feature map. Where all tokens of a batch are real, `keep_BL` is None and nothing is masked.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from catenane.nn.dropout import Dropout
from catenane.nn.features import RandomFeatures
from catenane.nn.positions import Rotation, rotate

__all__ = ["Attention", "FullAttention", "LinearAttention", "full_attention", "linear_attention"]

SMALLEST_MASS = 1e-6
"""Guards the division for a string without any real token; sums of feature products lie far above it."""


def linear_attention(
    q_BHLM: Tensor,
    k_BHLM: Tensor,
    v_BHLD: Tensor,
    keep_BL: Tensor | None = None,
    rotation: Rotation | None = None,
) -> Tensor:
    """Attend with weights φ(q) · φ(k) without forming the L × L matrix; cost grows linearly with L.

    Args:
        q_BHLM: Mapped queries, positive.
        k_BHLM: Mapped keys, positive.
        v_BHLD: Values.
        keep_BL: False on tokens that are not attended to.
        rotation: Turns the mapped queries and keys in the numerator alone, Rφ(q) · Rφ(k); the denominator
            stays the plain sum, so that it cannot vanish.

    Returns:
        Tensor of the shape of `v_BHLD`.

    Source: Katharopoulos et al. 2020, arXiv:2006.16236, eq. 5; with `rotation` Su et al. 2021,
    arXiv:2104.09864, eq. 19.
    """
    if keep_BL is not None:
        k_BHLM = k_BHLM * keep_BL[:, None, :, None]
    mass_BHL1 = q_BHLM @ k_BHLM.sum(dim=-2).unsqueeze(-1)
    if rotation is not None:
        q_BHLM, k_BHLM = rotate(q_BHLM, rotation), rotate(k_BHLM, rotation)
    memory_BHMD = k_BHLM.transpose(-2, -1) @ v_BHLD
    return (q_BHLM @ memory_BHMD) / mass_BHL1.clamp(min=SMALLEST_MASS)


def full_attention(
    q_BHLD: Tensor,
    k_BHLD: Tensor,
    v_BHLD: Tensor,
    keep_BL: Tensor | None = None,
    dropout: Dropout | None = None,
) -> Tensor:
    """Attend with weights softmax(q · k / √D), the L × L matrix written out.

    PyTorch's `scaled_dot_product_attention` is the same function. On a CPU this is two to three times faster:
    its fused kernel has slow bf16 gradients and no dropout, and its plain one multiplies bf16 in float32 and
    searches for rows without any token.

    Args:
        q_BHLD: Queries.
        k_BHLD: Keys.
        v_BHLD: Values.
        keep_BL: False on tokens that are not attended to; each string has one that is.
        dropout: Applied to the weights.

    Returns:
        Tensor of the shape and dtype of `v_BHLD`; the softmax is computed in float32 or better.
    """
    scale = q_BHLD.shape[-1] ** -0.5
    scores_BHLL = q_BHLD @ k_BHLD.transpose(-2, -1)
    precise = torch.promote_types(scores_BHLL.dtype, torch.float32)
    if keep_BL is None:
        scores_BHLL = scores_BHLL.to(precise) * scale
    else:
        hidden_B11L = torch.zeros(keep_BL.shape, dtype=precise, device=keep_BL.device)
        hidden_B11L = hidden_B11L.masked_fill(~keep_BL, -torch.inf)[:, None, None, :]
        scores_BHLL = torch.add(hidden_B11L, scores_BHLL, alpha=scale)
    weights_BHLL = scores_BHLL.softmax(dim=-1).to(v_BHLD.dtype)
    return (weights_BHLL if dropout is None else dropout(weights_BHLL)) @ v_BHLD


class FullAttention(nn.Module):
    """Softmax attention, of queries and keys that are turned by their places if there is a rotation.

    Args:
        dropout: Share of attention weights dropped in training.
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)

    def forward(
        self,
        q_BHLD: Tensor,
        k_BHLD: Tensor,
        v_BHLD: Tensor,
        keep_BL: Tensor | None,
        rotation: Rotation | None,
    ) -> Tensor:
        """Mix values by softmax(q · k / √D); tokens where `keep_BL` is False are not attended to."""
        if rotation is not None:
            q_BHLD, k_BHLD = rotate(q_BHLD, rotation), rotate(k_BHLD, rotation)
        if v_BHLD.device.type == "cpu":
            return full_attention(q_BHLD, k_BHLD, v_BHLD, keep_BL, self.dropout)
        return scaled_dot_product_attention(
            q_BHLD,
            k_BHLD,
            v_BHLD,
            attn_mask=None if keep_BL is None else keep_BL[:, None, None, :],
            dropout_p=self.dropout.share if self.training else 0.0,
        )


class LinearAttention(nn.Module):
    """Kernel attention with generalised random features, computed in float32 whatever autocast says.

    Args:
        d_head: Features of one head.
        n_features: Random features of one head; even where they are turned.
        feature_order: `map-rotated` maps turned queries and keys, φ(Rq), as MoLFormer does; `rotate-mapped`
            turns the mapped ones, Rφ(q), as RoFormer does. Without a rotation they are the same.
        seed: Where the random directions are drawn from.
    """

    def __init__(
        self,
        d_head: int,
        n_features: int,
        feature_order: Literal["map-rotated", "rotate-mapped"],
        *,
        seed: int,
    ) -> None:
        super().__init__()
        self.feature_order = feature_order
        self.features = RandomFeatures(d_head, n_features, seed=seed)

    def forward(
        self,
        q_BHLD: Tensor,
        k_BHLD: Tensor,
        v_BHLD: Tensor,
        keep_BL: Tensor | None,
        rotation: Rotation | None,
    ) -> Tensor:
        """Mix values by φ(q) · φ(k); tokens where `keep_BL` is False are not attended to."""
        with torch.autocast(v_BHLD.device.type, enabled=False):
            # Sums over hundreds of tokens lose their small terms in bfloat16: nothing here is below float32.
            precise = torch.promote_types(v_BHLD.dtype, torch.float32)
            q_BHLD, k_BHLD = q_BHLD.to(precise), k_BHLD.to(precise)
            if rotation is not None and self.feature_order == "map-rotated":
                q_BHLD, k_BHLD, rotation = rotate(q_BHLD, rotation), rotate(k_BHLD, rotation), None
            mixed_BHLD = linear_attention(
                self.features(q_BHLD), self.features(k_BHLD), v_BHLD.to(precise), keep_BL, rotation
            )
        return mixed_BHLD.to(v_BHLD.dtype)


class Attention(nn.Module):
    """Queries, keys and values of one stream, a kernel that mixes the values, and the projection back.

    Args:
        d_model: Width of the stream, a multiple of `n_heads`.
        n_heads: Heads that attend side by side.
        kernel: `FullAttention` or `LinearAttention`.
    """

    def __init__(self, d_model: int, n_heads: int, kernel: FullAttention | LinearAttention) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.input = nn.Linear(d_model, 3 * d_model)
        self.kernel = kernel
        self.output = nn.Linear(d_model, d_model)

    def forward(
        self, x_BLD: Tensor, keep_BL: Tensor | None = None, rotation: Rotation | None = None
    ) -> Tensor:
        """Attend among the tokens of each string.

        Args:
            x_BLD: The stream.
            keep_BL: False on tokens that are not attended to; None where there are none.
            rotation: Cosines and sines of the places, for rotary positions.

        Returns:
            Tensor of the shape of `x_BLD`.
        """
        q_BHLD, k_BHLD, v_BHLD = (
            self.input(x_BLD).unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4).unbind()
        )
        mixed_BHLD: Tensor = self.kernel(q_BHLD, k_BHLD, v_BHLD, keep_BL, rotation)
        output_BLD: Tensor = self.output(mixed_BHLD.transpose(1, 2).flatten(2))
        return output_BLD
