"""One block of the encoder: attention, then the feed-forward part, each beside a residual path.

Axes: B strings, L tokens, D features of the stream.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from catenane.nn.attention import Attention
from catenane.nn.dropout import Dropout
from catenane.nn.feed_forward import FeedForward
from catenane.nn.positions import Rotation

__all__ = ["Block"]


class Block(nn.Module):
    """Attention and feed-forward on a residual stream, in either order of normalisation.

    Args:
        attention: Mixes tokens.
        feed_forward: Works on each token.
        d_model: Width of the stream.
        norm_order: `pre` normalises what a part reads, x + f(norm(x)); `post` what it leaves, norm(x + f(x)).
        dropout: Share of each part's output dropped in training.

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
    ) -> None:
        super().__init__()
        self.pre_norm = norm_order == "pre"
        self.attention = attention
        self.attention_norm = nn.LayerNorm(d_model)
        self.feed_forward = feed_forward
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.dropout = Dropout(dropout)

    def forward(
        self, x_BLD: Tensor, keep_BL: Tensor | None = None, rotation: Rotation | None = None
    ) -> Tensor:
        """Pass the stream on; arguments as in `Attention`, the shape stays."""
        if self.pre_norm:
            x_BLD = x_BLD + self.dropout(self.attention(self.attention_norm(x_BLD), keep_BL, rotation))
            x_BLD = x_BLD + self.dropout(self.feed_forward(self.feed_forward_norm(x_BLD)))
        else:
            x_BLD = self.attention_norm(x_BLD + self.dropout(self.attention(x_BLD, keep_BL, rotation)))
            x_BLD = self.feed_forward_norm(x_BLD + self.dropout(self.feed_forward(x_BLD)))
        return x_BLD
