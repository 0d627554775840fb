"""Estimators of strings in the manner of scikit-learn; messages count rows from 1."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from catenane.config import Recipe
from catenane.data import Table, make_split
from catenane.data.columns import holds_strings
from catenane.data.numbers import parse_numbers
from catenane.errors import DataError, NotationError
from catenane.inference import Model
from catenane.metrics import Task
from catenane.models.bundle import load_bundle, save_bundle
from catenane.notation import JOINT, detect_notation, read_records
from catenane.progress import verbosity
from catenane.train import fit_property_model
from catenane.train.start import DEFAULT_MODELS, choose_start

__all__ = ["PropertyClassifier", "PropertyRegressor", "StringEmbedder"]

SAMPLE = 200
"""Rows from which a column is detected to hold strings."""


class _StringEstimator(BaseEstimator):
    """An estimator of strings, fitted as `bundle_`; its pickle opens on a machine without a GPU."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        if "bundle_" in state:
            model = copy.deepcopy(state["bundle_"].model).cpu()
            state["bundle_"] = dataclasses.replace(state["bundle_"], model=model)
        return state


class StringEmbedder(TransformerMixin, _StringEstimator):
    """Vectors of strings by a trained encoder, as the first step of a pipeline.

    Args:
        model: Folder of a bundle, or the name of a bundled model; by default the bundled one of the notation
            of the strings that `fit` is given.
        device: "cpu", "cuda", ...; the fastest by default.

    Attributes:
        bundle_: The loaded model, see `catenane.models.bundle.Bundle`.
    """

    def __init__(self, model: str | Path | None = None, *, device: str | None = None) -> None:
        self.model = model
        self.device = device

    def fit(self, X: Any, y: Any = None) -> Self:
        """Load the model; nothing is learnt from X but its notation.

        Raises:
            BundleError: There is no such model, or it is damaged.
            NotationError: No model is named, and X holds neither SMILES nor MOFids.
        """
        model = DEFAULT_MODELS[detect_notation(_strings(X))] if self.model is None else self.model
        self.bundle_ = load_bundle(model)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Float32 array (N, d_model), one row per string.

        Raises:
            NotationError: A string cannot be read; the message names it.
        """
        check_is_fitted(self, "bundle_")
        return Model(self.bundle_, device=self.device).embed(_strings(X))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns, `state0` and on."""
        check_is_fitted(self, "bundle_")
        width = self.bundle_.encoder.d_model
        return np.array([f"state{place}" for place in range(width)], dtype=object)


class _PropertyEstimator(_StringEstimator):
    """Training on strings and predicting for strings; arguments as `PropertyRegressor` states them."""

    def __init__(
        self,
        recipe: str | Path | Recipe | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        model: str | Path | None = None,
        valid_share: float = 0.1,
        seed: int = 0,
        device: str | None = None,
        verbose: bool = False,
    ) -> None:
        self.recipe = recipe
        self.settings = settings
        self.model = model
        self.valid_share = valid_share
        self.seed = seed
        self.device = device
        self.verbose = verbose

    def save(self, folder: str | Path) -> None:
        """Write the fitted model as a bundle that `catenane.load` and the command line read."""
        check_is_fitted(self, "bundle_")
        save_bundle(Path(folder), self.bundle_)

    def _fit(
        self,
        X: Any,
        targets_NT: np.ndarray,
        sample_weight: Any,
        task: Task,
        classes: dict[str, tuple[str, ...]] | None = None,
    ) -> None:
        strings, names, features = _rows(X)
        if len(strings) != len(targets_NT):
            raise DataError(f"X has {len(strings)} rows and y has {len(targets_NT)}: expected as many")
        if (infinite := np.isinf(targets_NT).any(axis=1)).any():
            row = int(infinite.argmax())
            raise DataError(f"y is infinite at row {row + 1}: expected numbers, NaN where a label is missing")
        weights = None if sample_weight is None else np.array(sample_weight, dtype=np.float64)
        if weights is not None and (
            weights.shape != (len(strings),) or not (np.isfinite(weights) & (weights >= 0)).all()
        ):
            raise DataError(f"sample_weight must hold {len(strings)} finite numbers that are not negative")
        if not 0 < self.valid_share < 0.9:
            raise DataError(f"valid_share={self.valid_share} must lie between 0 and 0.9")
        table = dataclasses.replace(
            _table(strings, names, targets_NT), features=features, weights=weights, classes=classes or {}
        )
        start = choose_start(
            table.notation, table.target_names, self.model, self.recipe, self.settings or {}, task
        )
        valid_share = 0.0 if start.frozen else self.valid_share
        # No row is kept for a test here: scikit-learn's splitters do that outside.
        split = make_split(table, seed=self.seed, fractions=(1 - valid_share, valid_share, 0.0))
        with verbosity(self.verbose):
            fitted = fit_property_model(
                table, split, start.recipe, task=task, parent=start.parent, seed=self.seed,
                device=self.device,
            )  # fmt: skip
        self.history_ = fitted.progress.history
        card = {
            "name": type(self).__name__,
            "description": f"Fitted on {len(table):,} strings in memory; no test rows were kept.",
            "targets": {name: {"unit": ""} for name in table.target_names},
            "training": {"seed": self.seed, "epochs": len(self.history_)},
        }
        self.bundle_ = dataclasses.replace(fitted.bundle, card=card)
        self.n_targets_ = targets_NT.shape[1]

    def _predict(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "bundle_")
        strings, names, features = _rows(X)
        if len(names) != len(self.bundle_.config.strings):
            wanted = self.bundle_.config.n_strings
            raise DataError(f"X has {max(1, len(names))} strings a row: expected {wanted}, as in fit")
        found = Model(self.bundle_, device=self.device).predictions(strings, features=features)
        for row, error in enumerate(found.errors):
            if error:
                raise NotationError(f"row {row + 1} of {len(found.errors)}: {error}")
        return found.values


class PropertyRegressor(RegressorMixin, _PropertyEstimator):
    """Predicts numbers from strings.

    Args:
        recipe: Name or TOML file of a recipe, or the recipe itself; the model's own by default.
        settings: Changes to it by dotted name: `{"finetuning.epochs": 5}`.
        model: Pretrained bundle to start from; its encoder's shape replaces the recipe's. Without recipe,
            model and settings of an encoder or its training, the bundled one of the notation, frozen.
        valid_share: Share of the rows given to `fit` that choose the best epoch; none over a frozen encoder.
        seed: Of that choice, weights, order and dropout.
        device: "cpu", "cuda", ...; the fastest by default.
        verbose: Show the progress of `fit` on stderr.

    Attributes:
        bundle_: The fitted model, see `catenane.models.bundle.Bundle`.
        history_: One dict per epoch.
        n_targets_: Number of columns of y.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on N strings.

        Args:
            X: SMILES or MOFids: list, array or Series of str, shape (N,) or (N, 1); further columns
                of a frame or an array of objects are strings too, as of a solute and its solvent, or numbers
                known beside them, NaN where missing.
            y: Numbers of shape (N,) or (N, T), NaN where a label is missing.
            sample_weight: How much each string counts in training, (N,), not negative.

        Raises:
            NotationError: A string cannot be read; the message names the row.
            DataError: X or y has another shape or content.
        """
        try:
            targets = np.asarray(y, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"y does not hold numbers: {error}") from None
        if targets.ndim not in (1, 2):
            raise DataError(f"y has shape {targets.shape}: expected (N,) or (N, T)")
        self._fit(X, targets.reshape(len(targets), -1), sample_weight, "regression")
        self._flat = targets.ndim == 1
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Float64 array of shape (N,), or (N, T) if y was so, in the units of y.

        Raises:
            NotationError: A string cannot be read; the message names the row.
        """
        values = self._predict(X)
        return values[:, 0] if self._flat else values


class PropertyClassifier(ClassifierMixin, _PropertyEstimator):
    """Predicts one of two or more classes from strings; the arguments are those of `PropertyRegressor`.

    Attributes:
        classes_: The class labels, sorted.
        bundle_: The fitted model, see `catenane.models.bundle.Bundle`.
        history_: One dict per epoch.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on N strings.

        Args:
            X: SMILES or MOFids: list, array or Series of str, shape (N,) or (N, 1); further columns
                of a frame or an array of objects are strings too, as of a solute and its solvent, or numbers
                known beside them, NaN where missing.
            y: Class labels of shape (N,), of two kinds or more.
            sample_weight: How much each string counts in training, (N,), not negative.

        Raises:
            NotationError: A string cannot be read; the message names the row.
            DataError: There is one class alone, or X has another shape or content.
        """
        labels = np.asarray(y)
        if labels.ndim != 1:
            raise DataError(f"y has shape {labels.shape}: expected one class a row, shape (N,)")
        self.classes_, places = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(f"y holds {len(self.classes_)} classes: expected 2 or more")
        several = {"y0": tuple(map(str, self.classes_))} if len(self.classes_) > 2 else None
        task: Task = "multiclass" if several else "classification"
        self._fit(X, places.astype(np.float64)[:, None], sample_weight, task, several)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Float64 array (N, K) of the probabilities of `classes_`.

        Raises:
            NotationError: A string cannot be read; the message names the row.
        """
        found = self._predict(X)
        return found if found.shape[1] > 1 else np.hstack([1 - found, found])

    def predict(self, X: Any) -> np.ndarray:
        """The likelier class of each string, shape (N,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


def _table(strings: list[str], columns: tuple[str, ...], targets_NT: np.ndarray) -> Table:
    """The table that a file of these strings, in so many columns, and labels would give."""
    notation = detect_notation([text.split(JOINT)[0] for text in strings])
    records = []
    for row, read in enumerate(read_records(strings, notation, n_strings=max(1, len(columns)))):
        if isinstance(read, NotationError):
            raise NotationError(f"row {row + 1} of {len(strings)}: {read}", position=read.position)
        records.append(read)
    names = tuple(f"y{column}" for column in range(targets_NT.shape[1]))
    return Table(
        records=records, notation=notation, targets=targets_NT, target_names=names,
        rows=np.arange(1, len(records) + 1), columns={}, rejected=[], source="memory", string_column="X",
        string_columns=columns,
    )  # fmt: skip


def _rows(X: Any) -> tuple[list[str], tuple[str, ...], dict[str, np.ndarray]]:
    """Strings, from the first column and others that hold such; their names; numbers of the rest by name."""
    values = np.asarray(X, dtype=object)
    if values.ndim != 2 or values.shape[1] < 2:
        return _strings(X), (), {}
    names = [str(name) for name in getattr(X, "columns", [f"x{place}" for place in range(values.shape[1])])]
    strings, features = {names[0]: _strings(values[:, 0])}, {}
    for name, cells in zip(names[1:], values.T[1:], strict=True):
        if holds_strings(cells[:SAMPLE]):
            strings[name] = _strings(cells)
            continue
        features[name], wrong = parse_numbers(cells.tolist(), name)
        for row, reason in wrong.items():
            raise DataError(f"X at row {row + 1}: {reason}; expected one string a row, then numbers")
    joined = [JOINT.join(row) for row in zip(*strings.values(), strict=True)]
    return joined, tuple(strings) if len(strings) > 1 else (), features


def _strings(X: Any) -> list[str]:
    """A list of strings from a list, a Series, a one-column frame, or an array of shape (N,) or (N, 1)."""
    if isinstance(X, str):
        raise DataError(f"X is the one string {X!r}: give a list of strings")
    values = np.asarray(X, dtype=object)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(f"X has shape {values.shape}: expected one string a row, shape (N,) or (N, 1)")
    strings: list[str] = values.tolist()
    for row, value in enumerate(strings):
        if not isinstance(value, str):
            raise DataError(f"X holds {value!r} at row {row + 1}: expected a string")
    return strings
