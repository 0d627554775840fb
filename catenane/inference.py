"""Strings in, arrays out: a trained model as a thing that answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from catenane.data import LengthGroupedBatches, TokenBatch, collate
from catenane.descriptors import Descriptors, compute_descriptors
from catenane.errors import BundleError, NotationError
from catenane.hardware import best_device, fast_matmul
from catenane.models.bundle import Bundle, BundleConfig, load_bundle
from catenane.models.property_model import PropertyModel
from catenane.notation import normalise

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Model", "Prediction", "load"]

BATCH_TOKENS = 8192


@dataclass(frozen=True)
class Prediction:
    """Answers for N strings, in the order given."""

    strings: list[str]
    """What was asked."""
    values: np.ndarray
    """float64 (N, T) in label units or probabilities; NaN where the string could not be read."""
    errors: list[str]
    """Why a row has no answer; "" where it has one."""


class Model:
    """A bundle that answers.

    Args:
        bundle: What `load_bundle` read, or training made.
        device: "cpu", "cuda", ...; the fastest there is by default.
    """

    def __init__(self, bundle: Bundle, *, device: str | None = None) -> None:
        self.bundle = bundle
        self.device = best_device(device)
        self.bundle.model.to(self.device).eval()

    @property
    def config(self) -> BundleConfig:
        """Shapes and names of the model's parts."""
        return self.bundle.config

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of what it predicts; empty for a pretrained encoder."""
        return self.config.targets

    def predict(self, strings: Iterable[str]) -> pd.DataFrame:
        """Predict every target for every string.

        Args:
            strings: SMILES or MOFids, as the model's notation says; any iterable of str.

        Returns:
            One row per string in the order given: `string`, a column per target in the label's units (for
            classification the probability of class 1), and `error` ("" or why there is no answer).

        Raises:
            BundleError: The model is a pretrained encoder without a property head.
        """
        import pandas as pd

        answers = self.answer(list(strings))
        columns = dict(zip(self.targets, answers.values.T, strict=True))
        return pd.DataFrame({"string": answers.strings, **columns, "error": answers.errors})

    def answer(self, strings: Sequence[str]) -> Prediction:
        """As `predict`, as arrays.

        Raises:
            BundleError: The model is a pretrained encoder without a property head.
        """
        readable, errors = self._normalise(strings)
        values = np.full((len(strings), len(self.targets)), np.nan)
        kept = [row for row, error in enumerate(errors) if not error]
        values[kept] = self.answer_normalised([readable[row] for row in kept])
        return Prediction(list(strings), values, errors)

    def answer_normalised(self, strings: Sequence[str], descriptors: Descriptors | None = None) -> np.ndarray:
        """Predict every target for strings that `catenane.notation.normalise` has already made.

        Args:
            strings: N normalised strings.
            descriptors: Theirs, if they are at hand.

        Returns:
            float64 (N, T) in label units or probabilities.

        Raises:
            BundleError: The model is a pretrained encoder, or reads descriptors that are not computed any more.
        """
        model = self.property_model
        if self.config.descriptors:
            descriptors = descriptors or compute_descriptors(strings, self.config.notation)
            if descriptors.names != self.config.descriptors:
                raise BundleError(
                    "this model reads descriptors that this version of catenane does not compute: "
                    f"install catenane {self.config.catenane}, or train it again"
                )

        def run(batch: TokenBatch) -> torch.Tensor:
            return model.answer(model(batch.ids_BL, batch.keep_BL, batch.descriptors_BF))

        values = descriptors.values if self.config.descriptors and descriptors else None
        return self._run(strings, run, len(self.targets), values)

    def embed(self, strings: Iterable[str]) -> np.ndarray:
        """Pooled states of the encoder, one row per string, in the order given.

        Args:
            strings: SMILES or MOFids, as the model's notation says.

        Returns:
            float32 array (N, d_model), not normalised: the mean over tokens or the state of [CLS], as the
            recipe's `head.pooling` says.

        Raises:
            NotationError: A string cannot be read; the message tells which and why.
        """
        strings = list(strings)
        readable, errors = self._normalise(strings)
        for row, error in enumerate(errors):
            if error:
                raise NotationError(f"string {row}: {error}")
        return self.embed_normalised(readable)

    def embed_normalised(self, strings: Sequence[str]) -> np.ndarray:
        """As `embed`, for strings that `catenane.notation.normalise` has already made."""
        model, pooling = self.bundle.model, self.config.recipe.head.pooling

        def run(batch: TokenBatch) -> torch.Tensor:
            return model.encoder.pool(model.encoder(batch.ids_BL, batch.keep_BL), batch.keep_BL, pooling)

        return self._run(strings, run, self.config.recipe.encoder.d_model).astype(np.float32)

    @property
    def property_model(self) -> PropertyModel:
        """The network, if it is one that answers.

        Raises:
            BundleError: It is a pretrained encoder.
        """
        if isinstance(self.bundle.model, PropertyModel):
            return self.bundle.model
        raise BundleError("this model is a pretrained encoder without a property head: finetune it, or use embed")

    def _normalise(self, strings: Sequence[str]) -> tuple[list[str], list[str]]:
        """What the model reads, and why it cannot where it cannot ("" where it can)."""
        readable, errors = [], []
        for text in strings:
            try:
                if not isinstance(text, str):
                    raise NotationError(f"expected a string, got {text!r}")
                readable.append(normalise(text, self.config.notation))
                errors.append("")
            except NotationError as error:
                readable.append("")
                errors.append(str(error))
        return readable, errors

    def _run(
        self,
        strings: Sequence[str],
        forward: Callable[[TokenBatch], torch.Tensor],
        width: int,
        descriptors: np.ndarray | None = None,
    ) -> np.ndarray:
        result = np.empty((len(strings), width))
        if not len(strings):
            return result
        encoded = self.bundle.tokenizer.encode_flat(strings, self.config.recipe.encoder.max_length)
        batches = LengthGroupedBatches(encoded.lengths, BATCH_TOKENS, seed=0, shuffle=False)
        with torch.inference_mode(), fast_matmul():
            for rows in batches.batches(0):
                batch = collate(encoded, rows, pad_id=self.bundle.tokenizer.pad_id, descriptors=descriptors)
                result[rows] = forward(batch.to(self.device)).float().cpu().numpy()
        return result


def load(name_or_path: str | Path, *, device: str | None = None) -> Model:
    """A trained model, by the name it is shipped under or from its folder.

    Raises:
        BundleError: It is missing, damaged, foreign, or of a newer layout.
        ConfigError: The device is not on this machine.
    """
    return Model(load_bundle(name_or_path), device=device)


def in_chunks(rows: Iterable[tuple[int, str]], size: int = 16_384) -> Iterator[list[tuple[int, str]]]:
    """Cut a stream into lists, so that a file longer than memory can be answered piece by piece."""
    chunk: list[tuple[int, str]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
