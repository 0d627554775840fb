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
from catenane.inference.model import COVERAGE, Model, Predictions

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
    calibration = model.calibration
    if calibration is None or not len(rows):
        return {}
    strings = [table.strings[row] for row in rows]
    part = None if descriptors is None else Descriptors(descriptors.values[rows], descriptors.names)
    pooled = model.embed_normalised(strings) if pooled_ND is None else pooled_ND[rows]
    found = {
        level: model.predict_normalised(strings, part, pooled_ND=pooled, coverage=level) for level in LEVELS
    }
    result: dict[str, Any] = {"nominal": COVERAGE, "targets": {}}
    if calibration.intervals is not None:
        result["n_calibration"] = int(calibration.intervals.n_T.max(initial=0))
    for t, name in enumerate(model.targets):
        if np.isfinite(table.targets[rows, t]).any():
            regression = calibration.intervals is not None
            result["targets"][name] = _target(found, table.targets[rows, t], t, groups or {}, regression)
    return result


def _target(
    found: Mapping[float, Predictions],
    labels_N: NDArray,
    t: int,
    groups: Mapping[str, Sequence[str]],
    regression: bool,
) -> dict[str, Any]:
    nominal, known = found[COVERAGE], np.flatnonzero(np.isfinite(labels_N))
    labels_K, value_K = labels_N[known], nominal.values[known, t]
    wrong_K = np.abs(value_K - labels_K) if regression else (value_K >= 0.5) != (labels_K > 0.5)
    held = {
        level: (p.low[known, t] <= labels_K) & (labels_K <= p.high[known, t]) for level, p in found.items()
    }
    width_K = nominal.high[known, t] - nominal.low[known, t]
    has_intervals = regression and bool(np.isfinite(width_K).all())
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
    divided = {"label decile": np.searchsorted(edges, labels_K, side="right") + 1}
    divided |= {name: np.asarray(of_row)[known] for name, of_row in groups.items()}
    return result | {
        "overall": summary(np.full(len(known), True), covered),
        "curve": {"nominal": list(LEVELS), "empirical": [float(held[level].mean()) for level in LEVELS]},
        "groups": {name: by_group(group_K) for name, group_K in divided.items()},
    }
