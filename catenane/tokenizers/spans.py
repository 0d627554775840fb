"""Ids of tokens looked up by where they stand in a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["WORD_BYTES", "SpanTable", "words_at"]

WORD_BYTES = 8
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(WORD_BYTES + 1)], np.uint64)


def words_at(padded: bytes, starts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The eight bytes from each place on as one little-endian number, shape (n,).

    Args:
        padded: A text with eight spare bytes behind it.
        starts: Places in the text, shape (n,).
    """
    return _windows(padded, "<u8")[starts]


class SpanTable:
    """The tokens of a vocabulary, sorted for a search.

    A token of up to eight bytes is kept as a number. The few longer ones are kept as text, one table for each
    size.
    """

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        short: dict[int, int] = {}
        long: dict[int, dict[bytes, int]] = {}
        for token, number in vocabulary.items():
            text = token.encode("utf-8", "surrogatepass")
            if len(text) <= WORD_BYTES:
                short[int.from_bytes(text, "little")] = number
            else:
                long.setdefault(len(text), {})[text] = number
        self._short = _Column(short, np.uint64)
        self._long = {size: _Column(tokens, f"S{size}") for size, tokens in long.items()}

    def find(self, padded: bytes, starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.int32]:
        """The id of each span, -1 where no token reads so, shape (n,).

        Args:
            padded: A text with eight spare bytes behind it.
            starts: First byte of each span, shape (n,).
            sizes: Bytes of each span, shape (n,).
        """
        words = words_at(padded, starts) & _MASKS[np.minimum(sizes, WORD_BYTES)]
        found = self._short.find(words)
        found[sizes > WORD_BYTES] = -1
        for size, tokens in self._long.items():
            rows = np.flatnonzero(sizes == size)
            if len(rows):
                found[rows] = tokens.find(_windows(padded, f"S{size}")[starts[rows]])
        return found


class _Column:
    """Sorted keys of one dtype, each with an id."""

    def __init__(self, ids: Mapping[Any, int], dtype: Any) -> None:
        keys = sorted(ids)
        # One entry more than there are keys, so that a search past the last key still reads one.
        self._keys = np.array([*keys, *keys[:1]], dtype)
        self._ids = np.array([*(ids[key] for key in keys), -1], np.int32)

    def find(self, wanted: NDArray[Any]) -> NDArray[np.int32]:
        places = np.searchsorted(self._keys[:-1], wanted)
        return np.where(self._keys[places] == wanted, self._ids[places], np.int32(-1))


def _windows(padded: bytes, dtype: str) -> NDArray[Any]:
    """All overlapping stretches of a text, one from each byte on, without a copy."""
    size = np.dtype(dtype).itemsize
    return np.ndarray((len(padded) - size + 1,), dtype, padded, strides=(1,))
