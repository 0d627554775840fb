"""Whether strings lie where a model was trained, and what is unusual about them, by name.

Axes: N rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from catenane.inference.calibration import Calibration
from catenane.notation import Record, get_notation
from catenane.tokenizers import EncodedStrings, StringTokenizer

__all__ = ["check_domain", "group_keys"]

MOST_NAMED = 3
"""Tokens that a note names at most."""


def check_domain(
    records: Sequence[Record],
    encoded: EncodedStrings,
    tokenizer: StringTokenizer,
    calibration: Calibration | None,
    distance_N: NDArray,
    beyond: Iterable[str],
) -> tuple[NDArray[np.bool_], list[str]]:
    """Which strings are inside the domain, (N,), and notes; "" where nothing is unusual.

    Unknown tokens, tokens that no training row holds (metals, nets, catenations among them), truncation, a
    large distance to the training rows and conditions beyond those of training put a string outside. A linker
    that no training row holds is noted: most candidates have one, and its distance decides.

    Args:
        records: N of them.
        encoded: Their tokens as the model reads them.
        tokenizer: The model's.
        calibration: Of the model, if it has one.
        distance_N: Distance to the nearest training rows.
        beyond: How the conditions leave the range of training, see `PropertyHead.extrapolations`.
    """
    notes: list[list[str]] = [[] for _ in records]
    for row in np.flatnonzero(encoded.n_unknown).tolist():
        tokens = tokenizer.tokens(records[row].text)
        notes[row].append(f"unknown: {_named(t for t in tokens if t not in tokenizer.vocabulary)}")
    for row in np.flatnonzero(encoded.n_cut).tolist():
        notes[row].append(f"{encoded.n_cut[row]:,} tokens beyond {encoded.lengths[row]:,} are cut off")
    if calibration is not None:
        texts = list(tokenizer.vocabulary)
        seen_V = calibration.seen_V.copy()
        seen_V[tokenizer.unk_id] = True  # noted already
        unseen = np.flatnonzero(~seen_V[encoded.ids])
        owners = np.searchsorted(encoded.offsets, unseen, side="right") - 1
        for row in np.unique(owners).tolist():
            named = _named(texts[token] for token in encoded.ids[unseen[owners == row]].tolist())
            notes[row].append(f"not in the training rows: {named}")
        for row in np.flatnonzero(distance_N > calibration.reference.limit).tolist():
            notes[row].append("far from the training rows")
    outside = list(dict.fromkeys(note for note in beyond if note))
    for of_row in notes:
        of_row.extend(outside)
    inside_N = np.array([not of_row for of_row in notes], dtype=bool)
    if calibration is not None:
        seen = set(calibration.seen_groups.tolist())
        for of_row, record in zip(notes, records, strict=True):
            for key, (kind, name) in group_keys(record).items():
                if key not in seen:
                    of_row.append(f"{kind} not in the training rows: {name}")
    return inside_N, ["; ".join(of_row) for of_row in notes]


def group_keys(record: Record) -> dict[int, tuple[str, str]]:
    """Kind and name of the building blocks of a string, by a number that is the same everywhere."""
    kinds = sorted(get_notation(record.notation).held_out)
    named = [(kind, name) for kind in kinds for name in record.groups.get(kind, ())]
    return {_key(f"{kind}:{name}"): (kind, name) for kind, name in named}


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


def _named(tokens: Iterable[str]) -> str:
    """A few of them by name, each once, and how many more."""
    distinct = list(dict.fromkeys(tokens))
    more = len(distinct) - MOST_NAMED
    return " ".join(distinct[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
