"""Parquet files give the same rows as text."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catenane.data import read_table, stream_strings
from catenane.errors import DataError


@pytest.fixture
def path(tmp_path):
    columns = {
        "id": [1, 2, 3, 4],
        "smiles": ["OCC", None, "C1CC", "CC"],
        "y": [1.5, 2.5, 3.5, None],
        "z": pa.array([1, None, 0, 0], pa.int8()),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=2)
    return tmp_path / "a.parquet"


def test_nulls_are_missing_and_values_keep_their_row(path):
    table = read_table(path, targets=["y", "z"], columns=["id"])
    assert table.strings == ["CCO", "CC"]
    assert table.rows.tolist() == [1, 4]
    assert table.columns == {"id": ["1", "4"]}
    assert table.targets[0].tolist() == [1.5, 1.0]
    assert [rejection.row for rejection in table.rejected] == [2, 3]
    assert table.rejected[0].reason == "the string is missing"


def test_a_parquet_file_is_known_by_its_bytes(path):
    other = path.rename(path.with_name("table.bin"))
    assert [string for _, string in stream_strings(other, on_rejection=lambda _: None)] == [
        "OCC",
        "C1CC",
        "CC",
    ]


def test_a_column_that_is_no_text_is_refused(path):
    with pytest.raises(DataError, match="1 is not text"):
        list(stream_strings(path, string_column="id"))


def test_a_file_cut_short_is_refused(path):
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="not a readable Parquet file"):
        read_table(path)
