"""How well intervals hold on rows that a model has not seen, overall and by group.

Axes: N rows, K rows with a label, T targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catenane.data import Table
from catenane.descriptors import Descriptors
from catenane.inference.model import COVERAGE, Model
from catenane.inference.predictions import Predictions

__all__ = ["interval_metrics"]

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Levels of the coverage curve, `COVERAGE` among them."""
SMALLEST_GROUP = 10
"""Rows below which a group is left out."""
DECILES = 10


def interval_metrics(
    model: Model,
    table: Table,
    rows: NDArray[np.int64],
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    descriptors: Descriptors | None = None,
    pooled_ND: NDArray | None = None,
) -> dict[str, Any]:
    """`metrics["intervals"]`, as the report's `group_grids` reads it; empty without calibration.

    Args:
        model: The model.
        table: Strings and labels.
        rows: Test rows.
        groups: By name of the grouping ("topology", "scaffold"), the group of each test row.
        descriptors: Of the rows of the table, if the head reads them and they are at hand.
        pooled_ND: Embeddings of the rows of the table, if they are at hand.
    """
    if model.calibration is None or not len(rows):
        return {}
    intervals = model.calibration.intervals
    strings = [table.strings[row] for row in rows]
    part = None if descriptors is None else Descriptors(descriptors.values[rows], descriptors.names)
    pooled = model.embed_normalised(strings) if pooled_ND is None else pooled_ND[rows]
    found = {
        level: model.predict_normalised(strings, part, pooled_ND=pooled, coverage=level) for level in LEVELS
    }
    result: dict[str, Any] = {"nominal": COVERAGE, "targets": {}}
    if intervals is not None:
        result["n_calibration"] = int(intervals.n_T.max(initial=0))
    for t, name in enumerate(model.targets):
        labels_N = table.targets[rows, t]
        if np.isfinite(labels_N).any():
            result["targets"][name] = _target(found, labels_N, t, groups or {}, intervals is not None)
    return result


def _target(
    found: Mapping[float, Predictions],
    labels_N: NDArray,
    t: int,
    groups: Mapping[str, Sequence[str]],
    regression: bool,
) -> dict[str, Any]:
    nominal, known = found[COVERAGE], np.flatnonzero(np.isfinite(labels_N))
    value_N = nominal.values[:, t]
    wrong_N = np.abs(value_N - labels_N) if regression else (value_N >= 0.5) != (labels_N > 0.5)
    held = {level: (p.low[:, t] <= labels_N) & (labels_N <= p.high[:, t]) for level, p in found.items()}
    width_N = nominal.high[:, t] - nominal.low[:, t]
    has_intervals = regression and bool(np.isfinite(width_N[known]).all())

    def summary(rows: NDArray[np.int64]) -> dict[str, Any]:
        share, width = float(held[COVERAGE][rows].mean()), float(width_N[rows].mean())
        return {"n": len(rows), "coverage": share, "width": width}

    def errors(rows: NDArray[np.int64]) -> dict[str, Any]:
        entry: dict[str, Any] = {"n": len(rows), "mae": float(wrong_N[rows].mean()) if len(rows) else None}
        if has_intervals:
            entry["coverage"] = float(held[COVERAGE][rows].mean()) if len(rows) else None
        return entry

    def by_group(group_K: NDArray) -> dict[str, dict[str, Any]]:
        names, counts = np.unique(group_K, return_counts=True)
        if not np.issubdtype(names.dtype, np.integer):
            names = names[np.argsort(-counts, kind="stable")]
        parts = {str(name): known[group_K == name] for name in names}
        return {name: summary(rows) for name, rows in parts.items() if len(rows) >= SMALLEST_GROUP}

    inside_N = nominal.in_domain
    domain = {"inside": errors(known[inside_N[known]]), "outside": errors(known[~inside_N[known]])}
    if not has_intervals:
        return {"domain": domain}
    # Deciles count from 1; equal labels are in one decile.
    edges = np.quantile(labels_N[known], np.arange(1, DECILES) / DECILES)
    decile_K = np.searchsorted(edges, labels_N[known], side="right") + 1
    return {
        "domain": domain,
        "overall": summary(known),
        "curve": {
            "nominal": list(LEVELS),
            "empirical": [float(held[level][known].mean()) for level in LEVELS],
        },
        "groups": {
            "label decile": by_group(decile_K),
            **{name: by_group(np.asarray(of_row)[known]) for name, of_row in groups.items()},
        },
    }
