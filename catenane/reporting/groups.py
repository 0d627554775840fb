"""Rows grouped by their chemistry, and the mean error of the model in each group.

Axes: N rows of the table, M test rows with a label and a prediction.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catenane.data import Split, Table
from catenane.descriptors import compute_descriptors
from catenane.metrics import FloatArray, Task
from catenane.notation import Mofid, compute_all, groups

__all__ = ["OTHER", "Grouping", "chemistry_groups", "errors_by_group", "row_errors"]

OTHER = "other"
MOST_GROUPS = 10
"""Groups that are shown; if there are more, the last one holds the rest."""
MOST_NAME = 24
SMALLEST_GROUP = 5
"""Rows below which the mean error of a group gets no interval."""


@dataclass(frozen=True)
class Grouping:
    """One way to group rows."""

    title: str
    """What the groups differ in: "topology"."""
    row_names: npt.NDArray[np.str_]
    """Group of each row, (N,)."""
    names: tuple[str, ...]
    """In the order to show them."""

    def take(self, rows: npt.NDArray[np.int64]) -> Grouping:
        """The same groups for some of the rows."""
        return replace(self, row_names=self.row_names[rows])


def chemistry_groups(table: Table, split: Split) -> tuple[Grouping, ...]:
    """Group the rows of a table by what their strings hold.

    By topology or, of molecules, by scaffold or (where too few test rows share one) by rings; by catenation
    or heavy atoms; and by whether the training rows hold the linkers or the scaffold, counted as
    `catenane.data.shared_with_train` does.
    """
    return _GROUPINGS[table.notation](table, split)


def row_errors(labels_M: FloatArray, predictions_M: FloatArray, task: Task) -> FloatArray:
    """Absolute error of each row; of classes 1 where the likeliest one is wrong, else 0."""
    if task == "multiclass":
        return np.asarray(predictions_M.argmax(axis=1) != labels_M, dtype=np.float64)
    if task == "classification":
        return np.asarray((predictions_M >= 0.5) != (labels_M > 0.5), dtype=np.float64)
    return np.abs(predictions_M - labels_M)


def errors_by_group(
    grouping: Grouping, errors_M: FloatArray, rival_errors_M: FloatArray | None
) -> dict[str, dict[str, float | None]]:
    """Mean errors of the model (`mae`) and of the best baseline, if there is one, by group that has a row.

    `n` counts the rows; `half` is half the 95 % interval of `mae`, None in a group too small for one.
    """
    found: dict[str, dict[str, float | None]] = {}
    for name in grouping.names:
        chosen_M = grouping.row_names == name
        errors, n = errors_M[chosen_M], int(np.count_nonzero(chosen_M))
        if n:
            half = 1.96 * float(errors.std(ddof=1)) / n**0.5 if n >= SMALLEST_GROUP else None
            rival = None if rival_errors_M is None else float(rival_errors_M[chosen_M].mean())
            found[name] = {"n": n, "mae": float(errors.mean()), "half": half, "baseline": rival}
    return found


def _group_mofs(table: Table, split: Split) -> tuple[Grouping, ...]:
    topologies, catenations, linkers = [], [], []
    for record in table.records:
        mofid: Mofid = record.parsed
        topologies.append(",".join(mofid.topologies) or "none")
        catenations.append("unknown" if mofid.catenation is None else f"cat{mofid.catenation}")
        linkers.append(frozenset(mofid.linkers))
    known = frozenset[str]().union(*(linkers[row] for row in split.train))
    seen = ["no linker" if not some else "all seen" if some <= known else "some new" for some in linkers]
    return (
        _commonest("topology", topologies),
        _ordered("catenation", catenations, sorted(set(catenations))),
        _ordered("linkers in training", seen, ["all seen", "some new", "no linker"]),
    )


def _group_molecules(table: Table, split: Split) -> tuple[Grouping, ...]:
    scaffolds = ["".join(found["scaffold"]) for found in compute_all(table.records, groups)]
    described = compute_descriptors(table.records, table.notation, n_strings=table.n_strings)
    columns = [described.names.index(name) for name in ("n_rings", "n_heavy")]
    n_rings, n_heavy = described.values[:, columns].astype(np.int64).T
    known = {scaffolds[row] for row in split.train}
    seen = ["no ring" if not one else "seen" if one in known else "new" for one in scaffolds]
    main = _commonest("scaffold", [_scaffold_name(scaffold) for scaffold in scaffolds])
    # A scaffold split leaves the common scaffolds to the training rows: what counts is what the plot shows.
    if np.count_nonzero(main.row_names[split.test] == OTHER) > len(split.test) / 2:
        main = _size_classes("rings", n_rings, 0)
    return (
        main,
        _size_classes("heavy atoms", n_heavy, 1),
        _ordered("scaffold in training", seen, ["seen", "new", "no ring"]),
    )


_GROUPINGS = {"smiles": _group_molecules, "mofid": _group_mofs}


@cache
def scaffold_names() -> dict[str, str]:
    """Names of the commonest scaffolds by their SMILES."""
    return tomllib.loads(Path(__file__).with_name("scaffolds.toml").read_text(encoding="utf-8"))


def _scaffold_name(scaffold: str) -> str:
    name = scaffold_names().get(scaffold, scaffold)
    return name if len(name) <= MOST_NAME else name[: MOST_NAME - 1] + "…"


def _commonest(title: str, names: Sequence[str]) -> Grouping:
    """The commonest groups by their names, the rest as one."""
    ranked = [name for name, _ in Counter(names).most_common()]
    shown = ranked if len(ranked) <= MOST_GROUPS else ranked[: MOST_GROUPS - 1]
    return _ordered(title, [name if name in shown else OTHER for name in names], [*shown, OTHER])


def _size_classes(title: str, sizes: npt.NDArray[np.int64], first: int, most: int = 8) -> Grouping:
    """Classes of equal width from the first on, the last one open."""
    top = int(np.quantile(sizes, 0.99)) - first + 1 if len(sizes) else 0
    width = next(width for width in (1, 2, 5, 10, 20, 50, 100, top + 1) if top / width < most)
    last = max(0, top - 1) // width
    starts = [first + k * width for k in range(last + 1)]
    labels = [f"{start}–{start + width - 1}" if width > 1 else f"{start}" for start in starts]
    labels[-1] = f"{starts[-1]} or more"
    return _ordered(title, [labels[k] for k in np.clip((sizes - first) // width, 0, last)], labels)


def _ordered(title: str, names: Sequence[str], order: Sequence[str]) -> Grouping:
    present = set(names)
    shown = tuple(name for name in dict.fromkeys(order) if name in present)
    return Grouping(title, np.asarray(names, dtype=np.str_), shown)
