"""What pretraining learns, by the name that a recipe gives it.

An objective hides tokens, and a model names them. It is a pure function of a batch and a generator.

Axes: B strings, L tokens, N hidden tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from catenane import config
from catenane.data import TokenBatch
from catenane.objectives.masking import mask_tokens
from catenane.tokenizers import StringTokenizer

__all__ = ["OBJECTIVES", "HiddenTokens", "Objective"]


@dataclass(frozen=True)
class HiddenTokens:
    """A batch with tokens hidden, and what they were."""

    inputs: tuple[Tensor, ...]
    """What the model is called with; it gives logits (N, V)."""
    labels_N: Tensor
    """int64, the ids of the hidden tokens, in the order of the logits."""

    def to(self, device: torch.device) -> HiddenTokens:
        """The same on another device."""
        return HiddenTokens(tuple(x.to(device) for x in self.inputs), self.labels_N.to(device))


@dataclass(frozen=True)
class Objective:
    """One way to pretrain."""

    kind: str
    """Kind of the bundle that it makes: which network learns, see `catenane.models.bundle.KINDS`."""
    hide: Callable[[TokenBatch, config.Recipe, StringTokenizer, torch.Generator], HiddenTokens]
    """Hides tokens of a batch, by the recipe's table of the objective."""


def _hide_single_tokens(
    batch: TokenBatch, recipe: config.Recipe, tokenizer: StringTokenizer, generator: torch.Generator
) -> HiddenTokens:
    """Masked-language modelling; the model reads ids, real tokens, and which of them to name."""
    masked = mask_tokens(
        batch.ids_BL,
        batch.keep_BL,
        policy=recipe.masking.policy,
        share=recipe.masking.share,
        generator=generator,
        vocabulary_size=tokenizer.vocabulary_size,
        mask_id=tokenizer.mask_id,
        n_special=tokenizer.n_special,
    )
    return HiddenTokens((masked.ids_BL, batch.keep_BL, masked.chosen_BL), masked.labels_N)


OBJECTIVES: dict[config.Objective, Objective] = {
    "mlm": Objective(kind="encoder", hide=_hide_single_tokens),
}
"""Every objective that a recipe can name."""
