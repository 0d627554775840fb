"""Strings as sparse counts of token n-grams."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from catenane.notation import NotationName
from catenane.tokenizers import load_tokenizer

__all__ = ["commonest_columns", "ngram_counts", "varying_columns"]

N_BUCKETS = 1 << 18
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: products spread over all high bits (Knuth, vol. 3, section 6.4)."""


def ngram_counts(strings: Sequence[str], notation: NotationName, longest: int = 4) -> sparse.csr_matrix:
    """How often each token n-gram occurs, n from 1 to `longest`.

    N-grams are hashed to 2^18 columns in one vectorised pass; [CLS] and [SEP] mark beginnings and ends.

    Returns:
        float32 CSR matrix of shape (len(strings), 262144).
    """
    encoded = load_tokenizer(notation).encode_flat(strings)
    ids = encoded.ids.astype(np.uint64)
    rows = np.repeat(np.arange(len(strings)), encoded.lengths)
    keys = np.zeros(len(ids), dtype=np.uint64)
    found_rows, found_columns = [], []
    for n in range(1, longest + 1):
        # The key of an n-gram is that of its first n - 1 tokens, mixed with the token that follows.
        last = len(ids) - n + 1
        keys = (keys[:last] * MULTIPLIER + ids[n - 1 :] + np.uint64(1)) * MULTIPLIER
        inside = rows[:last] == rows[n - 1 :]
        found_rows.append(rows[:last][inside])
        found_columns.append((keys >> np.uint64(46)).astype(np.int64)[inside])
    places = np.concatenate(found_rows), np.concatenate(found_columns)
    ones = np.ones(len(places[0]), dtype=np.float32)
    counts = sparse.coo_matrix((ones, places), shape=(len(strings), N_BUCKETS))
    return counts.tocsr()


def commonest_columns(counts: sparse.csr_matrix, n_columns: int) -> np.ndarray:
    """The `n_columns` columns present in nearest to half of the rows, int64; never one that is constant."""
    share = counts.getnnz(axis=0) / counts.shape[0]
    spread = share * (1 - share)
    best = np.argsort(-spread, kind="stable")[:n_columns]
    return np.sort(best[spread[best] > 0])


def varying_columns(values: np.ndarray) -> np.ndarray:
    """The columns with at least two numbers that differ, int64; trees cannot bin a column of NaN."""
    return np.flatnonzero(np.fmin.reduce(values) < np.fmax.reduce(values))
