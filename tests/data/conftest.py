"""Small tables that the tests of this floor share."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from catenane.data import Table
from catenane.notation import Record


@pytest.fixture
def make_table() -> Callable[..., Table]:
    """A table of these strings, with labels of shape (N,) or (N, T) if given."""

    def make(strings, targets=None, notation="smiles", columns=None):
        labels = np.zeros((len(strings), 0)) if targets is None else np.asarray(targets, dtype=float)
        labels = labels.reshape(len(strings), -1)
        return Table(
            records=[Record(string, notation) for string in strings],
            notation=notation,
            targets=labels,
            target_names=tuple(f"y{t}" for t in range(labels.shape[1])),
            rows=np.arange(1, len(strings) + 1),
            columns=columns or {},
            rejected=[],
            source="made.csv",
            string_column="string",
        )

    return make


@pytest.fixture
def peak_memory() -> Callable[[Callable[[], object]], int]:
    """The most bytes that Python holds at once while it does something."""

    def measure(work):
        tracemalloc.start()
        try:
            work()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return measure
