"""Where the model errs: the mean error in each group of test rows.

Axes: M test rows with a label and an answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catenane.metrics import FloatArray, Task

__all__ = ["GroupError", "errors_by_group", "row_errors"]

SMALLEST_GROUP = 5
"""Rows below which the mean error of a group gets no interval."""


@dataclass(frozen=True)
class GroupError:
    """Mean error in one group."""

    name: str
    n: int
    model: float
    half_width: float | None
    """Of the 95 % interval of `model`; None in a group too small for one."""
    baseline: float | None
    """Mean error of the best baseline on the same rows."""


def row_errors(labels_M: FloatArray, answers_M: FloatArray, task: Task) -> FloatArray:
    """Absolute error of each row; in classification 1 where the call at probability 0.5 is wrong, else 0."""
    errors_M: FloatArray = np.abs(answers_M - labels_M)
    if task == "classification":
        errors_M = np.asarray((answers_M >= 0.5) != (labels_M > 0.5), dtype=np.float64)
    return errors_M


def errors_by_group(
    names: tuple[str, ...],
    names_M: npt.NDArray[np.str_],
    errors_M: FloatArray,
    rival_errors_M: FloatArray | None,
) -> list[GroupError]:
    """Mean errors of the groups that have a row.

    Args:
        names: The groups in the order to show them.
        names_M: Group of each row.
        errors_M: Errors of the model.
        rival_errors_M: Errors of the best baseline, if there is one.
    """
    found = []
    for name in names:
        chosen = names_M == name
        errors = errors_M[chosen]
        if not len(errors):
            continue
        interval = (
            1.96 * float(errors.std(ddof=1)) / len(errors) ** 0.5 if len(errors) >= SMALLEST_GROUP else None
        )
        rival = None if rival_errors_M is None else float(rival_errors_M[chosen].mean())
        found.append(GroupError(name, len(errors), float(errors.mean()), interval, rival))
    return found
