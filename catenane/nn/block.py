"""One block of an encoder or decoder: attention and feed-forward parts, each beside a residual path.

Axes: B strings, H heads, L tokens, S tokens of the memory, D features of the stream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from torch import Tensor, nn
from torch.nn.functional import gelu, linear, relu

from catenane.nn.dropout import Dropout
from catenane.nn.kernels import AttentionCache, AttentionMask, FullAttention
from catenane.nn.linear import LinearAttention
from catenane.nn.positions import Rotation

__all__ = ["Attention", "Block", "BlockCache", "BlockOutput", "FeedForward", "Memory"]

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


class FeedForward(nn.Module):
    """Widen, apply the activation, and narrow again; with `geglu` one half of the wide layer gates the other.

    Args:
        d_model: Width of the stream.
        d_hidden: Width of the hidden layer after the non-linearity.
        activation: ReLU, GELU, or GELU-gated.
        dropout: Share of hidden activations dropped in training.

    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 2; `geglu` Shazeer 2020, arXiv:2002.05202, eq. 6.
    """

    def __init__(
        self, d_model: int, d_hidden: int, activation: Literal["relu", "gelu", "geglu"], dropout: float
    ) -> None:
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


class Memory(NamedTuple):
    """The other stream that a decoder attends to."""

    states_BSD: Tensor
    """Outputs of an encoder."""
    mask: AttentionMask = NOTHING_MASKED
    """Which of its tokens each token attends to."""
    rotation: Rotation | None = None
    """Of its positions; then the queries of cross-attention are rotated by theirs."""


class BlockOutput(NamedTuple):
    """What a block gives."""

    states_BLD: Tensor
    """The stream."""
    weights_BHLL: Tensor | None
    """Weights of self-attention, if they are asked for; with a cache S instead of L keys."""
    memory_weights_BHLS: Tensor | None
    """Weights of cross-attention, if they are asked for."""


@dataclass
class BlockCache:
    """What one block of a decoder keeps of earlier tokens."""

    own: AttentionCache = field(default_factory=AttentionCache)
    """Of the stream."""
    memory: AttentionCache = field(default_factory=AttentionCache)
    """Of the memory."""

    def select(self, rows_B: Tensor) -> None:
        """Go on with these strings, given by row, repeats allowed."""
        self.own.select(rows_B)
        self.memory.select(rows_B)


class Block(nn.Module):
    """Self-attention, cross-attention in a decoder, and feed-forward, in either order of normalisation.

    Args:
        attention: Mixes tokens of the stream.
        feed_forward: Works on each token.
        d_model: Width of the stream.
        norm_order: `pre` normalises what a part reads, x + f(norm(x)); `post` what it leaves, norm(x + f(x)).
        norm_epsilon: Added to the variance in the norms.
        dropout: Share of each part's output dropped in training.
        cross_attention: Reads the memory, between the other two; None in an encoder.

    Source: Vaswani et al. 2017, arXiv:1706.03762 (`post`); Xiong et al. 2020, arXiv:2002.04745 (`pre`).
    """

    def __init__(
        self,
        attention: Attention,
        feed_forward: FeedForward,
        *,
        d_model: int,
        norm_order: Literal["pre", "post"],
        norm_epsilon: float = 1e-5,
        dropout: float,
        cross_attention: Attention | None = None,
    ) -> None:
        super().__init__()
        self.pre_norm = norm_order == "pre"
        self.attention = attention
        self.attention_norm = nn.LayerNorm(d_model, norm_epsilon)
        self.cross_attention = cross_attention
        self.cross_attention_norm = None if cross_attention is None else nn.LayerNorm(d_model, norm_epsilon)
        self.feed_forward = feed_forward
        self.feed_forward_norm = nn.LayerNorm(d_model, norm_epsilon)
        self.dropout = Dropout(dropout)

    def forward(
        self,
        x_BLD: Tensor,
        *,
        mask: AttentionMask = NOTHING_MASKED,
        rotation: Rotation | None = None,
        memory: Memory | None = None,
        cache: BlockCache | None = None,
        return_weights: bool = False,
    ) -> BlockOutput:
        """Pass the stream on; its shape stays.

        The memory is what cross-attention reads; if and only if the block has it. Other arguments are those
        of `Attention`.
        """
        memory_weights_BHLS = None
        mixed_BLD, weights_BHLL = self.attention(
            self._before(x_BLD, self.attention_norm),
            mask=mask,
            rotation=rotation,
            cache=None if cache is None else cache.own,
            return_weights=return_weights,
        )
        x_BLD = self._after(x_BLD, mixed_BLD, self.attention_norm)
        if self.cross_attention is not None and self.cross_attention_norm is not None:
            assert memory is not None
            mixed_BLD, memory_weights_BHLS = self.cross_attention(
                self._before(x_BLD, self.cross_attention_norm),
                memory.states_BSD,
                mask=memory.mask,
                rotation=None if memory.rotation is None else rotation,
                memory_rotation=memory.rotation,
                cache=None if cache is None else cache.memory,
                return_weights=return_weights,
            )
            x_BLD = self._after(x_BLD, mixed_BLD, self.cross_attention_norm)
        hidden_BLD = self.feed_forward(self._before(x_BLD, self.feed_forward_norm))
        x_BLD = self._after(x_BLD, hidden_BLD, self.feed_forward_norm)
        return BlockOutput(x_BLD, weights_BHLL, memory_weights_BHLS)

    def _before(self, x_BLD: Tensor, norm: nn.LayerNorm) -> Tensor:
        return norm(x_BLD) if self.pre_norm else x_BLD

    def _after(self, x_BLD: Tensor, change_BLD: Tensor, norm: nn.LayerNorm) -> Tensor:
        x_BLD = x_BLD + self.dropout(change_BLD)
        return x_BLD if self.pre_norm else norm(x_BLD)
