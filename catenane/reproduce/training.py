"""Pretraining, training and predictions of one variant with one seed.

Axes: N rows of a table, D width of the encoder.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property, partial
from itertools import product
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from catenane.baselines import fit_predict_baselines
from catenane.config import Recipe, TrainingConfig, load_recipe
from catenane.data import Split, make_split
from catenane.files import write_json
from catenane.inference import Model
from catenane.metrics import MAIN_SCORE, FloatArray, mean_scores
from catenane.models.bundle import Bundle, BundleConfig, load_bundle, save_bundle
from catenane.models.decoding import Decoding
from catenane.models.encoder import Encoder
from catenane.models.graphs import make_encoder
from catenane.reproduce.faults import ENCODERS
from catenane.reproduce.pairs import PAIRS
from catenane.reproduce.protocols import Variant
from catenane.reproduce.workbench import DEFAULT, STRINGS_PER_ROW, Workbench
from catenane.settings import fingerprint
from catenane.tokenizers import load_tokenizer
from catenane.train import fit_property_model, pretrain
from catenane.train.fit import FittedModel
from catenane.train.pairs import StringPairs, fit_pairs
from catenane.train.start import DEFAULT_MODELS
from catenane.version import __version__

__all__ = ["Case", "Values"]

logger = logging.getLogger(__name__)

Values = dict[str, Any]
"""JSON values by name."""

CURVES = ("train_loss", "valid_loss")
"""Columns of the history of pretraining that are kept."""
BASELINE_SECONDS = 86_400
"""After which a baseline is given up."""
CURVE_ROWS = 2000
"""Labels of training and of test rows, each, measured after every epoch; fewer where fewer are trained on."""


class Case:
    """One variant with one seed; what costs time is computed when first used, or read from a stage."""

    def __init__(self, bench: Workbench, variant: Variant, seed: int) -> None:
        if variant.start == "masked" and bench.model is not None and not variant.corpus:
            variant = dataclasses.replace(variant, start=DEFAULT)
        self.bench, self.variant, self.seed, self.data = bench, variant, seed, variant.data
        self.table = bench.table(self.data)
        self.labels: FloatArray = self.table.targets[:, self.data.place]
        """The scored label, (N,); all of them, (N, T), where all are scored."""

    @cached_property
    def split(self) -> Split:
        """The seed's parts; the training rows cut to the variant's share."""
        split = make_split(self.table, self.data.split, seed=self.seed, fractions=tuple(self.data.shares))
        # One order for all shares, so that the larger one holds the smaller.
        order = np.random.default_rng([self.seed, 1]).permutation(split.train)
        share = self.variant.share
        n_train = max(1, round(share if share > 1 else share * len(order)))
        return dataclasses.replace(split, train=np.sort(order[:n_train]))

    @cached_property
    def recipe(self) -> Recipe:
        """The variant's recipe at the scale of the run."""
        settings = {**self.variant.settings, **self.bench.settings}
        if self.variant.recipe != DEFAULT:
            return load_recipe(self.variant.recipe).with_settings(settings)
        usual = load_bundle(DEFAULT_MODELS[self.table.notation]).config.recipe
        shape = self.bench.default(self.table.notation).config.recipe.encoder
        return dataclasses.replace(usual, encoder=shape).with_settings(settings)

    @cached_property
    def spec(self) -> Values:
        """All that training depends on."""
        digest = fingerprint({}, "\n".join(self.table.strings).encode(), self.table.targets.tobytes())
        variant = self.variant
        start: Any = variant.start
        if start == "masked":
            start = self._pretraining_spec
        elif start == DEFAULT:
            weights = self.start.encoder.state_dict()
            start = fingerprint({}, *(weight.numpy().tobytes() for weight in weights.values()))
        # What a protocol does not use leaves the fingerprints of its stages as they were.
        further: Values = {"task": self.data.task} if self.data.task != "regression" else {}
        further |= {"grid": variant.grid} if variant.grid else {}
        further |= {"pairs": self.data.pairs} if self.data.pairs else {}
        recipe = self.recipe.used() if variant.recipe else None
        if recipe and recipe["graph"] is None:
            del recipe["graph"]
        return {
            "rows": digest, "targets": self.data.targets, "scored": self.data.scored, "seed": self.seed,
            "split": [self.data.split, self.data.shares, variant.share],
            "recipe": recipe,
            "start": start, "encoder": variant.encoder, "train": variant.train, **further,
        }  # fmt: skip

    def _stage(self, kind: str, spec: Values, compute: Callable[[Path], Values]) -> Values:
        """What `compute` returns, or returned before for the same spec and version, and the stage's `folder`.

        `compute` is given the folder, with what a killed attempt has left there; its value `seconds` replaces
        the wall time of this attempt.
        """
        digest = fingerprint({"version": __version__, "kind": kind, **spec})[:12]
        folder = self.bench.folder / f"{kind}-{digest}"
        path = folder / "stage.json"
        if not path.is_file():
            label = f"{self.variant.name}, seed {self.seed}"
            logger.info("%s: %s", kind, label)
            folder.mkdir(parents=True, exist_ok=True)
            began = time.monotonic()
            values = compute(folder)
            write_json(path, {"label": label, "seconds": time.monotonic() - began} | values)
        kept = json.loads(path.read_text(encoding="utf-8"))
        self.bench.seconds[folder.name] = kept["seconds"]
        return dict(kept, folder=folder)

    @cached_property
    def trained(self) -> Values:
        """`history`, `best_epoch`, `parameters`, `predictions` (N,) of the scored label, and `folder`."""
        return self._stage("training", self.spec, self._train)

    @cached_property
    def pretraining(self) -> Values:
        """Masked pretraining without the test rows: `strings`, `accuracy` on strings held out, `folder`."""
        return self._stage("pretraining", self._pretraining_spec, self._pretrain)

    @cached_property
    def translated(self) -> Values:
        """Learning of pairs: `scores` of the test pairs, `history`, `parameters`, `folder`."""
        return self._stage("pairs", self.spec, self._fit_pairs)

    @cached_property
    def predictions(self) -> FloatArray:
        """Of the scored labels: by the model, the baseline (of test rows, else NaN), or their mean."""
        found = [np.array(self.trained["predictions"])] if self.variant.recipe else []
        if name := self.variant.baseline:
            baseline_N = np.full(self.labels.shape, np.nan)
            fitted = self._stage("baseline", self.spec | {"name": name}, self._fit_baseline)
            baseline_N[self.split.test] = fitted["predictions"]
            found.append(baseline_N)
        mean_N: FloatArray = np.mean(found, axis=0)
        return mean_N

    @cached_property
    def start(self) -> Bundle:
        """What training starts from: pretrained here, bundled, or a bundle of initial weights."""
        if self.variant.start == "masked":
            return load_bundle(self.pretraining["folder"] / "run" / "bundle")
        if self.variant.start == DEFAULT:
            return self.bench.default(self.table.notation)
        if self.variant.start not in ("scratch", "random"):
            return load_bundle(self.variant.start)
        notation, tokenizer = self.table.notation, load_tokenizer(self.table.notation)
        recipe = self.recipe.with_settings({"encoder.vocabulary_size": tokenizer.vocabulary_size})
        config = BundleConfig(catenane=__version__, kind="encoder", notation=notation, recipe=recipe)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return Bundle(config=config, model=config.build_model().eval(), tokenizer=tokenizer)

    @cached_property
    def bundle(self) -> Bundle:
        """The trained model, or the start where nothing is trained."""
        if not self.variant.train:
            return self.start
        bundle = load_bundle(self.trained["folder"] / "bundle")
        if self.variant.encoder in ENCODERS:  # A bundle holds its weights alone.
            encoder: Any = self._make_encoder(bundle.config.recipe)
            encoder.load_state_dict(bundle.encoder.state_dict())
            bundle.model.encoder = encoder.eval()
        return bundle

    def predict(self, rows: np.ndarray, bundle: Bundle) -> FloatArray:
        """Predictions of some rows for the scored labels, by a model whose encoder is not frozen."""
        found = Model(bundle, device=self.bench.device).predict_normalised(self.table.take(rows).records)
        scored: FloatArray = found.values[:, self.data.place]
        return scored

    @cached_property
    def _strings(self) -> list[str]:
        """What is pretrained on: strings need no label, so a scaled run reads more than it has rows."""
        if corpus := self.variant.corpus or self.data.corpus:
            return self.bench.corpus(tuple(corpus.items()), self.table.notation, self.seed)
        tested = {self.table.strings[row] for row in self.split.test}
        every = self.bench.cleaned(self.data.name, self.data.cleaning).strings
        strings = [string for string in every if string not in tested]
        most = len(strings) if self.bench.rows is None else STRINGS_PER_ROW * self.bench.rows
        if most >= len(strings):
            return strings
        drawn = np.random.default_rng(self.seed).choice(len(strings), most, replace=False)
        return [strings[place] for place in np.sort(drawn)]

    @cached_property
    def _pretraining_recipe(self) -> Recipe:
        """Without the settings of fine-tuning, so that runs that differ in them share their pretraining."""
        return dataclasses.replace(self.recipe, finetuning=TrainingConfig())

    @cached_property
    def _pretraining_spec(self) -> Values:
        strings = fingerprint({"strings": self._strings})
        return {"seed": self.seed, "strings": strings, "recipe": self._pretraining_recipe.used()}

    def _pretrain(self, folder: Path) -> Values:
        corpus, out, device = folder / "strings.csv", folder / "run", self.bench.device
        corpus.write_text("\n".join([self.table.notation, *self._strings, ""]), encoding="utf-8")
        recipe = self._pretraining_recipe
        result = pretrain([corpus], out=out, recipe=recipe, seed=self.seed, resume=True, device=device)
        (out / "checkpoint.safetensors").unlink(missing_ok=True)
        metrics = result.metrics
        return {
            "strings": metrics["corpus"]["strings"], "accuracy": metrics["held_out"]["accuracy"],
            "valid_loss": metrics["held_out"]["valid_loss"],
            "seconds": metrics["run"]["training_seconds"],
            "history": pd.read_csv(out / "history.csv")[["epoch", *CURVES]].to_dict("records"),
        }  # fmt: skip

    def _train(self, folder: Path) -> Values:
        variant, device = self.variant, self.bench.device
        most = min(CURVE_ROWS // self.labels[0].size, len(self.split.train))
        draw, parts = (
            np.random.default_rng([self.seed, 2]),
            {"train": self.split.train, "test": self.split.test},
        )
        watched = {name: draw.permutation(rows)[:most] for name, rows in parts.items()}

        def watch(bundle: Bundle) -> dict[str, float]:
            found = {}
            for part, rows in watched.items():
                errors = self.predict(rows, bundle) - self.labels[rows]
                if errors.ndim == 1:
                    found[f"{part}_mae"] = float(np.nanmean(np.abs(errors)))
                    continue
                for name, errors_N in zip(self.table.target_names, errors.T, strict=True):
                    found[f"{part}_mse_{name}"] = float(np.nanmean(errors_N**2))
            return found

        fit = partial(
            fit_property_model, self.table, self.split, task=self.data.task, seed=self.seed, device=device,
            parent=None if variant.start == "scratch" else self.start,
            # The papers choose the epoch on all validation rows.
            intervals=False,
            make_encoder=self._make_encoder,
        )  # fmt: skip
        recipe, pooled_ND = self.recipe, None
        watchable = self.labels.ndim == 1 or self.data.task == "regression"
        if variant.encoder == "none":
            pooled_ND = np.zeros((len(self.table), self.start.encoder.d_model))
        if variant.grid:
            pooled_ND = Model(self.start, device=device).embed_normalised(self.table.strings)
            recipe = self._search(partial(fit, pooled_ND=pooled_ND))
        fitted = fit(
            recipe=recipe, folder=folder, resume=True, settings=self.spec, pooled_ND=pooled_ND,
            # A frozen encoder would read all strings anew after every short epoch of its head.
            watch=watch if recipe.finetuning.encoder_rate and watchable else None,
        )  # fmt: skip
        predicted = self._predicted(fitted)
        save_bundle(folder / "bundle", fitted.bundle)
        (folder / "checkpoint.safetensors").unlink(missing_ok=True)
        return {
            "history": fitted.progress.history,
            "best_epoch": fitted.progress.best_epoch + 1,
            "parameters": sum(weight.numel() for weight in fitted.bundle.model.parameters()),
            "predictions": _rounded(predicted),
            "seconds": fitted.progress.seconds,
        } | ({"chosen": _differences(recipe, variant.grid)} if variant.grid else {})

    def _make_encoder(self, recipe: Recipe) -> Encoder:
        faulty = ENCODERS.get(self.variant.encoder)
        return make_encoder(recipe) if faulty is None else faulty(recipe.encoder)

    def _fit_pairs(self, folder: Path) -> Values:
        parts = (self.split.train, self.split.valid, self.split.test)
        used = np.concatenate(parts)
        records = self.table.take(used).records
        parent = None if self.variant.start == "scratch" else self.start
        pairs = StringPairs.encode(*PAIRS[self.data.pairs](records, self.seed), parent)
        fitted = fit_pairs(
            pairs, np.split(np.arange(len(used)), np.cumsum([*map(len, parts)])[:-1]), self.recipe,
            parent=parent, how=Decoding(), seed=self.seed, folder=folder, settings=self.spec, resume=True,
            device=self.bench.device,
        )  # fmt: skip
        save_bundle(folder / "bundle", fitted.bundle)
        (folder / "checkpoint.safetensors").unlink(missing_ok=True)
        return {
            "scores": fitted.scores, "history": fitted.progress.history,
            "parameters": sum(weight.numel() for weight in fitted.bundle.model.parameters()),
            "seconds": fitted.progress.seconds,
        }  # fmt: skip

    def _predicted(self, fitted: FittedModel) -> FloatArray:
        """Predictions of all rows for the scored labels."""
        found = Model(fitted.bundle, device=self.bench.device).predict_normalised(
            self.table.records, fitted.descriptors, pooled_ND=fitted.pooled_ND
        )
        scored: FloatArray = found.values[:, self.data.place]
        return scored

    def _search(self, fit: Callable[..., FittedModel]) -> Recipe:
        """The recipe with the settings of the grid whose head scores best on the validation rows."""
        train, valid = self.split.train, self.split.valid
        task, std = self.data.task, np.nanstd(self.labels[train], axis=0)
        found = []
        for values in product(*self.variant.grid.values()):
            recipe = self.recipe.with_settings(dict(zip(self.variant.grid, values, strict=True)))
            scores = mean_scores(self.labels[valid], self._predicted(fit(recipe=recipe))[valid], task, std)
            score = scores["mae_sd" if task == "regression" else MAIN_SCORE[task]]
            worse = math.inf if score is None else score if task == "regression" else -score
            found.append((worse, recipe))
        return min(found, key=itemgetter(0))[1]

    def _fit_baseline(self, folder: Path) -> Values:
        train, test = (self.table.take(rows).records for rows in (self.split.train, self.split.test))
        name, known = self.variant.baseline, self.labels[self.split.train]
        found = fit_predict_baselines(
            train, known.reshape(len(train), -1), test, notation=self.table.notation, task=self.data.task,
            seed=self.seed, names=[name], time_limit=BASELINE_SECONDS,
        )  # fmt: skip
        return {"predictions": _rounded(found[name].reshape(-1, *known.shape[1:]))}


def _rounded(values: Any) -> Any:
    """Nested lists of the values with five digits."""
    return [_rounded(value) if np.ndim(value) else float(f"{value:.5g}") for value in values]


def _differences(recipe: Recipe, grid: Mapping[str, Any]) -> Values:
    """Settings of the recipe that a grid tried."""
    tables = asdict(recipe)
    return {name: tables[name.split(".")[0]][name.split(".")[1]] for name in grid}
