"""Strings in, predictions out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from catenane.data import LengthGroupedBatches, TokenBatch, collate
from catenane.descriptors import Descriptors, compute_descriptors
from catenane.errors import BundleError, NotationError
from catenane.hardware import best_device
from catenane.models.bundle import Bundle, BundleConfig, load_bundle
from catenane.models.property_head import Conditions
from catenane.models.property_model import PropertyModel
from catenane.notation import detect_notation, normalise

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Embeddings", "Model", "Predictions", "load"]

BATCH_TOKENS = 8192


@dataclass(frozen=True)
class Predictions:
    """Values for N strings, in the order given."""

    strings: list[str]
    """The strings as they came."""
    columns: tuple[str, ...]
    """Names of the C columns."""
    values: np.ndarray
    """float64 (N, C) in label units, or probabilities of class 1; NaN where the string could not be read."""
    errors: list[str]
    """Why a row has no values; "" where it has them."""


@dataclass(frozen=True)
class Embeddings:
    """Vectors of N strings, in the order given."""

    strings: list[str]
    """The strings as they came."""
    vectors: np.ndarray
    """float64 (N, d_model); NaN where the string could not be read."""
    errors: list[str]
    """Why a row has no vector; "" where it has one."""


class Model:
    """A bundle that predicts.

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

    def predict(self, strings: Iterable[str] | str, **conditions: Any) -> pd.DataFrame:
        """Predict every target for every string, or what the head predicts under conditions.

        Args:
            strings: SMILES or MOFids, as the model's notation says; any iterable of str, or one str.
            conditions: Of the model's head, by name. Heads of isotherms have `gas`, a formula such as "co2",
                and `pressure` in bar, one or several; their columns take the place of the targets'.

        Returns:
            One row per string in the order given: `string`, a column per target in the label's units (for
            classification the probability of class 1), and `error` ("" or why there is no value).

        Raises:
            BundleError: The model is a pretrained encoder without a property head.
            UsageError: The head has no such conditions.
        """
        import pandas as pd

        found = self.predictions([strings] if isinstance(strings, str) else list(strings), conditions)
        columns = dict(zip(found.columns, found.values.T, strict=True))
        return pd.DataFrame({"string": found.strings, **columns, "error": found.errors})

    def predictions(self, strings: Sequence[str], conditions: Conditions | None = None) -> Predictions:
        """As `predict`, as arrays.

        Raises:
            BundleError: The model is a pretrained encoder without a property head.
            UsageError: As in `predict`.
        """
        columns = self.property_model.head.columns(conditions)
        values, errors = self._where_readable(
            strings, lambda known: self.predict_normalised(known, conditions=conditions), len(columns)
        )
        return Predictions(list(strings), columns, values, errors)

    def predict_normalised(
        self,
        strings: Sequence[str],
        descriptors: Descriptors | None = None,
        *,
        pooled_ND: np.ndarray | None = None,
        conditions: Conditions | None = None,
    ) -> np.ndarray:
        """Values for strings that `catenane.notation.normalise` has already made.

        Args:
            strings: N normalised strings.
            descriptors: Theirs, if they are at hand.
            pooled_ND: What `embed_normalised` makes of them, if it is at hand.
            conditions: As in `predict`.

        Returns:
            float64 (N, C) in label units or probabilities.

        Raises:
            BundleError: The model is a pretrained encoder, or reads descriptors that are no longer computed.
            UsageError: As in `predict`.
        """
        model = self.property_model
        values_NF = self._describe(strings, descriptors) if self.config.descriptors else None

        if pooled_ND is not None:
            descriptors_NF = None if values_NF is None else self._tensor(values_NF)
            with torch.inference_mode():
                values = model.head.predict(self._tensor(pooled_ND), descriptors_NF, conditions)
                return values.double().cpu().numpy()

        def run(batch: TokenBatch) -> torch.Tensor:
            return model.head.predict(model.embed(batch.inputs), batch.descriptors_BF, conditions)

        return self._run(strings, run, len(model.head.columns(conditions)), values_NF)

    def embed(self, strings: Iterable[str] | str) -> np.ndarray:
        """Pooled states of the encoder, one row per string, in the order given.

        Args:
            strings: SMILES or MOFids, as the model's notation says; any iterable of str, or one str.

        Returns:
            float32 array (N, d_model), not normalised: the mean over tokens or the state of [CLS], as the
            recipe's `head.pooling` says.

        Raises:
            NotationError: A string cannot be read; the message says which and why. `embed_readable` goes on.
        """
        found = self.embed_readable([strings] if isinstance(strings, str) else list(strings))
        for row, error in enumerate(found.errors):
            if error:
                raise NotationError(f"string {row + 1} of {len(found.errors)}: {error}")
        return found.vectors.astype(np.float32)

    def embed_readable(self, strings: Sequence[str]) -> Embeddings:
        """As `embed`, with rows of NaN where a string cannot be read."""
        vectors, errors = self._where_readable(strings, self.embed_normalised, self.bundle.encoder.d_model)
        return Embeddings(list(strings), vectors, errors)

    def embed_normalised(self, strings: Sequence[str]) -> np.ndarray:
        """As `embed`, in float64, for strings that `catenane.notation.normalise` has already made."""
        encoder, pooling = self.bundle.encoder, self.config.recipe.head.pooling

        def run(batch: TokenBatch) -> torch.Tensor:
            pooled_BD: torch.Tensor = encoder.encode(batch.inputs, pooling).pooled_BD
            return pooled_BD

        return self._run(strings, run, encoder.d_model)

    @property
    def property_model(self) -> PropertyModel:
        """The network, where it has a property head.

        Raises:
            BundleError: It is a pretrained encoder.
        """
        if isinstance(self.bundle.model, PropertyModel):
            return self.bundle.model
        raise BundleError(
            "this model is a pretrained encoder without a property head: finetune it, or use embed"
        )

    def _describe(self, strings: Sequence[str], descriptors: Descriptors | None) -> np.ndarray:
        """Values of the descriptors that the head reads, (N, F)."""
        descriptors = descriptors or compute_descriptors(strings, self.config.notation)
        if descriptors.names != self.config.descriptors:
            raise BundleError(
                "this model reads descriptors that this version of catenane does not compute: "
                f"install catenane {self.config.catenane}, or train it again"
            )
        return descriptors.values

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(self.device)

    def _where_readable(
        self, strings: Sequence[str], compute: Callable[[list[str]], np.ndarray], width: int
    ) -> tuple[np.ndarray, list[str]]:
        """Normalise, compute for what can be read, and leave NaN and the reason for the rest."""
        readable, errors = [], []
        for text in strings:
            try:
                readable.append(self._read(text))
                errors.append("")
            except NotationError as error:
                errors.append(str(error))
        values = np.full((len(errors), width), np.nan)
        values[[not error for error in errors]] = compute(readable)
        return values, errors

    def _read(self, text: object) -> str:
        """The string as the model reads it; an encoder of MOFids was pretrained to read SMILES as well."""
        if not isinstance(text, str):
            raise NotationError(f"expected a string, got {text!r}")
        notation = self.config.notation
        if self.config.kind == "encoder" and notation == "mofid":
            notation = detect_notation([text])
        return normalise(text, notation)

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
        with torch.inference_mode():
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
