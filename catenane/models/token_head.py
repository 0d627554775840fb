"""The head that names tokens.

Axes: N tokens to be named, D width of the stream, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear

from catenane.config import TokenHeadConfig
from catenane.models.initialisation import initialise_token_head

__all__ = ["TokenHead"]


class TokenHead(nn.Module):
    """Scores of every token of the vocabulary: a layer with GELU and norm, then one vector for each token.

    Args:
        config: Whether those vectors are the embedding that reads tokens, and whether there is a bias.
        d_model: Width of the stream.
        vocabulary_size: Number of tokens.

    Source: Devlin et al. 2019, arXiv:1810.04805; tied weights Press and Wolf 2017, arXiv:1608.05859.
    """

    bias_V: nn.Parameter | None
    output_VD: nn.Parameter | None

    def __init__(self, config: TokenHeadConfig, d_model: int, vocabulary_size: int) -> None:
        super().__init__()
        self.transform = nn.Linear(d_model, d_model)
        self.norm = nn.LayerNorm(d_model)
        self.bias_V = nn.Parameter(torch.zeros(vocabulary_size)) if config.bias else None
        self.output_VD = None if config.tied else nn.Parameter(torch.zeros(vocabulary_size, d_model))
        initialise_token_head(self.transform, self.output_VD)

    def forward(self, states_ND: Tensor, embedding_VD: Tensor) -> Tensor:
        """Logits of shape (N, V); the embedding is the encoder's, and not read where there is no tie."""
        output_VD = embedding_VD if self.output_VD is None else self.output_VD
        return linear(self.norm(gelu(self.transform(states_ND))), output_VD, self.bias_V)
