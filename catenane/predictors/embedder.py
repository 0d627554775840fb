"""An encoder as a scikit-learn transformer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from catenane.inference import Model
from catenane.models import load_bundle
from catenane.predictors.base import StringEstimator, as_strings

__all__ = ["StringEmbedder"]


class StringEmbedder(TransformerMixin, StringEstimator):
    """Turns strings into vectors with a trained encoder, as the first step of a pipeline.

    Args:
        model: Folder of a bundle, or the name of a bundled model.
        device: "cpu", "cuda", ...; the fastest by default.

    Attributes:
        bundle_: The loaded model, see `catenane.models.Bundle`.
    """

    def __init__(self, model: str | Path = "mof-uptake", *, device: str | None = None) -> None:
        self.model = model
        self.device = device

    def fit(self, X: Any, y: Any = None) -> Self:
        """Load the model; nothing is learnt from X.

        Raises:
            BundleError: There is no such model, or it is damaged.
        """
        self.bundle_ = load_bundle(self.model)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Float32 array (N, d_model), one row per string.

        Raises:
            NotationError: A string cannot be read; the message names it.
        """
        check_is_fitted(self, "bundle_")
        return Model(self.bundle_, device=self.device).embed(as_strings(X))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns, for `set_output` and column transformers."""
        check_is_fitted(self, "bundle_")
        width = self.bundle_.config.recipe.encoder.d_model
        return np.array([f"state{place}" for place in range(width)], dtype=object)
