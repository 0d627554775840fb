"""What a model is held against: simple, quick and often hard to beat."""

from catenane.baselines.suite import fit_predict_baselines

__all__ = ["fit_predict_baselines"]
