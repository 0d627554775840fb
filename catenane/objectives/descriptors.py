"""Computed descriptors as regression targets: exact, for every string.

Axes: B strings, D width of the stream, F descriptors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from catenane.config import Loss, Recipe
from catenane.data import StringBatch
from catenane.data.corpus import TokenCorpus
from catenane.descriptors import describe, descriptor_meanings
from catenane.notation import Record, read_mixed
from catenane.objectives.losses import regression_loss
from catenane.objectives.objective import Inputs, Objective
from catenane.tokenizers import StringTokenizer

__all__ = ["DescribedStrings", "DescriptorTargets"]

CHUNK = 1 << 15
"""Strings that are described together."""
LARGEST = 5.0
"""Standard deviations that a target is brought back to: the tails of counts are long."""
SAMPLE = 100_000
"""Strings that mean and deviation are taken from."""
FILE = "descriptors.f16"
MEASURED: dict[str, Loss] = {"loss": "huber", "error": "mae"}


class DescribedStrings(NamedTuple):
    """Strings and their descriptors."""

    inputs: Inputs
    targets_BF: Tensor
    """float32, NaN where undefined."""

    @property
    def weight(self) -> float:
        """Descriptors that are defined."""
        return float((~self.targets_BF.isnan()).sum())

    def to(self, device: torch.device) -> DescribedStrings:
        """The same on another device."""
        ids_BL, keep_BL = self.inputs
        return DescribedStrings((ids_BL.to(device), keep_BL.to(device)), self.targets_BF.to(device))


class DescriptorTargets(Objective):
    """Regress the descriptors of a structure on its pooled states, all on one scale.

    They are those of `catenane.descriptors`, computed once for a corpus and kept beside it.
    """

    figures = ("loss", "error")

    mean_F: Tensor
    deviation_F: Tensor

    def __init__(self, recipe: Recipe, tokenizer: StringTokenizer) -> None:
        super().__init__(recipe, tokenizer)
        n_descriptors = len(descriptor_meanings(tokenizer.notation))
        self.head = nn.Linear(recipe.encoder.d_model, n_descriptors)
        self.register_buffer("mean_F", torch.zeros(n_descriptors))
        self.register_buffer("deviation_F", torch.ones(n_descriptors))

    def describe(self, corpus: TokenCorpus) -> np.ndarray:
        """Descriptors of all strings (N, F), float16, from their file where they are there.

        It is written in worker processes, and goes on where it was left. Strings of another notation than the
        tokenizer's, with unknown tokens, or that cannot be described, have none.
        """
        path = corpus.folder / FILE
        part = path.with_name(f"{FILE}.part")
        width = len(self.mean_F)
        if not path.is_file():
            done = part.stat().st_size // (2 * width * CHUNK) if part.is_file() else 0
            with part.open("ab") as file:
                file.truncate(done * 2 * width * CHUNK)
                for start in range(done * CHUNK, len(corpus), CHUNK):
                    rows = np.arange(start, min(start + CHUNK, len(corpus)))
                    file.write(self._described(corpus, rows).tobytes())
            part.replace(path)
        values_NF = np.asarray(np.memmap(path, "<f2", mode="r", shape=(len(corpus), width)))
        sample_NF = values_NF[:: -(-len(corpus) // SAMPLE)].astype(np.float64)
        self.mean_F.copy_(torch.from_numpy(np.nan_to_num(np.nanmean(sample_NF, axis=0))))
        self.deviation_F.copy_(torch.from_numpy(np.nan_to_num(np.nanstd(sample_NF, axis=0))))
        return values_NF

    def _described(self, corpus: TokenCorpus, rows: np.ndarray) -> np.ndarray:
        taken, notation = corpus.take(rows), self.tokenizer.notation
        ids = np.split(taken.ids, taken.offsets[1:-1])
        strings = [
            "" if self.tokenizer.unk_id in each else self.tokenizer.decode(each.tolist()) for each in ids
        ]
        values_BF = np.full((len(rows), len(self.mean_F)), np.nan, "<f2")
        for row, record in enumerate(read_mixed(strings, notation, [describe])):
            if isinstance(record, Record) and record.notation == notation:
                values_BF[row] = np.clip(record.compute(describe), -65504, 65504)
        return values_BF

    def examples(self, batch: StringBatch, generator: torch.Generator) -> DescribedStrings:
        """The strings as they are; nothing is random."""
        assert batch.descriptors_BF is not None
        return DescribedStrings(batch.inputs, batch.descriptors_BF)

    def auxiliary(self, batch: StringBatch, generator: torch.Generator, read: Inputs) -> DescribedStrings:
        """What is read already."""
        return self.examples(batch, generator)._replace(inputs=read)

    def loss(self, network: Any, examples: DescribedStrings) -> Tensor:
        """Huber loss on the standardised scale."""
        return regression_loss(*self._scores(network, examples), "huber")

    def measure(self, network: Any, examples: DescribedStrings) -> dict[str, Tensor]:
        """Loss, and mean absolute error in standard deviations."""
        scores_BF, targets_BF = self._scores(network, examples)
        return {kind: regression_loss(scores_BF, targets_BF, loss) for kind, loss in MEASURED.items()}

    def _scores(self, network: Any, examples: DescribedStrings) -> tuple[Tensor, Tensor]:
        pooled_BD = network.encoder.encode(examples.inputs, self.recipe.head.pooling)
        # What never varies has no scale, and is not learnt.
        deviation_F = self.deviation_F.masked_fill(self.deviation_F == 0, torch.nan)
        targets_BF = (examples.targets_BF - self.mean_F) / deviation_F
        return self.head(pooled_BD), targets_BF.clamp(-LARGEST, LARGEST)
