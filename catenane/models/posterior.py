"""What labels make of a Gaussian process: weights of its landmarks, and scores of the rows left out.

Axes: N rows to learn from, P landmarks, K rows with a label, B rows at a time, G rows of a group, S landmarks
among these.

Source: C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning, 2006, section 5.4.2; with
landmarks J. Quiñonero-Candela, C. E. Rasmussen, J. Mach. Learn. Res. 2005, 6, 1939, section 6 (FITC).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["CHUNK", "JITTER", "LandmarkProcess", "learn_from_rows"]

JITTER = 1e-4
"""Variance added to the landmarks, so that a matrix of float32 similarities can be inverted."""
CHUNK = 1024
"""Rows whose similarities are in memory together."""


def learn_from_rows(
    kernel_PP: Tensor, labels_P: Tensor, noise_P: Tensor, groups_P: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The process where every row is a landmark.

    Args:
        kernel_PP: Covariances of the rows, float64.
        labels_P: Standardised, NaN where missing.
        noise_P: Variance of the noise of each label.
        groups_P: Group of each row, an integer, where rows are left out by groups.

    Returns:
        The weight of each landmark, by which its covariance with a string is multiplied and summed, and the
        score of each row by the process of the others, or of other groups; both float64 (P,). A row without
        a label has the score of the process.
    """
    known_K = (~labels_P.isnan()).nonzero()[:, 0]
    known_KK = kernel_PP[known_K][:, known_K]
    known_KK.diagonal().add_(noise_P[known_K] + JITTER)
    inverse_KK = torch.cholesky_inverse(torch.linalg.cholesky(known_KK))
    weights_K = inverse_KK @ labels_P[known_K]
    weights_P = torch.zeros_like(labels_P).index_copy_(0, known_K, weights_K)
    scores_P = kernel_PP @ weights_P
    residual_K = weights_K / inverse_KK.diagonal()
    for group in _members(groups_P, known_K):
        residual_K[group] = torch.linalg.solve(inverse_KK[group][:, group], weights_K[group])
    scores_P[known_K] = labels_P[known_K] - residual_K
    return weights_P, scores_P


class LandmarkProcess:
    """The same where there are more rows than landmarks, through which alone rows are related.

    What the landmarks leave open of a row is noise of that row.

    Args:
        kernel: Covariances of the rows at some places with the landmarks, (B, P).
        landmarks_P: Places of the landmarks among the rows.
        variance_N: Covariance of each row with itself.
        labels_N: Standardised, NaN where missing.
        noise_N: Variance of the noise of each label.
    """

    def __init__(
        self,
        kernel: Callable[[Tensor], Tensor],
        landmarks_P: Tensor,
        variance_N: Tensor,
        labels_N: Tensor,
        noise_N: Tensor,
    ) -> None:
        self._landmarks_P, self._labels_N = landmarks_P, labels_N
        prior_PP = kernel(landmarks_P).double()
        prior_PP.diagonal().add_(JITTER)
        self._root_PP = torch.linalg.cholesky(prior_PP)
        chunks = torch.arange(len(labels_N)).split(CHUNK)
        self._features_NP = torch.cat(
            [_solve(self._root_PP, kernel(rows).double().T).T.float() for rows in chunks]
        )
        explained_N = torch.cat([self._features_NP[rows].double().square().sum(dim=1) for rows in chunks])
        self._noise_N = noise_N + (variance_N - explained_N).clamp(min=0.0)
        gram_PP = torch.eye(len(landmarks_P), dtype=torch.float64)
        target_P = torch.zeros(len(landmarks_P), dtype=torch.float64)
        for rows in (~labels_N.isnan()).nonzero()[:, 0].split(CHUNK):
            chunk_BP = self._features_NP[rows].double()
            weighted_PB = chunk_BP.T / self._noise_N[rows]
            gram_PP.addmm_(weighted_PB, chunk_BP)
            target_P += weighted_PB @ labels_N[rows]
        self._gram_root_PP = torch.linalg.cholesky(gram_PP)
        self._white_P = _solve(self._gram_root_PP, target_P[:, None])[:, 0]
        solution_P1 = _solve(self._gram_root_PP.T, self._white_P[:, None], upper=True)
        self.weights_P = _solve(self._root_PP.T, solution_P1, upper=True)[:, 0]
        """Weight of each landmark, as of `learn_from_rows`."""

    def left_out(self, groups_N: Tensor | None = None) -> Tensor:
        """The score of each row by the process of the others, or of other groups, float64 (N,).

        A row that is left out is no landmark either: where landmarks are not drawn evenly from the classes,
        the scores of rows that stay landmarks are not those of new strings.
        """
        scores_N = torch.empty_like(self._labels_N)

        def leave_out(rows: Tensor, column_PB: Tensor) -> None:
            # A row pulls its own score by its leverage; without it the residual is that much larger.
            leverage_B = column_PB.square().sum(dim=0) / self._noise_N[rows]
            score_B, label_B = self._white_P @ column_PB, self._labels_N[rows]
            left_out_B = label_B - (label_B - score_B) / (1 - leverage_B).clamp(min=1e-6)
            scores_N[rows] = torch.where(label_B.isnan(), score_B, left_out_B)

        place_N = torch.full((len(scores_N),), -1)
        place_N[self._landmarks_P] = torch.arange(len(self._landmarks_P))
        for rows in (place_N < 0).nonzero()[:, 0].split(CHUNK):
            leave_out(rows, self._columns(rows))
        for places in torch.arange(len(self._landmarks_P)).split(CHUNK):
            rows, own_PB = self._landmarks_P[places], self._directions(places)
            variance_B = (self._root_PP[places] * self._features_NP[rows]).sum(dim=1)
            column_PB = self._columns(rows) - own_PB * variance_B
            column_PB -= own_PB * ((own_PB * column_PB).sum(dim=0) / own_PB.square().sum(dim=0))
            leave_out(rows, column_PB)
        known_K = (~self._labels_N.isnan()).nonzero()[:, 0]
        for group in _members(groups_N, known_K):
            rows = known_K[group]
            places = place_N[rows][place_N[rows] >= 0]
            own_PS, column_PG = self._directions(places), self._columns(rows)
            column_PG -= own_PS @ (self._root_PP[places] @ self._features_NP[rows].double().T)
            basis_PS = torch.linalg.qr(own_PS).Q
            column_PG -= basis_PS @ (basis_PS.T @ column_PG)
            pull_GG = -column_PG.T @ column_PG / self._noise_N[rows]
            pull_GG.diagonal().add_(1.0)
            residual_G1 = (self._labels_N[rows] - self._white_P @ column_PG)[:, None]
            scores_N[rows] = self._labels_N[rows] - torch.linalg.lstsq(pull_GG, residual_G1).solution[:, 0]
        return scores_N

    def _columns(self, rows: Tensor) -> Tensor:
        """Of each row one, float64 (P, B): its product with `_white_P` is the score of the row."""
        return _solve(self._gram_root_PP, self._features_NP[rows].double().T)

    def _directions(self, places: Tensor) -> Tensor:
        """What landmarks contribute to these columns for each unit of covariance with them, (P, S)."""
        unit_PS = torch.zeros(len(self._landmarks_P), len(places), dtype=torch.float64)
        unit_PS[places, torch.arange(len(places))] = 1.0
        return _solve(self._gram_root_PP, _solve(self._root_PP, unit_PS))


def _solve(triangle_PP: Tensor, columns_PB: Tensor, *, upper: bool = False) -> Tensor:
    solved_PB: Tensor = torch.linalg.solve_triangular(triangle_PP, columns_PB, upper=upper)
    return solved_PB


def _members(groups_N: Tensor | None, known_K: Tensor) -> list[Tensor]:
    """Places among the known rows of each group that has several of them."""
    if groups_N is None:
        return []
    numbers_K, counts = groups_N[known_K].unique(return_inverse=True, return_counts=True)[1:]
    places = numbers_K.argsort(stable=True).split(counts.tolist())
    return [group for group in places if len(group) > 1]
