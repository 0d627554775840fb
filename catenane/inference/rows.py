"""What is given beside the strings, and what is predicted for them: a row each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from catenane.data.numbers import parse_numbers
from catenane.errors import UsageError
from catenane.models.bundle import BundleConfig, FeatureColumn
from catenane.notation import JOINT

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Features",
    "Predictions",
    "feature_cells",
    "join",
    "notes_of",
    "read_features",
    "split",
    "texts_of",
]

Array = NDArray[np.float64]
Features: TypeAlias = "Mapping[str, Any] | pd.DataFrame"
"""Numbers by name: one a string, or one for all."""


def feature_cells(
    wanted: Sequence[FeatureColumn], given: Features | None, n_rows: int
) -> dict[str, list[Any]]:
    """What is given for the features that a model reads, N cells each.

    Raises:
        UsageError: One is not given, or for other than N rows.
    """
    found: dict[str, list[Any]] = {}
    for name in (column.name for column in wanted):
        if given is None or name not in given:
            raise UsageError(f"this model reads the feature {name!r} beside the string, and it is not given")
        cells = given[name]
        cells = [cells] * n_rows if isinstance(cells, str) or not np.iterable(cells) else list(cells)
        if len(cells) != n_rows:
            raise UsageError(f"feature {name!r} has {len(cells)} values for {n_rows} strings")
        found[name] = cells
    return found


def read_features(
    wanted: Sequence[FeatureColumn], given: Features | None, n_rows: int
) -> tuple[dict[str, Array], dict[int, str]]:
    """The features as numbers, (N,) each, and by place the rows in which one is none; see `feature_cells`."""
    numbers: dict[str, Array] = {}
    wrong: dict[int, str] = {}
    for name, cells in feature_cells(wanted, given, n_rows).items():
        numbers[name], reasons = parse_numbers(cells, name)
        wrong = reasons | wrong
    return numbers, wrong


@dataclass(frozen=True)
class Predictions:
    """Values of C columns for N strings, in the order given."""

    columns: tuple[str, ...]
    """Names of the C columns."""
    values: Array
    """float64 (N, C) in label units, or probabilities of class 1 or of each of several classes; NaN where the
    string could not be read."""
    low: Array
    """Lower ends of the intervals, (N, C); of classes the lower of two Venn-Abers probabilities. NaN where
    the model has no calibration rows."""
    high: Array
    """Upper ends, in the same way."""
    in_domain: NDArray[np.bool_]
    """Whether a string lies where the model was trained, (N,); False where it could not be read."""
    notes: list[str]
    """What is unusual about a string; "" where nothing is."""
    errors: list[str]
    """Why a row has no values; "" where it has them."""
    sets: NDArray[np.bool_] | None = None
    """Which of several classes a row may have, (N, C); all False where the target has too few calibration
    rows. None where targets are no such classes, or the model has no calibration rows."""
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Their names by target; the C columns are theirs, one after the other."""

    def among(self, errors: list[str]) -> Predictions:
        """These as the rows that have no error, in order; the others have NaN and their error."""
        read_N = [not error for error in errors]
        values, low, high = parts = np.full((3, len(errors), len(self.columns)), np.nan)
        parts[:, read_N] = self.values, self.low, self.high
        inside = np.zeros(len(errors), dtype=bool)
        inside[read_N] = self.in_domain
        remaining = iter(self.notes)
        notes = ["" if error else next(remaining) for error in errors]
        sets = None
        if self.sets is not None:
            sets = np.zeros(values.shape, dtype=bool)
            sets[read_N] = self.sets
        return Predictions(self.columns, values, low, high, inside, notes, errors, sets, self.classes)

    def named(self) -> dict[str, Any]:
        """N entries each: for every column NAME, NAME_low and NAME_high, then in_domain, note, error.

        Of several classes: for every target the likeliest class, those it may have as TARGET_set, joined by
        "|", and the probability of each.
        """
        columns: dict[str, Any] = {}
        end = 0
        for target, classes in self.classes.items():
            start, end = end, end + len(classes)
            share_NK, names = self.values[:, start:end], np.array(classes, dtype=object)
            known_N = np.asarray(np.isfinite(share_NK).all(axis=1))
            best_N = np.where(known_N, np.nan_to_num(share_NK).argmax(axis=1), 0)
            columns[target] = [
                name if known else None for name, known in zip(names[best_N], known_N, strict=True)
            ]
            sets_NK = np.zeros(share_NK.shape, bool) if self.sets is None else self.sets[:, start:end]
            columns[f"{target}_set"] = ["|".join(compress(classes, row)) for row in sets_NK.tolist()]
            columns |= dict(zip(self.columns[start:end], share_NK.T, strict=True))
        for place, name in enumerate(() if self.classes else self.columns):
            columns[name] = self.values[:, place]
            columns[f"{name}_low"], columns[f"{name}_high"] = self.low[:, place], self.high[:, place]
        return {**columns, "in_domain": self.in_domain, "note": self.notes, "error": self.errors}


def notes_of(config: BundleConfig, descriptors_NF: NDArray | None, notes: list[list[str]]) -> list[list[str]]:
    """The notes of each row, and what is unusual about its features, which stand behind its descriptors."""
    for place, column in enumerate(config.features, start=len(config.descriptors)):
        assert descriptors_NF is not None
        for of_row, value in zip(notes, descriptors_NF[:, place].tolist(), strict=True):
            of_row.extend(filter(None, [column.note(value)]))
    return notes


def join(strings: Iterable[Any] | str, names: Sequence[str]) -> list[str]:
    """The strings as a list, several of a row as one text; a table has columns of these names."""
    if not names:
        return texts_of(strings)
    if isinstance(strings, str):
        return [strings]
    rows: Any = strings
    if hasattr(rows, "columns"):
        if missing := [name for name in names if name not in rows]:
            raise UsageError(f"this model reads {' and '.join(names)}, and the table has no {missing[0]!r}")
        rows = zip(*(rows[name] for name in names), strict=True)
    return [row if isinstance(row, str) else JOINT.join(map(str, row)) for row in rows]


def split(texts: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    """Columns of the strings by name: `string`, or each of several, "" where a row has too few."""
    if not names:
        return {"string": list(texts)}
    rows = [[*text.split(JOINT), *[""] * len(names)] for text in texts]
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def texts_of(strings: Iterable[str] | str) -> list[str]:
    """The strings as a list; a table, whose items are names of columns, is refused."""
    if hasattr(strings, "columns"):
        raise UsageError(f"expected strings, got a {type(strings).__name__}: give one column of it")
    return [strings] if isinstance(strings, str) else list(strings)
