"""The decoder that writes tokens, and the network of encoder and decoder (Song et al. 2019).

Axes: B strings, S tokens that are read, L tokens that are written, D width of the stream, N scored places, V
vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from catenane.config import DecoderConfig, EncoderConfig, TokenHeadConfig
from catenane.models.encoder import TransformerEncoder, make_block
from catenane.models.initialisation import initialise_encoder
from catenane.models.networks import TokenHead
from catenane.nn import AttentionMask, BlockCache, Memory, Rotation
from catenane.tokenizers import SPECIAL_TOKENS

__all__ = ["Decoder", "SequenceModel"]


class Decoder(nn.Module):
    """Gives each token a state from the tokens before it and from a memory: blocks → norm.

    Args:
        config: Shape of the blocks, which is that of the encoder.
        n_layers: Number of blocks.
    """

    def __init__(self, config: EncoderConfig, n_layers: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(make_block(config, index, crosses=True) for index in range(n_layers))
        self.norm = (
            nn.LayerNorm(config.d_model, config.norm_epsilon) if config.normalises_last else nn.Identity()
        )
        initialise_encoder(self, n_blocks=n_layers, scale_residuals=config.norm_order == "pre")

    def forward(
        self,
        states_BLD: Tensor,
        rotation: Rotation | None,
        memory: Memory,
        caches: Sequence[BlockCache] | None = None,
    ) -> Tensor:
        """States of tokens; with a cache for each block they follow those of earlier calls."""
        for place, block in enumerate(self.blocks):
            states_BLD = block(
                states_BLD,
                mask=AttentionMask(causal=True),
                rotation=rotation,
                memory=memory,
                cache=None if caches is None else caches[place],
            ).states_BLD
        normed_BLD: Tensor = self.norm(states_BLD)
        return normed_BLD


class SequenceModel(nn.Module):
    """Reads a string and writes tokens: a fragment that is hidden in it, or another string.

    One embedding serves encoder, decoder and, by default, the head. What is written stands at positions of
    one's choice, so that a fragment keeps its place. Places of the memory that hold [MASK] are hidden from
    the decoder, as in the public code.

    Its weights are named `encoder.*`, `decoder.*` and `head.*`.

    Args:
        encoder: The encoder to be trained.
        decoder: Shape of the decoder.
        head: Shape of the head.
        mask_id: Id of [MASK].

    Source: Song et al. 2019, arXiv:1905.02450; Vaswani et al. 2017, arXiv:1706.03762.
    """

    def __init__(
        self, encoder: TransformerEncoder, decoder: DecoderConfig, head: TokenHeadConfig, *, mask_id: int
    ) -> None:
        super().__init__()
        self.encoder, self.mask_id = encoder, mask_id
        self.decoder = Decoder(encoder.config, decoder.n_layers)
        self.head = TokenHead(head, encoder.d_model, encoder.config.vocabulary_size)

    def forward(
        self, ids_BS: Tensor, keep_BS: Tensor, before_BL: Tensor, positions_BL: Tensor, written_BL: Tensor
    ) -> Tensor:
        """Logits (N, V) of the N tokens that follow those at which `written_BL` is True, in reading order.

        Args:
            ids_BS: What is read.
            keep_BS: bool, True on real tokens.
            before_BL: At each place the token before the one to be written, padded on the right.
            positions_BL: Of these tokens, int64.
            written_BL: bool, True on real tokens.
        """
        language_B1 = self.language(ids_BS, before_BL)
        states_BLD = self.write(before_BL, positions_BL, self.read(ids_BS, keep_BS), language_B1)
        return self.score(states_BLD[written_BL])

    def language(self, ids_BS: Tensor, before_BL: Tensor) -> Tensor:
        """The token of the language that is written, (B, 1): the first of `before_BL`, else of the source."""
        first_B1 = before_BL[:, :1]
        end = len(SPECIAL_TOKENS) + self.encoder.n_languages
        return torch.where((first_B1 >= len(SPECIAL_TOKENS)) & (first_B1 < end), first_B1, ids_BS[:, :1])

    def read(self, ids_BS: Tensor, keep_BS: Tensor) -> Memory:
        """What the decoder attends to, of the arguments of the encoder."""
        positions_S = torch.arange(ids_BS.shape[1], device=ids_BS.device)
        rotation = None if self.encoder.rotation is None else self.encoder.rotation(positions_S)
        shown_BS = keep_BS & (ids_BS != self.mask_id)
        return Memory(self.encoder(ids_BS, keep_BS), AttentionMask(keep_BS=shown_BS), rotation)

    def write(
        self,
        before_BL: Tensor,
        positions_BL: Tensor,
        memory: Memory,
        language_B1: Tensor,
        caches: Sequence[BlockCache] | None = None,
    ) -> Tensor:
        """States (B, L, d_model) of tokens at positions; see `forward`, `language` and `Decoder`."""
        states_BLD, rotation = self.encoder.place(before_BL, positions_BL, language_B1)
        written_BLD: Tensor = self.decoder(states_BLD, rotation, memory, caches)
        return written_BLD

    def score(self, states_ND: Tensor) -> Tensor:
        """Logits (N, V) of the token that follows each state."""
        logits_NV: Tensor = self.head(states_ND, self.encoder.embedding.weight)
        return logits_NV

    def caches(self) -> list[BlockCache]:
        """Empty caches, one a block of the decoder."""
        return [BlockCache() for _ in self.decoder.blocks]
