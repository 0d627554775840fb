"""Taylor-Butina clusters of molecules by Morgan fingerprints, in memory that grows linearly with the rows.

Each molecule's neighbours are counted; the one with most becomes the centre of a cluster and takes them, then
the next that is still free, and so on. Distances are computed in blocks and never kept, twice at most, so
the time grows with the square of the rows and the memory with the rows alone.

Source: R. Taylor, J. Chem. Inf. Comput. Sci. 1995, 35, 59; D. Butina, ibid. 1999, 39, 747.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from catenane.descriptors import fragments
from catenane.notation import Record, compute_all

__all__ = ["butina_clusters"]

SIMILARITY = 0.4
"""Least Tanimoto similarity of neighbours: a distance of 0.6, as in DeepChem's splitter."""
BLOCK = 128
"""Molecules compared at once with all others."""


def butina_clusters(records: Sequence[Record]) -> NDArray[np.int64]:
    """Cluster of each molecule, (N,), numbered from 0, those with the densest centres first.

    Fingerprints are RDKit's, of radius 2 in 2048 bits. Of two molecules with equally many neighbours the
    later is a centre first, as in RDKit.
    """
    kinds = [found for found, _ in compute_all(records, fragments)]
    size_N = np.array([len(found) for found in kinds])
    columns, bounds = np.concatenate([np.zeros(0, np.uint16), *kinds]), np.append(0, np.cumsum(size_N))
    bits = sparse.csr_matrix((np.ones(len(columns), np.float32), columns, bounds), (len(kinds), 2048))
    every = bits.T.tocsr()

    def neighbours(rows: NDArray) -> sparse.csr_matrix:
        """Which of all molecules (N,) are neighbours of these (B,), themselves among them."""
        common = (bits[rows] @ every).tocsr()
        owner = np.repeat(rows, np.diff(common.indptr))
        union = size_N[owner] + size_N[common.indices] - common.data
        common.data = (common.data >= SIMILARITY * union - 1e-6).astype(np.float32)
        common.eliminate_zeros()
        return common

    blocks = np.split(np.arange(len(kinds)), np.arange(BLOCK, len(kinds), BLOCK))
    n_N = np.concatenate([np.diff(neighbours(rows).indptr) for rows in blocks])
    order = np.lexsort((np.arange(len(kinds)), n_N))[::-1]
    cluster_N, n_clusters = np.full(len(kinds), -1), 0
    while len(order := order[cluster_N[order] < 0]):
        ahead = order[:BLOCK]
        found = neighbours(ahead)
        for place, centre in enumerate(ahead):
            if cluster_N[centre] < 0:
                near = found.indices[found.indptr[place] : found.indptr[place + 1]]
                cluster_N[near[cluster_N[near] < 0]] = cluster_N[centre] = n_clusters
                n_clusters += 1
    return cluster_N
