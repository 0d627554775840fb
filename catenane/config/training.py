"""Settings of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from catenane.errors import ConfigError
from catenane.settings import require_not_negative, require_positive, require_share, require_types

__all__ = ["LOSSES", "Loss", "Task", "TrainingConfig"]

Loss = Literal["mae", "huber", "mse", "bce", "cross_entropy"]
Precision = Literal["auto", "bf16", "fp32"]
Task = Literal["regression", "classification", "multiclass"]
LOSSES: Mapping[Task, tuple[Loss, ...]] = {
    "regression": ("mae", "huber", "mse"),
    "classification": ("bce",),
    "multiclass": ("cross_entropy",),
}
"""Losses that networks can be trained with, by task."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """One training run: how long, how fast, when to stop."""

    loss: Loss = "huber"
    """Of numbers, on standardised targets: absolute, squared, or Huber, absolute beyond one deviation. Of
    classes it is their log loss, `bce` of two and `cross_entropy` of several, whatever stands here."""
    respell: bool = False
    """Finetuning: write every training string anew in every epoch, blocks or atoms in another order."""
    consistency: float = 0.0
    """Finetuning: weight of a loss that brings a random spelling of every training string near to it and away
    from other strings; see the objective `consistency`."""
    epochs: int = 20
    """Passes over the training rows at most."""
    batch_tokens: int = 6144
    """Padded tokens per micro-batch."""
    drop_long: bool = False
    """Pretraining: leave strings out that are longer than `encoder.max_length`, and count them, instead of
    cutting them."""
    accumulate: int = 1
    """Micro-batches per optimiser step."""
    learning_rate: float = 5e-4
    """Peak learning rate of AdamW."""
    device_factor: int = 1
    """Multiply it by the number of devices that share a batch, at most by this."""
    encoder_rate: float = 1.0
    """Factor on the learning rate of pretrained encoder weights; 0 freezes them, reads every string once, and
    trains the head alone."""
    batch_rows: int = 256
    """Strings per micro-batch where the encoder is frozen."""
    weight_decay: float = 0.01
    """Decoupled weight decay, on matrices only."""
    warmup: float = 0.05
    """Share of the steps over which the learning rate rises from zero."""
    final_rate: float = 0.02
    """Share of the peak that the cosine ends at; 1 with `warmup` 0 is a fixed rate."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    patience: float = 0.0
    """Stop after so long without a better validation score: a share of the run below 1, epochs from 1 on; 0
    never stops early. What goes by before the peak of the learning rate does not count."""
    min_steps: int = 0
    """Raise `epochs` on small data until at least this many optimiser steps are taken; 0 where `epochs` alone
    is set."""
    precision: Precision = "auto"
    """`bf16` autocast, `fp32`, or `auto`: bf16 where the hardware multiplies it natively."""
    checkpoint_seconds: float = 60.0
    """Write a checkpoint at least this often, and after every epoch."""

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "epochs", "batch_tokens", "batch_rows", "accumulate", "learning_rate", "clip")
        require_positive(self, "device_factor")
        require_share(self, "warmup")
        if not 0 <= self.final_rate <= 1:
            raise ConfigError(f"final_rate={self.final_rate} must lie in 0 <= final_rate <= 1")
        require_not_negative(
            self, "encoder_rate", "weight_decay", "patience", "min_steps", "checkpoint_seconds", "consistency"
        )
        if (self.respell or self.consistency) and not self.encoder_rate:
            setting = "respell=true" if self.respell else f"consistency={self.consistency:g}"
            raise ConfigError(f"{setting} writes strings anew, and encoder_rate=0 reads them only once")
