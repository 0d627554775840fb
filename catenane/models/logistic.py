"""From scores to the probability of a class.

Axes: N rows.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["logistic_curve"]


def logistic_curve(scores_N: Tensor, classes_N: Tensor) -> Tensor:
    """Slope and offset of the log-odds of class 1 over the score, float64.

    Where one class alone occurs the slope is next to none. The classes are drawn in by one row each, so that
    a perfect separation gives no certainty (Platt, 1999).
    """
    n_positive = float(classes_N.sum())
    n_negative = len(classes_N) - n_positive
    soft_N = torch.where(classes_N > 0.5, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    curve_2 = torch.tensor([1.0, 0.0], dtype=torch.float64)
    inputs_N2 = torch.stack([scores_N, torch.ones_like(scores_N)], dim=1)
    for _ in range(50):  # Newton's method; the cost is convex
        chance_N = (inputs_N2 @ curve_2).sigmoid()
        slope_2 = inputs_N2.T @ (chance_N - soft_N)
        curvature_22 = (inputs_N2 * (chance_N * (1 - chance_N)).clamp(min=1e-9)[:, None]).T @ inputs_N2
        step_2 = torch.linalg.solve(curvature_22 + 1e-9 * torch.eye(2, dtype=torch.float64), slope_2)
        curve_2 = curve_2 - step_2 / max(1.0, float(step_2.norm()))
        if float(step_2.norm()) < 1e-8:
            break
    return curve_2
