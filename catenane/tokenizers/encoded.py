"""The token ids of many strings, in one flat array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catenane.tokenizers.ranges import expand_ranges

__all__ = ["EncodedStrings"]


@dataclass(frozen=True, eq=False)
class EncodedStrings:
    """Token ids of n strings, [CLS] and [SEP] included, end to end.

    String i owns `ids[offsets[i]:offsets[i + 1]]`.
    """

    ids: NDArray[np.uint16]
    """Shape (n_tokens,)."""
    offsets: NDArray[np.int64]
    """Shape (n + 1,), from 0 to n_tokens."""
    n_unknown: NDArray[np.int32]
    """How many of the string's ids are [UNK], shape (n,)."""
    n_cut: NDArray[np.int32]
    """How many of the string's tokens truncation dropped, shape (n,)."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Ids of each string, shape (n,)."""
        return np.diff(self.offsets)

    def take(self, indices: NDArray[np.integer[Any]]) -> EncodedStrings:
        """The strings at these places, shape (m,), in this order; a place may come more than once."""
        lengths = self.lengths[indices]
        return EncodedStrings(
            ids=self.ids[expand_ranges(self.offsets[:-1][indices], lengths)],
            offsets=np.append(0, np.cumsum(lengths)),
            n_unknown=self.n_unknown[indices],
            n_cut=self.n_cut[indices],
        )
