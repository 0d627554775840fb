"""Strings of like length in one batch, so that nearly all of what is computed is real tokens.

Axes: B strings of a batch, L tokens of its longest, T targets, F descriptors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from catenane.errors import ConfigError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["LengthGroupedBatches", "StringBatch", "collate"]

BLOCK = 1 << 14
"""Strings that are read from one place of a large set."""
POOL = 64
"""Blocks that are sorted together."""
NOISE = 0.06
"""Share by which lengths are blurred; about half of it comes back as padding."""


class LengthGroupedBatches:
    """Batches of at most `batch_tokens` padded tokens, of strings of nearly equal length.

    With `shuffle`, the lengths are blurred by random noise, sorted and cut into batches, and the batches
    are shuffled; the noise differs between epochs, so that a string meets others each time. A set of
    more than a million strings is sorted in pools of blocks from all over it, which bounds the memory and
    keeps the reading local. The number and sizes of the batches are the same in every epoch.

    Args:
        lengths: Tokens of each string, integers of shape (N,); a memory map stays one.
        batch_tokens: Largest number of tokens of a batch, padding included; a longer string is a batch of
            its own.
        without: Places of strings to leave out, sorted int64.
        seed: Decides, with the epoch, every draw.
        shuffle: False gives every string in order of length, the longest first; that is for predictions.

    Raises:
        ConfigError: `batch_tokens` is less than 1.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        batch_tokens: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        without: np.ndarray | None = None,
    ) -> None:
        if batch_tokens < 1:
            raise ConfigError(f"batch_tokens={batch_tokens} must be at least 1")
        self._lengths = np.asarray(lengths)
        self._batch_tokens = batch_tokens
        self._seed = seed
        self._shuffle = shuffle
        self._blur = 1 + NOISE if shuffle else 1.0
        self._without = np.empty(0, np.int64) if without is None else without
        blocks = np.arange(-(-len(self._lengths) // BLOCK))
        if shuffle:
            blocks = np.random.default_rng(seed).permutation(blocks)
        self._pools = [np.sort(blocks[start : start + POOL]) for start in range(0, len(blocks), POOL)]
        self._counts = [len(self._batch_sizes(self._members(pool))) for pool in self._pools]

    def __len__(self) -> int:
        """Batches of an epoch."""
        return sum(self._counts)

    def batches(self, epoch: int, start: int = 0) -> Iterator[np.ndarray]:
        """The batches of an epoch, as int64 places of their strings; every string comes exactly once.

        Args:
            epoch: Which one, from 0.
            start: Batches to leave out at the beginning: the place at which to go on.
        """
        turns = np.arange(len(self._pools))
        if self._shuffle:
            turns = np.random.default_rng([self._seed, epoch]).permutation(turns)
        for turn in turns.tolist():
            if start >= self._counts[turn]:
                start -= self._counts[turn]
                continue
            members = self._members(self._pools[turn])
            sizes = self._batch_sizes(members)
            rng = np.random.default_rng([self._seed, epoch, turn])
            keys = self._lengths[members].astype(np.float64)
            if self._shuffle:
                keys *= rng.uniform(1, self._blur, len(keys))
            members = members[np.argsort(-keys, kind="stable")]
            ends = np.cumsum(sizes)
            order = rng.permutation(len(sizes)) if self._shuffle else np.arange(len(sizes))
            for batch in order[start:].tolist():
                yield members[ends[batch] - sizes[batch] : ends[batch]]
            start = 0

    def _members(self, pool: np.ndarray) -> np.ndarray:
        places = (pool[:, None] * BLOCK + np.arange(BLOCK)).ravel()
        places = places[places < len(self._lengths)]
        without = self._without[np.isin(self._without // BLOCK, pool)]
        return np.delete(places, np.searchsorted(places, without))

    def _batch_sizes(self, members: np.ndarray) -> np.ndarray:
        """Strings of each batch, the longest strings first.

        The n-th largest blurred length is at most the n-th largest length with all the noise, so sizes that
        suffice for that suffice for every draw.
        """
        counts_by_length = np.bincount(self._lengths[members])
        lengths = np.flatnonzero(counts_by_length)
        counts = counts_by_length[lengths]
        sizes = []
        place = end = 0
        for length, count in zip(lengths[::-1].tolist(), counts[::-1].tolist(), strict=True):
            end += count
            size = max(int(self._batch_tokens // max(math.floor(length * self._blur), 1)), 1)
            n_begun = -(-max(end - place, 0) // size)
            sizes.append(np.full(n_begun, size))
            place += n_begun * size
        found = np.concatenate(sizes) if sizes else np.empty(0, np.int64)
        found[-1:] -= place - end
        return found


class Encoded(Protocol):
    """Many strings as an encoder reads them: tokens, graphs of atoms, ..."""

    def take(self, indices: np.ndarray) -> Any:
        """Those at these places, in this order; of these `inputs()` makes tensors."""


@dataclass(frozen=True, eq=False)
class StringBatch:
    """B strings as an encoder reads them, with what belongs to them."""

    inputs: Any
    """What the encoder reads, tensors: of tokens ids and which are real, (B, L), see `TokenSlice.inputs`."""
    targets_BT: Tensor | None
    """float32, NaN where a label is missing."""
    descriptors_BF: Tensor | None
    """float32, NaN where a descriptor is not defined."""
    weights_BT: Tensor | None = None
    """float32, of the labels; None where all count alike."""
    bounds_BT: Tensor | None = None
    """float32, see `Table.bounds`."""

    @property
    def ids_BL(self) -> Tensor:  # noqa: N802
        """Token ids, int64, padded on the right to the longest."""
        ids_BL: Tensor = self.inputs[0]
        return ids_BL

    @property
    def keep_BL(self) -> Tensor:  # noqa: N802
        """bool, True on real tokens."""
        keep_BL: Tensor = self.inputs[1]
        return keep_BL

    def to(self, device: str | torch.device) -> StringBatch:
        """The same batch in the memory of another device."""
        inputs = tuple(tensor.to(device, non_blocking=True) for tensor in self.inputs)
        others = {name: part for name, part in vars(self).items() if name != "inputs" and part is not None}
        moved = {name: tensor.to(device, non_blocking=True) for name, tensor in others.items()}
        return replace(self, inputs=inputs, **moved)


def collate(
    encoded: Encoded,
    indices: np.ndarray,
    *,
    targets: np.ndarray | None = None,
    descriptors: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    bounds: np.ndarray | None = None,
    n_strings: int = 1,
) -> StringBatch:
    """Make a batch of the strings at these places.

    Args:
        encoded: All strings.
        indices: int64 places, shape (B,).
        targets: Labels of all strings, shape (N, T), NaN where missing.
        descriptors: Descriptors of all strings, shape (N, F), NaN where not defined.
        weights: Of all labels, shape (N, T).
        bounds: The same, see `Table.bounds`.
        n_strings: Strings of each row, which follow each other in `encoded` and in the batch.
    """
    import torch

    def of_batch(values: np.ndarray | None) -> Tensor | None:
        return None if values is None else torch.from_numpy(values[indices].astype(np.float32))

    taken = encoded.take((n_strings * indices[:, None] + np.arange(n_strings)).ravel())
    return StringBatch(
        inputs=taken.inputs(),
        targets_BT=of_batch(targets),
        descriptors_BF=of_batch(descriptors),
        weights_BT=of_batch(weights),
        bounds_BT=of_batch(bounds),
    )
