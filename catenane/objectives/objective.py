"""What an objective of pretraining is: examples from a batch, a loss, and figures on strings held out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch
from torch import Tensor, nn

from catenane.config import Recipe
from catenane.data import StringBatch
from catenane.data.corpus import TokenCorpus
from catenane.tokenizers import StringTokenizer

__all__ = ["Examples", "Inputs", "Learner", "Objective"]


Inputs = tuple[Tensor, Tensor]
"""Inputs of an encoder: token ids, and which are real tokens, (B, L)."""


class Examples(Protocol):
    """Inputs and targets that an objective makes of a batch of strings."""

    @property
    def weight(self) -> float:
        """Number of tokens, labels or strings that the loss is the mean over."""

    def to(self, device: torch.device) -> Self:
        """The same on another device."""


class Objective(nn.Module, ABC):
    """One way to pretrain. Its own weights, where it has any, serve training alone and are not kept.

    Args:
        recipe: Settings, the shape of the encoder filled in.
        tokenizer: What made the ids.
    """

    kind: ClassVar[str] = "encoder"
    """Kind of the bundle that it makes, see `catenane.models.bundle.KINDS`."""
    figures: tuple[str, ...] = ("loss",)
    """Names of what `summarise` gives, `loss` among them."""

    def __init__(self, recipe: Recipe, tokenizer: StringTokenizer) -> None:
        super().__init__()
        self.recipe, self.tokenizer = recipe, tokenizer

    def describe(self, corpus: TokenCorpus) -> np.ndarray | None:
        """Descriptors of all strings (N, F) that `examples` finds in its batch; None where it reads none."""
        return None

    @abstractmethod
    def examples(self, batch: StringBatch, generator: torch.Generator) -> Any:
        """The `Examples` of a batch, on the CPU; all randomness is the generator's."""

    def auxiliary(self, batch: StringBatch, generator: torch.Generator, read: Inputs) -> Any:
        """The examples beside another objective, which has the network read these strings so."""
        return self.examples(batch, generator)

    @abstractmethod
    def loss(self, network: Any, examples: Any) -> Tensor:
        """Mean loss of the examples; `network` is the model of a bundle of this kind."""

    def measure(self, network: Any, examples: Any) -> dict[str, Tensor]:
        """Scores of the examples, each a mean over their weight, `loss` among them."""
        return {"loss": self.loss(network, examples)}

    def summarise(self, means: dict[str, float]) -> dict[str, float]:
        """The figures, from the means of `measure` over all strings held out."""
        return means

    def score(self, figures: dict[str, float]) -> float:
        """What chooses the best epoch, the lowest: the loss."""
        return figures["loss"]


class Learner(nn.Module):
    """A network and the objective it is trained on, as one module whose forward pass gives the loss."""

    def __init__(self, network: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.network, self.objective = network, objective

    def forward(self, examples: Examples, *, measure: bool = False) -> Any:
        """The loss; or with `measure` the scores by name."""
        return (self.objective.measure if measure else self.objective.loss)(self.network, examples)
