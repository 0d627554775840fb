"""Whether a string lies where a model was trained: distance to training rows, tokens never seen.

Axes: N rows, D width of the embedding, P principal components, R reference rows, K neighbours, V vocabulary.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Reference", "fit_reference"]

Array = NDArray[np.float64]

NEIGHBOURS = 8
COMPONENTS = 32
LARGEST_REFERENCE = 2000
"""Training rows that are kept at most, drawn at random."""
INSIDE = 0.99
"""Share of the training rows that are inside the domain by their distance to the others."""
CHUNK = 4096
"""Rows whose distances are computed at once."""


@dataclass(frozen=True)
class Reference:
    """Embeddings of training rows, by which new ones are judged."""

    mean_D: Array
    axes_DP: Array
    """Standardisation and projection on the principal components in one."""
    points_RP: Array
    """Training rows."""
    residual_RT: Array
    """Their absolute out-of-fold residuals, in deviations of the labels; NaN where not known."""
    limit: float
    """Distance to the nearest rows beyond which a row is outside the domain."""

    def neighbours(self, pooled_ND: Array, own_N: NDArray[np.int64] | None = None) -> tuple[Array, Array]:
        """Mean distance to the nearest reference rows, (N,), and the mean residual of these, (N, T).

        Args:
            pooled_ND: Embeddings.
            own_N: Place in the reference of each row itself, which is left out of its neighbours; -1 if none.
        """
        points_NP = (pooled_ND - self.mean_D) @ self.axes_DP
        norms_R = (self.points_RP**2).sum(axis=1)
        n_nearest = min(NEIGHBOURS, max(len(self.points_RP) - 1, 1))
        distance_N = np.empty(len(points_NP))
        residual_NT = np.empty((len(points_NP), self.residual_RT.shape[1]))
        for start in range(0, len(points_NP), CHUNK):
            part = slice(start, start + CHUNK)
            square_NR = (points_NP[part] ** 2).sum(axis=1)[:, None] + norms_R
            square_NR -= 2 * points_NP[part] @ self.points_RP.T
            if own_N is not None:
                inside = np.flatnonzero(own_N[part] >= 0)
                square_NR[inside, own_N[part][inside]] = np.inf
            nearest_NK = np.argpartition(square_NR, n_nearest - 1, axis=1)[:, :n_nearest]
            near_NK = np.take_along_axis(square_NR, nearest_NK, axis=1)
            distance_N[part] = np.sqrt(np.maximum(near_NK, 0)).mean(axis=1)
            residual_NT[part] = _known_mean(self.residual_RT[nearest_NK])
        return distance_N, residual_NT


def fit_reference(pooled_ND: Array, residual_NT: Array, seed: int = 0) -> tuple[Reference, NDArray[np.int64]]:
    """Choose reference rows of a training set, and the distance beyond which a row is outside.

    Args:
        pooled_ND: Embeddings of the training rows.
        residual_NT: Their absolute out-of-fold residuals.
        seed: Of the draw.

    Returns:
        The reference, and the place of each training row in it, -1 where it has none.
    """
    mean_D, std_D = pooled_ND.mean(axis=0), pooled_ND.std(axis=0)
    scale_D = np.where(std_D > 1e-6 * (1 + np.abs(mean_D)), 1 / np.where(std_D > 0, std_D, 1), 0.0)
    rows = np.sort(np.random.default_rng([seed, 13]).permutation(len(pooled_ND))[:LARGEST_REFERENCE])
    scaled_RD = (pooled_ND[rows] - mean_D) * scale_D
    n_components = min(COMPONENTS, *scaled_RD.shape)
    _, _, axes_PD = np.linalg.svd(scaled_RD, full_matrices=False)
    axes_DP = scale_D[:, None] * axes_PD[:n_components].T
    points_RP = ((pooled_ND[rows] - mean_D) @ axes_DP).astype(np.float16).astype(np.float64)
    reference = Reference(mean_D, axes_DP, points_RP, residual_NT[rows], np.inf)
    own_N = np.full(len(pooled_ND), -1)
    own_N[rows] = np.arange(len(rows))
    distance_N, _ = reference.neighbours(pooled_ND, own_N)
    limit = float(np.quantile(distance_N, INSIDE)) if len(distance_N) > 1 else np.inf
    return dataclasses.replace(reference, limit=limit), own_N


def _known_mean(values_NKT: Array) -> Array:
    """Mean over neighbours of what is known; NaN where nothing is."""
    known_NKT = np.isfinite(values_NKT)
    with np.errstate(invalid="ignore"):
        result: Array = np.where(known_NKT, values_NKT, 0).sum(axis=1) / known_NKT.sum(axis=1)
    return result
