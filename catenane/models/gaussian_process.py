"""A property head without gradient descent: Gaussian-process regression on what is read of a string.

Axes: N rows to learn from, B rows to predict, P landmarks, M rows that tune a kernel, D width of the stream,
F descriptors, C kinds of fragments, T targets, K settings of a kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from catenane.config import HeadConfig
from catenane.errors import DataError
from catenane.models.head import Head, standardised_inputs
from catenane.models.string_kernel import (
    FEATURE_SETTINGS,
    JITTER,
    SETTINGS,
    SharedFragments,
    Similarity,
    combine,
    compare_descriptors,
    squared_distances,
    tune,
)

__all__ = ["GaussianProcessHead", "logistic_curve"]

MOST_COUNTED = 4
"""Counts of a fragment are cut off here: how often a longer chain repeats itself is in the descriptors."""
N_TUNED = 600
"""Training rows on which the settings of a kernel are chosen."""
CHUNK = 1024
"""Rows whose similarities are in memory together."""


Inputs: TypeAlias = tuple[Tensor, ...]
"""What is compared of strings: standardised states (N, D) and descriptors (N, F), and fragment counts (N, C),
uint8."""


class GaussianProcessHead(Head):
    """Predicts T targets by similarity to at most P training rows, the landmarks.

    The kernel is a sum of similarities by encoder states, by descriptors (one with a length, one linear) and
    by shared fragments of either kind; one by features is added and multiplied with it. Its weights and
    lengths, and the relevance of each descriptor, are chosen for each target by marginal likelihood under a
    prior. With more training rows than landmarks the process is approximated by the landmarks (subset of
    regressors), so that cost is linear in the rows, and all descriptors stay equally relevant.

    Classes are learnt as numbers, and scores become probabilities by a logistic curve fitted to the
    leave-one-out predictions.

    Arguments are those of `Head`; of the settings `landmarks`, `fragments` and `target_scale` are used.

    Source: C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning, 2006, chapters 2, 5
    and 8.3.1; leave-one-out predictions eq. 5.12; logistic curve J. Platt, Adv. Large Margin Classif. 1999.
    """

    landmark_states_PD: Tensor
    landmark_descriptors_PF: Tensor
    landmark_fragments_PC: Tensor
    settings_TK: Tensor
    relevance_TF: Tensor
    weights_TP: Tensor
    curve_T2: Tensor

    def __init__(self, config: HeadConfig, **shape: Any) -> None:
        super().__init__(config, **shape)
        n_targets, n_landmarks = self.n_scores, config.landmarks
        self.n_own = self.n_plain - self.n_features
        for name, size in {
            "landmark_states_PD": (n_landmarks, self.d_model),
            "landmark_descriptors_PF": (n_landmarks, self.n_plain),
            "settings_TK": (n_targets, len(SETTINGS) + (len(FEATURE_SETTINGS) if self.n_features else 0)),
            "relevance_TF": (n_targets, self.n_own),
            "weights_TP": (n_targets, n_landmarks),
            "curve_T2": (n_targets, 2),
        }.items():
            self.register_buffer(name, torch.zeros(size))
        n_counts = config.fragments + config.n_roles
        places = {"fragment": slice(config.fragments), "role": slice(config.fragments, n_counts)}
        self._kinds = {name: place for name, place in places.items() if config.fragments}
        counts_PC = torch.zeros(n_landmarks, n_counts, dtype=torch.uint8)
        self.register_buffer("landmark_fragments_PC", counts_PC)
        self._fragments: dict[str, SharedFragments] = {}

    @torch.no_grad()
    def fit(
        self,
        targets_NT: Tensor,
        descriptors_NF: Tensor | None,
        pooled_ND: Tensor,
        weights_NT: Tensor | None = None,
        *,
        groups_N: Tensor | None = None,
        seed: int = 0,
    ) -> Tensor:
        """Learn from all rows, and predict each of them from the others, or from those of other groups.

        Args:
            targets_NT: Labels, NaN where missing.
            descriptors_NF: Descriptors in their own units, NaN where undefined, then fragment counts.
            pooled_ND: One vector a string.
            weights_NT: Of the labels, alike where there are none: noise is divided by them, and a label of
                weight zero is not learnt from.
            groups_N: Group of each row, an integer, where rows are left out by groups.
            seed: Of the choice of landmarks.

        Returns:
            float64 tensor of shape (N, T): the score of each row by the process of the others, on the scale
            of the loss; of a row without a label, its score.

        Raises:
            DataError: See `fit_targets`; or all labels of a class are equal.
        """
        targets_NT = targets_NT.double()
        weights_NT = torch.ones_like(targets_NT) if weights_NT is None else weights_NT.double()
        if self.task == "multiclass":  # each class against the others
            targets_NT, weights_NT = self.standardise(targets_NT), self.spread(weights_NT)
        targets_NT = torch.where(weights_NT > 0, targets_NT, torch.nan)
        self.fit_targets(targets_NT)
        self._fit_inputs(descriptors_NF, pooled_ND)
        inputs = self._inputs(pooled_ND, descriptors_NF)
        order_N = torch.randperm(len(targets_NT), generator=torch.Generator().manual_seed(seed))
        chosen_P = order_N[: len(self.landmark_states_PD)]
        landmarks = self.landmark_states_PD, self.landmark_descriptors_PF, self.landmark_fragments_PC
        for part, of_all in zip(landmarks, inputs, strict=True):
            part.copy_(of_all[chosen_P])
        self._fragments = {}
        labels_NT = (self._on_scale(targets_NT) - self.target_mean_T) / self.target_std_T
        left_out_NT = torch.empty_like(labels_NT)
        for place in range(self.n_scores):
            label_N, weight_N = labels_NT[:, place], weights_NT[:, place]
            left_out_NT[:, place] = self._fit_target(place, label_N, weight_N, inputs, order_N, groups_N)
            if self.task != "regression":
                known_N = ~targets_NT[:, place].isnan()
                classes_M = targets_NT[known_N, place]
                if len(classes_M.unique()) < 2 and self.task == "classification":
                    name = self.targets[place]
                    raise DataError(f"target {name!r} has labels of one class only in the training rows")
                self.curve_T2[place] = logistic_curve(left_out_NT[known_N, place], classes_M)
        return self._to_loss_scale(left_out_NT)

    def forward(
        self, pooled_BD: Tensor, descriptors_BF: Tensor | None = None, *, per_member: bool = False
    ) -> Tensor:
        """As in `Head`; the process is its only member."""
        parts = (part.split(CHUNK) for part in self._inputs(pooled_BD, descriptors_BF))
        chunks = zip(*parts, strict=True)
        scores_BT = self._to_loss_scale(torch.cat([self._scores(chunk) for chunk in chunks]))
        return scores_BT[None] if per_member else scores_BT

    def _to_loss_scale(self, scores_BT: Tensor) -> Tensor:
        """Of classes the log-odds, by the curve of each target."""
        if self.task == "regression":
            return scores_BT
        slope_T, offset_T = self.curve_T2.to(scores_BT).unbind(dim=1)
        return slope_T * scores_BT + offset_T

    def _inputs(self, pooled_BD: Tensor, descriptors_BF: Tensor | None) -> Inputs:
        self._check_descriptors(descriptors_BF)
        if descriptors_BF is None:
            descriptors_BF = pooled_BD.new_zeros(len(pooled_BD), 0)
        plain_BF, counts_BC = descriptors_BF[:, : self.n_plain], descriptors_BF[:, self.n_plain :]
        return (
            standardised_inputs(pooled_BD, self.pooled_mean_D, self.pooled_std_D).float(),
            standardised_inputs(plain_BF, self.descriptor_mean_F, self.descriptor_std_F).float(),
            counts_BC.nan_to_num(nan=0.0).clamp(0, 255).to(torch.uint8),
        )

    def _scores(self, inputs: Inputs) -> Tensor:
        shared = self._shared(inputs)
        columns = [
            self._kernel(inputs, shared, place) @ self.weights_TP[place] for place in range(self.n_scores)
        ]
        return torch.stack(columns, dim=1)

    def _kernel(self, inputs: Inputs, shared: Similarity, place: int) -> Tensor:
        """Of one target, between rows and all landmarks."""
        own_BF, own_PF = inputs[1][:, : self.n_own], self.landmark_descriptors_PF[:, : self.n_own]
        similarity = shared | compare_descriptors(own_BF, own_PF, self.relevance_TF[place])
        return combine(similarity, self.settings_TK[place])

    def _shared(self, inputs: Inputs, places: Tensor | slice = slice(None)) -> Similarity:
        """What rows have in common with the landmarks at these places, for any target."""
        states_BD, plain_BF, counts_BC = inputs
        states_BP = squared_distances(states_BD, self.landmark_states_PD[places])
        found = {"state": states_BP / states_BD.shape[1]}
        for name, compare in self._compared_fragments().items():
            found[name] = compare(counts_BC[:, self._kinds[name]])[:, places]
        if self.n_features:
            given_BF, given_PF = plain_BF[:, self.n_own :], self.landmark_descriptors_PF[places, self.n_own :]
            found["feature"] = squared_distances(given_BF, given_PF) / self.n_features
        return found

    def _compared_fragments(self) -> dict[str, SharedFragments]:
        """The landmarks by each kind of fragments, prepared once on the device where they are."""
        counts_PC = self.landmark_fragments_PC
        for name, place in self._kinds.items():
            if name not in self._fragments or self._fragments[name].sizes_P.device != counts_PC.device:
                self._fragments[name] = SharedFragments(counts_PC[:, place], MOST_COUNTED)
        return self._fragments

    def _fit_target(
        self,
        place: int,
        labels_N: Tensor,
        weights_N: Tensor,
        inputs: Inputs,
        order_N: Tensor,
        groups_N: Tensor | None,
    ) -> Tensor:
        """Settings and weights of one target; returns the scores of rows that are left out."""
        landmarks_P = order_N[: len(self.landmark_states_PD)]
        exact = len(landmarks_P) == len(labels_N)
        tuned_M = self._tuned(labels_N[landmarks_P], evenly=exact and self.task != "regression")
        rows_M = landmarks_P[tuned_M]
        tuning = tuple(part[rows_M] for part in inputs)
        self.settings_TK[place], self.relevance_TF[place] = tune(
            self._shared(tuning, tuned_M),
            tuning[1][:, : self.n_own],
            labels_N[rows_M],
            weights_N[rows_M],
            relevances=exact,
        )
        noise = self.settings_TK[place, -1].exp().double()

        def kernel(rows: Tensor) -> Tensor:
            chunks = (tuple(part[chunk] for part in inputs) for chunk in rows.split(CHUNK))
            return torch.cat([self._kernel(chunk, self._shared(chunk), place) for chunk in chunks])

        if not exact:
            self.weights_TP[place], scores_N = _reduced(
                kernel, landmarks_P, labels_N, noise, weights_N, groups_N
            )
            return scores_N
        noise_P = noise / weights_N[order_N]
        groups_P = None if groups_N is None else groups_N[order_N]
        weights_P, scores_P = _exact(kernel(order_N).double(), labels_N[order_N], noise_P, groups_P)
        self.weights_TP[place] = weights_P
        return torch.empty_like(scores_P).index_copy_(0, order_N, scores_P)

    @staticmethod
    def _tuned(labels_P: Tensor, *, evenly: bool) -> Tensor:
        """Places of the landmarks that tune the kernel; `evenly`, up to half of them have the rarer class."""
        places_K = (~labels_P.isnan()).nonzero()[:, 0]
        if not evenly:
            return places_K[:N_TUNED]
        is_one_K = labels_P[places_K] > 0
        rarer, other = sorted((places_K[is_one_K], places_K[~is_one_K]), key=len)
        rarer = rarer[: N_TUNED // 2]
        return torch.cat([rarer, other[: N_TUNED - len(rarer)]])


def _exact(
    kernel_PP: Tensor, labels_P: Tensor, noise_P: Tensor, groups_P: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Weights of the landmarks where they are all rows, and scores of rows left out; both float64 (P,)."""
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


def _members(groups_N: Tensor | None, known_K: Tensor) -> list[Tensor]:
    """Places among the known rows of each group that has several of them."""
    if groups_N is None:
        return []
    numbers_K, counts = groups_N[known_K].unique(return_inverse=True, return_counts=True)[1:]
    places = numbers_K.argsort(stable=True).split(counts.tolist())
    return [group for group in places if len(group) > 1]


def _reduced(
    kernel: Callable[[Tensor], Tensor],
    landmarks_P: Tensor,
    labels_N: Tensor,
    noise: Tensor,
    weights_N: Tensor,
    groups_N: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """The same where there are more rows than landmarks; scores are float64 (N,)."""
    prior_PP = kernel(landmarks_P).double()
    prior_PP.diagonal().add_(JITTER)
    root_PP = torch.linalg.cholesky(prior_PP)
    chunks = torch.arange(len(labels_N)).split(CHUNK)
    kernels_PB = (kernel(rows).double().T for rows in chunks)
    features_NP = torch.cat(
        [torch.linalg.solve_triangular(root_PP, part_PB, upper=False).T.float() for part_PB in kernels_PB]
    )
    gram_PP = noise * torch.eye(len(landmarks_P), dtype=torch.float64)
    target_P = torch.zeros(len(landmarks_P), dtype=torch.float64)
    for rows in (~labels_N.isnan()).nonzero()[:, 0].split(CHUNK):
        chunk_BP = features_NP[rows].double()
        weighted_PB = chunk_BP.T * weights_N[rows]
        gram_PP.addmm_(weighted_PB, chunk_BP)
        target_P += weighted_PB @ labels_N[rows]
    gram_root_PP = torch.linalg.cholesky(gram_PP)
    solution_P = torch.cholesky_solve(target_P[:, None], gram_root_PP)
    scores_N = torch.empty_like(labels_N)
    for rows in chunks:
        chunk_BP, labels_B = features_NP[rows].double(), labels_N[rows]
        scores_B = (chunk_BP @ solution_P)[:, 0]
        # A row pulls its own score by its leverage; without it the residual is that much larger.
        leverage_B = torch.linalg.solve_triangular(gram_root_PP, chunk_BP.T, upper=False).square().sum(0)
        leverage_B *= weights_N[rows]
        left_out_B = labels_B - (labels_B - scores_B) / (1 - leverage_B).clamp(min=1e-6)
        scores_N[rows] = torch.where(labels_B.isnan(), scores_B, left_out_B)
    known_K = (~labels_N.isnan()).nonzero()[:, 0]
    for group in _members(groups_N, known_K):
        rows = known_K[group]
        part_GP = features_NP[rows].double()
        half_PG = torch.linalg.solve_triangular(gram_root_PP, part_GP.T, upper=False)
        pull_GG = torch.eye(len(rows), dtype=torch.float64) - (half_PG.T @ half_PG) * weights_N[rows]
        residual_G = labels_N[rows] - (part_GP @ solution_P)[:, 0]
        scores_N[rows] = labels_N[rows] - torch.linalg.lstsq(pull_GG, residual_G[:, None]).solution[:, 0]
    return torch.linalg.solve_triangular(root_PP.T, solution_P, upper=True)[:, 0], scores_N


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
