"""A property model from a table in memory: assembled, trained, and ready to answer."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from catenane.config import EncoderConfig, Recipe, Task
from catenane.data import LengthGroupedBatches, Split, Table, TokenBatch, collate
from catenane.descriptors import Descriptors, compute_descriptors
from catenane.errors import DataError, UsageError
from catenane.models import Bundle, BundleConfig, Encoder, PropertyModel
from catenane.notation import respell
from catenane.objectives import classification_loss, regression_loss
from catenane.tokenizers import EncodedStrings, StringTokenizer, Tokenization, load_tokenizer, summarise
from catenane.train.checkpoint import Progress
from catenane.train.folder import fingerprint
from catenane.train.logs import LogFormat
from catenane.train.loop import run
from catenane.version import __version__

__all__ = ["FittedModel", "PropertyLesson", "fit_property_model", "tell_task"]

logger = logging.getLogger(__name__)
FEWEST_TOKENS, WANTED_BATCHES = 1024, 16
"""A set too small to fill so many batches is cut into smaller ones, down to so few tokens: many small steps
learn more than a handful of large ones, and strings of a batch are of more equal length."""


@dataclass(frozen=True)
class FittedModel:
    """A trained model and what was seen on the way."""

    bundle: Bundle
    """The model of the best epoch; its card is still empty."""
    progress: Progress
    """The run, its history included."""
    tokenization: Tokenization
    """Unknown and truncated tokens of the table."""
    descriptors: Descriptors | None
    """Descriptors of the table's rows, if the head reads them."""


def fit_property_model(
    table: Table,
    split: Split,
    recipe: Recipe,
    *,
    task: Task,
    parent: Bundle | None = None,
    seed: int = 0,
    folder: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    resume: bool = False,
    log: LogFormat = "csv",
    device: str | None = None,
    watch: Callable[[Bundle], Mapping[str, float]] | None = None,
    make_encoder: Callable[[EncoderConfig], Encoder] = Encoder,
) -> FittedModel:
    """Train a property head, and the encoder under it, on the training rows of a table.

    Args:
        table: Strings and labels.
        split: Rows to learn from and rows that choose the best epoch (the last one if there are none); its
            test rows are not looked at.
        recipe: Shapes and training; with a parent, the parent's encoder shape counts.
        task: What the labels are.
        parent: Pretrained bundle whose encoder, tokenizer and encoder shape are taken over.
        seed: Of weights, order and dropout.
        folder: Where checkpoints and history go; nothing is written without it.
        settings: What else distinguishes this run, for the fingerprint of its checkpoint.
        resume: Go on from the folder's checkpoint.
        log: "csv", or "tensorboard" beside it.
        device: "cpu", "cuda", ...; the fastest by default.
        watch: Called with the model after every epoch; what it measures joins the history.
        make_encoder: Makes an encoder that is not quite ours, for an ablation.

    Raises:
        UsageError: The parent cannot read this notation.
        TrainingError: See `catenane.train.loop.run`.
    """
    tokenizer = parent.tokenizer if parent is not None else load_tokenizer(table.notation)
    if table.notation == "mofid" and tokenizer.notation != "mofid":
        raise UsageError("the pretrained model reads SMILES and knows no topologies: pretrain one on MOFids")
    shape = parent.config.recipe.encoder if parent is not None else recipe.encoder
    recipe = dataclasses.replace(
        recipe, encoder=dataclasses.replace(shape, vocabulary_size=tokenizer.vocabulary_size)
    )
    encoded = tokenizer.encode_flat(table.strings, recipe.encoder.max_length)
    tokenization = summarise(tokenizer, table.strings, encoded)
    logger.info("%s", tokenization)
    descriptors = compute_descriptors(table.strings, table.notation) if recipe.head.descriptors else None

    torch.manual_seed(seed)
    encoder = make_encoder(recipe.encoder)
    if parent is not None:
        encoder.load_state_dict(parent.encoder.state_dict())
    model = PropertyModel(
        encoder,
        recipe.head,
        n_targets=len(table.target_names),
        n_descriptors=len(descriptors.names) if descriptors else 0,
        task=task,
    )
    model.fit_scalers(
        torch.from_numpy(table.targets[split.train]),
        torch.from_numpy(descriptors.values[split.train]) if descriptors else None,
    )
    config = BundleConfig(
        catenane=__version__,
        kind="property",
        notation=table.notation,
        recipe=recipe,
        task=task,
        targets=table.target_names,
        descriptors=descriptors.names if descriptors else (),
    )
    bundle = Bundle(config=config, model=model, tokenizer=tokenizer)
    lesson = PropertyLesson(model, table, split, encoded, descriptors, tokenizer, recipe, seed)
    progress = run(
        lesson,
        recipe.finetuning,
        folder,
        seed=seed,
        fingerprint=fingerprint(
            dict(settings or {}), encoded.ids.tobytes(), table.targets.tobytes(), split.train.tobytes()
        ),
        resume=resume,
        log=log,
        device=device,
        watch=None if watch is None else lambda: watch(bundle),
    )
    return FittedModel(bundle, progress, tokenization, descriptors)


class PropertyLesson:
    """Predict the labels of a table."""

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

    def loss(
        self, model: nn.Module, batch: TokenBatch, generator: torch.Generator, device: torch.device
    ) -> Tensor:
        """Loss on standardised labels, or log loss; missing labels do not count."""
        batch = batch.to(device)
        assert batch.targets_BT is not None
        return self._loss(model(batch.ids_BL, batch.keep_BL, batch.descriptors_BF), batch.targets_BT)

    def validate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Loss on the validation rows; the score is the error in label deviations, or log loss."""
        if not len(self._split.valid):
            return {}
        scores: list[Tensor] = []
        targets: list[Tensor] = []
        with torch.no_grad():
            for rows in self._valid_batches.batches(0):
                batch = self._collate(self._encoded, self._split.valid[rows]).to(device)
                scores.append(model(batch.ids_BL, batch.keep_BL, batch.descriptors_BF).float())
                assert batch.targets_BT is not None
                targets.append(batch.targets_BT)
        scores_NT, targets_NT = torch.cat(scores), torch.cat(targets)
        loss = self._loss(scores_NT, targets_NT).item()
        if self.model.task == "classification":
            return {"valid_loss": loss, "valid_score": loss}
        error_NT = (scores_NT - self.model.standardise(targets_NT)).abs()
        return {"valid_loss": loss, "valid_score": torch.nanmean(error_NT).item()}

    def _loss(self, scores_BT: Tensor, targets_BT: Tensor) -> Tensor:
        if self.model.task == "classification":
            return classification_loss(scores_BT, targets_BT)
        return regression_loss(scores_BT, self.model.standardise(targets_BT), self._settings.loss)

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


def tell_task(table: Table, asked: Task | None = None) -> Task:
    """The task asked for, else what the labels tell: classes where all are 0 or 1, else numbers.

    Raises:
        DataError: Some targets are classes and others are not, or classes are asked for and labels are none.
    """
    binary = [bool(np.isin(column[~np.isnan(column)], (0.0, 1.0)).all()) for column in table.targets.T]
    named = dict(zip(table.target_names, binary, strict=True))
    others = ", ".join(name for name, is_class in named.items() if not is_class)
    if asked == "classification" and others:
        raise DataError(f"classification needs labels of 0 and 1, and {others} holds others")
    if asked is not None:
        return asked
    if not others:
        return "classification"
    if any(binary):
        classes = ", ".join(name for name, is_class in named.items() if is_class)
        raise DataError(
            f"{classes} hold only 0 and 1, the other targets do not: train them apart, or give --task"
        )
    return "regression"
