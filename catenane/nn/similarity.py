"""Similarities of strings by what is read of them, for Gaussian processes.

Axes: N and P rows that are compared, F features, B kinds of fragments, U columns of their unary code.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["rational_quadratic", "squared_distances", "tanimoto", "unary"]


def squared_distances(a_NF: Tensor, b_PF: Tensor) -> Tensor:
    """Squared Euclidean distances, (N, P)."""
    norms_NP = a_NF.square().sum(dim=1)[:, None] + b_PF.square().sum(dim=1)
    return torch.addmm(norms_NP, a_NF, b_PF.T, alpha=-2.0).clamp(min=0.0)


def rational_quadratic(squared_NP: Tensor, length: Tensor, shape: Tensor) -> Tensor:
    """(1 + d² / 2 a l²)^-a: a mixture of squared exponentials of many lengths around l.

    Source: C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning, 2006, eq. 4.19.
    """
    return (1 + squared_NP / (2 * shape * length.square())) ** -shape


def unary(counts_NB: Tensor, highest: int) -> Tensor:
    """Counts up to `highest` in unary code, so that products of rows are sums of the smaller counts.

    Returns:
        float32 tensor of shape (N, highest * B): column (c, b) is 1 where the count b is above c.
    """
    above_C1 = torch.arange(highest, device=counts_NB.device)[:, None]
    return (counts_NB[:, None, :] > above_C1).flatten(1).float()


def tanimoto(shared_NP: Tensor, sizes_N: Tensor, sizes_P: Tensor) -> Tensor:
    """Σ min / Σ max of the counts of two rows; two rows without any fragment are alike.

    Args:
        shared_NP: Σ min of each pair, the product of their unary codes.
        sizes_N: Sum of the counts of each row.
        sizes_P: The same of the others.

    Source: L. Ralaivola et al., Neural Netw. 2005, 18, 1093, definition 3 (the MinMax kernel).
    """
    all_NP = sizes_N[:, None] + sizes_P - shared_NP
    return torch.where(all_NP > 0, shared_NP / all_NP.clamp(min=1.0), 1.0)
