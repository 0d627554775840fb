"""What a model keeps of its training rows: for intervals, probabilities, and the domain check.

Axes: N rows, D width of the embedding, T targets, M members, V vocabulary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from catenane.errors import BundleError
from catenane.inference.domain import Reference, fit_reference
from catenane.inference.intervals import (
    ClassCalibration,
    IntervalCalibration,
    OutOfFold,
    difficulty_features,
    fit_classes,
    fit_intervals,
)

__all__ = ["Calibration", "fingerprint_rows", "fit_calibration"]

Array = NDArray[np.float64]
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
    """Numbers of the building blocks that occur in the training rows, see `domain_check.group_keys`."""
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


def fit_calibration(
    pooled_ND: Array,
    labels_NT: Array,
    found: OutOfFold,
    *,
    task: str,
    n_members: int,
    seen_V: NDArray[np.bool_],
    seen_groups: NDArray[np.int64],
    fingerprint: str,
    held_back: tuple[Array, Array, Array] | None = None,
    seed: int = 0,
) -> Calibration:
    """Learn from out-of-fold scores of the training rows, or from rows that were held back.

    Args:
        pooled_ND: Embeddings of the training rows.
        labels_NT: Their labels on the scale of the scores, NaN where missing.
        found: Their out-of-fold scores; NaN where every member learnt from every row.
        task: "regression" or "classification".
        n_members: Members whose mean is the prediction.
        seen_V: Tokens that occur in the training rows.
        seen_groups: Building blocks that occur in the training rows.
        fingerprint: Of the training rows.
        held_back: Embeddings, labels and scores of rows that were neither learnt from nor chose the epoch,
            where there are no out-of-fold scores.
        seed: Of draws.
    """
    residual_NT = labels_NT - found.score_NT
    reference, own_N = fit_reference(pooled_ND, np.abs(residual_NT), seed)
    parts: dict[str, Any] = {
        "reference": reference, "seen_V": seen_V, "seen_groups": seen_groups, "fingerprint": fingerprint
    }  # fmt: skip
    score_NT, variance_NT = found
    distance_N, near_NT = reference.neighbours(pooled_ND, own_N)
    if not np.isfinite(score_NT).any():
        if held_back is None:
            return Calibration(**parts)
        pooled_ND, labels_NT, score_NT = held_back
        distance_N, near_NT = reference.neighbours(pooled_ND)
        variance_NT = np.full_like(score_NT, np.nan)
    if task == "classification":
        return Calibration(**parts, classes=fit_classes(score_NT, labels_NT))
    intervals = fit_intervals(
        difficulty_features(distance_N, near_NT, score_NT),
        labels_NT - score_NT,
        variance_NT,
        n_members=n_members,
        seed=seed,
    )
    return Calibration(**parts, intervals=intervals)


def fingerprint_rows(strings: Sequence[str], labels_NT: Array) -> str:
    """SHA-256 of training rows, whatever their order."""
    rows = sorted(
        hashlib.sha256(text.encode() + b"\0" + row.tobytes()).digest()
        for text, row in zip(strings, np.asarray(labels_NT, dtype="<f8"), strict=True)
    )
    return hashlib.sha256(b"".join(rows)).hexdigest()
