"""The networks that are trained: an encoder with a head that names tokens or one that predicts properties.

Axes: B strings, L tokens, D width of the stream, N chosen tokens, V vocabulary, F descriptors.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear

from catenane.config import HeadConfig, Task, TokenHeadConfig
from catenane.models.encoder import Encoder, TransformerEncoder
from catenane.models.gaussian_process import GaussianProcessHead
from catenane.models.head import Head
from catenane.models.initialisation import EMBEDDING_GAIN, ENCODER_GAIN, start_linear, start_matrix
from catenane.models.isotherm import IsothermHead
from catenane.models.property_head import PropertyHead

__all__ = ["MaskedLanguageModel", "PropertyModel", "TokenHead", "make_head"]


class TokenHead(nn.Module):
    """Scores of every token of the vocabulary: a layer with GELU and norm, then one vector for each token.

    Source: Devlin et al. 2019, arXiv:1810.04805; tied weights Press and Wolf 2017, arXiv:1608.05859.
    """

    bias_V: nn.Parameter | None
    output_VD: nn.Parameter | None

    def __init__(
        self, config: TokenHeadConfig, d_model: int, vocabulary_size: int, norm_epsilon: float = 1e-5
    ) -> None:
        super().__init__()
        self.transform = nn.Linear(d_model, d_model)
        self.norm = nn.LayerNorm(d_model, norm_epsilon)
        self.bias_V = nn.Parameter(torch.zeros(vocabulary_size)) if config.bias else None
        self.output_VD = None if config.tied else nn.Parameter(torch.zeros(vocabulary_size, d_model))
        start_linear(self.transform, ENCODER_GAIN)
        if self.output_VD is not None:
            start_matrix(self.output_VD, EMBEDDING_GAIN)

    def forward(self, states_ND: Tensor, embedding_VD: Tensor) -> Tensor:
        """Logits of shape (N, V); the embedding is the encoder's, and not read where there is no tie."""
        output_VD = embedding_VD if self.output_VD is None else self.output_VD
        return linear(self.norm(gelu(self.transform(states_ND))), output_VD, self.bias_V)


class MaskedLanguageModel(nn.Module):
    """Names the tokens that were hidden, from all the others.

    Its weights are named `encoder.*` and `head.*`.

    Args:
        encoder: The encoder to be trained.
        head: Shape of the head; by default its output projection is the embedding of the encoder.

    Source: Devlin et al. 2019, arXiv:1810.04805.
    """

    def __init__(self, encoder: TransformerEncoder, head: TokenHeadConfig | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        shape = encoder.config
        self.head = TokenHead(
            head or TokenHeadConfig(), shape.d_model, shape.vocabulary_size, shape.norm_epsilon
        )

    def forward(self, ids_BL: Tensor, keep_BL: Tensor, chosen_BL: Tensor) -> Tensor:
        """Logits (N, V) of the N tokens at which `chosen_BL` is True, in reading order, string after string.

        The projection is not computed at the others. Other arguments are those of the encoder.
        """
        states_ND = self.encoder(ids_BL, keep_BL)[chosen_BL]
        logits_NV: Tensor = self.head(states_ND, self.encoder.embedding.weight)
        return logits_NV


def make_head(config: HeadConfig, *, task: Task = "regression", relu: bool = False, **shape: Any) -> Head:
    """The head that these settings and this task ask for; `shape` is that of `Head`.

    Raises:
        ConfigError: Settings, task and targets contradict each other.
    """
    if config.kind == "gaussian-process":
        return GaussianProcessHead(config, task=task, **shape)
    kind = IsothermHead if config.isotherm_sites and task == "regression" else PropertyHead
    return kind(config, task=task, relu=relu, **shape)


class PropertyModel(nn.Module):
    """Pools the states of a string, joins its descriptors, and scores every target.

    Weights are named `encoder.*` and `head.*`; scores, their scale and their units are the head's.

    Args:
        encoder: Fresh or pretrained; an `nn.Module`.
        head: Settings of the head.
        n_strings: Strings of each row: the encoder reads them one after the other, the head their pooled
            states side by side.
        shape: What else `make_head` reads; errors are its errors.
    """

    def __init__(self, encoder: Encoder, head: HeadConfig, *, n_strings: int = 1, **shape: Any) -> None:
        super().__init__()
        self._d_pooled = n_strings * encoder.d_model
        self.pooling = head.pooling
        self.encoder = encoder
        self.head = make_head(head, d_model=self._d_pooled, **shape)

    def forward(
        self, inputs: Any, descriptors_BF: Tensor | None = None, *, per_member: bool = False
    ) -> Tensor:
        """As `Head.forward`, for what the encoder reads; for tokens (ids_BL, keep_BL)."""
        scores: Tensor = self.head(self.embed(inputs), descriptors_BF, per_member=per_member)
        return scores

    def embed(self, inputs: Any) -> Tensor:
        """Pooled states of the strings, (B, d_model), or of several strings of each row (B, S d_model)."""
        pooled: Tensor = self.encoder.encode(inputs, self.pooling)
        return pooled.reshape(-1, self._d_pooled)
