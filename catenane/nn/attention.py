"""Attention of one stream to itself or to another: projections around one of the two kernels.

Axes: B strings, H heads, L tokens of the stream, S tokens attended to, D width of the stream.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import linear

from catenane.nn.kernels import AttentionCache, AttentionMask, FullAttention
from catenane.nn.linear import LinearAttention
from catenane.nn.positions import Rotation

__all__ = ["Attention"]

NOTHING_MASKED = AttentionMask()


class Attention(nn.Module):
    """Queries from one stream, keys and values from it or from another, and the projection back.

    One matrix, `input`, holds the projections of queries, keys and values, in this order, as in PyTorch's
    `MultiheadAttention`.

    Args:
        d_model: Width of the streams, a multiple of `n_heads`.
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
        self,
        x_BLD: Tensor,
        memory_BSD: Tensor | None = None,
        *,
        mask: AttentionMask = NOTHING_MASKED,
        rotation: Rotation | None = None,
        memory_rotation: Rotation | None = None,
        cache: AttentionCache | None = None,
        return_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend to the stream itself, or to `memory_BSD` where it is given.

        Args:
            x_BLD: The stream.
            memory_BSD: Another stream to attend to instead, such as the states of an encoder.
            mask: Which tokens each token attends to.
            rotation: Cosines and sines of the positions of `x_BLD`, for rotary positions.
            memory_rotation: Those of `memory_BSD`.
            cache: Makes this a step of decoding. Tokens of the stream attend to those of earlier steps as
                well and join them; a memory is projected at the first step and not read again.
            return_weights: Give the attention weights, (B, H, L, S), beside the changed stream.
        """
        if memory_BSD is None:
            q_BHLD, k_BHSD, v_BHSD = self._project(x_BLD, 0, 3)
            key_rotation = rotation
        else:
            (q_BHLD,) = self._project(x_BLD, 0, 1)
            key_rotation = memory_rotation
            if cache is not None and cache.kept is not None:
                memory_BSD, key_rotation = memory_BSD[:, :0], None
            k_BHSD, v_BHSD = self._project(memory_BSD, 1, 3)
        mixed_BHLD, weights_BHLS = self.kernel(
            q_BHLD,
            k_BHSD,
            v_BHSD,
            mask=mask,
            rotation=rotation,
            key_rotation=key_rotation,
            cache=cache,
            return_weights=return_weights,
        )
        return self.output(mixed_BHLD.transpose(1, 2).flatten(2)), weights_BHLS

    def _project(self, x_BLD: Tensor, first: int, end: int) -> tuple[Tensor, ...]:
        """Queries (0), keys (1) and values (2) from `first` to before `end`, (B, H, L, d_head) each."""
        rows = slice(first * x_BLD.shape[-1], end * x_BLD.shape[-1])
        joined = linear(x_BLD, self.input.weight[rows], self.input.bias[rows])
        heads: Tensor = joined.unflatten(-1, (end - first, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        return heads.unbind()
