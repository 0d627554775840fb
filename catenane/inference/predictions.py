"""What a model predicts for strings: values with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Predictions"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """Values of C columns for N strings, in the order given."""

    columns: tuple[str, ...]
    """Names of the C columns."""
    values: Array
    """float64 (N, C) in label units, or probabilities of class 1; NaN where the string could not be read."""
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

    def among(self, errors: list[str]) -> Predictions:
        """These as the rows that have no error, in order; the others have NaN and their error."""
        read_N = np.array([not error for error in errors], dtype=bool)
        values, low, high = np.full((3, len(errors), len(self.columns)), np.nan)
        values[read_N], low[read_N], high[read_N] = self.values, self.low, self.high
        inside = np.zeros(len(errors), dtype=bool)
        inside[read_N] = self.in_domain
        remaining = iter(self.notes)
        notes = ["" if error else next(remaining) for error in errors]
        return Predictions(self.columns, values, low, high, inside, notes, errors)

    def named(self) -> dict[str, Any]:
        """N entries each: for every column NAME, NAME_low and NAME_high, then in_domain, note, error."""
        columns: dict[str, Any] = {}
        for place, name in enumerate(self.columns):
            columns[name] = self.values[:, place]
            columns[f"{name}_low"], columns[f"{name}_high"] = self.low[:, place], self.high[:, place]
        return {**columns, "in_domain": self.in_domain, "note": self.notes, "error": self.errors}
