"""Two faults of the public code of MOFormer, for an ablation. They live here and nowhere else.

The encoder there is batch-first and its positions are sequence-first: the wave of row b of the *batch* is
added to every token of string b, so the encoder reads a bag of tokens. And no padding is masked: every string
is padded to the longest that the model takes, and every token attends to all of it.

Axes: B strings of a batch, L tokens, D width of the stream.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from catenane.config import EncoderConfig
from catenane.models.encoder import TransformerEncoder
from catenane.nn import SinusoidalPositions

__all__ = ["ENCODERS", "FaultyEncoder"]

PAD_ID = 0
"""Of every tokenizer here."""
LARGEST_BATCH = 8192
"""Rows of a batch that have a wave; no batch has more tokens."""


class FaultyEncoder(TransformerEncoder):
    """Our encoder with the faults of the public code; weights and their names stay those of a sound one.

    `batch_axis` adds the sinusoidal positions along the batch; `unmasked` pads to the longest string that the
    encoder takes, and attends to padding.
    """

    def __init__(self, config: EncoderConfig, *, batch_axis: bool = False, unmasked: bool = False) -> None:
        super().__init__(config)
        self.unmasked = unmasked
        self.padded_to = config.max_length if unmasked else 0
        """Tokens up to which every batch is padded."""
        if batch_axis:
            self.positions = None
            self.waves = SinusoidalPositions(config.d_model, LARGEST_BATCH)
            self.embedding.register_forward_hook(self._add_waves)

    def forward(self, ids_BL: Tensor, keep_BL: Tensor) -> Tensor:  # type: ignore[override]
        """States of the tokens and of the padding, (B, max(L, padded_to), D)."""
        missing = max(0, self.padded_to - ids_BL.shape[1])
        ids_BL, keep_BL = pad(ids_BL, (0, missing), value=PAD_ID), pad(keep_BL, (0, missing), value=False)
        return super().forward(ids_BL, torch.ones_like(keep_BL) if self.unmasked else keep_BL)

    def _add_waves(self, embedding: nn.Module, ids: tuple[Tensor], states_BLD: Tensor) -> Tensor:
        """Add the wave of each row's place in the batch; the encoder multiplies by its factor afterwards."""
        waves_BD = self.waves(torch.arange(len(states_BLD), device=states_BLD.device)) / self.embedding_factor
        shifted_BLD: Tensor = states_BLD + waves_BD.unsqueeze(1)
        return shifted_BLD


ENCODERS: dict[str, Callable[[EncoderConfig], FaultyEncoder]] = {
    "correct": FaultyEncoder,
    "batch-axis positions": partial(FaultyEncoder, batch_axis=True),
    "unmasked padding": partial(FaultyEncoder, unmasked=True),
    "both faults": partial(FaultyEncoder, batch_axis=True, unmasked=True),
}
"""The four encoders of the ablation, by the name that a variant gives."""
