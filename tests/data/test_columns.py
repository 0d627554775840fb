"""The column that is meant."""

from __future__ import annotations

import pytest

from catenane.data.columns import find_column, find_string_column
from catenane.errors import DataError

SAMPLE = [
    ["1", "aspirin", "CC(=O)Oc1ccccc1C(=O)O", "0.5"],
    ["2", "water", "O", "1"],
    ["3", "methane", "C", "nan"],
]


@pytest.mark.parametrize("name", ["SMILES", "Canonical_SMILES", "isomeric smiles", "Smi", "mol", "Structure"])
def test_usual_names_are_known_in_any_spelling(name):
    assert find_string_column(["id", "name", name, "y"], SAMPLE, "t") == 2


def test_without_a_usual_name_the_content_decides():
    assert find_string_column(["id", "name", "x", "y"], SAMPLE, "t") == 2


def test_a_usual_name_over_other_content_is_passed_by():
    assert find_string_column(["id", "molecule", "smi", "y"], SAMPLE, "t") == 2
    assert find_string_column(["id", "molecule", "mol", "y"], SAMPLE, "t") == 2


def test_a_mofid_goes_before_its_smiles_unless_smiles_are_asked_for():
    columns, sample = ["smiles", "MOFid"], [["[Zn].CC", "[Zn].CC&&pcu.cat0"]]
    assert find_string_column(columns, sample, "t") == 1
    assert find_string_column(columns, sample, "t", "smiles") == 0


def test_columns_are_found_in_any_case_unless_that_is_ambiguous():
    assert find_column(["Smiles", "LogS"], "logs", "t") == 1
    assert find_column(["y", "Y"], "Y", "t") == 1
    with pytest.raises(DataError, match="no column 'YY'"):
        find_column(["yy", "Yy"], "YY", "t")


def test_an_unknown_column_names_the_nearest_or_those_there_are():
    with pytest.raises(DataError, match=r"t: no column 'log_s': did you mean 'logS'\?"):
        find_column(["smiles", "logS"], "log_s", "t")
    many = [f"assay{i}" for i in range(600)]
    with pytest.raises(DataError, match="and 580 more"):
        find_column(many, "smiles", "t")
