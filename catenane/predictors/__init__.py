"""Catenane in the manner of scikit-learn: estimators that take strings."""

from catenane.predictors.embedder import StringEmbedder
from catenane.predictors.property import PropertyClassifier, PropertyRegressor

__all__ = ["PropertyClassifier", "PropertyRegressor", "StringEmbedder"]
