"""Strings in, predictions with intervals out: `Model`, and what it is calibrated by."""

from catenane.inference.attention import Attention
from catenane.inference.calibrating import calibrate, interval_metrics, plan_calibration
from catenane.inference.ensemble import Ensemble, load
from catenane.inference.model import COVERAGE, Model
from catenane.inference.rows import Predictions

__all__ = [
    "COVERAGE",
    "Attention",
    "Ensemble",
    "Model",
    "Predictions",
    "calibrate",
    "interval_metrics",
    "load",
    "plan_calibration",
]
