"""Several models that predict together, and models by their names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from catenane.descriptors import Descriptors
from catenane.errors import BundleError, UsageError
from catenane.formatting import with_unit
from catenane.inference.model import Model
from catenane.inference.rows import Predictions
from catenane.metrics import split_columns
from catenane.models.bundle import load_bundle
from catenane.models.folder import find_bundles
from catenane.notation import Record

__all__ = ["Ensemble", "load"]


class Ensemble(Model):
    """The mean of several property models.

    The ends of an interval are means as well. The mean of the values errs no more than the models do on
    average, and half the width is the models' average too, so the interval tends to hold more labels than one
    of theirs. A string is in the domain where it is in that of every model. Figures of the card are means.

    Args:
        models: At least one.

    Raises:
        UsageError: They differ in notation, task, targets or units. A unit that is not known may be any.
        BundleError: One is a pretrained encoder.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        self.models = tuple(models)
        first, *others = self.models
        for place, model in enumerate(others, start=2):
            units = zip(first.bundle.units.values(), model.bundle.units.values(), strict=False)
            _ = model.property_model, first.property_model
            if _kind(model) != _kind(first) or any(here and there and here != there for here, there in units):
                raise UsageError(
                    f"model {place} of {len(models)} predicts {_described(model)}, and the first "
                    f"{_described(first)}: models that predict together have the same notation, features, "
                    "targets in the same order, and units"
                )
        name = f"{len(models)} models, the first: {first.bundle.card.get('name', first.config.recipe.name)}"
        figures = _mean([model.bundle.card.get("targets", {}) for model in self.models])
        card = first.bundle.card | {"name": name, "targets": figures}
        self.bundle = dataclasses.replace(first.bundle, card=card)
        self.device = first.device

    def predict_normalised(
        self,
        strings: Sequence[Record] | Sequence[str],
        descriptors: Descriptors | None = None,
        **options: Any,
    ) -> Predictions:
        """As `Model.predict_normalised`; descriptors, if they are given, are those that every model reads."""
        found = [model.predict_normalised(strings, descriptors, **options) for model in self.models]
        notes = [
            "; ".join(dict.fromkeys(note for text in of_row for note in text.split("; ") if note))
            for of_row in zip(*(each.notes for each in found), strict=True)
        ]
        values, low, high = (
            np.mean([getattr(each, part) for each in found], axis=0) for part in ("values", "low", "high")
        )
        sets = None
        if named := [each.sets.astype(np.float64) for each in found if each.sets is not None]:
            # Classes that half of the models name, or more than any other.
            votes = split_columns(np.mean(named, axis=0), self.property_model.head.sizes)
            sets = np.hstack([vote >= np.minimum(vote.max(axis=1, keepdims=True), 0.5) for vote in votes])
        return dataclasses.replace(
            found[0], sets=sets, values=values, low=low, high=high, notes=notes,
            in_domain=np.all([each.in_domain for each in found], axis=0),
        )  # fmt: skip

    @property
    def encoder(self) -> NoReturn:
        """There is none: every model has its own."""
        raise BundleError(f"{len(self.models)} models have vectors of their own: embed with one of them")


def _mean(values: Sequence[Any]) -> Any:
    """Means of the numbers in values of one structure, as far as they share it; of other things the first."""
    first = values[0]
    if all(isinstance(value, Mapping) for value in values):
        return {key: _mean([v[key] for v in values]) for key in first if all(key in v for v in values)}
    if all(isinstance(value, list) for value in values):
        return [_mean(entries) for entries in zip(*values, strict=False)]
    if all(type(value) in (int, float) for value in values):
        mean = sum(values) / len(values)
        return round(mean) if isinstance(first, int) else mean
    return first


def _kind(model: Model) -> tuple[Any, ...]:
    features = [*model.config.strings, *(column.name for column in model.config.features)]
    return model.config.notation, model.config.task, model.targets, model.config.classes, features


def _described(model: Model) -> str:
    targets = ", ".join(with_unit(name, unit) for name, unit in model.bundle.units.items())
    read = "".join(f", {column.name}" for column in model.config.features)
    return f"{targets} of {model.config.notation}{read} ({model.config.task})"


def load(name_or_path: str | Path | Sequence[str | Path], *, device: str | None = None) -> Model:
    """A trained model, by the name it is shipped under or from its folder; the mean of several if so given.

    A folder of several runs or members is the mean of these.

    Raises:
        BundleError: One is missing, damaged, foreign, or of another layout.
        ConfigError: The device is not on this machine.
        UsageError: Several do not predict the same, or there is none.
    """
    names = [name_or_path] if isinstance(name_or_path, str | Path) else name_or_path
    models = [Model(load_bundle(path), device=device) for name in names for path in find_bundles(name)]
    if not models:
        raise UsageError("load needs the name or the folder of at least one model")
    for model in models:
        _ = model.calibration  # a damaged one is refused here, not at the first prediction
    return models[0] if len(models) == 1 else Ensemble(models)
