"""What all estimators of strings share."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from catenane.errors import DataError

__all__ = ["StringEstimator", "as_strings"]


class StringEstimator(BaseEstimator):
    """An estimator of strings; what it has fitted is the bundle `bundle_`.

    A pickle holds the weights on the CPU, wherever they are here, and so opens on a machine without a GPU.
    """

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
