"""Training tasks of fine-tuning: the labels of a table, learnt by encoder and head or by the head alone.

Axes: B strings of a batch, N strings of the table, D width of the stream, F descriptors, T targets, M
members of the head.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from catenane.config import Recipe, TrainingConfig
from catenane.data import LengthGroupedBatches, Split, StringBatch, Table, collate
from catenane.descriptors import Descriptors
from catenane.metrics import is_error, score
from catenane.models.head import Head
from catenane.models.networks import PropertyModel
from catenane.models.property_head import PropertyHead
from catenane.notation import JOINT, respell
from catenane.objectives import (
    classification_loss,
    consistency_loss,
    label_weights,
    multiclass_loss,
    regression_loss,
    respelled,
)
from catenane.tokenizers import EncodedStrings, StringTokenizer
from catenane.train.loop import Wanted

__all__ = ["HeadTask", "PropertyTask"]

Batch = TypeVar("Batch", "HeadBatch", StringBatch)

FEWEST_TOKENS, FEWEST_ROWS, WANTED_BATCHES = 1024, 8, 16
"""A set too small to fill so many batches is cut into smaller ones, down to so few tokens or rows: many small
steps learn more than a handful of large ones, and strings of a batch are of more equal length."""


class HeadBatch(NamedTuple):
    """B strings that a frozen encoder has read already."""

    inputs: Tensor
    """Their vectors (B, D), float32."""
    descriptors_BF: Tensor | None
    """Their descriptors, float32, NaN where undefined; None where the head reads none."""
    targets_BT: Tensor
    """Labels, float32, NaN where missing; (M, B, T) where each member learns from rows of its own."""
    weights_BT: Tensor | None
    """Of the labels; None where all count alike."""
    bounds_BT: Tensor | None
    """Which labels are bounds, see `Table.bounds`; None where none is."""

    def to(self, device: torch.device) -> HeadBatch:
        """The same on another device."""
        return self.mapped(lambda part: part.to(device))

    def mapped(self, change: Callable[[Tensor], Tensor]) -> HeadBatch:
        """The same with each of its tensors changed."""
        return HeadBatch._make(part if part is None else change(part) for part in self)


class _LabelTask(ABC, Generic[Batch]):
    """Predict labels: what both ways of fine-tuning share."""

    label = "finetune"

    best_by: str | None = None
    """The score that chooses the best epoch, see `catenane.metrics.SCORES`; by default as in `validate`."""

    def __init__(self, head: Head, split: Split, settings: TrainingConfig, seed: int) -> None:
        self._head, self._split, self._settings, self._seed = head, split, settings, seed

    @abstractmethod
    def _valid_batches(self) -> Iterable[Batch]:
        """The validation rows."""

    def weight(self, batch: Batch) -> float:
        """Labels that the loss is a mean over, by their weights."""
        return float(label_weights(_targets(batch), batch.weights_BT).sum())

    def loss(self, model: nn.Module, batch: Batch, device: torch.device) -> Tensor:
        """Loss on standardised labels, or log loss; missing labels do not count."""
        batch = batch.to(device)
        scores_MBT = model(batch.inputs, batch.descriptors_BF, per_member=True)
        return self._mean_loss(scores_MBT, _targets(batch), batch.weights_BT, batch.bounds_BT)

    def validate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Loss on the validation rows, all alike, and the score that chooses the best epoch.

        It is the error in label deviations, or log loss; or the mean of `best_by` over the targets, 1 minus
        that where larger is better, and the loss where it is undefined.
        """
        if not len(self._split.valid):
            return {}
        scores: list[Tensor] = []
        targets: list[Tensor] = []
        bounds: list[Tensor] = []
        with torch.no_grad():
            for batch in self._valid_batches():
                batch = batch.to(device)
                scores.append(model(batch.inputs, batch.descriptors_BF).float())
                targets.append(_targets(batch))
                bounds.append(torch.zeros_like(targets[-1]) if batch.bounds_BT is None else batch.bounds_BT)
        scores_NT, targets_NT, bounds_NT = torch.cat(scores), torch.cat(targets), torch.cat(bounds)
        loss = self._mean_loss(scores_NT, targets_NT, None, bounds_NT).item()
        targets_NT = torch.where(bounds_NT == 0, targets_NT, torch.nan)  # a bound has no error to score
        if self.best_by is not None:
            values_NT, labels_NT = (
                part.double().cpu().numpy() for part in (self._head.to_labels(scores_NT), targets_NT)
            )
            found = score(
                labels_NT,
                values_NT,
                self._head.task,
                self._head.targets,
                [self.best_by],
                self._head.sizes or None,
            )
            known = [value for of_target in found.values() if (value := of_target[self.best_by]) is not None]
            mean = float(np.mean(known)) if known else loss
            better = mean if is_error(self.best_by) or not known else 1 - mean
            return {"valid_loss": loss, "valid_score": better}
        if self._head.task != "regression":
            return {"valid_loss": loss, "valid_score": loss}
        error_NT = (scores_NT - self._head.standardise(targets_NT)).abs()
        return {"valid_loss": loss, "valid_score": torch.nanmean(error_NT).item()}

    def _mean_loss(
        self, scores: Tensor, targets: Tensor, weights_BT: Tensor | None, bounds_BT: Tensor | None
    ) -> Tensor:
        """Mean loss of scores (B, T) or (M, B, T) over the labels that are there, of either shape."""
        if self._head.task == "classification":
            return classification_loss(scores, targets.expand_as(scores), weights_BT)
        if self._head.task == "multiclass":
            spread_BC = None if weights_BT is None else self._head.spread(weights_BT)
            return multiclass_loss(scores, self._head.standardise(targets).expand_as(scores), spread_BC)
        standardised = self._head.standardise(targets).expand_as(scores)
        return regression_loss(scores, standardised, self._settings.loss, weights_BT, bounds_BT)


class HeadTask(_LabelTask[HeadBatch]):
    """Predict the labels of a table from what a frozen encoder made of its strings.

    Args:
        head: The module that is trained, its scalers fitted.
        split: Rows of the table to learn from, and to choose the best epoch by.
        pooled_ND: Vectors of all strings of the table, float.
        targets_NT: Labels, NaN where missing.
        descriptors_NF: Descriptors of all strings, if the head reads them.
        settings: How it is trained.
        seed: Of the order.
        learns_MN: bool; member m of the head learns from row n of the table where True, and from all training
            rows where there is no such mask.
        weights_NT: Of the labels; alike where there are none.
        bounds_NT: See `Table.bounds`.
    """

    def __init__(
        self,
        head: PropertyHead,
        split: Split,
        pooled_ND: np.ndarray,
        targets_NT: np.ndarray,
        descriptors_NF: np.ndarray | None,
        settings: TrainingConfig,
        seed: int,
        learns_MN: np.ndarray | None = None,
        weights_NT: np.ndarray | None = None,
        bounds_NT: np.ndarray | None = None,
    ) -> None:
        super().__init__(head, split, settings, seed)
        self.model = head
        parts = pooled_ND, descriptors_NF, targets_NT, weights_NT, bounds_NT
        self._all = HeadBatch._make(None if part is None else _float32(part) for part in parts)
        self._learns_MN = None if learns_MN is None else torch.from_numpy(learns_MN)
        self._batch_rows = min(settings.batch_rows, max(FEWEST_ROWS, len(split.train) // WANTED_BATCHES))

    def n_batches(self) -> int:
        """Micro-batches of an epoch."""
        return math.ceil(len(self._split.train) / self._batch_rows)

    def batches(self, epoch: int, start: int, _: Wanted | None = None) -> Generator[HeadBatch, None, None]:
        """The epoch's micro-batches from `start`."""
        order = np.random.default_rng([self._seed, epoch]).permutation(self._split.train)
        for place in range(start * self._batch_rows, len(order), self._batch_rows):
            rows = order[place : place + self._batch_rows]
            batch = self._take(rows)
            if self._learns_MN is not None:
                learns_MB1 = self._learns_MN[:, rows, None]
                batch = batch._replace(targets_BT=torch.where(learns_MB1, batch.targets_BT, torch.nan))
            yield batch

    def _valid_batches(self) -> list[HeadBatch]:
        return [self._take(self._split.valid)]

    def _take(self, rows: np.ndarray) -> HeadBatch:
        return self._all.mapped(lambda part: part[rows])


class PropertyTask(_LabelTask[StringBatch]):
    """Predict the labels of a table, the encoder learning with the head."""

    def __init__(
        self,
        model: PropertyModel,
        table: Table,
        split: Split,
        encoded: EncodedStrings,
        descriptors: Descriptors | None,
        tokenizer: StringTokenizer,
        recipe: Recipe,
        seed: int,
        weights_NT: np.ndarray | None = None,
    ) -> None:
        super().__init__(model.head, split, recipe.finetuning, seed)
        self.model = model
        self._table, self._encoded, self._tokenizer = table, encoded, tokenizer
        self._targets, self._weights = table.targets.astype(np.float32), weights_NT
        self._descriptors = None if descriptors is None else descriptors.values
        self._max_length = recipe.encoder.max_length
        n_tokens = int(self._lengths(encoded)[split.train].sum())
        self._batch_tokens = min(
            recipe.finetuning.batch_tokens, max(FEWEST_TOKENS, n_tokens // WANTED_BATCHES)
        )
        self._n_batches = len(self._grouped(encoded))

    def n_batches(self) -> int:
        """Micro-batches of an epoch; where strings are written anew it may differ a little."""
        return self._n_batches

    def batches(self, epoch: int, start: int, _: Wanted | None = None) -> Generator[StringBatch, None, None]:
        """The epoch's micro-batches from `start`."""
        encoded = self._respelled(epoch) if self._settings.respell else self._encoded
        for rows in self._grouped(encoded).batches(epoch, start):
            yield self._collate(encoded, self._split.train[rows])

    def loss(self, model: nn.Module, batch: StringBatch, device: torch.device) -> Tensor:
        """That of the labels, and by `consistency` that of finding a string's other spelling."""
        loss = super().loss(model, batch, device)
        if not self._settings.consistency:
            return loss
        # The loop has seeded the generator for this micro-batch.
        other = respelled(batch, self._tokenizer, self._max_length, torch.default_generator)
        embed = self.model.embed
        pair = embed(batch.to(device).inputs), embed(tuple(part.to(device) for part in other))
        return loss + self._settings.consistency * consistency_loss(*pair)

    def _valid_batches(self) -> Iterator[StringBatch]:
        lengths = self._lengths(self._encoded)[self._split.valid]
        for rows in LengthGroupedBatches(lengths, self._batch_tokens, shuffle=False).batches(0):
            yield self._collate(self._encoded, self._split.valid[rows])

    def _grouped(self, encoded: EncodedStrings) -> LengthGroupedBatches:
        """Batches of the training rows."""
        lengths = self._lengths(encoded)[self._split.train]
        return LengthGroupedBatches(lengths, self._batch_tokens, seed=self._seed)

    def _respelled(self, epoch: int) -> EncodedStrings:
        """The table with its training strings in other spellings, the same at every call for one epoch."""
        strings = list(self._table.strings)
        seeds = np.random.default_rng([self._seed, epoch]).integers(2**31, size=len(self._split.train))
        for row, seed in zip(self._split.train.tolist(), seeds.tolist(), strict=True):
            strings[row] = respell(strings[row], self._table.notation, seed)
        texts = [text for string in strings for text in string.split(JOINT)]
        return self._tokenizer.encode_flat(texts, self._max_length)

    def _lengths(self, encoded: EncodedStrings) -> np.ndarray:
        """Tokens of each row, the shorter of its strings filled up to the longest."""
        longest_N: np.ndarray = encoded.lengths.reshape(len(self._table), -1).max(axis=1)
        return longest_N * self._table.n_strings

    def _collate(self, encoded: EncodedStrings, rows: np.ndarray) -> StringBatch:
        return collate(
            encoded, rows, targets=self._targets,
            descriptors=self._descriptors, weights=self._weights, bounds=self._table.bounds,
            n_strings=self._table.n_strings,
        )  # fmt: skip


def _float32(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _targets(batch: HeadBatch | StringBatch) -> Tensor:
    assert batch.targets_BT is not None
    return batch.targets_BT
