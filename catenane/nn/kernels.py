"""What attention may read, and the softmax kernel.

Axes: B strings, H heads, L queries, S keys (those in a cache first; S = L in self-attention without one), D
features of one head, M features after the feature map.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from catenane.nn.dropout import Dropout
from catenane.nn.positions import Rotation, rotate

__all__ = ["AttentionCache", "AttentionMask", "FullAttention", "full_attention"]


@dataclass(frozen=True)
class AttentionMask:
    """Which keys each query attends to: those that every part allows. A query needs at least one.

    >>> AttentionMask(causal=True).allowed(2, 3, torch.device("cpu")).int().tolist()
    [[[[1, 1, 0], [1, 1, 1]]]]
    """

    keep_BS: Tensor | None = None
    """bool, False on padding among the keys, those in a cache included; None where all are real."""
    pairs_BLS: Tensor | None = None
    """bool, True where query l may attend to key s; B may be 1."""
    causal: bool = False
    """A query attends to no later key; the queries stand at the end of the keys."""

    def allowed(self, n_queries: int, n_keys: int, device: torch.device) -> Tensor | None:
        """All parts in one, bool, of a shape that broadcasts to (B, H, L, S); None if nothing is masked."""
        parts = []
        if self.keep_BS is not None:
            parts.append(self.keep_BS[:, None, None, :])
        if self.pairs_BLS is not None:
            parts.append(self.pairs_BLS[:, None])
        if self.causal and n_queries > 1:
            square_LS = torch.ones(n_queries, n_keys, dtype=torch.bool, device=device)
            parts.append(square_LS.tril(n_keys - n_queries)[None, None])
        return reduce(torch.logical_and, parts) if parts else None


@dataclass
class AttentionCache:
    """What one attention module keeps of earlier tokens, so that decoding reads each token once.

    Full attention keeps rotated keys and values, (B, H, S, D) each; linear attention keeps their sums,
    (B, H, M, D) and (B, H, M), whose size does not grow with S.
    """

    kept: tuple[Tensor, Tensor] | None = None
    """None before the first step."""

    def select(self, rows_B: Tensor) -> None:
        """Go on with these strings, given by row, repeats allowed: the survivors of a beam."""
        if self.kept is not None:
            self.kept = self.kept[0][rows_B], self.kept[1][rows_B]


def full_attention(
    q_BHLD: Tensor,
    k_BHSD: Tensor,
    v_BHSD: Tensor,
    allowed: Tensor | None = None,
    dropout: Dropout | None = None,
) -> tuple[Tensor, Tensor]:
    """Attend with weights softmax(q · k / √D), the L × S matrix written out.

    PyTorch's `scaled_dot_product_attention` is the same function. With dropout on a CPU it is slower: a
    training step of the encoder of `small` takes 3 to 15 % longer in float32, 14 to 56 % in bfloat16. In
    inference it is up to 15 % faster in float32, so it is used there (`benchmarks/results/layers.md`).

    `allowed` is bool, broadcastable to (B, H, L, S); each query has a key that it may attend to.

    Returns:
        Mixed values (B, H, L, D) and the weights before dropout (B, H, L, S), of the dtype of `v_BHSD`. The
        softmax is computed in float32 or better.
    """
    scale = q_BHLD.shape[-1] ** -0.5
    scores_BHLS = q_BHLD @ k_BHSD.transpose(-2, -1)
    precise = torch.promote_types(scores_BHLS.dtype, torch.float32)
    if allowed is None:
        scores_BHLS = scores_BHLS.to(precise) * scale
    else:
        hidden = torch.zeros(allowed.shape, dtype=precise, device=allowed.device)
        scores_BHLS = torch.add(hidden.masked_fill(~allowed, -torch.inf), scores_BHLS, alpha=scale)
    weights_BHLS = scores_BHLS.softmax(dim=-1).to(v_BHSD.dtype)
    return (weights_BHLS if dropout is None else dropout(weights_BHLS)) @ v_BHSD, weights_BHLS


class FullAttention(nn.Module):
    """Softmax attention, of queries and keys that are rotated by their positions if there are rotations.

    Args:
        dropout: Share of attention weights dropped in training.
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)

    def forward(
        self,
        q_BHLD: Tensor,
        k_BHSD: Tensor,
        v_BHSD: Tensor,
        *,
        mask: AttentionMask,
        rotation: Rotation | None = None,
        key_rotation: Rotation | None = None,
        cache: AttentionCache | None = None,
        return_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Mix values by softmax(q · k / √D).

        Args:
            q_BHLD: Queries.
            k_BHSD: Keys that are not in the cache; there may be none.
            v_BHSD: Their values.
            mask: Which keys, cached ones first, each query attends to.
            rotation: Of the queries.
            key_rotation: Of the keys that are not in the cache.
            cache: Earlier keys and values; the new ones join it.
            return_weights: Give the weights before dropout, (B, H, L, S), beside the values (B, H, L, D).
        """
        q_BHLD, k_BHSD = rotate(q_BHLD, rotation), rotate(k_BHSD, key_rotation)
        if cache is not None:
            if cache.kept is not None:
                k_BHSD = torch.cat([cache.kept[0], k_BHSD], dim=2)
                v_BHSD = torch.cat([cache.kept[1], v_BHSD], dim=2)
            cache.kept = k_BHSD, v_BHSD
        allowed = mask.allowed(q_BHLD.shape[2], k_BHSD.shape[2], q_BHLD.device)
        if return_weights or (self.training and v_BHSD.device.type == "cpu"):
            mixed_BHLD, weights_BHLS = full_attention(q_BHLD, k_BHSD, v_BHSD, allowed, self.dropout)
            return mixed_BHLD, weights_BHLS if return_weights else None
        share = self.dropout.share if self.training else 0.0
        mixed_BHLD = scaled_dot_product_attention(q_BHLD, k_BHSD, v_BHSD, attn_mask=allowed, dropout_p=share)
        return mixed_BHLD, None
