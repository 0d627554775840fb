"""What all estimators share."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from sklearn.base import BaseEstimator

__all__ = ["StringEstimator"]


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
