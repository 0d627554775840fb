from __future__ import annotations

import numpy as np
import pytest

from catenane.tokenizers import EncodedStrings, build_tokenizer
from catenane.tokenizers.encoded import expand_ranges


@pytest.fixture
def encoded() -> EncodedStrings:
    strings = ["CCO", "", "C[Xe]N", "CCCCCC"]
    return build_tokenizer(["CNO"], "smiles").encode_flat(strings, max_length=6)


def test_shapes_and_dtypes(encoded: EncodedStrings) -> None:
    assert len(encoded) == 4
    assert encoded.lengths.tolist() == [5, 2, 5, 6]
    assert encoded.n_unknown.tolist() == [0, 0, 1, 0]
    assert encoded.n_cut.tolist() == [0, 0, 0, 2]
    arrays = (encoded.ids, encoded.offsets, encoded.n_unknown, encoded.n_cut, encoded.lengths)
    assert [array.dtype for array in arrays] == [np.uint16, np.int64, np.int32, np.int32, np.int64]


@pytest.mark.parametrize("places", [[], [0], [3, 1, 2, 0], [2, 2, -1]])
def test_take_keeps_each_string_whole(encoded: EncodedStrings, places: list[int]) -> None:
    taken = encoded.take(np.array(places, np.int64))
    parts = np.split(encoded.ids, encoded.offsets[1:-1])
    assert taken.ids.tolist() == [number for place in places for number in parts[place]]
    assert taken.lengths.tolist() == [len(parts[place]) for place in places]
    assert taken.n_unknown.tolist() == encoded.n_unknown[places].tolist()
    assert taken.n_cut.tolist() == encoded.n_cut[places].tolist()
    assert (taken.ids.dtype, taken.offsets.dtype) == (np.uint16, np.int64)


@pytest.mark.parametrize(
    ("starts", "counts"), [([], []), ([5], [0]), ([5], [3]), ([7, 0, 2, 2], [2, 0, 3, 1]), ([0, 9], [0, 0])]
)
def test_every_index_of_every_range(starts: list[int], counts: list[int]) -> None:
    expected = [start + step for start, count in zip(starts, counts, strict=True) for step in range(count)]
    got = expand_ranges(np.array(starts, np.int64), np.array(counts, np.int64))
    assert got.dtype == np.int64
    assert got.tolist() == expected
