"""The rows of a table that a property model is trained and tested on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from catenane.config import Task
from catenane.data import Table, read_table
from catenane.data.duplicates import Aggregation, aggregate, hold_out
from catenane.data.row_groups import column_of
from catenane.data.splits import reject_untimed, split_shares
from catenane.descriptors import describe, fragments, roles
from catenane.errors import UsageError
from catenane.notation import groups
from catenane.train.fit import infer_task

__all__ = ["Rows", "read_rows"]


@dataclass(frozen=True)
class Rows:
    """A table that was read for training."""

    read: Table
    """All rows, test rows of a table of their own included."""
    table: Table
    """The rows that are used: strings that repeat are one row, unless they are kept."""
    test: np.ndarray | None
    """Places of the test rows in `table`, where they have a table of their own."""
    task: Task
    shares: tuple[float, ...] | None
    """Of train, valid and test, where they are given."""


def read_rows(
    data: str | Path,
    targets: Sequence[str],
    *,
    features: Sequence[str],
    weights: str | None,
    column: str | Sequence[str] | None,
    split: str,
    sizes: Sequence[float] | None,
    test: str | Path | None,
    folds: bool,
    task: Task | None,
    duplicates: Aggregation,
    on_error: Literal["skip", "raise"],
    data_dir: str | Path | None,
) -> Rows:
    """Read them; the arguments are those of `finetune`.

    Raises:
        DataError: A table cannot be read or has no usable row.
        UsageError: The split and the sizes of its parts contradict each other.
    """
    if test is not None and folds:
        raise UsageError("folds test every row of the table: leave the table of test rows out")
    split_by = column_of(split)
    if test is not None and split.startswith("column:"):
        raise UsageError(f"the column {split_by!r} names test rows, and test gives others: take one of both")
    if sizes is not None and split.startswith("column:") and not folds:
        raise UsageError(f"the shares of the parts are those of the column {split_by!r}: leave sizes out")
    n_shares = 3 if test is None and not folds else 2
    shares = None if sizes is None else (*split_shares(sizes, n_shares), 0.0)[:3]
    options: dict[str, Any] = {
        "targets": targets, "string_column": column, "on_error": on_error, "data_dir": data_dir,
        "features": features, "compute": (groups, describe, fragments, roles),
    }  # fmt: skip
    read = read_table(data, columns=(split_by,) if split_by else (), weights=weights, task=task, **options)
    if split.startswith("time:") and split_by:
        read = reject_untimed(read, split_by)
        if on_error == "raise" and read.rejected:
            raise read.rejected[0].error(read.source)
    if test is None:
        task = infer_task(read, task)
        return Rows(read, _settle(aggregate(read, duplicates), task), None, task, shares)
    tested = read_table(test, notation=read.notation, task="multiclass" if read.classes else task, **options)
    every, _ = hold_out(read, tested, keep=True)
    task = infer_task(every, task)
    parts = (_settle(aggregate(part, duplicates), task) for part in (read, tested))
    table, test_rows = hold_out(*parts, keep=duplicates == "keep")
    return Rows(every, table, test_rows, task, shares)


def _settle(table: Table, task: Task) -> Table:
    """The class that most of the repeated strings carry; where both are as frequent, the row is rejected."""
    if task == "regression":
        return table
    majority_NT, several = table.targets, "several"
    if task == "classification":
        several, majority_NT = "both", np.where(table.targets == 0.5, np.nan, np.round(table.targets))
    reason = f"the same string occurs with {several} classes equally often"
    settled = dataclasses.replace(table, targets=majority_NT)
    return settled.reject(np.all(np.isnan(majority_NT), axis=1), table.string_column, reason)
