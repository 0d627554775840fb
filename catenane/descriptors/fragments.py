"""Morgan fragments of molecules: the surroundings of every atom, hashed and counted.

Source: D. Rogers, M. Hahn, J. Chem. Inf. Model. 2010, 50, 742.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catenane.notation import NotationName, Record, compute_all, rdkit_errors

__all__ = ["HAS_FRAGMENTS", "count_fragments", "fragments"]

N_KINDS, RADIUS = 2048, 2
"""Kinds that fragments are folded to, and how many bonds they reach from their centre."""
HAS_FRAGMENTS: frozenset[NotationName] = frozenset({"smiles"})
"""Notations whose strings are one molecule each."""


def count_fragments(records: Sequence[Record], n_kinds: int = N_KINDS) -> NDArray[np.uint8]:
    """Counts of fragments, folded to `n_kinds` columns: (N, n_kinds); zero where there is no molecule."""
    result = np.zeros((len(records), n_kinds), dtype=np.uint8)
    for row, (kinds, counts) in enumerate(compute_all(records, fragments)):
        np.add.at(result[row], kinds % n_kinds, counts)
    return result


def fragments(record: Record) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Kinds of fragments that occur in a molecule, and their counts; both empty for what is none.

    Raises:
        NotationError: RDKit fails on it.
    """
    if record.notation not in HAS_FRAGMENTS:
        return np.zeros(0, np.uint16), np.zeros(0, np.uint8)
    with rdkit_errors(record.text):
        found = _generator().GetCountFingerprint(record.parsed.mol).GetNonzeroElements()
    kinds = np.fromiter(found, np.uint16, len(found))
    return kinds, np.minimum(np.fromiter(found.values(), np.int64, len(found)), 255).astype(np.uint8)


@cache
def _generator() -> Any:
    from rdkit.Chem import rdFingerprintGenerator

    return rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=N_KINDS)
