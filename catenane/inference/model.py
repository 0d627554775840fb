"""Strings in, predictions out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from itertools import chain, compress
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from catenane.data import LengthGroupedBatches, collate
from catenane.descriptors import Descriptors, describe, fragments, head_inputs, roles
from catenane.errors import BundleError, UsageError
from catenane.hardware import best_device
from catenane.inference.attention import Attention, read_all, read_attention, require_chemical
from catenane.inference.calibration import Calibration, check_domain
from catenane.inference.intervals import difficulty_features
from catenane.inference.pieces import predict_pieces
from catenane.inference.rows import Features, Predictions, feature_cells, join, notes_of, read_features, split
from catenane.models.bundle import Bundle, BundleConfig, class_columns
from catenane.models.head import Conditions
from catenane.models.networks import PropertyModel
from catenane.notation import (
    CHUNK_ROWS,
    Feature,
    Record,
    as_records,
    get_notation,
    groups,
    read_mixed,
    read_records,
)
from catenane.progress import RowCount, verbosity
from catenane.tokenizers import SEPARATOR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COVERAGE", "Model", "Predictions"]

COVERAGE = 0.9
"""Share of new labels that an interval is to hold, by default."""
BATCH_TOKENS = 8192
HEAD_ROWS = 512
"""Strings that a head reads at once: of more, what it compares leaves the caches."""


class Model:
    """A bundle that predicts.

    Args:
        bundle: What `load_bundle` read, or training made.
        device: "cpu", "cuda", ...; the fastest there is by default.
    """

    def __init__(self, bundle: Bundle, *, device: str | None = None) -> None:
        self.bundle, self.device = bundle, best_device(device)
        self.bundle.model.to(self.device).eval()

    def __repr__(self) -> str:
        targets = ", ".join(self.targets) or "no targets, a pretrained encoder"
        name = self.bundle.card.get("name", self.config.recipe.name)
        return f"Model({name!r}, {self.config.notation}: {targets}; on {self.device})"

    @property
    def config(self) -> BundleConfig:
        """Shapes and names of the model's parts."""
        return self.bundle.config

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of what it predicts; empty for a pretrained encoder."""
        return self.config.targets

    @cached_property
    def calibration(self) -> Calibration | None:
        """What the model keeps of its training rows; None where it keeps nothing.

        Raises:
            BundleError: It is damaged.
        """
        return Calibration.from_tensors(self.bundle.calibration) if self.bundle.calibration else None

    def predict(
        self,
        strings: Iterable[str] | str,
        *,
        features: Features | None = None,
        coverage: float = COVERAGE,
        spellings: int = 1,
        verbose: bool = False,
        **conditions: Any,
    ) -> pd.DataFrame:
        """Predict every target for every string, or what the head predicts under conditions.

        Args:
            strings: SMILES or MOFids, as the model's notation says; any iterable of str, or one str. Of
                several strings a row tuples, or a table with their columns.
            features: Of a model that reads such beside strings, by name: a number a string, or one for all.
            coverage: Share of new labels that the intervals are to hold, between 0 and 1.
            spellings: Predict from the mean over so many: the normal form, and random ones.
            verbose: Show on stderr how many of many strings are done.
            conditions: Of the model's head, by name: isotherms have `gas` ("co2") and `pressure` in bar, one
                or several, whose columns take the place of the targets'.

        Returns:
            A row per string in the order given, with the index of a Series: `string` (or several by name);
            for every target its value in the label's units (of two classes the probability of class 1), and
            `TARGET_low` and `TARGET_high`; `in_domain`, `note`, and `error` ("" or why there is no value).

        Raises:
            BundleError: The model is a pretrained encoder without a property head.
            UsageError: The head has no such conditions, a feature is not given or given for other than N
                strings, `coverage` is out of range, or a table is given.
        """
        import pandas as pd

        texts = join(strings, self.config.strings)
        cells, frames = feature_cells(self.config.features, features, len(texts)), []
        starts = range(0, max(len(texts), 1), CHUNK_ROWS)
        rows = (slice(start, start + CHUNK_ROWS) for start in starts)
        pieces = ((texts[part], texts[part], {k: cells[k][part] for k in cells}) for part in rows)
        predicted = predict_pieces(self, pieces, conditions, coverage=coverage, spellings=spellings)
        with verbosity(verbose), RowCount("predict", len(texts)) as count:
            for piece, found in predicted:
                frames.append(pd.DataFrame({**split(piece, self.config.strings), **found.named()}))
                count.add(len(piece))
        table = pd.concat(frames, ignore_index=True)
        return table.set_index(strings.index) if isinstance(strings, pd.Series | pd.DataFrame) else table

    def predictions(
        self,
        strings: Sequence[str],
        conditions: Conditions | None = None,
        *,
        features: Features | None = None,
        **options: Any,
    ) -> Predictions:
        """As `predict`, as arrays; options are those of `predict_normalised`."""
        [(_, found)] = predict_pieces(self, [(None, strings, features)], conditions, **options)
        return found

    def predict_normalised(
        self,
        strings: Sequence[Record] | Sequence[str],
        descriptors: Descriptors | None = None,
        *,
        features: Mapping[str, NDArray] | None = None,
        pooled_ND: NDArray | None = None,
        conditions: Conditions | None = None,
        coverage: float = COVERAGE,
        spellings: int = 1,
    ) -> Predictions:
        """Predictions for records, or for strings in normal form.

        Their features (N,) by name belong to them, unless descriptors are given, which hold them. Descriptors
        and what `embed_normalised` makes of the strings may be given if they are at hand.

        Raises:
            BundleError: The model is a pretrained encoder, or reads descriptors that are no longer computed.
            UsageError: As in `predict`.
        """
        if not 0 < coverage < 1:
            raise UsageError(f"coverage={coverage:g} must lie between 0 and 1, such as 0.9")
        if spellings < 1:
            raise UsageError(f"spellings={spellings} must be at least 1, the normal form")
        head, calibration = self.property_model.head, self.calibration
        columns = self.columns(conditions)
        records = as_records(strings, self.config.notation)
        encoded = self.encode(records)
        pooled_ND = self.pool(encoded) if pooled_ND is None else pooled_ND
        descriptors_NF = self.describe(records, descriptors, features)
        others = ([record.respelled(seed) for record in records] for seed in range(1, spellings))
        spelled = [pooled_ND, *(self.pool(self.encode(each)) for each in others)]
        score = partial(self._in_batches, head.with_deviation)
        score_NT, deviation_NT = np.mean([score(each_ND, descriptors_NF) for each_ND in spelled], axis=0)
        values_NC = values_NT = self.to_labels(score_NT)
        if conditions:
            predict = partial(self._in_batches, partial(head.predict, conditions=conditions))
            values_NC = np.mean([predict(each_ND, descriptors_NF) for each_ND in spelled], axis=0)
        low_NC, high_NC = np.full((2, *values_NC.shape), np.nan)
        distance_N, sets_NC = np.zeros(len(records)), None
        if calibration is not None and len(records):
            distance_N, near_NT = calibration.reference.neighbours(pooled_ND)
            if calibration.classes is not None:
                values_NC, low_NC, high_NC = calibration.classes.probability(score_NT)
                values_NC = head.shares(torch.from_numpy(values_NC)).numpy()
            if calibration.sets is not None:
                sets_NC = calibration.sets.members(values_NC, head.sizes, coverage)
            if calibration.intervals is not None:
                features_NTF = difficulty_features(distance_N, near_NT, score_NT, deviation_NT)
                half_NT = calibration.intervals.half_width(features_NTF, coverage)
                ends = self.to_labels(score_NT - half_NT), self.to_labels(score_NT + half_NT)
                low_NC, high_NC = head.bounds(values_NC, values_NT, ends, conditions)
        beyond = [note for note in dict.fromkeys(head.extrapolations(conditions)) if note]
        outside = notes_of(self.config, descriptors_NF, [list(beyond) for _ in records])
        inside_N, notes = check_domain(
            records, encoded.tokens, self.bundle.tokenizer, calibration, distance_N, outside
        )
        return Predictions(
            columns, values_NC, low_NC, high_NC, inside_N, notes, [""] * len(records), sets_NC,
            dict(zip(self.targets, self.config.classes, strict=False)),
        )  # fmt: skip

    def columns(self, conditions: Conditions | None = None) -> tuple[str, ...]:
        """Names of what is predicted: the targets, their classes, or what conditions ask for.

        Raises:
            BundleError: The model is a pretrained encoder.
            UsageError: The head has no such conditions.
        """
        found = self.property_model.head.columns(conditions)
        return tuple(chain(*class_columns(self.targets, self.config.classes))) or found

    def member_scores(self, pooled_ND: NDArray, descriptors_NF: NDArray | None) -> NDArray:
        """Scores of each member of the head on the scale of its loss, float64 (M, N, T)."""
        head = partial(self.property_model.head, per_member=True)
        return self._in_batches(head, pooled_ND, descriptors_NF)

    def to_labels(self, score_NT: NDArray) -> NDArray:
        """Scores, (N, T), in the units of the labels, or as probabilities of class 1; float64."""
        with torch.inference_mode():
            return self.property_model.head.to_labels(self._tensor(score_NT)).double().cpu().numpy()

    def embed(self, strings: Iterable[str] | str) -> NDArray:
        """Pooled states of the encoder for strings of the model's notation, or one: float32 (N, d_model).

        They are not normalised: means over tokens or states of [CLS], as the recipe's `head.pooling` says.

        Raises:
            NotationError: A string cannot be read; the message says which and why. `embed_readable` goes on.
        """
        return self.embed_normalised(read_all(self, strings)).astype(np.float32)

    def embed_readable(self, strings: Sequence[str]) -> tuple[NDArray, list[str]]:
        """As `embed`, in float64, with rows of NaN where a string cannot be read; and why, or ""."""
        readable, errors = self.read(strings)
        vectors_ND = np.full((len(errors), self.config.n_strings * self.encoder.d_model), np.nan)
        vectors_ND[[not error for error in errors]] = self.embed_normalised(readable)
        return vectors_ND, errors

    def attention(
        self, strings: str | Sequence[str], *, join: str = SEPARATOR, as_written: bool = False
    ) -> Attention:
        """Weights of every layer and head, and which atom each token is; see `read_attention`."""
        return read_attention(self, strings, join=join, as_written=as_written)

    def embed_normalised(self, strings: Sequence[Record] | Sequence[str]) -> NDArray:
        """As `embed`, in float64, for records, or for strings in normal form."""
        return self.pool(self.encode(as_records(strings, self.config.notation)))

    @property
    def encoder(self) -> Any:
        """The part that reads strings, see `catenane.models.encoder.Encoder`."""
        return self.bundle.encoder

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

    def describe(
        self,
        records: Sequence[Record],
        descriptors: Descriptors | None = None,
        features: Mapping[str, NDArray] | None = None,
    ) -> NDArray | None:
        """Values of the descriptors and features that the head reads, (N, F); None where it reads none.

        Raises:
            BundleError: It reads descriptors that are no longer computed.
            UsageError: A feature is not given.
        """
        names = (*self.config.descriptors, *(column.name for column in self.config.features))
        if not names:
            return None
        if descriptors is None:
            features, _ = read_features(self.config.features, features, len(records))
            config, head = self.config, self.config.recipe.head
            descriptors = head_inputs(records, config.notation, features, head, config.n_strings)
        if descriptors is None or descriptors.names != names:
            raise BundleError(
                "this model reads descriptors that this version of catenane does not compute: "
                f"install catenane {self.config.catenane}, or train it again"
            )
        return descriptors.values

    def read(
        self, strings: Sequence[object], wrong: Mapping[int, str] | None = None
    ) -> tuple[list[Record], list[str]]:
        """Records of what can be read, and for every string why it cannot ("" where it can).

        `wrong` has reasons by place that are known already. A model of text is refused by a `BundleError`.
        """
        require_chemical(self)
        # An encoder was pretrained on all that its notation includes, a property model on its own alone.
        read = partial(read_records, n_strings=self.config.n_strings) if self.targets else read_mixed
        head, notation = self.config.recipe.head, get_notation(self.config.notation)
        features: dict[Feature, object] = {
            describe: self.config.descriptors, fragments: head.fragments, roles: head.n_roles,
            groups: self.bundle.calibration and notation.held_out,
        }  # fmt: skip
        found: list[object] = [*read(strings, notation.name, (*compress(features, features.values()),))]
        for place, reason in (wrong or {}).items():
            found[place] = reason if isinstance(found[place], Record) else found[place]
        errors = ["" if isinstance(item, Record) else str(item) for item in found]
        return [item for item in found if isinstance(item, Record)], errors

    def encode(self, records: Sequence[Record]) -> Any:
        """The strings as the encoder reads them, see `catenane.models.encoder.Encoder`."""
        return self.encoder.read(records, self.bundle.tokenizer)

    def pool(self, encoded: Any) -> NDArray:
        """As `embed_normalised`, for strings that are encoded."""
        encoder, pooling = self.encoder, self.config.recipe.head.pooling
        result = np.empty((len(encoded), encoder.d_model))
        n_tokens = BATCH_TOKENS if self.device.type != "cpu" else BATCH_TOKENS // 4  # stays in its caches
        batches = LengthGroupedBatches(encoded.lengths, n_tokens, seed=0, shuffle=False)
        with torch.inference_mode():
            for rows in batches.batches(0) if len(encoded) else ():
                batch = collate(encoded, rows).to(self.device)
                result[rows] = encoder.encode(batch.inputs, pooling).float().cpu().numpy()
        return result.reshape(-1, self.config.n_strings * encoder.d_model)

    def _in_batches(
        self,
        compute: Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor],
        pooled_ND: NDArray,
        descriptors_NF: NDArray | None,
    ) -> NDArray:
        """What a head computes, some rows at a time; they are the last axis but one, float64."""
        parts = []
        with torch.inference_mode():
            for start in range(0, max(len(pooled_ND), 1), HEAD_ROWS):
                rows = slice(start, start + HEAD_ROWS)
                descriptors_BF = None if descriptors_NF is None else self._tensor(descriptors_NF[rows])
                parts.append(compute(self._tensor(pooled_ND[rows]), descriptors_BF).double().cpu().numpy())
        return np.concatenate(parts, axis=-2)

    def _tensor(self, values: NDArray) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(self.device)
