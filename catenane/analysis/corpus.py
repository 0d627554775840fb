"""The strings that an analysis reads, in normal form or as they are written, and the rows left out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from catenane.data import Rejection
from catenane.data.inputs import Inputs
from catenane.errors import DataError, NotationError
from catenane.notation import NotationName, Record, detect_notation, read_records

__all__ = ["Corpus", "read_corpus"]


@dataclass(frozen=True)
class Corpus:
    """Strings of one notation."""

    name: str
    notation: NotationName
    records: tuple[Record, ...]
    rejected: tuple[Rejection, ...]
    """Rows that could not be read."""


def read_corpus(
    inputs: Inputs,
    *,
    notation: NotationName | None = None,
    as_written: bool = False,
    sample: int | None = None,
    seed: int = 0,
) -> Corpus:
    """Read all strings, or some drawn at random.

    Args:
        inputs: Tables, or strings themselves; see `open_inputs`.
        notation: What the strings are; detected from the first ones by default.
        as_written: Take what can be read as it is written, not in normal form.
        sample: Strings to draw.
        seed: Of the draw.

    Raises:
        DataError: There are no strings, or none can be read.
        NotationError: The notation cannot be detected.
    """
    strings: list[str] = []
    rejected: list[Rejection] = []
    rows: list[int] = []
    n_rows = 0
    for chunk in inputs.chunks():
        for string, error in zip(chunk.strings, chunk.errors, strict=True):
            n_rows += 1
            if error:
                rejected.append(Rejection(n_rows, "", string, None, error))
            else:
                strings.append(string)
                rows.append(n_rows)
    if sample is not None and sample < len(strings):
        chosen = sorted(random.Random(seed).sample(range(len(strings)), sample))
        strings, rows = [strings[k] for k in chosen], [rows[k] for k in chosen]
    if not strings:
        raise DataError(f"{inputs.name}: there are no strings")
    notation = notation or detect_notation(strings)
    records: list[Record] = []
    found: Sequence[Record | NotationError] = read_records(strings, notation)
    for row, string, item in zip(rows, strings, found, strict=True):
        if isinstance(item, Record):
            records.append(Record(string.strip(), notation) if as_written else item)
        else:
            rejected.append(Rejection(row, "", string, item.position, str(item)))
    if not records:
        raise DataError(f"{inputs.name}: no string can be read, the first because of this: {rejected[0]}")
    rejected.sort(key=lambda rejection: rejection.row)
    return Corpus(inputs.name, notation, tuple(records), tuple(rejected))
