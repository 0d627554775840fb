"""Catenane in the manner of scikit-learn: estimators that take strings."""

from catenane.predictors.estimators import PropertyClassifier, PropertyRegressor, StringEmbedder

__all__ = ["PropertyClassifier", "PropertyRegressor", "StringEmbedder"]
