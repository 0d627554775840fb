"""One block of an encoder or decoder: attention and feed-forward parts, each beside a residual path.

Axes: B strings, H heads, L tokens, S tokens of the memory, D features of the stream.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from torch import Tensor, nn

from catenane.nn.attention import NOTHING_MASKED, Attention
from catenane.nn.dropout import Dropout
from catenane.nn.feed_forward import FeedForward
from catenane.nn.kernels import AttentionCache, AttentionMask
from catenane.nn.positions import Rotation

__all__ = ["Block", "BlockCache", "BlockOutput", "Memory"]


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
        dropout: float,
        cross_attention: Attention | None = None,
    ) -> None:
        super().__init__()
        self.pre_norm = norm_order == "pre"
        self.attention = attention
        self.attention_norm = nn.LayerNorm(d_model)
        self.cross_attention = cross_attention
        self.cross_attention_norm = None if cross_attention is None else nn.LayerNorm(d_model)
        self.feed_forward = feed_forward
        self.feed_forward_norm = nn.LayerNorm(d_model)
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
