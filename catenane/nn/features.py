"""Random features that turn a kernel of queries and keys into a plain product, for attention in linear time.

Axes: B strings, H heads, L tokens, D features of one head, M features after the map, G groups of
directions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

__all__ = ["FLOOR", "RandomFeatures", "orthogonal_directions"]

FLOOR = 1e-3
"""Added to each feature so that no query is without weights, as the authors of the Performer do."""


def orthogonal_directions(d_head: int, n_features: int, generator: torch.Generator) -> Tensor:
    """Gaussian directions, orthogonal within each group of `d_head`, which lowers the variance of the kernel.

    Each column alone is normal: a direction uniform on the sphere, times a chi-distributed length.

    Returns:
        float32 tensor of shape (d_head, n_features), on the CPU.

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

    In expectation over Ω, φ(x) · φ(y) is half the arc-cosine kernel of degree 1 (the small floor apart). That
    depends on the lengths of x and y and the angle θ between them alone: ‖x‖‖y‖ (sin θ + (π − θ) cos θ) / 2π.
    So φ(Rq) · φ(Rk) depends on the distance of two tokens alone, in expectation.

    The directions Ω are drawn once, from a seed, and saved with the weights. The public MoLFormer draws new
    ones whenever it is evaluated, so that its predictions change from call to call.

    Args:
        d_head: Features of one head.
        n_features: Directions, and so features after the map.
        seed: Where the directions are drawn from.
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
        """Map queries or keys.

        Returns:
            Tensor of shape (B, H, L, M), at least floor / √M, of the dtype of `x_BHLD`.
        """
        shrink = self.directions_DM.shape[1] ** -0.5
        return relu(x_BHLD @ (self.directions_DM.to(x_BHLD.dtype) * shrink)).add(self.floor * shrink)

    @torch.no_grad()
    def redraw(self, generator: torch.Generator) -> None:
        """Draw new directions; in training alone: weights go with the directions they were trained on."""
        d_head, n_features = self.directions_DM.shape
        self.directions_DM.copy_(orthogonal_directions(d_head, n_features, generator))
