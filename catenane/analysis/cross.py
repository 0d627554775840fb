"""How strongly the atoms of one molecule and those of others attend to each other.

Axes: Y layers, H heads, A atoms.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from catenane.errors import UsageError
from catenane.inference import Attention

__all__ = ["Direction", "cross_scores"]

Direction: TypeAlias = Literal["received", "given"]


def cross_scores(
    attention: Attention, direction: Direction = "received", *, normalise: bool = True
) -> NDArray[np.float64]:
    """The score of each atom, summed over all atoms of the other molecules, between 0 and 1 in its own.

    A_m sums the weights from the atoms of the other molecules to the atom ("received", the order of arguments
    in Eq. 4) or from the atom to them ("given", as the paper reads its aspartate). Eq. 5 is read as the
    minimum and maximum over the atoms of one molecule in one head; where all are equal, the score is 0. The
    molecules are read as one text, so that each attends to the others; the paper does not say how it does.

    Args:
        attention: Of two or more strings.
        direction: Which way attention is summed.
        normalise: Apply Eq. 5; else the sums of Eq. 4.

    Returns:
        float64 (Y, H, A).

    Raises:
        UsageError: There is one string.

    Source: Payne et al. 2020, arXiv:2007.16012, Eq. 4 and 5.
    """
    if len(attention.records) < 2:
        raise UsageError("cross-molecule scores need two strings or more")
    pieces = attention.alignment.pieces
    string_A = np.array([piece.string for piece in pieces])[attention.alignment.piece_of_atom]
    elsewhere_AA = string_A[:, None] != string_A
    weights = np.where(elsewhere_AA, attention.of_atoms.astype(np.float64), 0)
    scores_YHA: NDArray[np.float64] = weights.sum(axis=-2 if direction == "received" else -1)
    if normalise:
        for string in range(len(attention.records)):
            own = scores_YHA[..., string_A == string]
            low, high = own.min(axis=-1, keepdims=True), own.max(axis=-1, keepdims=True)
            spread = np.where(high > low, high - low, 1)
            scores_YHA[..., string_A == string] = (own - low) / spread
    return scores_YHA
