"""Rejected rows as they are kept, shown and written."""

from __future__ import annotations

import csv

from catenane.data.rejects import Rejection, write_rejected


def test_a_value_is_kept_whole_and_only_a_giant_is_cut():
    assert Rejection(1, "smiles", "C" * 500 + "N\0", None, "too long").value == "C" * 500 + "N\0"
    assert len(Rejection(1, "smiles", "C" * 1_000_000, None, "too long").value) < 90


def test_the_error_names_source_row_column_and_reason():
    error = Rejection(7, "smiles", "C(", 1, "'(' at position 1 is never closed").error("a.csv")
    assert str(error) == "a.csv, row 7, column 'smiles': '(' at position 1 is never closed"
    assert str(Rejection(7, "", "C", None, "two fields")) == "row 7: two fields"


def test_rejections_are_written_as_csv(tmp_path):
    rejections = [Rejection(3, "smiles", 'C,"\r', 2, "no"), Rejection(9, "y", "inf", None, "not finite")]
    write_rejected(tmp_path / "r.csv", rejections)
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["row", "column", "value", "position", "reason"],
            ["3", "smiles", 'C,"\r', "2", "no"],
            ["9", "y", "inf", "", "not finite"],
        ]
