"""The network of masked-language pretraining.

Axes: B strings, L tokens, D width of the stream, N chosen tokens, V vocabulary.
"""

from __future__ import annotations

from torch import Tensor, nn

from catenane.config import TokenHeadConfig
from catenane.models.encoder import TransformerEncoder
from catenane.models.token_head import TokenHead

__all__ = ["MaskedLanguageModel"]


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
        self.head = TokenHead(head or TokenHeadConfig(), encoder.d_model, encoder.config.vocabulary_size)

    def forward(self, ids_BL: Tensor, keep_BL: Tensor, chosen_BL: Tensor) -> Tensor:
        """Scores of the vocabulary at the chosen tokens; the projection is not computed at the others.

        Args:
            ids_BL: Token ids, int64, some of them hidden.
            keep_BL: bool, True on real tokens.
            chosen_BL: bool, True on the N tokens to be named.

        Returns:
            Logits of shape (N, V), chosen tokens in reading order, string after string.
        """
        states_ND = self.encoder(ids_BL, keep_BL)[chosen_BL]
        logits_NV: Tensor = self.head(states_ND, self.encoder.embedding.weight)
        return logits_NV
