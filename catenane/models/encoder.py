"""The transformer encoder, which every recipe is a setting of.

Axes: B strings, L tokens, D width of the stream.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from catenane.config import EncoderConfig, Pooling
from catenane.errors import ConfigError
from catenane.models.initialisation import initialise_encoder
from catenane.nn import (
    Attention,
    AttentionMask,
    Block,
    Dropout,
    FeedForward,
    FullAttention,
    LearnedPositions,
    LinearAttention,
    RotaryPositions,
    Rotation,
    SinusoidalPositions,
)
from catenane.notation import Record, part_texts
from catenane.tokenizers import EncodedStrings, StringTokenizer, align

__all__ = ["Encoder", "TransformerEncoder", "make_block", "pool"]

READ_ROWS = 64
"""Strings whose atoms are read at once."""


class Encoder(Protocol):
    """What a property model needs under it, an `nn.Module`: a transformer over tokens, a graph network, ...

    It reads strings once, before training; `inputs` are what batches of these hold, of tokens (ids_BL,
    keep_BL).
    """

    @property
    def d_model(self) -> int:
        """Width of the vectors."""
        ...

    def read(self, records: Sequence[Record], tokenizer: StringTokenizer) -> Any:
        """Each part of each record, as `catenane.data.collate` takes it; `tokens` are theirs in any case."""
        ...

    def encode(self, inputs: Any, pooling: Pooling) -> Tensor:
        """One vector for each structure of a batch, (B, d_model)."""
        ...

    def atom_states(self, records: Sequence[Record], tokenizer: StringTokenizer) -> NDArray[np.float32]:
        """States of the atoms of strings in the order written, (A, d_model); NaN of atoms that were cut."""
        ...


class TransformerEncoder(nn.Module):
    """Reads token ids in both directions and gives each token a state: embed → blocks → norm.

    Positions, attention kernel, norm order and activation are independent settings. Padding is always masked:
    the states of real tokens do not depend on how far a batch is padded.

    Args:
        config: Shape of the encoder, with `vocabulary_size` filled in.
        n_languages: Languages whose tokens begin the strings: that of a string is added to each of its tokens
            (Song et al. 2019).

    Raises:
        ConfigError: `vocabulary_size` is not filled in.

    >>> encoder = TransformerEncoder(EncoderConfig(vocabulary_size=9, d_model=12, n_heads=3, n_layers=2))
    >>> ids_BL = torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]])
    >>> states_BLD, attention = encoder.attend(ids_BL, ids_BL != 0)
    >>> states_BLD.shape, [weights_BHLL.shape for weights_BHLL in attention]
    (torch.Size([2, 4, 12]), [torch.Size([2, 3, 4, 4]), torch.Size([2, 3, 4, 4])])
    """

    def __init__(self, config: EncoderConfig, n_languages: int = 0) -> None:
        super().__init__()
        self.n_languages = n_languages
        if not config.vocabulary_size:
            raise ConfigError("encoder.vocabulary_size is not set: fill it from the tokenizer that is used")
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.d_model)
        # Waves have an amplitude of one, so embeddings that meet them are brought to a like size
        # (Vaswani et al. 2017, section 3.4).
        self.embedding_factor = math.sqrt(config.d_model) if config.positions == "sinusoidal" else 1.0
        self.positions: nn.Module | None = None
        self.rotation: RotaryPositions | None = None
        if config.positions == "sinusoidal":
            self.positions = SinusoidalPositions(config.d_model, config.max_length)
        elif config.positions == "learned":
            self.positions = LearnedPositions(config.d_model, config.max_length)
        elif config.positions == "rotary":
            turns_features = config.attention == "linear" and config.feature_order == "rotate-mapped"
            width = config.n_features if turns_features else config.d_model // config.n_heads
            self.rotation = RotaryPositions(width, config.max_length)
        self.dropout = Dropout(
            config.dropout if config.embedding_dropout is None else config.embedding_dropout
        )
        self.blocks = nn.ModuleList(make_block(config, index) for index in range(config.n_layers))
        self.norm = (
            nn.LayerNorm(config.d_model, config.norm_epsilon) if config.normalises_last else nn.Identity()
        )
        initialise_encoder(self, n_blocks=config.n_layers, scale_residuals=config.norm_order == "pre")

    def forward(self, ids_BL: Tensor, keep_BL: Tensor, positions_BL: Tensor | None = None) -> Tensor:
        """States of the tokens of each string.

        Args:
            ids_BL: Token ids, int64, padded on the right; L at most `config.max_length`.
            keep_BL: bool, True on real tokens; each string has at least one.
            positions_BL: int64, (L,) or (B, L), below `config.max_length`; 0 to L - 1 by default.

        Returns:
            Float tensor of shape (B, L, d_model); at padding it holds numbers without meaning.

        Raises:
            ConfigError: L is above `config.max_length`.
        """
        return self._run(ids_BL, keep_BL, positions_BL)[0]

    def attend(
        self, ids_BL: Tensor, keep_BL: Tensor, positions_BL: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """As `forward`, and the attention weights, at a cost that grows with L².

        They are a tensor (B, n_heads, L, L) for each block, first to last: row l holds the weights of the
        tokens that token l attends to.
        """
        return self._run(ids_BL, keep_BL, positions_BL, return_weights=True)

    def _run(
        self, ids_BL: Tensor, keep_BL: Tensor, positions_BL: Tensor | None, *, return_weights: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        length = ids_BL.shape[1]
        if length > self.config.max_length:
            raise ConfigError(
                f"a batch of {length} tokens is longer than encoder.max_length={self.config.max_length}: "
                "give max_length to the tokenizer's encode"
            )
        positions = torch.arange(length, device=ids_BL.device) if positions_BL is None else positions_BL
        states_BLD, rotation = self.place(ids_BL, positions, ids_BL[:, :1])
        mask = AttentionMask(keep_BS=_mask_if_needed(keep_BL))
        weights = []
        for block in self.blocks:
            states_BLD, weights_BHLL, _ = block(
                states_BLD, mask=mask, rotation=rotation, return_weights=return_weights
            )
            weights.append(weights_BHLL)
        return self.norm(states_BLD), weights

    def place(
        self, ids_BL: Tensor, positions_BL: Tensor, language_B1: Tensor
    ) -> tuple[Tensor, Rotation | None]:
        """Inputs of the first block: embedded tokens, (B, L, d_model), and the rotation of their places."""
        states_BLD: Tensor = self.embedding(ids_BL) * self.embedding_factor
        if self.n_languages:
            states_BLD = states_BLD + self.embedding(language_B1) * self.embedding_factor
        if self.positions is not None:
            states_BLD = states_BLD + self.positions(positions_BL)
        rotation = None if self.rotation is None else self.rotation(positions_BL)
        return self.dropout(states_BLD), rotation

    @property
    def d_model(self) -> int:
        """Width of the states."""
        return self.config.d_model

    def read(self, records: Sequence[Record], tokenizer: StringTokenizer) -> EncodedStrings:
        """The tokens of strings."""
        return tokenizer.encode_flat(part_texts(records), self.config.max_length)

    def encode(self, inputs: tuple[Tensor, Tensor], pooling: Pooling) -> Tensor:
        """One vector for each string of a batch (ids_BL, keep_BL)."""
        return pool(self(*inputs), inputs[1], pooling)

    def atom_states(self, records: Sequence[Record], tokenizer: StringTokenizer) -> NDArray[np.float32]:
        """States of the last layer at the tokens of atoms."""
        placed = [align(tokenizer, [record], self.config.max_length)[1].token_of_atom for record in records]
        ends = np.cumsum([len(token_A) for token_A in placed])
        found = np.full((ends[-1] if len(ends) else 0, self.d_model), np.nan, np.float32)
        encoded, was_training = self.read(records, tokenizer), self.training
        device = self.embedding.weight.device
        order = np.argsort(encoded.lengths, kind="stable")
        with torch.inference_mode():
            self.eval()
            for rows in (order[start : start + READ_ROWS] for start in range(0, len(order), READ_ROWS)):
                inputs = (part.to(device) for part in encoded.take(rows).inputs())
                states_BLD = self(*inputs).float().cpu().numpy()
                for states_LD, row in zip(states_BLD, rows.tolist(), strict=True):
                    token_A = placed[row]
                    kept = np.flatnonzero(token_A >= 0)
                    found[ends[row] - len(token_A) + kept] = states_LD[token_A[kept]]
            self.train(was_training)
        return found


def pool(states_BLD: Tensor, keep_BL: Tensor, pooling: Pooling) -> Tensor:
    """One vector for each string, (B, D), float32 or better.

    `cls` takes the state of the first token, `mean` averages those of all real tokens, [CLS] and [SEP] among
    them.
    """
    states_BLD = states_BLD.to(torch.promote_types(states_BLD.dtype, torch.float32))
    if pooling == "cls":
        return states_BLD[:, 0]
    # A product, not a masked sum: B × (1, L) @ (L, D) reads the states once.
    weights_BL = keep_BL.to(states_BLD.dtype)
    weights_BL = weights_BL / weights_BL.sum(dim=1, keepdim=True).clamp(min=1)
    with torch.autocast(states_BLD.device.type, enabled=False):
        return (weights_BL.unsqueeze(1) @ states_BLD).squeeze(1)


def _mask_if_needed(keep_BL: Tensor) -> Tensor | None:
    """No mask for a batch without padding, where that is known without waiting for a GPU or a compiler."""
    if keep_BL.device.type == "cpu" and not torch.compiler.is_compiling() and bool(keep_BL.all()):
        return None
    return keep_BL


def make_block(config: EncoderConfig, index: int, *, crosses: bool = False) -> Block:
    """The block at this place of a stack; one that crosses reads a memory as well."""

    def attention(seed: int) -> Attention:
        kernel: FullAttention | LinearAttention
        if config.attention == "full":
            kernel = FullAttention(config.dropout)
        else:
            # Each block has directions of its own, and the same in every encoder of this shape.
            kernel = LinearAttention(
                config.d_model // config.n_heads,
                config.n_features,
                config.feature_order,
                seed=seed,
                floor=config.feature_floor,
                redraws=config.redraw_features,
            )
        return Attention(config.d_model, config.n_heads, kernel)

    return Block(
        attention(index),
        FeedForward(config.d_model, config.d_hidden, config.activation, config.dropout),
        d_model=config.d_model,
        norm_order=config.norm_order,
        norm_epsilon=config.norm_epsilon,
        dropout=config.dropout,
        cross_attention=attention(config.n_layers + index) if crosses else None,
    )
