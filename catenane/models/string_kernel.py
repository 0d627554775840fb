"""The kernel of a Gaussian process over strings: a weighted sum of similarities, and how it is tuned.

Axes: B and P strings that are compared, M training strings that tune the kernel, K settings, F features, C
kinds of fragments, N counts of one, U counts of kinds that occur.

Source: C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning, 2006, sections 4.2, 5.4.
"""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from catenane.models.posterior import JITTER

__all__ = [
    "FEATURE_SETTINGS",
    "SETTINGS",
    "SharedFragments",
    "Similarity",
    "combine",
    "compare_descriptors",
    "rational_quadratic",
    "squared_distances",
    "tune",
]

SETTINGS = {
    "descriptor_weight": -0.7,
    "descriptor_length": 0.0,
    "descriptor_shape": 0.0,
    "state_weight": -0.7,
    "state_length": 0.0,
    "state_shape": 0.0,
    "linear_weight": -0.7,
    "fragment_weight": -1.4,
    "role_weight": -1.4,
    "noise": -1.6,
}
"""Logarithms of a kernel's settings before the labels are seen: each part explains half a variance,
fragments of both kinds together."""
FEATURE_SETTINGS = {"feature_weight": 0.0, "feature_length": 0.0, "feature_shape": 0.0}
"""The same of features that are given with the strings; they stand before the others where there are any."""
PRIOR = 8.0
"""Cost in nats of moving such a logarithm by one. Labels of similar molecules alone would drive it far, and
what lies outside the training set would be predicted worse."""
RELEVANCE_PRIOR = 1.0
"""The same of the relevance of a descriptor, which is one before the labels are seen."""


Similarity: TypeAlias = dict[str, Tensor]
"""What kernels are made of, (B, P) each: squared distances by `state`, `descriptor` and `feature`, the
`linear` product of descriptors, and the share of fragments in common, by `fragment` and `role`; of these what
there is. Those of descriptors differ by target, see `compare_descriptors`."""


def combine(similarity: Similarity, settings_K: Tensor) -> Tensor:
    """The kernel, (B, P), of the dtype of the similarities.

    Parts are summed. That of features is multiplied with the sum of the others as well: what a feature does
    depends on the string.
    """
    settings_K = settings_K.to(similarity["state"].dtype).exp()
    setting = dict(zip(_starting(similarity), settings_K, strict=True))
    kernel_BP = torch.zeros_like(similarity["state"])
    for name, part_BP in sorted(similarity.items(), key=lambda part: part[0] == "feature"):
        if f"{name}_length" in setting:
            part_BP = rational_quadratic(part_BP, setting[f"{name}_length"], setting[f"{name}_shape"])
        part_BP = setting[f"{name}_weight"] * part_BP
        kernel_BP = kernel_BP + (part_BP * (1 + kernel_BP) if name == "feature" else part_BP)
    return kernel_BP


def _starting(similarity: Similarity) -> dict[str, float]:
    """The settings of a kernel of these parts, `noise` the last."""
    return FEATURE_SETTINGS | SETTINGS if "feature" in similarity else SETTINGS


def compare_descriptors(a_BF: Tensor, b_PF: Tensor, relevance_F: Tensor) -> Similarity:
    """`linear` products and squared distances by `descriptor`, each descriptor weighed by its relevance.

    Source: Rasmussen and Williams, section 5.1 (automatic relevance determination).
    """
    if not (n_descriptors := a_BF.shape[-1]):
        return {}
    weighted_BF = a_BF * relevance_F / n_descriptors
    product_BP = weighted_BF @ b_PF.mT
    norms_P = b_PF.square() @ relevance_F / n_descriptors
    norms_BP = (weighted_BF * a_BF).sum(dim=-1)[..., :, None] + norms_P[..., None, :]
    return {"linear": product_BP, "descriptor": (norms_BP - 2 * product_BP).clamp(min=0.0)}


@torch.enable_grad()
def tune(shared: Similarity, own_MF: Tensor, labels_M: Tensor, weights_M: Tensor) -> tuple[Tensor, Tensor]:
    """The settings, and relevances of descriptors, that make the labels likeliest under the prior.

    Args:
        shared: What the rows have in common, but by descriptors.
        own_MF: Their descriptors, standardised.
        labels_M: Standardised as well.
        weights_M: A label of weight w has the noise of one of weight 1, divided by w.

    Returns:
        Logarithms of the settings, float32 (K,), and the relevance of each descriptor, float32 (F,).
    """
    start_K = torch.tensor(list(_starting(shared).values()))
    settings_K = start_K.clone().requires_grad_()
    logs_F = own_MF.new_zeros(own_MF.shape[1]).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [settings_K, logs_F], lr=0.5, max_iter=15, tolerance_change=1e-4, line_search_fn="strong_wolfe"
    )

    def cost() -> Tensor:
        optimizer.zero_grad()
        similarity = shared | compare_descriptors(own_MF, own_MF, logs_F.exp())
        kernel_MM = combine(similarity, settings_K)
        kernel_MM = kernel_MM + (settings_K[-1].exp() / weights_M.float() + JITTER).diag()
        root_MM = torch.linalg.cholesky(kernel_MM.detach().double())
        inverse_MM = torch.cholesky_inverse(root_MM)
        solution_M = inverse_MM @ labels_M
        prior = PRIOR * (settings_K - start_K).square().sum() + RELEVANCE_PRIOR * logs_F.square().sum()
        prior.backward()
        # Eq. 5.9: half the time of a gradient through the decomposition.
        kernel_MM.backward((inverse_MM - torch.outer(solution_M, solution_M)).to(kernel_MM) / 2)
        nats: Tensor = labels_M @ solution_M / 2 + root_MM.diagonal().log().sum() + prior.detach()
        return nats

    optimizer.step(cost)
    return settings_K.detach().float(), logs_F.detach().exp().float()


def squared_distances(a_BF: Tensor, b_PF: Tensor) -> Tensor:
    """Squared Euclidean distances, (B, P)."""
    norms_BP = a_BF.square().sum(dim=1)[:, None] + b_PF.square().sum(dim=1)
    return torch.addmm(norms_BP, a_BF, b_PF.T, alpha=-2.0).clamp(min=0.0)


def rational_quadratic(squared_BP: Tensor, length: Tensor, shape: Tensor) -> Tensor:
    """(1 + d² / 2 a l²)^-a, eq. 4.19: a mixture of squared exponentials of many lengths around l."""
    # A logarithm and an exponential take two thirds of the time of a power.
    return torch.exp(-shape * torch.log1p(squared_BP / (2 * shape * length.square())))


class SharedFragments:
    """The share of fragments that rows have in common with P landmarks: Σ min / Σ max of their counts.

    The sum of the smaller counts needs only the kinds that occur in a row: a table holds, for each of them
    and each count of it, the smaller one of this count and every landmark's.

    Args:
        counts_PC: Counts of the landmarks, uint8.
        highest: Larger counts are taken for this one.

    Source: L. Ralaivola et al., Neural Netw. 2005, 18, 1093, definition 3 (the MinMax kernel).
    """

    def __init__(self, counts_PC: Tensor, highest: int) -> None:
        self.highest = highest
        counts_PC = counts_PC.clamp(max=highest)
        self.sizes_P = counts_PC.sum(dim=1).float()
        levels_N = torch.arange(1, highest + 1, dtype=torch.uint8, device=counts_PC.device)
        kinds_U, places_U = (counts_PC.amax(dim=0)[:, None] >= levels_N).nonzero(as_tuple=True)
        smaller_UP = torch.minimum(counts_PC.T[kinds_U], levels_N[places_U, None])
        # Half precision takes half the time; sums are exact up to 2,048. Row 0 is of what no landmark has.
        self.table_UP = torch.cat([smaller_UP.new_zeros(1, len(counts_PC)), smaller_UP]).half()
        rows_CN = kinds_U.new_zeros(counts_PC.shape[1], highest + 1)
        rows_CN[kinds_U, places_U + 1] = torch.arange(1, len(kinds_U) + 1, device=counts_PC.device)
        # Counts that no landmark reaches have the row of the largest that one does.
        self.rows_CN = rows_CN.cummax(dim=1).values.int()

    def __call__(self, counts_BC: Tensor) -> Tensor:
        """Similarities, (B, P), of rows with these counts, uint8; two rows without any fragment are alike."""
        counts_BC = counts_BC.clamp(max=self.highest)
        strings_M, kinds_M = counts_BC.nonzero(as_tuple=True)
        n_kinds_B = strings_M.bincount(minlength=len(counts_BC))
        rows_M = self.rows_CN[kinds_M, counts_BC[strings_M, kinds_M].long()]
        starts_B = (n_kinds_B.cumsum(dim=0) - n_kinds_B).int()
        shared_BP = embedding_bag(rows_M, self.table_UP, starts_B, mode="sum").float()
        all_BP = (counts_BC.sum(dim=1).float()[:, None] + self.sizes_P).sub_(shared_BP)
        return shared_BP.div_(all_BP).nan_to_num_(nan=1.0)  # 0 / 0
