"""What a model keeps of its training rows: for intervals, probabilities, and the domain check.

Axes: N rows, V vocabulary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from catenane.errors import BundleError
from catenane.inference.domain import Reference
from catenane.inference.intervals import ClassCalibration, IntervalCalibration
from catenane.notation import Record, get_notation
from catenane.tokenizers import EncodedStrings, StringTokenizer

__all__ = ["Calibration", "check_domain", "group_keys"]

MOST_NAMED = 3
"""Tokens that a note names at most."""
PARTS = {"reference": Reference, "intervals": IntervalCalibration, "classes": ClassCalibration}


@dataclass(frozen=True)
class Calibration:
    """Reference rows of a model, its calibrated intervals or probabilities, and what its strings held."""

    reference: Reference
    seen_V: NDArray[np.bool_]
    """Tokens that occur in the training rows."""
    fingerprint: str
    """SHA-256 of the training rows: strings and labels."""
    seen_groups: NDArray[np.int64]
    """Numbers of the building blocks that occur in the training rows, see `group_keys`."""
    intervals: IntervalCalibration | None = None
    """Of a regression model that has calibration rows."""
    classes: ClassCalibration | None = None
    """Of a classification model that has calibration rows."""

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """The same as tensors by name, for a bundle; points of the reference in half precision."""
        tensors = {
            "seen_V": torch.from_numpy(self.seen_V),
            "seen_groups": torch.from_numpy(self.seen_groups),
            "fingerprint": torch.tensor(list(bytes.fromhex(self.fingerprint)), dtype=torch.uint8),
        }
        for name in PARTS:
            part = getattr(self, name)
            for entry in fields(part) if part is not None else ():
                values = torch.as_tensor(getattr(part, entry.name))
                half = entry.name in ("points_RP", "residual_RT")
                tensors[f"{name}.{entry.name}"] = values.half() if half else values.float()
        return tensors

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> Calibration:
        """What `to_tensors` made.

        Raises:
            BundleError: A tensor is missing or of another kind.
        """
        parts: dict[str, Any] = {}
        try:
            for name, kind in PARTS.items():
                found = {key.partition(".")[2]: tensors[key] for key in tensors if key.startswith(f"{name}.")}
                if found:
                    arrays = {key: tensor.double().numpy() for key, tensor in found.items()}
                    parts[name] = kind(**{k: v if v.ndim else v.item() for k, v in arrays.items()})
            return cls(
                **parts,
                seen_V=tensors["seen_V"].bool().numpy(),
                seen_groups=tensors["seen_groups"].long().numpy(),
                fingerprint=bytes(tensors["fingerprint"].tolist()).hex(),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"the calibration of the model is damaged or foreign: {error}") from None


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
        beyond: How the conditions leave the range of training, see `Head.extrapolations`.
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
    keys = {}
    for kind in sorted(get_notation(record.notation).held_out):
        for name in record.groups.get(kind, ()):
            digest = hashlib.blake2b(f"{kind}:{name}".encode(), digest_size=8).digest()
            keys[int.from_bytes(digest, "little", signed=True)] = kind, name
    return keys


def _named(tokens: Iterable[str]) -> str:
    """A few of them by name, each once, and how many more."""
    distinct = list(dict.fromkeys(tokens))
    more = len(distinct) - MOST_NAMED
    return " ".join(distinct[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
