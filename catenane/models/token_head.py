"""The head of masked pretraining, which names tokens.

Axes: N chosen tokens, D width of the stream, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from catenane.models.initialisation import initialise_token_head

__all__ = ["TokenHead"]


class TokenHead(nn.Module):
    """Scores of every token of the vocabulary; the embedding that reads tokens also names them.

    Args:
        d_model: Width of the stream.
        vocabulary_size: Number of tokens.

    Source: Devlin et al. 2019, arXiv:1810.04805; tied weights Press and Wolf 2017, arXiv:1608.05859.
    """

    def __init__(self, d_model: int, vocabulary_size: int) -> None:
        super().__init__()
        self.transform = nn.Linear(d_model, d_model)
        self.bend = nn.GELU()
        self.norm = nn.LayerNorm(d_model)
        self.bias_V = nn.Parameter(torch.zeros(vocabulary_size))
        initialise_token_head(self)

    def forward(self, states_ND: Tensor, embedding_VD: Tensor) -> Tensor:
        """Logits of shape (N, V)."""
        return linear(self.norm(self.bend(self.transform(states_ND))), embedding_VD, self.bias_V)
