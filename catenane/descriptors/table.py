"""Descriptors of many strings, as one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catenane.config import HeadConfig
from catenane.descriptors.frameworks import FRAMEWORK_DESCRIPTORS, describe_framework
from catenane.descriptors.molecules import (
    MOLECULE_DESCRIPTORS,
    count_fragments,
    describe_molecule,
    fragments,
    roles,
)
from catenane.notation import (
    NotationName,
    Record,
    as_records,
    compute_all,
    get_notation,
    heed_interrupts,
    rdkit_errors,
)

__all__ = [
    "Descriptors",
    "compute_descriptors",
    "describe",
    "descriptor_meanings",
    "descriptor_names",
    "head_inputs",
]

_MEANINGS = {"smiles": MOLECULE_DESCRIPTORS, "mofid": FRAMEWORK_DESCRIPTORS}
_DESCRIBE: dict[NotationName, Callable[[Any], list[float]]] = {
    "smiles": describe_molecule,
    "mofid": describe_framework,
}


@dataclass(frozen=True, eq=False)
class Descriptors:
    """Chemical descriptors of N strings."""

    values: NDArray[np.float32]
    """Shape (N, F), NaN where undefined; behind them counts of fragments, where these were wanted."""
    names: tuple[str, ...]
    """What the first F columns are; see `descriptor_meanings`. Names of features follow."""


def descriptor_meanings(notation: NotationName) -> dict[str, str]:
    """What each descriptor of a notation is, with its unit, by name in the order of the columns."""
    return dict(_MEANINGS[get_notation(notation).name])


def descriptor_names(notation: NotationName, n_strings: int = 1) -> tuple[str, ...]:
    """Names of the descriptors of a record; of several strings those of the first, then `NAME 2` and on."""
    names = tuple(descriptor_meanings(notation))
    return names + tuple(f"{name} {place}" for place in range(2, n_strings + 1) for name in names)


def compute_descriptors(
    records: Sequence[Record] | Sequence[str],
    notation: NotationName,
    *,
    n_fragments: int = 0,
    n_roles: int = 0,
    n_strings: int = 1,
    n_jobs: int | None = None,
) -> Descriptors:
    """Descriptors of molecules or frameworks, one row per string, in the order given.

    Molecules are described by RDKit: size, polarity, shape, rings, elements and functional groups.
    Frameworks are described by what their MOFid holds (nodes, net, catenation, linkers with their lengths and
    substituents) and implies (cell, density, free volume, gaps between linkers); see `descriptor_meanings`.

    Args:
        records: Records, or strings in normal form.
        notation: What they are.
        n_fragments: Columns for counts of fragments behind the descriptors, see `count_fragments`.
        n_roles: The same of fragments by roles, behind those.
        n_strings: Strings of each record; they share the columns for fragments.
        n_jobs: Processes, as for `read_records`.

    Raises:
        ConfigError: The notation or the number of processes is not one.
        NotationError: A string cannot be described; the first such.
    """
    heed_interrupts()
    names = descriptor_names(notation, n_strings)
    records = as_records(records, notation)
    rows = compute_all(records, describe, n_jobs=n_jobs)
    parts: list[NDArray] = [np.stack(rows) if rows else np.empty((0, len(names)), np.float32)]
    for kind, n_kinds in ((fragments, n_fragments), (roles, n_roles)):
        if n_kinds:
            parts.append(count_fragments(records, n_kinds, n_strings, kind))
    return Descriptors(np.hstack(parts, dtype=np.float32), names)


def head_inputs(
    records: Sequence[Record],
    notation: NotationName,
    features: Mapping[str, NDArray],
    head: HeadConfig,
    n_strings: int = 1,
) -> Descriptors | None:
    """What a head reads beside states: descriptors, features (N,) by name, fragments; None where nothing."""
    found = Descriptors(np.empty((len(records), 0), np.float32), ())
    if head.descriptors:
        found = compute_descriptors(
            records, notation, n_fragments=head.fragments, n_roles=head.n_roles, n_strings=n_strings
        )
    parts_NF = np.split(found.values, [len(found.names)], axis=1)
    parts_NF[1:1] = [np.asarray(column, np.float32)[:, None] for column in features.values()]
    joined = Descriptors(np.hstack(parts_NF), (*found.names, *features))
    return joined if joined.names else None


def describe(record: Record) -> NDArray[np.float32]:
    """The descriptors of one record, shape (F,), NaN where undefined; `NotationError` where RDKit fails."""
    if len(record.parts) > 1:
        return np.concatenate([part.compute(describe) for part in record.parts])
    with rdkit_errors(record.text, silent=False):
        values = np.asarray(_DESCRIBE[record.notation](record.parsed), dtype=np.float32)
    values[~np.isfinite(values)] = np.nan
    return values
