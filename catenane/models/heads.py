"""What stands on the encoder: a head that names tokens, and one that answers properties.

Axes: B strings, N chosen tokens, D width of the stream, V vocabulary, F descriptors, T targets.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from catenane.config import HeadConfig
from catenane.models.initialisation import initialise_property_head, initialise_token_head
from catenane.nn import Dropout

__all__ = ["PropertyHead", "TokenHead"]


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


class PropertyHead(nn.Module):
    """Scores of T targets from one vector a string, and its chemical descriptors where there are any.

    Args:
        config: Widths of the hidden layers, and their dropout.
        d_model: Width of the stream.
        n_targets: Number of scores.
        n_descriptors: Number of descriptors; they pass a layer of width `d_model` before they are joined, so
            that hundreds of them do not outweigh the string.
        relu: Bend by ReLU, to match an encoder that does; by GELU otherwise.
    """

    def __init__(
        self, config: HeadConfig, *, d_model: int, n_targets: int, n_descriptors: int, relu: bool
    ) -> None:
        super().__init__()
        bend = nn.ReLU if relu else nn.GELU
        self.descriptors = (
            nn.Sequential(nn.Linear(n_descriptors, d_model), bend(), Dropout(config.dropout))
            if n_descriptors
            else None
        )
        widths = [2 * d_model if n_descriptors else d_model, *config.hidden]
        hidden = [
            nn.Sequential(nn.Linear(before, after), bend(), Dropout(config.dropout))
            for before, after in itertools.pairwise(widths)
        ]
        self.layers = nn.Sequential(*hidden, nn.Linear(widths[-1], n_targets))
        initialise_property_head(self)

    def forward(self, pooled_BD: Tensor, descriptors_BF: Tensor | None) -> Tensor:
        """Scores of shape (B, T)."""
        if self.descriptors is not None:
            pooled_BD = torch.cat([pooled_BD, self.descriptors(descriptors_BF)], dim=1)
        scores_BT: Tensor = self.layers(pooled_BD)
        return scores_BT
