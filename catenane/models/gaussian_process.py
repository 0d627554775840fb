"""A property head without gradient descent: Gaussian-process regression on what is read of a string.

Axes: N rows to learn from, B rows to predict, P landmarks, M rows that tune a kernel, D width of the stream,
F descriptors, C kinds of fragments, T targets, K settings of a kernel.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import Tensor

from catenane.config import HeadConfig
from catenane.errors import DataError
from catenane.models.head import Head, standardised_inputs
from catenane.models.logistic import logistic_curve
from catenane.models.posterior import CHUNK, JITTER, LandmarkProcess, learn_from_rows
from catenane.models.string_kernel import (
    FEATURE_SETTINGS,
    SETTINGS,
    SharedFragments,
    Similarity,
    combine,
    compare_descriptors,
    squared_distances,
    tune,
)

__all__ = ["GaussianProcessHead"]

MOST_COUNTED = 4
"""Counts of a fragment are cut off here: how often a longer chain repeats itself is in the descriptors."""
N_TUNED = 1_200
"""Landmarks on which the settings of a kernel are chosen."""


Inputs: TypeAlias = tuple[Tensor, ...]
"""What is compared of strings: standardised states (N, D) and descriptors (N, F), and fragment counts (N, C),
uint8."""


class GaussianProcessHead(Head):
    """Predicts T targets by similarity to at most P training rows, the landmarks.

    The kernel is a sum of similarities by encoder states, by descriptors (one with a length, one linear) and
    by shared fragments of either kind; one by features is added and multiplied with it. Its weights and
    lengths, and the relevance of each descriptor, are chosen for each target by marginal likelihood under a
    prior. With more training rows than landmarks, rows are related through the landmarks alone, so that cost
    is linear in the rows; half of the landmarks then have the rarer class of two, as long as there are such
    rows.

    Classes are learnt as numbers, and scores become probabilities by a logistic curve fitted to the
    leave-one-out predictions.

    Arguments are those of `Head`; of the settings `landmarks`, `fragments` and `target_scale` are used.

    Source: C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning, 2006, chapters 2, 5
    and 8.3; leave-one-out predictions eq. 5.12; logistic curve J. Platt, Adv. Large Margin Classif. 1999.
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
            float64 tensor of shape (2, N, T): the score of each row by the process of the others, on the
            scale of the loss, and its deviation, see `with_deviation`; of a row without a label, its score.

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
        order_N = self._drawn(targets_NT, seed)
        chosen_P = order_N[: len(self.landmark_states_PD)]
        for part, of_all in zip(self._landmarks, inputs, strict=True):
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
        own_N = torch.arange(len(order_N)) if groups_N is None else groups_N
        deviation_NT = torch.full_like(left_out_NT, torch.nan)
        for rows in order_N.split(CHUNK) if self.task == "regression" else ():
            alike_BP = own_N[rows, None] == own_N[chosen_P]
            deviation_NT[rows] = self._scored(tuple(part[rows] for part in inputs), alike_BP)[1].double()
        return torch.stack([self._to_loss_scale(left_out_NT), deviation_NT])

    def forward(
        self, pooled_BD: Tensor, descriptors_BF: Tensor | None = None, *, per_member: bool = False
    ) -> Tensor:
        """As in `Head`; the process is its only member."""
        scores_BT = self.with_deviation(pooled_BD, descriptors_BF)[0]
        return scores_BT[None] if per_member else scores_BT

    def with_deviation(self, pooled_BD: Tensor, descriptors_BF: Tensor | None = None) -> Tensor:
        """As in `Head`; it is that of a process of one row, the landmark that leaves the smallest one.

        In deviations of the labels, and of numbers alone. A whole process would need the inverse of the
        covariances of all landmarks, and widths of intervals that follow from it are not better.
        """
        parts = (part.split(CHUNK) for part in self._inputs(pooled_BD, descriptors_BF))
        chunks = zip(*parts, strict=True)
        scores_BT, deviation_BT = torch.cat([self._scored(chunk) for chunk in chunks], dim=1)
        return torch.stack([self._to_loss_scale(scores_BT), deviation_BT])

    @property
    def _landmarks(self) -> Inputs:
        return self.landmark_states_PD, self.landmark_descriptors_PF, self.landmark_fragments_PC

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

    def _scored(self, inputs: Inputs, alike_BP: Tensor | None = None) -> Tensor:
        """Scores and deviations, (2, B, T); a landmark that is alike does not count for the latter."""
        shared, columns = self._shared(inputs), []
        for place in range(self.n_scores):
            kernel_BP = self._kernel(inputs, shared, place)
            score_B = kernel_BP @ self.weights_TP[place]
            deviation_B = torch.full_like(score_B, torch.nan)
            if self.task == "regression":
                noise = self.settings_TK[place, -1].exp()
                explained_BP = (
                    kernel_BP.detach().square().div_(self._variances(self._landmarks, place) + noise)
                )
                if alike_BP is not None:
                    explained_BP.masked_fill_(alike_BP, 0.0)
                left_B = self._variances(inputs, place) + noise - explained_BP.amax(dim=1)
                deviation_B = left_B.clamp(min=JITTER).sqrt()
            columns.append(torch.stack([score_B, deviation_B]))
        return torch.stack(columns, dim=2)

    def _kernel(self, inputs: Inputs, shared: Similarity, place: int) -> Tensor:
        """Of one target, between rows and all landmarks."""
        own_BF, own_PF = inputs[1][:, : self.n_own], self.landmark_descriptors_PF[:, : self.n_own]
        similarity = shared | compare_descriptors(own_BF, own_PF, self.relevance_TF[place])
        return combine(similarity, self.settings_TK[place])

    def _variances(self, inputs: Inputs, place: int) -> Tensor:
        """Of one target, the covariance of each row with itself, (B,)."""
        own_B1F = inputs[1][:, None, : self.n_own]
        same_B11 = own_B1F.new_zeros(len(own_B1F), 1, 1)
        distances = {"state": same_B11} | ({"feature": same_B11} if self.n_features else {})
        shares = dict.fromkeys(self._kinds, same_B11 + 1)
        similarity = distances | shares | compare_descriptors(own_B1F, own_B1F, self.relevance_TF[place])
        return combine(similarity, self.settings_TK[place])[:, 0, 0]

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
        tuned_M = (~labels_N[landmarks_P].isnan()).nonzero()[:N_TUNED, 0]
        rows_M = landmarks_P[tuned_M]
        tuning = tuple(part[rows_M] for part in inputs)
        self.settings_TK[place], self.relevance_TF[place] = tune(
            self._shared(tuning, tuned_M),
            tuning[1][:, : self.n_own],
            labels_N[rows_M],
            weights_N[rows_M],
        )
        noise_N = self.settings_TK[place, -1].exp().double() / weights_N

        def kernel(rows: Tensor) -> Tensor:
            chunks = (tuple(part[chunk] for part in inputs) for chunk in rows.split(CHUNK))
            return torch.cat([self._kernel(chunk, self._shared(chunk), place) for chunk in chunks])

        if len(landmarks_P) < len(labels_N):
            variance_N = self._variances(inputs, place)
            process = LandmarkProcess(kernel, landmarks_P, variance_N, labels_N, noise_N)
            self.weights_TP[place] = process.weights_P
            return process.left_out(groups_N)
        groups_P = None if groups_N is None else groups_N[order_N]
        weights_P, scores_P = learn_from_rows(
            kernel(order_N).double(), labels_N[order_N], noise_N[order_N], groups_P
        )
        self.weights_TP[place] = weights_P
        return torch.empty_like(scores_P).index_copy_(0, order_N, scores_P)

    def _drawn(self, targets_NT: Tensor, seed: int) -> Tensor:
        """Places of all rows in a random order; of classes the rarer ones come first."""
        generator = torch.Generator().manual_seed(seed)
        if self.task == "regression":
            return torch.randperm(len(targets_NT), generator=generator)
        share_T = targets_NT.nanmean(dim=0)
        rarity_NT = 1 / torch.where(targets_NT > 0, share_T, 1 - share_T)
        rarity_N = torch.where(targets_NT.isnan(), 0.0, rarity_NT).amax(dim=1)
        # Drawn one after the other with these weights (P. S. Efraimidis, P. G. Spirakis, Inf. Process. Lett.
        # 2006, 97, 181): half of the first rows have the rarer class of two, as long as there are such rows.
        waits_N = torch.empty_like(rarity_N).exponential_(generator=generator) / rarity_N
        return waits_N.argsort()
