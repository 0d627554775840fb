"""What scikit-learn hands to an estimator of strings, as a list of strings."""

from __future__ import annotations

from typing import Any

import numpy as np

from catenane.errors import DataError

__all__ = ["as_strings"]


def as_strings(X: Any) -> list[str]:
    """A list of strings from a list, a Series, a one-column frame, or an array of shape (N,) or (N, 1).

    Raises:
        DataError: It has several columns, is one bare string, or holds something other than strings.
    """
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
            raise DataError(f"X holds {value!r} at row {row}: expected a string")
    return strings
