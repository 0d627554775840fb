"""Cells to numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from catenane.data.numbers import parse_labels
from catenane.errors import DataError


def parse(*cells):
    return parse_labels(cells, range(1, len(cells) + 1), "y", "t.csv")


def test_numbers_missing_labels_and_truth_values():
    values, wrong = parse("1", " -2.5e-3 ", "", "NA", "nan", "None", "True", "false", None, 3, 0.5, True)
    np.testing.assert_array_equal(
        values, [1, -0.0025, math.nan, math.nan, math.nan, math.nan, 1, 0, math.nan, 3, 0.5, 1]
    )
    assert wrong == {}


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (">10", "'>10' is not a number"),
        ("1,5", "'1,5' is not a number; write a point for the decimal comma"),
        ("1_000", "'1_000' is not a number"),
        ("inf", "'inf' is not finite"),
        ("-Infinity", "'-Infinity' is not finite"),
        ("1e999", "'1e999' is not finite"),
        (math.inf, "inf is not finite"),
    ],
)
def test_a_wrong_cell_is_told_and_counts_as_missing(cell, reason):
    values, wrong = parse("1", cell, "2")
    assert math.isnan(values[1])
    assert wrong == {1: f"label {reason}"}


def test_a_column_of_decimal_commas_is_refused_with_advice():
    with pytest.raises(
        DataError, match=r"'1,5' in row 1, '2,5' in row 2; write a point for the decimal comma$"
    ):
        parse("1,5", "2,5")


def test_a_column_of_text_is_refused_with_its_first_rows():
    with pytest.raises(DataError) as error:
        parse("", "high", "low", "1", "low", "high")
    assert (
        str(error.value)
        == "t.csv: column 'y' does not hold numbers: 'high' in row 2, 'low' in row 3, 'low' in row 5"
    )
