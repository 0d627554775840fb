"""Tables: read, normalised, and every row accounted for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from catenane.data import DATASETS, dataset_file, read_table
from catenane.errors import ConfigError, DataError

ROWS = """id,SMILES,solubility (mol/L),class
1,OCC,0.5,1
2,C1CC,0.25,0
3,c1ccccc1,,
4,CC(=O)O,nan,1
5,,1,1
6,CCC,inf,0
7,"CCN",2e-3,
8,CC,~1,1
9,CO,1,0,7
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "a.csv").write_text(ROWS)
    return tmp_path / "a.csv"


def test_good_rows_are_normalised_and_bad_ones_kept_aside(path):
    table = read_table(path, targets=["solubility", "class"], columns=["id"])
    assert table.strings == ["CCO", "CC(=O)O", "CCN"]
    assert table.notation == "smiles"
    assert table.string_column == "SMILES"
    assert table.source == str(path)
    assert table.rows.tolist() == [1, 4, 7]
    assert table.columns == {"id": ["1", "4", "7"]}
    assert table.target_names == ("solubility", "class")
    assert table.units == {"solubility": "mol/L", "class": ""}
    np.testing.assert_array_equal(table.targets, [[0.5, 1], [np.nan, 1], [0.002, np.nan]])
    assert table.targets.dtype == np.float64
    assert {rejection.row: (rejection.column, rejection.value) for rejection in table.rejected} == {
        2: ("SMILES", "C1CC"),
        3: ("solubility (mol/L), class", ""),
        5: ("SMILES", ""),
        6: ("solubility (mol/L)", "inf"),
        8: ("solubility (mol/L)", "~1"),
        9: ("", "9,CO,1,0,7"),
    }
    reasons = {rejection.row: rejection.reason for rejection in table.rejected}
    assert "never closed" in reasons[2]
    assert reasons[3] == "there is no label"
    assert next(r for r in table.rejected if r.row == 2).position == 1
    assert len(table) + len(table.rejected) == 9


def test_raise_stops_at_the_first_bad_row_with_its_position(path):
    with pytest.raises(
        DataError, match=r"a\.csv, row 2, column 'SMILES': ring bond 1 is opened at position 1"
    ):
        read_table(path, targets=["class"], on_error="raise")
    with pytest.raises(ConfigError, match="on_error='ignore'"):
        read_table(path, on_error="ignore")


def test_the_position_counts_in_the_value_that_is_shown(tmp_path):
    (tmp_path / "a.csv").write_text("smiles\nCC\n  C1CC\n")
    (rejection,) = read_table(tmp_path / "a.csv").rejected
    assert (rejection.value, rejection.position) == ("C1CC", 1)


def test_a_target_is_named_with_or_without_its_unit(path):
    assert read_table(path, targets=["solubility (mol/L)"]).units == {"solubility": "mol/L"}
    assert read_table(path, targets=["Solubility"]).target_names == ("solubility",)


def test_without_targets_every_string_counts(path):
    table = read_table(path)
    assert table.targets.shape == (6, 0)
    assert [rejection.row for rejection in table.rejected] == [2, 5, 9]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (["solubilty"], "no column 'solubilty': did you mean 'solubility'?"),
        (["SMILES"], "target 'SMILES' holds the strings"),
        (["class", "CLASS"], "target 'class' is named twice"),
    ],
)
def test_a_wrong_target_is_refused(path, targets, message):
    with pytest.raises(DataError) as error:
        read_table(path, targets=targets)
    assert message.split("? The")[0] in str(error.value)


@pytest.mark.parametrize(
    ("header", "targets", "message"),
    [
        ("y [eV],y (K)", ["y [eV]", "y (K)"], "'y [eV]', 'y (K)' are all called 'y' without their units"),
        ("y [eV],y (K)", ["y"], "several columns are called 'y' but for their units"),
        ("error,y", ["error"], "target 'error' has the name of a column of predictions: rename the column"),
        ("String,y", ["String"], "target 'String' has the name of a column of predictions"),
        ("in_domain,y", ["in_domain", "y"], "target 'in_domain' has the name of a column of predictions"),
        ("y,y_low", ["y", "y_low"], "target 'y_low' has the name of a column of predictions"),
        ("y_high (K),y", ["y_high (K)", "y"], "target 'y_high (K)' has the name of a column of predictions"),
    ],
)
def test_targets_that_predictions_could_not_hold_apart_are_refused(tmp_path, header, targets, message):
    (tmp_path / "a.csv").write_text(f"smiles,{header}\nCC,1,2\nCCC,2,3\n")
    with pytest.raises(DataError) as error:
        read_table(tmp_path / "a.csv", targets=targets)
    assert message in str(error.value)


def test_a_suffix_by_itself_is_a_name_as_any(tmp_path):
    (tmp_path / "a.csv").write_text("smiles,y_low,z\nCC,1,2\nCCC,2,3\n")
    assert read_table(tmp_path / "a.csv", targets=["y_low", "z"]).target_names == ("y_low", "z")


def test_a_target_of_text_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("smiles,name\nCC,ethane\nCCC,propane\n")
    with pytest.raises(DataError, match="column 'name' does not hold numbers: 'ethane' in row 1"):
        read_table(tmp_path / "a.csv", targets=["name"])


@pytest.mark.parametrize("rows", ["", "C(,1\nC),2\n"])
def test_a_table_without_a_usable_row_is_refused(tmp_path, rows):
    (tmp_path / "a.csv").write_text("smiles,y\n" + rows)
    with pytest.raises(DataError):
        read_table(tmp_path / "a.csv", targets=["y"], notation="smiles")


def test_strings_of_no_notation_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("string,y\nhello,1\nworld,2\n")
    with pytest.raises(
        DataError, match=r"a\.csv: column 'string': most strings are neither SMILES nor MOFid"
    ):
        read_table(tmp_path / "a.csv", targets=["y"], string_column="string")


def test_where_most_strings_are_bad_the_name_of_the_column_tells_what_they_should_be(tmp_path):
    (tmp_path / "a.csv").write_text("smiles,y\nhello,1\nCCO,2\nworld,3\n")
    table = read_table(tmp_path / "a.csv", targets=["y"])
    assert table.strings == ["CCO"]
    assert [rejection.position for rejection in table.rejected] == [0, 0]


def test_semicolons_and_decimal_commas_are_told(tmp_path):
    (tmp_path / "a.csv").write_text("smiles;y\nCC;1\nCCO;1,5\n")
    table = read_table(tmp_path / "a.csv", targets=["y"])
    assert table.strings == ["CC"]
    assert table.rejected[0].reason == "label '1,5' is not a number; write a point for the decimal comma"


def test_mofids_of_both_forms_become_compact(tmp_path):
    (tmp_path / "a.csv").write_text(
        "mofid,y\n[Zn].CC&&pcu.cat0,1\n[Zn].CC MOFid-v1.pcu.cat1;name,2\n"
        '"[Zn].CC&&UNKNOWN,ERROR.cat0",3\n*,4\n'
    )
    table = read_table(tmp_path / "a.csv", targets=["y"])
    assert table.notation == "mofid"
    assert table.strings == ["CC.[Zn]&&pcu.cat0", "CC.[Zn]&&pcu.cat1", "CC.[Zn]&&UNKNOWN,ERROR.cat0"]
    assert [rejection.row for rejection in table.rejected] == [4]


def test_taking_rows_takes_everything_that_belongs_to_them(path):
    table = read_table(path, targets=["class"], columns=["id"])
    taken = table.take([2, 0])
    assert taken.strings == [table.strings[2], table.strings[0]]
    assert taken.rows.tolist() == [table.rows[2], table.rows[0]]
    assert taken.columns["id"] == [table.columns["id"][2], table.columns["id"][0]]
    np.testing.assert_array_equal(taken.targets, table.targets[[2, 0]])
    assert taken.rejected == table.rejected


@pytest.mark.parametrize(
    ("name", "target", "rejected"),
    [("molnet/bbbp", "p_np", 9), ("molnet/clintox", "CT_TOX", 4), ("mof/qmof", "bandgap_ev", 0)],
)
def test_real_sets_lose_only_what_cannot_be_parsed(shared_data, name, target, rejected):
    table = read_table(name, targets=[target], data_dir=shared_data)
    assert len(table.rejected) == rejected
    assert all(rejection.reason and rejection.value for rejection in table.rejected)
    assert len(np.unique(table.rows)) == len(table)


def test_published_statistics_of_hmof(shared_data, tmp_path):
    values = pd.read_csv(dataset_file(DATASETS["mof/hmof"], shared_data), usecols=["co2_0.1bar"], dtype=str)
    values.assign(smiles="C").to_csv(tmp_path / "labels.csv", index=False)  # one string, parsed once
    labels = read_table(tmp_path / "labels.csv", targets=["co2_0.1bar"]).targets
    assert len(labels) == DATASETS["mof/hmof"].rows
    assert labels.mean() == pytest.approx(0.598, abs=0.02)
    assert np.median(labels) == pytest.approx(0.332, abs=0.02)
    assert labels.std() == pytest.approx(0.682, abs=0.02)
