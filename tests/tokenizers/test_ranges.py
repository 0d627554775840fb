from __future__ import annotations

import numpy as np
import pytest

from catenane.tokenizers.ranges import expand_ranges


@pytest.mark.parametrize(
    ("starts", "counts"), [([], []), ([5], [0]), ([5], [3]), ([7, 0, 2, 2], [2, 0, 3, 1]), ([0, 9], [0, 0])]
)
def test_every_index_of_every_range(starts: list[int], counts: list[int]) -> None:
    expected = [start + step for start, count in zip(starts, counts, strict=True) for step in range(count)]
    got = expand_ranges(np.array(starts, np.int64), np.array(counts, np.int64))
    assert got.dtype == np.int64
    assert got.tolist() == expected
