"""Strings in, predictions with intervals out: `Model`, and what it is calibrated by."""

from catenane.inference.attention import Attention
from catenane.inference.calibrating import calibrate, interval_metrics, plan_calibration
from catenane.inference.ensemble import Ensemble, load
from catenane.inference.model import COVERAGE, Model
from catenane.inference.pieces import predict_pieces
from catenane.inference.rows import Predictions
from catenane.inference.writing import Filling, fill

__all__ = [
    "COVERAGE",
    "Attention",
    "Ensemble",
    "Filling",
    "Model",
    "Predictions",
    "calibrate",
    "fill",
    "interval_metrics",
    "load",
    "plan_calibration",
    "predict_pieces",
]
