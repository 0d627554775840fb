"""The two kernels of attention, softmax and linear.

Axes: B strings, H heads, L queries, S keys (those in a cache first; S = L in self-attention without one), D
features of one head, M features after the feature map, N chunks of C tokens.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

from catenane.errors import ConfigError
from catenane.nn.context import AttentionCache, AttentionMask
from catenane.nn.dropout import Dropout
from catenane.nn.features import FLOOR, RandomFeatures
from catenane.nn.positions import Rotation, rotate

__all__ = [
    "FullAttention",
    "LinearAttention",
    "full_attention",
    "linear_attention",
]

SMALLEST_MASS = 1e-6
"""Guards the division for a string without any real token; sums of feature products lie far above it."""
CHUNK = 64
"""Tokens between two prefix sums of causal linear attention; within a chunk pairs are formed."""


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

    Args:
        q_BHLD: Queries.
        k_BHSD: Keys.
        v_BHSD: Values.
        allowed: bool, broadcastable to (B, H, L, S); each query has a key that it may attend to.
        dropout: Applied to the weights.

    Returns:
        Mixed values, of the shape of `q_BHLD` and the dtype of `v_BHSD`, and the weights before dropout,
        (B, H, L, S). The softmax is computed in float32 or better.
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


def linear_attention(
    q_BHLM: Tensor,
    k_BHSM: Tensor,
    v_BHSD: Tensor,
    keep_BS: Tensor | None = None,
    *,
    rotation: Rotation | None = None,
    key_rotation: Rotation | None = None,
    causal: bool = False,
    before: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Attend with weights φ(q) · φ(k) without forming the L × S matrix; cost grows linearly with length.

    Args:
        q_BHLM: Mapped queries, not negative.
        k_BHSM: Mapped keys, not negative.
        v_BHSD: Values.
        keep_BS: False on keys that are not attended to.
        rotation: Rotates the mapped queries in the numerator alone, Rφ(q) · Rφ(k); the denominator stays the
            plain sum, so that it cannot vanish.
        key_rotation: The same for the mapped keys.
        causal: Query i attends to keys 0 to i alone; S = L.
        before: Sums over earlier keys, which every query attends to.

    Returns:
        Mixed values, (B, H, L, D), and the sums over all keys so far: Σ φ(k) vᵀ of shape (B, H, M, D), and
        Σ φ(k) of shape (B, H, M).

    Source: Katharopoulos et al. 2020, arXiv:2006.16236, eq. 5, and eq. 9 to 12 where causal; with `rotation`
    Su et al. 2021, arXiv:2104.09864, eq. 19.
    """
    if keep_BS is not None:
        k_BHSM = k_BHSM * keep_BS[:, None, :, None]
    memory_BHMD, mass_BHM = before if before is not None else (None, None)
    q_rotated_BHLM = q_BHLM if rotation is None else rotate(q_BHLM, rotation)
    k_rotated_BHSM = k_BHSM if key_rotation is None else rotate(k_BHSM, key_rotation)
    if causal:
        above_BHLD, memory_BHMD = _causal_product(q_rotated_BHLM, k_rotated_BHSM, v_BHSD, memory_BHMD)
        masses_BHLM = k_BHSM.cumsum(dim=2)
        if mass_BHM is not None:
            masses_BHLM = masses_BHLM + mass_BHM[:, :, None]
        below_BHL1 = (q_BHLM * masses_BHLM).sum(dim=-1, keepdim=True)
        mass_BHM = masses_BHLM[:, :, -1]
    else:
        added_BHMD, added_BHM = k_rotated_BHSM.transpose(-2, -1) @ v_BHSD, k_BHSM.sum(dim=-2)
        memory_BHMD = added_BHMD if memory_BHMD is None else memory_BHMD + added_BHMD
        mass_BHM = added_BHM if mass_BHM is None else mass_BHM + added_BHM
        above_BHLD, below_BHL1 = q_rotated_BHLM @ memory_BHMD, q_BHLM @ mass_BHM.unsqueeze(-1)
    return above_BHLD / below_BHL1.clamp(min=SMALLEST_MASS), (memory_BHMD, mass_BHM)


def _causal_product(
    q_BHLM: Tensor, k_BHLM: Tensor, v_BHLD: Tensor, memory_BHMD: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Σ_{j ≤ i} (q_i · k_j) v_j, and Σ k vᵀ in the end: pairs within a chunk, sums over the chunks before."""
    length = q_BHLM.shape[2]
    chunk = min(CHUNK, length)
    q_BHNCM, k_BHNCM, v_BHNCD = (
        pad(x, (0, 0, 0, -length % chunk)).unflatten(2, (-1, chunk)) for x in (q_BHLM, k_BHLM, v_BHLD)
    )
    memories_BHNMD = (k_BHNCM.transpose(-2, -1) @ v_BHNCD).cumsum(dim=2)
    if memory_BHMD is None:
        memory_BHMD = torch.zeros_like(memories_BHNMD[:, :, 0])
    else:
        memories_BHNMD = memories_BHNMD + memory_BHMD[:, :, None]
    earlier_BHNMD = torch.cat([memory_BHMD[:, :, None], memories_BHNMD[:, :, :-1]], dim=2)
    pairs_BHNCC = (q_BHNCM @ k_BHNCM.transpose(-2, -1)).tril()
    sums_BHLD = (pairs_BHNCC @ v_BHNCD + q_BHNCM @ earlier_BHNMD).flatten(2, 3)[:, :, :length]
    return sums_BHLD, memories_BHNMD[:, :, -1]


def linear_attention_weights(
    q_BHLM: Tensor,
    k_BHSM: Tensor,
    allowed: Tensor | None,
    rotation: Rotation | None,
    key_rotation: Rotation | None,
) -> Tensor:
    """The weights that linear attention implies, (B, H, L, S), at quadratic cost.

    They sum to one over S; with a rotation of the mapped features they need not, and may be negative.
    """
    allowed = torch.ones((), dtype=torch.bool, device=q_BHLM.device) if allowed is None else allowed
    below_BHL1 = (q_BHLM @ k_BHSM.transpose(-2, -1) * allowed).sum(dim=-1, keepdim=True)
    q_BHLM = q_BHLM if rotation is None else rotate(q_BHLM, rotation)
    k_BHSM = k_BHSM if key_rotation is None else rotate(k_BHSM, key_rotation)
    return q_BHLM @ k_BHSM.transpose(-2, -1) * allowed / below_BHL1.clamp(min=SMALLEST_MASS)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def rounds_float32(device_type: str) -> bool:
    """Whether PyTorch is set to round the factors of float32 products on this device: to TF32 or bfloat16."""
    if device_type not in ("cpu", "cuda"):
        return False
    backend = torch.backends.cuda if device_type == "cuda" else torch.backends.mkldnn
    precision = getattr(getattr(backend, "matmul", None), "fp32_precision", None)
    if precision is None:  # PyTorch before 2.9 has one setting for all devices
        return torch.get_float32_matmul_precision() != "highest"
    return precision in ("tf32", "bf16")


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
            return_weights: Give the weights as well.

        Returns:
            Mixed values, (B, H, L, D), and the weights before dropout, (B, H, L, S), if they are asked for.
        """
        if rotation is not None:
            q_BHLD = rotate(q_BHLD, rotation)
        if key_rotation is not None:
            k_BHSD = rotate(k_BHSD, key_rotation)
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


class LinearAttention(nn.Module):
    """Kernel attention with generalised random features, never below float32.

    Neither autocast nor the precision that PyTorch is set to for float32 products (TF32, bfloat16) reaches
    the sums: where such products would be rounded they are computed in float64.

    Args:
        d_head: Features of one head.
        n_features: Random features of one head; even where they are rotated.
        feature_order: `map-rotated` maps rotated queries and keys, φ(Rq), as MoLFormer does; `rotate-mapped`
            rotates the mapped ones, Rφ(q), as RoFormer does. Without a rotation they are the same.
        seed: Where the random directions are drawn from.
        floor: Added to each feature; see `RandomFeatures`.
    """

    def __init__(
        self,
        d_head: int,
        n_features: int,
        feature_order: Literal["map-rotated", "rotate-mapped"],
        *,
        seed: int,
        floor: float = FLOOR,
    ) -> None:
        super().__init__()
        self.feature_order = feature_order
        self.features = RandomFeatures(d_head, n_features, seed=seed, floor=floor)

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
        """Mix values by φ(q) · φ(k); arguments and results as in `FullAttention`.

        Weights and pair masks need the L × S matrix, which is formed for them alone.

        Raises:
            ConfigError: They are asked for together with a cache, which holds sums and no keys.
        """
        pairwise = return_weights or mask.pairs_BLS is not None
        if pairwise and cache is not None:
            raise ConfigError(
                "linear attention keeps sums, not keys: with a cache there are no pair masks and no weights"
            )
        dtype, device = v_BHSD.dtype, v_BHSD.device
        precise = torch.promote_types(dtype, torch.float32)
        if rounds_float32(device.type):
            precise = torch.float64
        with torch.autocast(device.type, enabled=False):
            # Sums over hundreds of tokens lose their small terms in bfloat16: nothing here is below float32.
            q_BHLM, rotation = self._map(q_BHLD.to(precise), rotation)
            k_BHSM, key_rotation = self._map(k_BHSD.to(precise), key_rotation)
            v_BHSD = v_BHSD.to(precise)
            if pairwise:
                allowed = mask.allowed(q_BHLM.shape[2], k_BHSM.shape[2], device)
                weights_BHLS = linear_attention_weights(q_BHLM, k_BHSM, allowed, rotation, key_rotation)
                mixed_BHLD = weights_BHLS @ v_BHSD
                return mixed_BHLD.to(dtype), weights_BHLS.to(dtype) if return_weights else None
            keep_BS = (
                None if mask.keep_BS is None else mask.keep_BS[:, mask.keep_BS.shape[1] - k_BHSM.shape[2] :]
            )
            mixed_BHLD, sums = linear_attention(
                q_BHLM,
                k_BHSM,
                v_BHSD,
                keep_BS,
                rotation=rotation,
                key_rotation=key_rotation,
                causal=mask.causal,
                before=None if cache is None else cache.kept,
            )
        if cache is not None:
            cache.kept = sums
        return mixed_BHLD.to(dtype), None

    def _map(self, x_BHLD: Tensor, rotation: Rotation | None) -> tuple[Tensor, Rotation | None]:
        """φ(x) and the rotation that is still to be applied to it."""
        if rotation is not None and self.feature_order == "map-rotated":
            x_BHLD, rotation = rotate(x_BHLD, rotation), None
        x_BHLM: Tensor = self.features(x_BHLD)
        return x_BHLM, rotation
