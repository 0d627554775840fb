"""All that the protocols ask of the rest of the package: data, pretraining, training, predictions.

Axes: N rows of a table, T targets, D width of the encoder.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import catenane.models as models
from catenane.baselines import fit_predict_baselines
from catenane.config import EncoderConfig, Recipe, load_recipe
from catenane.data import Split, Table, aggregate, make_split, read_table
from catenane.errors import DataError
from catenane.inference import Model
from catenane.metrics import FloatArray
from catenane.models import Bundle, TransformerEncoder
from catenane.notation import Mofid
from catenane.reproduce.faults import FAULTS, FaultyEncoder
from catenane.reproduce.protocols import Data, Protocol, Variant
from catenane.reproduce.stages import Stages
from catenane.tokenizers import load_tokenizer
from catenane.train import fit_property_model, pretrain
from catenane.train.folder import fingerprint
from catenane.version import __version__

__all__ = ["CLEANING", "ENCODERS", "Case", "Workbench", "is_no_net", "nets"]

LONGEST = 511
"""Characters of the longest MOFid that the first paper keeps."""
STRINGS_PER_ROW = 10
"""Strings that pretraining reads for each row of a scaled run, as far as there are so many."""
CURVE_ROWS = 2000
"""Training rows whose error is measured after every epoch; test rows are all measured."""


def nets(table: Table) -> list[str]:
    """Net of each row: its RCSR codes joined by commas, "" where there are none."""
    return [",".join(Mofid.parse(string).topologies) for string in table.strings]


def is_no_net(net: str) -> bool:
    """Whether MOFid found no net."""
    return {"ERROR", "UNKNOWN", "NA", ""}.issuperset(net.split(","))


def clean_frameworks(table: Table) -> Table:
    """MOFids of fewer than 512 characters with a net, repeated ones as one row with the mean label."""
    rows = enumerate(zip(table.strings, nets(table), strict=True))
    kept = [row for row, (string, net) in rows if len(string) <= LONGEST and not is_no_net(net)]
    return aggregate(table.take(kept), "mean")


CLEANING: dict[str, Callable[[Table], Table]] = {"": lambda table: table, "frameworks": clean_frameworks}
"""How rows are chosen before any is drawn."""
ENCODERS: dict[str, Callable[[EncoderConfig], TransformerEncoder]] = {
    name: partial(FaultyEncoder, faults=faults) for name, faults in FAULTS.items()
}
"""Encoders that are not ours, by the name that a variant gives; weights are named as ours."""


@dataclass(eq=False, kw_only=True)
class Workbench:
    """Data and stages of one run of a protocol."""

    protocol: Protocol
    stages: Stages
    rows: int | None = None
    """Rows drawn from the cleaned data; None for all."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Changes to every recipe."""
    data_dir: str | Path | None = None
    device: str | None = None
    pooled: dict[str, np.ndarray] = field(default_factory=dict)
    """Vectors of a table by a frozen start, by a digest of both: read once for all trainings."""

    def __post_init__(self) -> None:
        self.read, self.cleaned = cache(self._read), cache(self._clean)

    def _read(self, name: str) -> Table:
        """All rows of a data set with every label that the protocol uses of it."""
        used = [self.protocol.data_of(variant) for variant in self.protocol.variants]
        targets = dict.fromkeys(t for data in used if data.name == name for t in data.targets)
        return read_table(name, targets=tuple(targets), data_dir=self.data_dir)

    def _clean(self, name: str, cleaning: str) -> Table:
        """The rows that are kept, all of them."""
        return CLEANING[cleaning](self.read(name))

    def table(self, data: Data) -> Table:
        """The rows that this run draws, the same for every seed, of those that have the scored label."""
        table = self.cleaned(data.name, data.cleaning)
        if self.rows is not None and self.rows < len(table):
            table = table.take(np.sort(np.random.default_rng(0).choice(len(table), self.rows, replace=False)))
        places = [table.target_names.index(target) for target in data.targets]
        table = dataclasses.replace(table, targets=table.targets[:, places], target_names=tuple(data.targets))
        scored_N = table.targets[:, data.targets.index(data.scored_target)]
        return table.take(np.flatnonzero(np.isfinite(scored_N)))


@dataclass(eq=False)
class Case:
    """One variant with one seed; what costs time is computed when it is asked for, or read from a stage."""

    bench: Workbench
    variant: Variant
    seed: int

    def __post_init__(self) -> None:
        self.data = self.bench.protocol.data_of(self.variant)
        self.table = self.bench.table(self.data)
        self.scored = self.table.target_names.index(self.data.scored_target)
        """Place of the label that the scores are about."""
        self.labels: FloatArray = self.table.targets[:, self.scored]

    @cached_property
    def split(self) -> Split:
        """The seed's parts; the training rows cut to the variant's share."""
        split = make_split(self.table, self.data.split, seed=self.seed, fractions=tuple(self.data.shares))
        # One order for all shares, so that the larger one holds the smaller.
        order = np.random.default_rng([self.seed, 1]).permutation(split.train)
        return dataclasses.replace(
            split, train=np.sort(order[: max(1, round(self.variant.share * len(order)))])
        )

    @cached_property
    def recipe(self) -> Recipe:
        """The variant's recipe at the scale of the run."""
        settings = dict(self.variant.settings) | self.bench.settings
        return load_recipe(self.variant.recipe).with_settings(settings)

    @cached_property
    def spec(self) -> dict[str, Any]:
        """All that the training depends on; settings at their defaults are left out."""
        digest = fingerprint({}, "\n".join(self.table.strings).encode(), self.table.targets.tobytes())
        variant = self.variant
        return {
            "rows": digest, "targets": list(self.table.target_names), "scored": self.scored,
            "split": [self.data.split, list(self.data.shares), variant.share], "seed": self.seed,
            "recipe": _changed(self.recipe, Recipe()) if variant.recipe else None,
            "start": self._start_spec if variant.start == "masked" else variant.start,
            "encoder": variant.encoder, "train": variant.train,
        }  # fmt: skip

    def stage(self, kind: str, compute: Callable[[Path], dict[str, Any]], **spec: Any) -> dict[str, Any]:
        """A stage that depends on this case."""
        label = f"{self.variant.name}, seed {self.seed}"
        return self.bench.stages.get(kind, label, self.spec | spec, compute)

    @cached_property
    def trained(self) -> dict[str, Any]:
        """`history`, `best_epoch`, `parameters`, `predictions` (N,) of the scored label, and `folder`."""
        return self.stage("training", self._train)

    @cached_property
    def pretraining(self) -> dict[str, Any]:
        """Masked pretraining without the test rows: `strings`, `accuracy` on strings held out, `folder`."""
        label = f"{self.variant.recipe}, seed {self.seed}"
        return self.bench.stages.get("pretraining", label, self._start_spec, self._pretrain)

    @cached_property
    def bundle(self) -> Bundle:
        """The trained model, or what is measured instead where nothing is trained."""
        if not self.variant.train:
            return self.start
        bundle = models.load_bundle(self.trained["folder"] / "bundle")
        if self.variant.encoder in ENCODERS:  # A bundle holds its weights alone.
            encoder = ENCODERS[self.variant.encoder](bundle.config.recipe.encoder)
            encoder.load_state_dict(bundle.encoder.state_dict())
            bundle.model.encoder = encoder.eval()
        return bundle

    @cached_property
    def start(self) -> Bundle:
        """What training starts from.

        Raises:
            DataError: The variant starts from scratch.
        """
        if self.variant.start == "scratch":
            raise DataError(f"{self.variant.name} starts from scratch: there is no start to measure")
        if self.variant.start == "masked":
            return models.load_bundle(self.pretraining["folder"] / "run" / "bundle")
        if self.variant.start == "random":
            return _untrained(self.recipe, self.table, self.seed)
        return models.load_bundle(self.variant.start)

    def predict(self, rows: Sequence[int] | np.ndarray, bundle: Bundle) -> FloatArray:
        """Predictions of some rows for the scored label, by a model whose encoder is not frozen."""
        strings = [self.table.strings[row] for row in rows]
        found_NT: FloatArray = Model(bundle, device=self.bench.device).predict_normalised(strings).values
        return found_NT[:, self.scored]

    def embed(self, rows: Sequence[int] | np.ndarray) -> FloatArray:
        """Pooled states of some rows, (N, D)."""
        strings = [self.table.strings[row] for row in rows]
        found_ND: FloatArray = Model(self.bundle, device=self.bench.device).embed_normalised(strings)
        return found_ND

    def baseline(self, name: str) -> FloatArray:
        """Predictions of the test rows by a baseline that is fitted to the training rows."""

        def fit(folder: Path) -> dict[str, Any]:
            parts = (self.split.train, self.split.test)
            train, test = ([self.table.strings[row] for row in rows] for rows in parts)
            found = fit_predict_baselines(
                train, self.labels[self.split.train, None], test,
                notation=self.table.notation, task="regression", seed=self.seed,
            )  # fmt: skip
            return {"predictions": _rounded(found[name][:, 0])}

        return np.array(self.stage("baseline", fit, name=name)["predictions"])

    @cached_property
    def _strings(self) -> list[str]:
        """What is pretrained on: strings need no label, so a scaled run reads more than it has rows."""
        tested = {self.table.strings[row] for row in self.split.test}
        every = self.bench.cleaned(self.data.name, self.data.cleaning).strings
        strings = [string for string in every if string not in tested]
        if self.bench.rows is None or STRINGS_PER_ROW * self.bench.rows >= len(strings):
            return strings
        most = STRINGS_PER_ROW * self.bench.rows
        drawn = np.random.default_rng(self.seed).choice(len(strings), most, replace=False)
        return [strings[place] for place in np.sort(drawn)]

    @cached_property
    def _start_spec(self) -> dict[str, Any]:
        changed = _changed(self.recipe, Recipe())
        parts = {part: changed.get(part) for part in ("encoder", "objective", "masking", "pretraining")}
        return {"seed": self.seed, "strings": fingerprint({"strings": self._strings}), "recipe": parts}

    def _pretrain(self, folder: Path) -> dict[str, Any]:
        corpus, out = folder / "strings.csv", folder / "run"
        corpus.write_text("\n".join(["mofid", *self._strings, ""]), encoding="utf-8")
        result = pretrain(
            [corpus], out=out, recipe=self.recipe, seed=self.seed, resume=True, device=self.bench.device
        )
        (out / "checkpoint.safetensors").unlink(missing_ok=True)
        return {
            "strings": result.metrics["corpus"]["strings"],
            "accuracy": result.metrics["held_out"]["accuracy"],
            "seconds": result.metrics["run"]["training_seconds"],
        }

    def _train(self, folder: Path) -> dict[str, Any]:
        train = np.random.default_rng([self.seed, 2]).permutation(self.split.train)[:CURVE_ROWS]
        watched = {"train": train, "test": self.split.test}

        def watch(bundle: Bundle) -> dict[str, float]:
            error = {p: np.abs(self.predict(rows, bundle) - self.labels[rows]) for p, rows in watched.items()}
            return {f"{part}_mae": float(np.nanmean(error_N)) for part, error_N in error.items()}

        frozen = self.recipe.finetuning.encoder_rate == 0
        fitted = fit_property_model(
            self.table, self.split, self.recipe, task="regression", seed=self.seed,
            folder=folder, resume=True,
            parent=None if self.variant.start == "scratch" else self.start,
            settings=self.spec, device=self.bench.device,
            pooled_ND=self._pooled() if frozen else None,
            # The papers choose the epoch on all validation rows.
            intervals=False,
            # A frozen encoder would read all strings anew after every short epoch of its head.
            watch=None if frozen else watch,
            make_encoder=ENCODERS.get(self.variant.encoder, TransformerEncoder),
        )  # fmt: skip
        predictions_NT = (
            Model(fitted.bundle, device=self.bench.device)
            .predict_normalised(self.table.strings, fitted.descriptors, pooled_ND=fitted.pooled_ND)
            .values
        )
        models.save_bundle(folder / "bundle", fitted.bundle)
        (folder / "checkpoint.safetensors").unlink(missing_ok=True)
        return {
            "history": fitted.progress.history,
            "best_epoch": fitted.progress.best_epoch + 1,
            "parameters": sum(weight.numel() for weight in fitted.bundle.model.parameters()),
            "predictions": _rounded(predictions_NT[:, self.scored]),
            "seconds": fitted.progress.seconds,
        }

    def _pooled(self) -> np.ndarray:
        """Vectors of the table by the frozen start; zeros where the variant has no encoder."""
        if self.variant.encoder == "none":
            return np.zeros((len(self.table), self.start.config.recipe.encoder.d_model))
        key = fingerprint({"start": self.spec["start"], "rows": self.spec["rows"], "seed": self.seed})
        if key not in self.bench.pooled:
            model = Model(self.start, device=self.bench.device)
            self.bench.pooled[key] = model.embed_normalised(self.table.strings)
        return self.bench.pooled[key]


def _untrained(recipe: Recipe, table: Table, seed: int) -> Bundle:
    """A bundle of the recipe's shape whose weights are as they start."""
    tokenizer = load_tokenizer(table.notation)
    recipe = recipe.with_settings({"encoder.vocabulary_size": tokenizer.vocabulary_size})
    config = models.BundleConfig(catenane=__version__, kind="encoder", notation=table.notation, recipe=recipe)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = models.MaskedLanguageModel(TransformerEncoder(recipe.encoder)).eval()
    return Bundle(config=config, model=model, tokenizer=tokenizer)


def _changed(settings: Any, defaults: Any) -> dict[str, Any]:
    """The settings that are not at their defaults, so that a new one leaves a stage's name as it is."""
    values: dict[str, Any] = {}
    for item in dataclasses.fields(settings):
        value, default = getattr(settings, item.name), getattr(defaults, item.name)
        if item.name not in ("name", "description") and value != default:
            values[item.name] = _changed(value, default) if dataclasses.is_dataclass(value) else value
    return values


def _rounded(values_N: FloatArray) -> list[float]:
    return [float(f"{value:.5g}") for value in values_N]
