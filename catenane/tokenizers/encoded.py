"""The token ids of many strings, in one flat array, and what was lost on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["EncodedStrings", "TokenSlice", "Tokenization", "expand_ranges"]

_SHOWN = 5


@dataclass(frozen=True, eq=False)
class TokenSlice:
    """Token ids of n strings, [CLS] and [SEP] included, end to end.

    String i owns `ids[offsets[i]:offsets[i + 1]]`.
    """

    ids: NDArray[np.uint16]
    """Shape (n_tokens,)."""
    offsets: NDArray[np.int64]
    """Shape (n + 1,), from 0 to n_tokens."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Ids of each string, shape (n,)."""
        return np.diff(self.offsets)

    def inputs(self) -> tuple[Tensor, Tensor]:
        """What a transformer reads: ids, int64, padded on the right, and which are real."""
        import torch

        keep_BL = np.arange(self.lengths.max(initial=0)) < self.lengths[:, None]
        ids_BL = np.zeros(keep_BL.shape, dtype=np.int64)  # [PAD] is 0 in every vocabulary
        ids_BL[keep_BL] = self.ids
        return torch.from_numpy(ids_BL), torch.from_numpy(keep_BL)


@dataclass(frozen=True, eq=False)
class EncodedStrings(TokenSlice):
    """The same, and what was lost on the way."""

    n_unknown: NDArray[np.int32]
    """Ids of each string that are [UNK], shape (n,)."""
    n_cut: NDArray[np.int32]
    """Tokens of each string that truncation dropped, shape (n,)."""

    @property
    def tokens(self) -> Self:
        """The tokens of the strings, as of whatever else an encoder reads."""
        return self

    def take(self, indices: NDArray[np.integer[Any]]) -> EncodedStrings:
        """The strings at these places, shape (m,), in this order; a place may come more than once."""
        lengths = self.lengths[indices]
        return EncodedStrings(
            ids=self.ids[expand_ranges(self.offsets[:-1][indices], lengths)],
            offsets=np.append(0, np.cumsum(lengths)),
            n_unknown=self.n_unknown[indices],
            n_cut=self.n_cut[indices],
        )


@dataclass(frozen=True)
class Tokenization:
    """Counts over a set of strings; `str` of it is one line to read."""

    n_strings: int
    n_tokens: int
    """Ids kept, [CLS] and [SEP] included."""
    longest: int
    """Ids of the longest string before truncation."""
    n_unknown: int
    n_strings_unknown: int
    unknown: tuple[tuple[str, int], ...]
    """Every unknown token and its count before truncation, the commonest first."""
    n_cut: int
    n_strings_cut: int

    def __str__(self) -> str:
        unknown, cut = "no unknown tokens", "nothing cut"
        if self.n_unknown:
            shown = ", ".join(f"{token!r} ({count:,})" for token, count in self.unknown[:_SHOWN])
            more = ", ..." if len(self.unknown) > _SHOWN else ""
            unknown = (
                f"{self.n_unknown:,} unknown tokens in {self.n_strings_unknown:,} strings: {shown}{more}"
            )
        if self.n_cut:
            cut = f"{self.n_cut:,} tokens cut from {self.n_strings_cut:,} strings"
        size = f"{self.n_strings:,} strings, {self.n_tokens:,} tokens, longest {self.longest:,}"
        return f"{size}; {unknown}; {cut}"


def expand_ranges(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The indices `start, start + 1, ...`, `count` of them, of n ranges (n,) end to end, without a loop."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    indices: NDArray[np.int64] = np.arange(total) + np.repeat(starts - (ends - counts), counts)
    return indices
