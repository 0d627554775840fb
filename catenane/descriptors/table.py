"""Descriptors of many strings, as one table."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenane.descriptors.frameworks import FRAMEWORK_DESCRIPTORS, describe_framework
from catenane.descriptors.molecules import MOLECULE_DESCRIPTORS, describe_molecule
from catenane.errors import ConfigError, NotationError
from catenane.notation import Notation
from catenane.notation.interrupts import heed_interrupts

__all__ = ["Descriptors", "compute_descriptors", "descriptor_meanings", "descriptor_names"]

_SMALLEST_SHARE = 500
"""Strings that are worth a process of their own."""
_KINDS: dict[Notation, tuple[Mapping[str, str], Callable[[str], list[float]]]] = {
    "smiles": (MOLECULE_DESCRIPTORS, describe_molecule),
    "mofid": (FRAMEWORK_DESCRIPTORS, describe_framework),
}


@dataclass(frozen=True, eq=False)
class Descriptors:
    """Chemical descriptors of N strings."""

    values: NDArray[np.float32]
    """Shape (N, F), NaN where undefined; a string that cannot be read is a row of NaN."""
    names: tuple[str, ...]
    """What the F columns are; `descriptor_meanings` tells more."""

    def __len__(self) -> int:
        return len(self.values)


def descriptor_names(notation: Notation) -> tuple[str, ...]:
    """Names of the descriptors of a notation, in the order of the columns; the same in every run.

    Raises:
        ConfigError: The notation is not known.
    """
    return tuple(descriptor_meanings(notation))


def descriptor_meanings(notation: Notation) -> dict[str, str]:
    """What each descriptor of a notation is, with its unit, by name.

    Raises:
        ConfigError: The notation is not known.
    """
    return dict(_kind(notation)[0])


def compute_descriptors(strings: Sequence[str], notation: Notation, *, n_jobs: int = 1) -> Descriptors:
    """Descriptors of molecules or frameworks, one row per string, in the order given.

    Molecules are described by RDKit: size, polarity, shape, rings, elements and functional groups.
    Frameworks are described by what their MOFid says (nodes, net, catenation, linkers with their lengths and
    substituents) and implies (cell, density, free volume, gaps between linkers); see `descriptor_meanings`.
    Building blocks that occur again are read once per process.

    Args:
        strings: SMILES or MOFids.
        notation: Which of the two.
        n_jobs: Processes to use; -1 for one per core.

    Returns:
        float32 values of shape (N, F) and their names.

    Raises:
        ConfigError: The notation or the number of processes is not one.
    """
    heed_interrupts()
    names = descriptor_names(notation)
    if n_jobs == 0 or n_jobs < -1:
        raise ConfigError(f"n_jobs={n_jobs} must be the number of processes, or -1 for one per core")
    n_processes = (os.cpu_count() or 1) if n_jobs == -1 else n_jobs
    n_shares = min(n_processes, len(strings) // _SMALLEST_SHARE)
    if n_shares < 2:
        return Descriptors(_rows(strings, notation), names)
    from sklearn.utils.parallel import Parallel, delayed

    # Neighbours in a file tend to share blocks, and a block that two processes meet is read twice.
    bounds = np.linspace(0, len(strings), n_shares + 1).astype(int)
    shares = [strings[start:stop] for start, stop in itertools.pairwise(bounds)]
    parts = Parallel(n_jobs=n_shares)(delayed(_rows)(share, notation) for share in shares)
    return Descriptors(np.concatenate(parts), names)


def _kind(notation: Notation) -> tuple[Mapping[str, str], Callable[[str], list[float]]]:
    if notation not in _KINDS:
        raise ConfigError(f"notation={notation!r} must be one of {', '.join(map(repr, _KINDS))}")
    return _KINDS[notation]


def _rows(strings: Sequence[str], notation: Notation) -> NDArray[np.float32]:
    meanings, describe = _kind(notation)
    values = np.full((len(strings), len(meanings)), np.nan, dtype=np.float32)
    for row, text in enumerate(strings):
        try:
            values[row] = describe(text)
        except NotationError:  # the row stays NaN
            continue
    values[~np.isfinite(values)] = np.nan
    return values
