"""Several objectives at once, each with a weight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from catenane.config import Recipe
from catenane.data import StringBatch
from catenane.data.corpus import TokenCorpus
from catenane.objectives.objective import Objective

__all__ = ["Several", "SeveralExamples"]


class SeveralExamples(NamedTuple):
    """The examples of each objective, of one batch."""

    parts: tuple[Any, ...]

    @property
    def weight(self) -> float:
        """That of the first."""
        return float(self.parts[0].weight)

    def to(self, device: torch.device) -> SeveralExamples:
        """The same on another device."""
        return SeveralExamples(tuple(part.to(device) for part in self.parts))


class Several(Objective):
    """The weighted sum of losses; the first objective is that of the recipe, with weight one.

    Args:
        parts: Objectives with their weights, by name.
        recipe: Theirs.
    """

    def __init__(self, recipe: Recipe, parts: Mapping[Any, tuple[Objective, float]]) -> None:
        first, _ = next(iter(parts.values()))
        super().__init__(recipe, first.tokenizer)
        self.parts = nn.ModuleDict({name: objective for name, (objective, _) in parts.items()})
        self.weights = {name: weight for name, (_, weight) in parts.items()}
        self.figures = (
            "loss",
            *(f"{name}_{figure}" for name, part in self._items() for figure in part.figures),
        )

    def describe(self, corpus: TokenCorpus) -> np.ndarray | None:
        """What any of them needs."""
        found = [part.describe(corpus) for _, part in self._items()]
        return next((values for values in found if values is not None), None)

    def examples(self, batch: StringBatch, generator: torch.Generator) -> SeveralExamples:
        """Those of the first, and of the others on what it has the network read, where they can share it."""
        (_, objective), *others = self._items()
        first = objective.examples(batch, generator)
        read = first.inputs[:2] if hasattr(first, "inputs") else batch.inputs
        return SeveralExamples((first, *(part.auxiliary(batch, generator, read) for _, part in others)))

    def loss(self, network: Any, examples: SeveralExamples) -> Tensor:
        """The weighted sum."""
        with _reading_once(network.encoder):
            losses = [
                self.weights[name] * part.loss(network, own)
                for (name, part), own in zip(self._items(), examples.parts, strict=True)
            ]
        return torch.stack(losses).sum()

    def measure(self, network: Any, examples: SeveralExamples) -> dict[str, Tensor]:
        """The weighted sum, and the scores of each under its name."""
        scores: dict[str, Tensor] = {}
        for (name, part), own in zip(self._items(), examples.parts, strict=True):
            scores |= {f"{name}_{key}": value for key, value in part.measure(network, own).items()}
        total = torch.stack([self.weights[name] * scores[f"{name}_loss"] for name in self.weights]).sum()
        return {"loss": total} | scores

    def summarise(self, means: dict[str, float]) -> dict[str, float]:
        """The figures of each under its name."""
        figures = {"loss": means["loss"]}
        for name, part in self._items():
            own = {
                key.removeprefix(f"{name}_"): value
                for key, value in means.items()
                if key.startswith(f"{name}_")
            }
            figures |= {f"{name}_{key}": value for key, value in part.summarise(own).items()}
        return figures

    def _items(self) -> list[tuple[str, Objective]]:
        return [(name, part) for name, part in self.parts.items() if isinstance(part, Objective)]


@contextmanager
def _reading_once(encoder: nn.Module) -> Iterator[None]:
    """The encoder's states of the same tensors are computed once within the block."""
    forward, known = encoder.forward, dict[tuple[int, ...], Tensor]()

    def remembered(*inputs: Tensor) -> Tensor:
        key = tuple(map(id, inputs))
        if key not in known:
            known[key] = forward(*inputs)
        return known[key]

    encoder.forward = remembered
    try:
        yield
    finally:
        del encoder.forward
