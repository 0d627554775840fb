"""Training of a network on the examples that an objective makes of strings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Generator, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from catenane.data import LengthGroupedBatches
from catenane.data.background import in_background
from catenane.objectives import Examples, Learner, Objective
from catenane.train.loop import Wanted, seed_of

__all__ = ["LearningTask", "figure_key"]

AHEAD = 4
"""Micro-batches that wait for the step before them."""


class LearningTask(ABC):
    """Learn an objective on strings, of which some are held out to see how well.

    Args:
        network: The model of the bundle.
        objective: Gives the loss and the figures.
        lengths_N: Tokens of each string.
        batch_tokens: Padded tokens of a micro-batch.
        seed: Of everything random.
        valid: Places of the strings held out.
        without: Places of all that are not trained on, these among them, sorted.
    """

    label: str

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        lengths_N: np.ndarray,
        batch_tokens: int,
        seed: int,
        *,
        valid: np.ndarray,
        without: np.ndarray,
    ) -> None:
        self.model = Learner(network, objective)
        self.objective, self.valid, self._seed = objective, valid, seed
        self._train_batches = LengthGroupedBatches(lengths_N, batch_tokens, seed=seed, without=without)
        self._valid_batches = LengthGroupedBatches(lengths_N[valid], batch_tokens, shuffle=False)

    @abstractmethod
    def examples(self, rows: np.ndarray, seed: int) -> Examples:
        """What is made of these strings; all randomness is the seed's."""

    def n_batches(self) -> int:
        """Micro-batches of an epoch."""
        return len(self._train_batches)

    def batches(self, epoch: int, start: int, wanted: Wanted) -> Generator[Examples | None, None, None]:
        """The examples of the epoch's micro-batches from `start`, made while the step before runs."""
        with in_background(self._make(epoch, start, wanted), AHEAD) as ready:
            yield from ready

    def _make(self, epoch: int, start: int, wanted: Wanted) -> Iterator[Examples | None]:
        for number, rows in enumerate(self._train_batches.batches(epoch, start), start):
            yield self.examples(rows, seed_of(self._seed, epoch, number)) if wanted(number) else None

    def weight(self, batch: Examples) -> float:
        """What the loss is the mean over."""
        return batch.weight

    def loss(self, model: nn.Module, batch: Examples, device: torch.device) -> Tensor:
        """Mean loss of the examples."""
        loss: Tensor = model(batch.to(device))
        return loss

    def validate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Figures of the objective on the strings held out, of which it makes the same examples each time."""
        sums: Counter[str] = Counter()
        count = 0.0
        with torch.no_grad():
            for number, rows in enumerate(self._valid_batches.batches(0)):
                examples = self.examples(self.valid[rows], seed_of(self._seed, 2, number)).to(device)
                scores = model(examples, measure=True)
                sums.update({name: score.item() * examples.weight for name, score in scores.items()})
                count += examples.weight
        figures = self.objective.summarise({name: total / count for name, total in sums.items()})
        score = self.objective.score(figures)
        return {"valid_score": score} | {figure_key(name): value for name, value in figures.items()}


def figure_key(figure: str) -> str:
    """Name of a figure in the history, which has the loss of two sets of strings."""
    return "valid_loss" if figure == "loss" else figure
