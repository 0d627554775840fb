"""Many strings read at once, in worker processes where there are enough of them.

A string is parsed once: what else is wanted of it is computed while its molecule is at hand. Workers hand
back records, which are plain data.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from catenane.errors import ConfigError, NotationError
from catenane.notation.registry import NotationName, Record, get_notation
from catenane.notation.syntax import excerpt, well_formed

__all__ = [
    "CHUNK_ROWS", "Feature", "as_records", "compute_all", "detect_notation", "read_mixed", "read_records",
]  # fmt: skip

T = TypeVar("T")
Item = TypeVar("Item")
Feature = Callable[[Record], Any]

_SMALLEST_SHARE = 1_024
"""Strings below which a process of their own takes longer to start than it saves."""
CHUNK_ROWS = min(16_384, 2 * _SMALLEST_SHARE * (os.cpu_count() or 1))
"""Strings of a long table to be read at once: enough for each core, few enough that models begin soon."""
_BLOCK = 128
"""Strings that one function after the other is applied to. Alternating for every string would take a quarter
longer and more: each of RDKit's searches drives what the others compare with out of the caches."""
_MOST_MOLECULES = 8_192
"""Records of one call that keep what they were parsed to."""
_SAMPLE = 256
"""Strings that the notation is detected from, spread evenly over the column."""


def read_records(
    strings: Iterable[object],
    notation: NotationName,
    features: Sequence[Feature] = (),
    *,
    n_strings: int = 1,
    n_jobs: int | None = None,
) -> list[Record | NotationError]:
    """Read strings, and compute what is wanted of each; equal strings are read once and share a record.

    Args:
        strings: As they came; what is not text is refused like a string that cannot be read.
        notation: What they are.
        features: Functions of a record, importable by name, whose values `Record.compute` then has at hand.
        n_strings: How many each holds, joined by `JOINT`.
        n_jobs: Processes; by default one per core, if there are a few thousand strings; -1 for one per core.

    Returns the record of every string, in order, or why there is none.

    Raises:
        ConfigError: The notation or the number of processes is not one.
    """
    get_notation(notation)
    order = list(strings)
    different = list(dict.fromkeys(item for item in order if isinstance(item, str)))
    found = _in_shares(_read, different, (notation, tuple(features), n_strings), n_jobs)
    by_text = dict(zip(different, found, strict=True))
    return [
        by_text[item] if isinstance(item, str) else NotationError(f"expected a string, got {item!r}")
        for item in order
    ]


def read_mixed(
    strings: Sequence[object], notation: NotationName, features: Sequence[Feature] = ()
) -> list[Record | NotationError]:
    """As `read_records`, for strings of a notation or of those that it includes, each by its look."""
    names = (notation, *get_notation(notation).includes)
    kinds = [_look(string, names) for string in strings]
    found = {}
    for name in names:
        alike = [string for string, kind in zip(strings, kinds, strict=True) if kind == name]
        found[name] = iter(read_records(alike, name, features))
    return [kind if isinstance(kind, NotationError) else next(found[kind]) for kind in kinds]


def _look(string: object, names: Sequence[NotationName]) -> NotationName | NotationError:
    if len(names) == 1 or not isinstance(string, str):
        return names[0]
    try:
        look = detect_notation([string])
    except NotationError as error:
        return error.with_traceback(None)
    return look if look in names else names[0]


def detect_notation(strings: Sequence[str]) -> NotationName:
    """The notation of more than half of the strings that are not blank, by a sample of them.

    A MOFid is recognised by its `&&` or `MOFid-`, SMILES by its grammar; no molecule is built.

    Raises:
        NotationError: Every string is blank, or most are neither SMILES nor MOFid (an example is shown).
    """
    every = max(1, len(strings) // _SAMPLE)
    sample = [text for text in (string.strip() for string in strings[::every]) if text]
    if not sample:
        raise NotationError("cannot tell SMILES from MOFid: every string is blank")
    if 2 * sum("&&" in text or "MOFid-" in text for text in sample) > len(sample):
        return "mofid"
    others = [text for text in sample if not well_formed(text)]
    if 2 * len(others) < len(sample):
        return "smiles"
    raise NotationError(f"most strings are neither SMILES nor MOFid, for example: {excerpt(others[0])}")


def compute_all(
    records: Sequence[Record], feature: Callable[[Record], T], *, n_jobs: int | None = None
) -> list[T]:
    """The value of one function for every record, computed where it is not at hand.

    Raises:
        NotationError: It cannot be computed for a record, the first of these.
    """
    missing = [record for record in dict.fromkeys(records) if feature not in record.computed]
    for record, value in zip(missing, _in_shares(_compute, missing, (feature,), n_jobs), strict=True):
        if isinstance(value, NotationError):
            raise value
        record.computed[feature] = value
    at_hand = {record: record for record in missing}
    return [at_hand.get(record, record).compute(feature) for record in records]


def as_records(items: Sequence[Record] | Sequence[str], notation: NotationName) -> list[Record]:
    """Records as they are, and strings in normal form as records that are parsed when need be."""
    return [item if isinstance(item, Record) else Record(item, notation) for item in items]


def _read(
    strings: Sequence[str], notation: NotationName, features: Sequence[Feature], n_strings: int
) -> list[Any]:
    read = partial(get_notation(notation).read, n_strings=n_strings)
    found: list[Any] = []
    for block in _blocks(strings):
        items = _values(read, block)
        for feature in features:
            items = _values(partial(_with_value, feature), items)
        if len(strings) > _MOST_MOLECULES:
            _release(items)
        found += items
    return found


def _with_value(feature: Feature, record: Record) -> Record:
    record.compute(feature)
    return record


def _compute(records: Sequence[Record], feature: Feature) -> list[Any]:
    values: list[Any] = []
    for block in _blocks(records):
        unparsed = [record for record in block if not record.is_parsed]
        values += _values(feature, block)
        if len(records) > _MOST_MOLECULES:
            _release(unparsed)
    return values


def _values(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """What a function makes of each item, or why it cannot; an item that is such a reason stays."""
    values: list[Any] = []
    for item in items:
        try:
            values.append(item if isinstance(item, NotationError) else function(item))
        except NotationError as error:
            values.append(error.with_traceback(None))
    return values


def _blocks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[start : start + _BLOCK] for start in range(0, len(items), _BLOCK))


def _release(items: Iterable[Record | NotationError]) -> None:
    for item in items:
        if isinstance(item, Record):
            item.release()


def _in_shares(
    work: Callable[..., list[T]], items: Sequence[Item], arguments: tuple[Any, ...], n_jobs: int | None
) -> list[T]:
    """`work(items, *arguments)`, the items divided among processes."""
    n_shares = _n_shares(len(items), n_jobs)
    if n_shares < 2:
        return work(items, *arguments)
    from joblib import Parallel, delayed

    # Neighbours in a file tend to share blocks, and a block that two processes meet is read twice.
    bounds = [len(items) * share // n_shares for share in range(n_shares + 1)]
    shares = [items[start:stop] for start, stop in itertools.pairwise(bounds)]
    parts = Parallel(n_jobs=n_shares)(delayed(work)(share, *arguments) for share in shares)
    return list(itertools.chain.from_iterable(parts))


def _n_shares(n_items: int, n_jobs: int | None) -> int:
    if n_jobs is not None and (n_jobs == 0 or n_jobs < -1):
        raise ConfigError(f"n_jobs={n_jobs} must be the number of processes, or -1 for one per core")
    if n_jobs not in (None, -1):
        return min(int(n_jobs or 1), n_items)
    if n_items < 2 * _SMALLEST_SHARE or multiprocessing.current_process().name != "MainProcess":
        return 1  # a worker has brothers already
    from joblib import cpu_count

    return min(int(cpu_count()), n_items // _SMALLEST_SHARE)
