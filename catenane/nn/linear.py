"""The linear kernel of attention: random features turn it into plain products, whose cost grows with length.

Axes: B strings, H heads, L queries, S keys (those in a cache first; S = L in self-attention without one), D
features of one head, M features after the feature map, G groups of directions, N chunks of C tokens.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from catenane.errors import ConfigError
from catenane.nn.kernels import AttentionCache, AttentionMask
from catenane.nn.positions import Rotation, rotate

__all__ = ["LinearAttention", "RandomFeatures", "linear_attention", "orthogonal_directions"]

FLOOR = 1e-3
"""Added to each feature so that no query is without weights, as the authors of the Performer do."""
SMALLEST_MASS = 1e-6
"""Guards the division for a string without any real token; sums of feature products lie far above it."""
CHUNK = 64
"""Tokens between two prefix sums of causal linear attention; within a chunk pairs are formed."""


def orthogonal_directions(d_head: int, n_features: int, generator: torch.Generator) -> Tensor:
    """Gaussian directions, orthogonal within each group of `d_head`, which lowers the variance of the kernel.

    Each column alone is normal: a direction uniform on the sphere, times a chi-distributed length. They are
    float32, (d_head, n_features), on the CPU.

    Source: Choromanski et al. 2021, arXiv:2009.14794, section 2.4.
    """
    n_groups = -(-n_features // d_head)
    squares_GDD = torch.randn(n_groups, d_head, d_head, generator=generator, dtype=torch.float64)
    bases_GDD, upper_GDD = torch.linalg.qr(squares_GDD)
    # LAPACK fixes the signs of a basis by a convention; these make it uniform over all rotations.
    bases_GDD = bases_GDD * upper_GDD.diagonal(dim1=1, dim2=2).sign()[:, None, :]
    lengths_GD = torch.randn(n_groups, d_head, d_head, generator=generator, dtype=torch.float64).norm(dim=1)
    directions_DM = (bases_GDD * lengths_GD[:, None, :]).transpose(0, 1).flatten(1)
    chosen_DM: Tensor = directions_DM[:, :n_features].float().contiguous()
    return chosen_DM


class RandomFeatures(nn.Module):
    """Generalised random features φ(x) = (ReLU(xΩ) + floor) / √M, the map of MoLFormer.

    In expectation over Ω and apart from the floor, φ(x) · φ(y) = ‖x‖‖y‖ (sin θ + (π − θ) cos θ) / 2π with the
    angle θ of x and y, half the arc-cosine kernel of degree 1. So φ(Rq) · φ(Rk) depends on the distance of
    two tokens alone. The directions Ω are drawn once, from a seed, and saved with the weights.

    Args:
        d_head: Features of one head.
        n_features: Directions, and so features after the map.
        seed: Of the directions.
        floor: Added so that no query is without weights; the released MoLFormer has 0.

    Source: Choromanski et al. 2021, arXiv:2009.14794, section 2.2; Ross et al. 2022, Nature Machine
    Intelligence 4, 1256; kernel: Cho and Saul 2009, Advances in Neural Information Processing Systems 22.
    """

    directions_DM: Tensor

    def __init__(self, d_head: int, n_features: int, *, seed: int, floor: float = FLOOR) -> None:
        super().__init__()
        self.floor = floor
        directions_DM = orthogonal_directions(d_head, n_features, torch.Generator().manual_seed(seed))
        self.register_buffer("directions_DM", directions_DM)

    def forward(self, x_BHLD: Tensor) -> Tensor:
        """Map queries or keys to (B, H, L, M), at least floor / √M, of the dtype of `x_BHLD`."""
        shrink = self.directions_DM.shape[1] ** -0.5
        return relu(x_BHLD @ (self.directions_DM.to(x_BHLD.dtype) * shrink)).add(self.floor * shrink)

    @torch.no_grad()
    def redraw(self, generator: torch.Generator) -> None:
        """Draw new directions; in training alone: weights go with the directions they were trained on."""
        d_head, n_features = self.directions_DM.shape
        self.directions_DM.copy_(orthogonal_directions(d_head, n_features, generator))


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
    if before is None:
        batch, heads, _, features = k_BHSM.shape
        zeros_BHM = k_BHSM.new_zeros(batch, heads, features)
        before = k_BHSM.new_zeros(*zeros_BHM.shape, v_BHSD.shape[3]), zeros_BHM
    memory_BHMD, mass_BHM = before
    q_rotated_BHLM, k_rotated_BHSM = rotate(q_BHLM, rotation), rotate(k_BHSM, key_rotation)
    if causal:
        above_BHLD, memory_BHMD = _causal_product(q_rotated_BHLM, k_rotated_BHSM, v_BHSD, memory_BHMD)
        masses_BHLM = k_BHSM.cumsum(dim=2) + mass_BHM[:, :, None]
        below_BHL1 = (q_BHLM * masses_BHLM).sum(dim=-1, keepdim=True)
        mass_BHM = masses_BHLM[:, :, -1]
    else:
        memory_BHMD = memory_BHMD + k_rotated_BHSM.transpose(-2, -1) @ v_BHSD
        mass_BHM = mass_BHM + k_BHSM.sum(dim=-2)
        above_BHLD, below_BHL1 = q_rotated_BHLM @ memory_BHMD, q_BHLM @ mass_BHM.unsqueeze(-1)
    return above_BHLD / below_BHL1.clamp(min=SMALLEST_MASS), (memory_BHMD, mass_BHM)


def _causal_product(
    q_BHLM: Tensor, k_BHLM: Tensor, v_BHLD: Tensor, memory_BHMD: Tensor
) -> tuple[Tensor, Tensor]:
    """Σ_{j ≤ i} (q_i · k_j) v_j, and Σ k vᵀ in the end: pairs within a chunk, sums over the chunks before."""
    length = q_BHLM.shape[2]
    chunk = min(CHUNK, length)
    q_BHNCM, k_BHNCM, v_BHNCD = (
        pad(x, (0, 0, 0, -length % chunk)).unflatten(2, (-1, chunk)) for x in (q_BHLM, k_BHLM, v_BHLD)
    )
    memories_BHNMD = (k_BHNCM.transpose(-2, -1) @ v_BHNCD).cumsum(dim=2) + memory_BHMD[:, :, None]
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
    above_BHLS = rotate(q_BHLM, rotation) @ rotate(k_BHSM, key_rotation).transpose(-2, -1) * allowed
    return above_BHLS / below_BHL1.clamp(min=SMALLEST_MASS)


def rounds_float32(device_type: str) -> bool:
    """Whether PyTorch is set to round the factors of float32 products on this device: to TF32 or bfloat16."""
    if device_type not in ("cpu", "cuda"):
        return False
    backend = torch.backends.cuda if device_type == "cuda" else torch.backends.mkldnn
    precision = getattr(getattr(backend, "matmul", None), "fp32_precision", None)
    if precision is None:  # PyTorch before 2.9 has one setting for all devices
        return torch.get_float32_matmul_precision() != "highest"
    return precision in ("tf32", "bf16")


# As torch.compiler.assume_constant_result does, which takes two seconds to import the compiler.
rounds_float32._dynamo_marked_constant = True  # type: ignore[attr-defined]


class LinearAttention(nn.Module):
    """Kernel attention with generalised random features, never below float32.

    Neither autocast nor the precision that PyTorch is set to for float32 products (TF32, bfloat16) reaches
    the sums: where such products would be rounded they are computed in float64.

    With `feature_order="map-rotated"` rotated queries and keys are mapped, φ(Rq), as in MoLFormer, and with
    "rotate-mapped" mapped ones are rotated, Rφ(q), as in RoFormer: `n_features` are even there. Without a
    rotation they are the same. With `redraws` each pass in training draws its directions anew from PyTorch's
    generator of the CPU. Other arguments are those of `RandomFeatures`.
    """

    def __init__(
        self,
        d_head: int,
        n_features: int,
        feature_order: Literal["map-rotated", "rotate-mapped"],
        *,
        seed: int,
        floor: float = FLOOR,
        redraws: bool = False,
    ) -> None:
        super().__init__()
        self.feature_order = feature_order
        self.redraws = redraws
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
        if self.redraws and self.training:
            self.features.redraw(torch.default_generator)
        dtype, device = v_BHSD.dtype, v_BHSD.device
        rounds = rounds_float32(device.type)
        precise = torch.float64 if rounds else torch.promote_types(dtype, torch.float32)
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
            keep_BS = mask.keep_BS
            if keep_BS is not None:  # those in the cache have their sums already
                keep_BS = keep_BS[:, keep_BS.shape[1] - k_BHSM.shape[2] :]
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
        if self.feature_order == "map-rotated":
            x_BHLD, rotation = rotate(x_BHLD, rotation), None
        x_BHLM: Tensor = self.features(x_BHLD)
        return x_BHLM, rotation
