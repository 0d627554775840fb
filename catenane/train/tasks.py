"""Training tasks of fine-tuning: the labels of a table, learnt by encoder and head or by the head alone.

Axes: B strings of a batch, N strings of the table, D width of the stream, F descriptors, T targets, M
members of the head.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from catenane.config import Recipe, TrainingConfig
from catenane.data import LengthGroupedBatches, Split, Table, TokenBatch, collate
from catenane.descriptors import Descriptors
from catenane.models import PropertyModel
from catenane.models.head import Head
from catenane.models.property_head import PropertyHead
from catenane.notation import respell
from catenane.objectives import classification_loss, regression_loss
from catenane.tokenizers import EncodedStrings, StringTokenizer

__all__ = ["HeadTask", "PropertyTask"]

FEWEST_TOKENS, FEWEST_ROWS, WANTED_BATCHES = 1024, 8, 16
"""A set too small to fill so many batches is cut into smaller ones, down to so few tokens or rows: many small
steps learn more than a handful of large ones, and strings of a batch are of more equal length."""


class HeadBatch(NamedTuple):
    """Strings that a frozen encoder has read already."""

    pooled_BD: Tensor
    """Their vectors, float32."""
    descriptors_BF: Tensor | None
    """Their descriptors, float32, NaN where undefined; None where the head reads none."""
    targets_MBT: Tensor
    """Labels, float32, NaN where missing or not for this member; of one member for all where M is 1."""

    def to(self, device: torch.device) -> HeadBatch:
        """The same on another device."""
        descriptors_BF = None if self.descriptors_BF is None else self.descriptors_BF.to(device)
        return HeadBatch(self.pooled_BD.to(device), descriptors_BF, self.targets_MBT.to(device))


class HeadTask:
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
    """

    label = "finetune"

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
    ) -> None:
        self.model = head
        self._settings, self._split, self._seed = settings, split, seed
        self._pooled_ND = torch.from_numpy(pooled_ND.astype(np.float32))
        self._targets_NT = torch.from_numpy(targets_NT.astype(np.float32))
        self._descriptors_NF = (
            None if descriptors_NF is None else torch.from_numpy(descriptors_NF.astype(np.float32))
        )
        self._learns_MN = None if learns_MN is None else torch.from_numpy(learns_MN)
        n_rows = len(split.train)
        self._batch_rows = min(settings.batch_rows, max(FEWEST_ROWS, n_rows // WANTED_BATCHES))

    def n_batches(self) -> int:
        """Micro-batches of an epoch."""
        return math.ceil(len(self._split.train) / self._batch_rows)

    def batches(self, epoch: int, start: int) -> Iterator[HeadBatch]:
        """The epoch's micro-batches from `start`."""
        rows = np.random.default_rng([self._seed, epoch]).permutation(self._split.train)
        for place in range(start * self._batch_rows, len(rows), self._batch_rows):
            yield self._take(rows[place : place + self._batch_rows], self._learns_MN)

    def weight(self, batch: HeadBatch) -> float:
        """Labels that the loss is a mean over."""
        return _n_known(batch.targets_MBT)

    def loss(self, model: nn.Module, batch: HeadBatch, device: torch.device) -> Tensor:
        """Loss on standardised labels, or log loss; missing labels do not count."""
        batch = batch.to(device)
        scores_MBT = model(batch.pooled_BD, batch.descriptors_BF, per_member=True)
        return _loss(self.model, scores_MBT, batch.targets_MBT, self._settings)

    def validate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Loss on the validation rows; the score is the error in label deviations, or log loss."""
        if not len(self._split.valid):
            return {}
        batch = self._take(self._split.valid).to(device)
        with torch.no_grad():
            scores_NT = model(batch.pooled_BD, batch.descriptors_BF).float()
        return _validation_scores(self.model, scores_NT, batch.targets_MBT[0], self._settings)

    def _take(self, rows: np.ndarray, learns_MN: Tensor | None = None) -> HeadBatch:
        descriptors_NF, targets_MBT = self._descriptors_NF, self._targets_NT[None, rows]
        if learns_MN is not None:
            targets_MBT = torch.where(learns_MN[:, rows, None], targets_MBT, torch.nan)
        return HeadBatch(
            self._pooled_ND[rows], None if descriptors_NF is None else descriptors_NF[rows], targets_MBT
        )


class PropertyTask:
    """Predict the labels of a table, the encoder learning with the head."""

    label = "finetune"

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
    ) -> None:
        self.model = model
        self._settings = recipe.finetuning
        self._split, self._encoded, self._tokenizer = split, encoded, tokenizer
        self._strings, self._notation, self._seed = table.strings, table.notation, seed
        self._targets = table.targets.astype(np.float32)
        self._descriptors = None if descriptors is None else descriptors.values
        self._max_length = recipe.encoder.max_length
        n_tokens = int(encoded.lengths[split.train].sum())
        self._batch_tokens = min(
            recipe.finetuning.batch_tokens, max(FEWEST_TOKENS, n_tokens // WANTED_BATCHES)
        )
        self._n_batches = len(self._grouped(encoded))
        self._valid_batches = LengthGroupedBatches(
            encoded.lengths[split.valid], self._batch_tokens, seed=seed, shuffle=False
        )

    def n_batches(self) -> int:
        """Micro-batches of an epoch; where strings are written anew it may differ a little."""
        return self._n_batches

    def batches(self, epoch: int, start: int) -> Iterator[TokenBatch]:
        """The epoch's micro-batches from `start`."""
        encoded = self._respelled(epoch) if self._settings.respell else self._encoded
        for rows in self._grouped(encoded).batches(epoch, start):
            yield self._collate(encoded, self._split.train[rows])

    def weight(self, batch: TokenBatch) -> float:
        """Labels that the loss is a mean over."""
        assert batch.targets_BT is not None
        return _n_known(batch.targets_BT)

    def loss(self, model: nn.Module, batch: TokenBatch, device: torch.device) -> Tensor:
        """Loss on standardised labels, or log loss; missing labels do not count."""
        batch = batch.to(device)
        assert batch.targets_BT is not None
        scores_MBT = model(batch.inputs, batch.descriptors_BF, per_member=True)
        return _loss(self.model.head, scores_MBT, batch.targets_BT, self._settings)

    def validate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Loss on the validation rows; the score is the error in label deviations, or log loss."""
        if not len(self._split.valid):
            return {}
        scores: list[Tensor] = []
        targets: list[Tensor] = []
        with torch.no_grad():
            for rows in self._valid_batches.batches(0):
                batch = self._collate(self._encoded, self._split.valid[rows]).to(device)
                scores.append(model(batch.inputs, batch.descriptors_BF).float())
                assert batch.targets_BT is not None
                targets.append(batch.targets_BT)
        return _validation_scores(self.model.head, torch.cat(scores), torch.cat(targets), self._settings)

    def _grouped(self, encoded: EncodedStrings) -> LengthGroupedBatches:
        """Batches of the training rows."""
        lengths = encoded.lengths[self._split.train]
        return LengthGroupedBatches(lengths, self._batch_tokens, seed=self._seed)

    def _respelled(self, epoch: int) -> EncodedStrings:
        """The table with its training strings in other spellings, the same at every call for one epoch."""
        strings = list(self._strings)
        seeds = np.random.default_rng([self._seed, epoch]).integers(2**31, size=len(self._split.train))
        for row, seed in zip(self._split.train.tolist(), seeds.tolist(), strict=True):
            strings[row] = respell(strings[row], self._notation, seed)
        return self._tokenizer.encode_flat(strings, self._max_length)

    def _collate(self, encoded: EncodedStrings, rows: np.ndarray) -> TokenBatch:
        return collate(
            encoded,
            rows,
            pad_id=self._tokenizer.pad_id,
            targets=self._targets,
            descriptors=self._descriptors,
        )


def _n_known(targets: Tensor) -> float:
    return float((~targets.isnan()).sum())


def _loss(head: Head, scores: Tensor, targets: Tensor, settings: TrainingConfig) -> Tensor:
    """Mean loss of scores (B, T) or (M, B, T) over the labels that are there, of one shape or the other."""
    if head.task == "classification":
        return classification_loss(scores, targets.expand_as(scores))
    return regression_loss(scores, head.standardise(targets).expand_as(scores), settings.loss)


def _validation_scores(
    head: Head, scores_NT: Tensor, targets_NT: Tensor, settings: TrainingConfig
) -> dict[str, float]:
    loss = _loss(head, scores_NT, targets_NT, settings).item()
    if head.task == "classification":
        return {"valid_loss": loss, "valid_score": loss}
    error_NT = (scores_NT - head.standardise(targets_NT)).abs()
    return {"valid_loss": loss, "valid_score": torch.nanmean(error_NT).item()}
