"""What a model keeps of its training rows: for intervals, probabilities, and the domain check.

Axes: N rows, D width of the embedding, P principal components, R reference rows, K neighbours, T targets, V
vocabulary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from catenane.errors import BundleError
from catenane.inference.intervals import ClassCalibration, IntervalCalibration, SetCalibration
from catenane.notation import Record, get_notation, token_kind
from catenane.tokenizers import EncodedStrings, StringTokenizer

__all__ = ["Calibration", "Reference", "check_domain", "fit_reference", "group_keys"]

Array = NDArray[np.float64]

NEIGHBOURS = 8
COMPONENTS = 32
LARGEST_REFERENCE = 2000
"""Training rows that are kept at most, drawn at random."""
INSIDE = 0.99
"""Share of the training rows that are inside the domain by their distance to the others."""
CHUNK = 4096
"""Rows whose distances are computed at once."""
UNSEEN = "not in the training rows"
MOST_NAMED = 3
"""Tokens that a note names at most."""


@dataclass(frozen=True)
class Reference:
    """Embeddings of training rows, by which new ones are judged."""

    mean_D: Array
    axes_DP: Array
    """Standardisation and projection on the principal components in one."""
    points_RP: Array
    """Training rows."""
    residual_RT: Array
    """Their absolute out-of-fold residuals, in deviations of the labels; NaN where not known."""
    limit: float
    """Distance to the nearest rows beyond which a row is outside the domain."""

    def neighbours(self, pooled_ND: Array, own_N: NDArray[np.int64] | None = None) -> tuple[Array, Array]:
        """Mean distance to the nearest reference rows, (N,), and the mean known residual of these, (N, T).

        `own_N` is the place in the reference of each row itself, which is no neighbour of it; -1 if none.
        """
        points_NP = (pooled_ND - self.mean_D) @ self.axes_DP
        norms_R = (self.points_RP**2).sum(axis=1)
        n_nearest = min(NEIGHBOURS, max(len(self.points_RP) - 1, 1))
        distance_N = np.empty(len(points_NP))
        residual_NT = np.empty((len(points_NP), self.residual_RT.shape[1]))
        for start in range(0, len(points_NP), CHUNK):
            part = slice(start, start + CHUNK)
            square_NR = (points_NP[part] ** 2).sum(axis=1)[:, None] + norms_R
            square_NR -= 2 * points_NP[part] @ self.points_RP.T
            if own_N is not None:
                inside = np.flatnonzero(own_N[part] >= 0)
                square_NR[inside, own_N[part][inside]] = np.inf
            nearest_NK = np.argpartition(square_NR, n_nearest - 1, axis=1)[:, :n_nearest]
            near_NK = np.take_along_axis(square_NR, nearest_NK, axis=1)
            distance_N[part] = np.sqrt(np.maximum(near_NK, 0)).mean(axis=1)
            residual_NKT = self.residual_RT[nearest_NK]
            known_NKT = np.isfinite(residual_NKT)
            with np.errstate(invalid="ignore"):
                residual_NT[part] = np.where(known_NKT, residual_NKT, 0).sum(axis=1) / known_NKT.sum(axis=1)
        return distance_N, residual_NT


PARTS = {
    "reference": Reference, "intervals": IntervalCalibration, "classes": ClassCalibration,
    "sets": SetCalibration,
}  # fmt: skip


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
    sets: SetCalibration | None = None
    """Of a model of several classes that has such."""

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
        parts: dict[str, dict[str, Any]] = {}
        for key, tensor in tensors.items():
            part, _, name = key.partition(".")
            if name:
                values = tensor.double().numpy()
                parts.setdefault(part, {})[name] = values if values.ndim else values.item()
        try:
            return cls(
                **{part: PARTS[part](**values) for part, values in parts.items()},
                seen_V=tensors["seen_V"].bool().numpy(),
                seen_groups=tensors["seen_groups"].long().numpy(),
                fingerprint=bytes(tensors["fingerprint"].tolist()).hex(),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"the calibration of the model is damaged or foreign: {error}") from None


def fit_reference(pooled_ND: Array, residual_NT: Array, seed: int = 0) -> tuple[Reference, NDArray[np.int64]]:
    """A reference from the embeddings and the absolute out-of-fold residuals of all training rows.

    Returns:
        The reference, and the place of each training row in it, -1 where it has none.
    """
    mean_D, std_D = pooled_ND.mean(axis=0), pooled_ND.std(axis=0)
    scale_D = np.where(std_D > 1e-6 * (1 + np.abs(mean_D)), 1 / np.where(std_D > 0, std_D, 1), 0.0)
    rows = np.sort(np.random.default_rng([seed, 13]).permutation(len(pooled_ND))[:LARGEST_REFERENCE])
    scaled_RD = (pooled_ND[rows] - mean_D) * scale_D
    n_components = min(COMPONENTS, *scaled_RD.shape)
    _, _, axes_PD = np.linalg.svd(scaled_RD, full_matrices=False)
    axes_DP = scale_D[:, None] * axes_PD[:n_components].T
    points_RP = ((pooled_ND[rows] - mean_D) @ axes_DP).astype(np.float16).astype(np.float64)
    reference = Reference(mean_D, axes_DP, points_RP, residual_NT[rows], np.inf)
    own_N = np.full(len(pooled_ND), -1)
    own_N[rows] = np.arange(len(rows))
    distance_N, _ = reference.neighbours(pooled_ND, own_N)
    limit = float(np.quantile(distance_N, INSIDE)) if len(distance_N) > 1 else np.inf
    return replace(reference, limit=limit), own_N


def check_domain(
    records: Sequence[Record],
    encoded: EncodedStrings,
    tokenizer: StringTokenizer,
    calibration: Calibration | None,
    distance_N: NDArray,
    beyond: Sequence[Sequence[str]],
) -> tuple[NDArray[np.bool_], list[str]]:
    """Which strings are inside the domain, (N,), and notes; "" where nothing is unusual.

    Unknown tokens, tokens that no training row holds (metals, nets, catenations among them), truncation, a
    large distance to the training rows and what is given beyond the range of training put it outside. A
    linker that no training row holds is noted: most candidates have one, and its distance decides.

    `encoded` are their tokens as the model reads them, `distance_N` their distances to the training rows, and
    `beyond` for each of them the notes on features and on conditions.
    """
    notes: list[list[str]] = [[] for _ in records]
    parts = [(row, part) for row, record in enumerate(records) for part in record.parts]
    for place in np.flatnonzero(encoded.n_unknown).tolist():
        row, part = parts[place]
        tokens = tokenizer.tokens(part.text)
        notes[row].append(f"unknown: {_named(t for t in tokens if t not in tokenizer.vocabulary)}")
    for place in np.flatnonzero(encoded.n_cut).tolist():
        n_cut, n_kept = encoded.n_cut[place], encoded.lengths[place]
        notes[parts[place][0]].append(f"{n_cut:,} tokens beyond {n_kept:,} are cut off")
    if calibration is not None:
        texts = list(tokenizer.vocabulary)
        seen_V = calibration.seen_V.copy()
        seen_V[tokenizer.unk_id] = True  # noted already
        unseen = np.flatnonzero(~seen_V[encoded.ids])
        owners = np.searchsorted(encoded.offsets, unseen, side="right") - 1
        for place in np.unique(owners).tolist():
            row = parts[place][0]
            of_kind: dict[str, list[str]] = {}
            for token in encoded.ids[unseen[owners == place]].tolist():
                of_kind.setdefault(token_kind(texts[token]), []).append(texts[token])
            notes[row] += [
                f"{kind} {UNSEEN}" + ("" if named == [","] else f": {_named(named)}")
                for kind, named in of_kind.items()
            ]
        for row in np.flatnonzero(distance_N > calibration.reference.limit).tolist():
            notes[row].append("far from the training rows")
    for of_row, outside in zip(notes, beyond, strict=True):
        of_row.extend(outside)
    inside_N = np.array([not of_row for of_row in notes], dtype=bool)
    if calibration is not None:
        seen = set(calibration.seen_groups.tolist())
        for of_row, record in zip(notes, records, strict=True):
            for key, (kind, name) in group_keys(record).items():
                if key not in seen:
                    of_row.append(f"{kind} {UNSEEN}: {name}")
    return inside_N, ["; ".join(of_row) for of_row in notes]


def group_keys(record: Record) -> dict[int, tuple[str, str]]:
    """Kind and name of the building blocks of a string, by a number that is the same everywhere."""
    keys = {}
    for part, kind in product(record.parts, sorted(get_notation(record.notation).held_out)):
        for name in part.groups.get(kind, ()):
            digest = hashlib.blake2b(f"{kind}:{name}".encode(), digest_size=8).digest()
            keys[int.from_bytes(digest, "little", signed=True)] = kind, name
    return keys


def _named(tokens: Iterable[str]) -> str:
    """A few of them by name, each once, and how many more."""
    distinct = list(dict.fromkeys(tokens))
    more = len(distinct) - MOST_NAMED
    return " ".join(distinct[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
