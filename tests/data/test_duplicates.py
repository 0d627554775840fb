"""Duplicates: found, counted, made one."""

from __future__ import annotations

import numpy as np
import pytest

from catenane.data import aggregate, find_duplicates, noise_floor, read_table
from catenane.errors import ConfigError

NAN = np.nan
STRINGS = ["A", "B", "A", "C", "B", "A", "D"]
TARGETS = [[1, 0], [5, NAN], [2, 0], [7, 7], [5, 3], [6, NAN], [NAN, 1]]


def test_groups_and_conflicts(make_table):
    found = find_duplicates(make_table(STRINGS, TARGETS))
    assert list(found.groups) == [[0, 2, 5], [1, 4]]
    assert found.n_rows == 5
    assert found.conflicting.tolist() == [True, False]


@pytest.mark.parametrize(
    ("how", "a", "b"), [("mean", [3, 0], [5, 3]), ("median", [2, 0], [5, 3]), ("first", [1, 0], [5, 3])]
)
def test_one_row_for_every_string_in_order_of_appearance(make_table, how, a, b):
    table = aggregate(make_table(STRINGS, TARGETS, columns={"id": list("abcdefg")}), how)
    assert table.strings == ["A", "B", "C", "D"]
    assert table.rows.tolist() == [1, 2, 4, 7]
    assert table.columns == {"id": ["a", "b", "d", "g"]}
    np.testing.assert_array_equal(table.targets, [a, b, [7, 7], [NAN, 1]])


def test_keep_keeps_and_the_table_given_is_left_alone(make_table):
    table = make_table(STRINGS, TARGETS)
    assert aggregate(table, "keep") is table
    aggregate(table, "mean")
    np.testing.assert_array_equal(table.targets, TARGETS)


def test_an_unknown_aggregation_is_refused(make_table):
    with pytest.raises(ConfigError, match="must be one of mean, median, first, keep"):
        aggregate(make_table(STRINGS, TARGETS), "max")


def test_the_noise_floor_by_hand(make_table):
    floor = noise_floor(make_table(STRINGS, TARGETS))
    assert floor["y0"] == {
        "groups": 2,
        "rows": 5,
        "mean_absolute_deviation": pytest.approx((2 + 1 + 3) / 5),
        "within_group_std": pytest.approx(np.sqrt((4 + 1 + 9) / 3)),
    }
    assert floor["y1"]["groups"] == 1
    assert floor["y1"]["rows"] == 2


def test_no_duplicates_no_floor(make_table):
    table = make_table(["A", "B"], [1, 2])
    assert find_duplicates(table).groups == ()
    assert find_duplicates(table).conflicting.shape == (0,)
    floor = noise_floor(table)["y0"]
    assert floor["groups"] == floor["rows"] == 0
    assert np.isnan(floor["mean_absolute_deviation"])
    assert aggregate(table).strings == ["A", "B"]


def test_the_pooled_deviation_is_that_of_the_noise(make_table):
    draw = np.random.default_rng(0)
    strings = [f"S{i}" for i in draw.integers(0, 2000, 6000)]
    level = {string: draw.normal(0, 10) for string in strings}
    floor = noise_floor(make_table(strings, [level[string] + draw.normal(0, 0.3) for string in strings]))[
        "y0"
    ]
    assert floor["within_group_std"] == pytest.approx(0.3, rel=0.05)


def test_the_floor_of_the_metal_subsets(shared_data):
    targets = ["co2_0.1bar", "co2_0.5bar", "co2_2.5bar"]
    table = read_table("mof/hmof_metal_subsets", targets=targets, data_dir=shared_data)
    floor = noise_floor(table)
    deviations = [floor[target]["mean_absolute_deviation"] for target in targets]
    deviations_in_readme = [0.079, 0.202, 0.386]
    assert deviations == pytest.approx(deviations_in_readme, abs=0.01)  # those count strings as written
    stds = [floor[target]["within_group_std"] for target in targets]
    assert stds == pytest.approx([0.197, 0.400, 0.716], abs=0.015)
    found = find_duplicates(table)
    assert len(found.groups) == floor["co2_0.1bar"]["groups"]
    assert found.n_rows == floor["co2_0.1bar"]["rows"]
