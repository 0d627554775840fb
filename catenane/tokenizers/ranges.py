"""Many index ranges at once, without a loop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["expand_ranges"]


def expand_ranges(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The indices `start, start + 1, ...`, `count` of them, of every range, one range after the other.

    Args:
        starts: First index of each range, shape (n,).
        counts: Size of each range, shape (n,), not negative.

    Returns:
        Array of shape (sum of counts,).
    """
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    indices: NDArray[np.int64] = np.arange(total) + np.repeat(starts - (ends - counts), counts)
    return indices
