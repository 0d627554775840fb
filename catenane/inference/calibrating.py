"""The last steps of training a property model: calibrate it, and measure how well its intervals hold.

Axes: N rows of the table, K of these that have a label, D width of the embedding, T targets, M members, V
vocabulary.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from catenane.config import Task
from catenane.data import Split, Table
from catenane.data.row_groups import group_rows
from catenane.descriptors import Descriptors
from catenane.inference.calibration import Calibration, fit_reference, group_keys
from catenane.inference.ensemble import Ensemble
from catenane.inference.intervals import (
    FEWEST_ROWS,
    difficulty_features,
    fit_classes,
    fit_intervals,
    fit_sets,
    learning_mask,
    out_of_fold,
)
from catenane.inference.model import COVERAGE, Model
from catenane.inference.rows import Predictions
from catenane.metrics import extremes
from catenane.models.bundle import Bundle
from catenane.notation import part_texts

__all__ = ["calibrate", "fingerprint_rows", "interval_metrics", "plan_calibration"]

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Levels of the coverage curve, `COVERAGE` among them."""
SMALLEST_GROUP = 10
"""Rows below which a group is left out."""
DECILES = 10


def plan_calibration(
    split: Split, table: Table, n_members: int, seed: int
) -> tuple[Split, NDArray[np.bool_] | None, NDArray[np.int64] | None]:
    """Which rows a model will be calibrated on, decided before it is trained.

    Where the parts of the split share no scaffold or net, say, members leave rows out by these as well:
    intervals are for strings as new as its test rows.

    Returns:
        The split that is left for training, which member learns from which row of the table (M, N), and rows
        that are held back. With several members that may learn from different rows none is. Else half of the
        validation rows is, unless they are too few.
    """
    if n_members > 1:
        groups = group_rows(table, split.method)
        learns_MN = np.ones((n_members, len(table)), dtype=bool)
        learns_MN[:, split.train] = learning_mask(
            len(split.train), n_members, seed, None if groups is None else groups[split.train]
        )
        return split, learns_MN, None
    if len(split.valid) < 2 * FEWEST_ROWS:
        return split, None, None
    shuffled = np.random.default_rng([seed, 17]).permutation(split.valid)
    half = len(shuffled) // 2
    return dataclasses.replace(split, valid=np.sort(shuffled[half:])), None, np.sort(shuffled[:half])


def calibrate(
    bundle: Bundle,
    table: Table,
    train: NDArray[np.int64],
    *,
    descriptors: Descriptors | None = None,
    pooled_ND: NDArray | None = None,
    learns_MN: NDArray[np.bool_] | None = None,
    left_out_2NT: NDArray | None = None,
    held_back: NDArray[np.int64] | None = None,
    seed: int = 0,
    device: str | None = None,
) -> Bundle:
    """The bundle with intervals, calibrated probabilities and a domain check.

    Its card gets for every target, as `extremes`, the errors of high and low predictions by models that had
    not learnt from the row.

    Args:
        bundle: A trained property model.
        table: Its strings and labels.
        train: Rows that it was trained on.
        descriptors: Of all rows, if the head reads them and they are at hand.
        pooled_ND: Embeddings of all rows, if they are at hand.
        learns_MN: Which member learnt from which row; all from all training rows by default.
        left_out_2NT: Scores of the training rows, each by a model of the others, and their deviations as the
            head gives them, where they are at hand.
        held_back: Rows that were neither learnt from nor chose the epoch; without them there are no intervals
            where no member leaves a training row out.
        seed: Of draws.
        device: As in `Model`.
    """
    model, n_train = Model(bundle, device=device), len(train)
    head = model.property_model.head
    scored, rows = train, train if held_back is None else np.concatenate([train, held_back])
    strings, records = [table.strings[row] for row in rows], [table.records[row] for row in rows]
    pooled = model.embed_normalised(records) if pooled_ND is None else pooled_ND[rows].astype(np.float64)
    if left_out_2NT is not None:
        score_NT, deviation_NT = left_out_2NT
        score_MNT, variance_NT = score_NT[None], np.full_like(score_NT, np.nan)
    else:
        part = None if descriptors is None else Descriptors(descriptors.values[rows], descriptors.names)
        score_MNT = model.member_scores(pooled, model.describe(records, part))
        learnt_MN = np.ones((len(score_MNT), len(table)), bool) if learns_MN is None else learns_MN
        score_NT, variance_NT = out_of_fold(score_MNT[:, :n_train], learnt_MN[:, train])
        deviation_NT = np.full_like(score_NT, np.nan)
    with torch.inference_mode():
        labels = torch.from_numpy(table.exact[rows].astype(np.float32)).to(model.device)
        label_NT, held_label_NT = np.split(head.standardise(labels).double().cpu().numpy(), [n_train])
    # A string that comes several times, with other features, is one place of the reference.
    place = {text: number for number, text in enumerate(dict.fromkeys(strings[:n_train]))}
    place_N = np.array([place[text] for text in strings[:n_train]])
    once = np.unique(place_N, return_index=True)[1]
    reference, own_U = fit_reference(pooled[once], np.abs(label_NT - score_NT)[once], seed)
    own_N = own_U[place_N]
    distance_N, near_NT = reference.neighbours(pooled[:n_train], own_N)
    if held_back is not None and not np.isfinite(score_NT).any():
        scored, label_NT, score_NT = held_back, held_label_NT, score_MNT[:, n_train:].mean(axis=0)
        variance_NT = deviation_NT = np.full_like(score_NT, np.nan)
        distance_N, near_NT = reference.neighbours(pooled[n_train:])
    intervals = classes = sets = None
    if np.isfinite(score_NT).any() and head.task != "regression":
        classes = fit_classes(score_NT, label_NT)
        if head.sizes:
            share_NC = head.shares(torch.from_numpy(classes.probability(score_NT)[0])).numpy()
            sets = fit_sets(share_NC, label_NT, head.sizes)
    elif np.isfinite(score_NT).any():
        features_NTF = difficulty_features(distance_N, near_NT, score_NT, deviation_NT)
        residual_NT, n_members = label_NT - score_NT, len(score_MNT)
        intervals = fit_intervals(features_NTF, residual_NT, variance_NT, n_members=n_members, seed=seed)
    encoded = bundle.tokenizer.encode_flat(
        part_texts(records[:n_train]), bundle.config.recipe.encoder.max_length
    )
    seen_V = np.zeros(bundle.tokenizer.vocabulary_size, dtype=bool)
    seen_V[encoded.ids] = True
    seen_groups = {key for record in records[:n_train] for key in group_keys(record)}
    calibration = Calibration(
        reference=reference,
        seen_V=seen_V,
        seen_groups=np.array(sorted(seen_groups), dtype=np.int64),
        fingerprint=fingerprint_rows(strings[:n_train], table.targets[train]),
        intervals=intervals,
        classes=classes,
        sets=sets,
    )
    predicted_NT = model.to_labels(score_NT) if classes is None else classes.probability(score_NT)[0]
    cards = {name: dict(entry) for name, entry in bundle.card.get("targets", {}).items()}
    for t, name in enumerate(model.targets):
        entry = cards.setdefault(name, {})
        if not head.sizes:
            entry["extremes"] = extremes(table.exact[scored, t], predicted_NT[:, t])
    card = {**bundle.card, "targets": cards}
    return dataclasses.replace(bundle, card=card, calibration=calibration.to_tensors())


def fingerprint_rows(strings: Sequence[str], labels_NT: NDArray) -> str:
    """SHA-256 of training rows, whatever their order."""
    rows = sorted(
        hashlib.sha256(text.encode() + b"\0" + row.tobytes()).digest()
        for text, row in zip(strings, np.asarray(labels_NT, dtype="<f8"), strict=True)
    )
    return hashlib.sha256(b"".join(rows)).hexdigest()


def interval_metrics(
    model: Model,
    table: Table,
    rows: NDArray[np.int64],
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    descriptors: Descriptors | None = None,
    pooled_ND: NDArray | None = None,
) -> dict[str, Any]:
    """`metrics["intervals"]` of test rows, as the report's `group_grids` reads it; empty without calibration.

    `groups` has the group of each test row by name of the grouping ("topology", "scaffold"); descriptors and
    embeddings are those of all rows of the table, as in `calibrate`.
    """
    calibration = model.calibration
    if calibration is None or not len(rows):
        return {}
    records = [table.records[row] for row in rows]
    part = None if descriptors is None else Descriptors(descriptors.values[rows], descriptors.names)
    pooled = None if pooled_ND is None else pooled_ND[rows]
    if pooled is None and not isinstance(model, Ensemble):
        pooled = model.embed_normalised(records)
    found = {
        level: model.predict_normalised(records, part, pooled_ND=pooled, coverage=level) for level in LEVELS
    }
    result: dict[str, Any] = {"nominal": COVERAGE, "targets": {}}
    if calibration.intervals is not None:
        result["n_calibration"] = int(calibration.intervals.n_T.max(initial=0))
    if calibration.sets is not None:
        result["n_calibration"] = int(calibration.sets.n_T.max(initial=0))
    sizes = model.property_model.head.sizes or [1] * len(model.targets)
    for t, name in enumerate(model.targets):
        if np.isfinite(labels_N := table.exact[rows, t]).any():
            of_target = slice(sum(sizes[:t]), sum(sizes[: t + 1]))
            result["targets"][name] = _target(
                found, labels_N, of_target, groups or {}, model.config.task, table.classes.get(name, ())
            )
    return result


def _target(
    found: Mapping[float, Predictions],
    labels_N: NDArray,
    part: slice,
    groups: Mapping[str, Sequence[str]],
    task: Task | None,
    classes: Sequence[str],
) -> dict[str, Any]:
    nominal, known = found[COVERAGE], np.flatnonzero(np.isfinite(labels_N))
    labels_K, value_KC = labels_N[known], nominal.values[known, part]
    if task == "multiclass":
        wrong_K = value_KC.argmax(axis=1) != labels_K
        own = np.arange(len(known)), labels_K.astype(np.int64)
        held = {level: p.sets[known, part][own] for level, p in found.items() if p.sets is not None}
        width_K = np.zeros(0) if nominal.sets is None else nominal.sets[known, part].sum(axis=1)
        has_intervals = bool(width_K.all()) and len(width_K) > 0
    else:
        value_K, t = value_KC[:, 0], part.start
        wrong_K = np.abs(value_K - labels_K) if task == "regression" else (value_K >= 0.5) != (labels_K > 0.5)
        held = {
            level: (p.low[known, t] <= labels_K) & (labels_K <= p.high[known, t])
            for level, p in found.items()
        }
        width_K = nominal.high[known, t] - nominal.low[known, t]
        has_intervals = task == "regression" and bool(np.isfinite(width_K).all())
    covered = {"coverage": held[COVERAGE], "width": width_K} if has_intervals else {}

    def summary(chosen_K: NDArray[np.bool_], figures: Mapping[str, NDArray]) -> dict[str, Any]:
        """Means of figures of some rows; None where there is no row."""
        n = int(np.count_nonzero(chosen_K))
        return {"n": n} | {
            name: float(values_K[chosen_K].mean()) if n else None for name, values_K in figures.items()
        }

    def by_group(group_K: NDArray) -> dict[str, dict[str, Any]]:
        names, counts = np.unique(group_K, return_counts=True)
        if not np.issubdtype(names.dtype, np.integer):
            order = np.argsort(-counts, kind="stable")
            names, counts = names[order], counts[order]
        large = names[counts >= SMALLEST_GROUP]
        return {str(name): summary(group_K == name, covered) for name in large}

    inside_K = nominal.in_domain[known]
    sides = {"inside": inside_K, "outside": ~inside_K}
    result = {
        "domain": {side: summary(chosen_K, {"mae": wrong_K} | covered) for side, chosen_K in sides.items()}
    }
    if not has_intervals:
        return result
    # Deciles count from 1; equal labels are in one decile.
    edges = np.quantile(labels_K, np.arange(1, DECILES) / DECILES)
    divided: dict[str, NDArray] = {"label decile": np.searchsorted(edges, labels_K, side="right") + 1}
    if classes:
        divided = {"class": np.array(classes)[labels_K.astype(np.int64)]}
    divided |= {name: np.asarray(of_row)[known] for name, of_row in groups.items()}
    return result | {
        "overall": summary(np.full(len(known), True), covered),
        "curve": {"nominal": list(LEVELS), "empirical": [float(held[level].mean()) for level in LEVELS]},
        "groups": {name: by_group(group_K) for name, group_K in divided.items()},
    }
