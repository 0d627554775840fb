from __future__ import annotations

import pandas as pd
import pytest

from catenane.errors import ConfigError, DataError
from catenane.notation import Smiles, canonical_block
from catenane.notation.building_blocks import Linker, builtin_linkers, builtin_substituents
from catenane.screen import enumerate_mofs, functionalise, read_linkers

LINKERS = {linker.name: linker for linker in builtin_linkers()}
GROUPS = {group.name: group for group in builtin_substituents()}


@pytest.mark.parametrize(
    ("linker", "most", "isomers"),
    [
        ("BDC", 1, 1),
        ("BDC", 4, 1 + 3 + 1 + 1),
        ("1,4-NDC", 1, 3),
        ("2,6-NDC", 1, 3),
        ("BPDC", 1, 2),
        ("BTC", 3, 3),
    ],
)
def test_each_isomer_once(linker, most, isomers):
    forms = list(functionalise(LINKERS[linker], GROUPS["F"], most=most))
    assert len(forms) == isomers
    assert len({Smiles.parse(form.smiles).canonical() for form in forms}) == isomers
    assert len({form.name for form in forms}) == isomers


@pytest.mark.parametrize(
    ("group", "smiles"),
    [
        ("NH2", "[O-]C(=O)c1ccc(c(c1)N)C(=O)[O-]"),
        ("NO2", "O=N(=O)c1cc(ccc1C(=O)[O-])C(=O)[O-]"),
        ("Br", "[O-]C(=O)c1ccc(c(c1)Br)C(=O)[O-]"),
        ("OMe", "COc1cc(ccc1C(=O)[O-])C(=O)[O-]"),
        ("CN", "N#Cc1cc(ccc1C(=O)[O-])C(=O)[O-]"),
        ("Me", "[O-]C(=O)c1ccc(c(c1)C)C(=O)[O-]"),
    ],
)
def test_terephthalates_meet_those_that_real_mofids_write(group, smiles):
    (form,) = functionalise(LINKERS["BDC"], GROUPS[group])
    assert form.smiles == canonical_block(smiles)
    assert form.name == f"BDC, 2-{group}"


def test_every_form_is_a_molecule_that_binds_as_before():
    for group in GROUPS.values():
        for linker in (LINKERS["BPDC"], LINKERS["BPY"], LINKERS["bIM"], LINKERS["TPDC"]):
            for form in functionalise(linker, group):
                Smiles.parse(form.smiles)
                assert canonical_block(form.smiles) == form.smiles
                assert (form.donor, form.points, form.shape, form.length) == (
                    linker.donor,
                    linker.points,
                    linker.shape,
                    linker.length,
                )


def test_isomers_of_a_foreign_linker_are_named_by_its_atoms():
    foreign = Linker.from_smiles("OC(=O)c1ccc(o1)-c1ccc(o1)C(O)=O", "mine")
    names = [form.name for form in functionalise(foreign, GROUPS["F"], most=2)]
    assert names[:2] == ["mine, C5-F", "mine, C6-F"]
    assert len(set(names)) == len(names) == 2 + 4


def test_without_aromatic_hydrogen_there_is_no_form():
    assert list(functionalise(LINKERS["ADC"], GROUPS["F"])) == []


def test_at_least_one_group_is_required():
    with pytest.raises(ConfigError, match="most=0"):
        list(functionalise(LINKERS["BDC"], GROUPS["F"], most=0))


def test_linkers_with_and_without_names_and_shapes(tmp_path):
    path = tmp_path / "linkers.csv"
    path.write_text("smiles,name,shape\nOC(=O)c1ccc(cc1)C(O)=O,,\nOC(=O)CCCCC(O)=O,ADP,linear\n")
    (first, second), rejected = read_linkers(path)
    assert not rejected
    assert (first.name, first.smiles, first.shape) == ("L1", "O=C([O-])c1ccc(C(=O)[O-])cc1", "linear")
    assert (second.name, second.shape) == ("ADP", "linear")
    frameworks = list(
        enumerate_mofs(nodes=["Zn4O"], topologies=["pcu"], linkers=[first, second], catenations=[0])
    )
    assert len(frameworks) == 3


TEREPHTHALIC, FUMARIC = "OC(=O)c1ccc(cc1)C(O)=O", "OC(=O)C=CC(O)=O"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.csv", f"ID,acid,price\nA,{TEREPHTHALIC},3\nB,{FUMARIC},4\n"),
        ("a.tsv", f"acid\tname\n{TEREPHTHALIC}\tA\n{FUMARIC}\tB\n"),
        ("a.smi", f"{TEREPHTHALIC} A\n{FUMARIC} B\n"),
        ("a.csv", f"title;SMILES\nA;{TEREPHTHALIC}\nB;{FUMARIC}\n"),
    ],
)
def test_tables_of_any_layout_and_column_names(tmp_path, file, text):
    path = tmp_path / file
    path.write_text(text)
    linkers, rejected = read_linkers(path)
    assert not rejected
    assert {linker.name: linker.length for linker in linkers} == {"A": 5, "B": 3}


def test_parquet_and_a_column_by_name(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"reactant": ["CCO", "CCN"], "product": [TEREPHTHALIC, FUMARIC]}).to_parquet(path)
    linkers, _ = read_linkers(path, string_column="product")
    assert [linker.name for linker in linkers] == ["L1", "L2"]
    with pytest.raises(DataError, match="may be in any of reactant, product"):
        read_linkers(path)


def test_rows_that_are_no_linkers_are_set_aside_with_their_reasons(tmp_path):
    path = tmp_path / "linkers.csv"
    path.write_text(
        f"smiles,name,shape\n{TEREPHTHALIC},A,\nCCO,B,\nOC(=O)C(,C,\n,D,\n"
        f"[O-]C(=O)c1ccc(cc1)C([O-])=O,E,\nOC(=O)CC(O)=O,F,round\n{FUMARIC},A,\n1,2\n"
    )
    linkers, rejected = read_linkers(path)
    assert [linker.name for linker in linkers] == ["A", "A (row 7)"]
    reasons = {rejection.row: rejection.reason for rejection in rejected}
    assert list(reasons) == [2, 3, 4, 5, 6, 8]
    assert "linker B: fewer than two carboxylates" in reasons[2]
    assert rejected[1].position == 7
    assert reasons[4] == "the string is missing"
    assert reasons[5] == "the linker of row 1 again"
    assert "shape 'round' of linker F must be one of" in reasons[6]
    assert "the row has 2 fields" in reasons[8]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\nBDC\n", "no column looks like SMILES"),
        ("smiles\n", "holds no linker"),
        ("", "the file is empty"),
        (
            "smiles\nCCO\nCCN\n",
            "holds no linker: 2 rows are none; the first is row 1, column 'smiles': linker L1",
        ),
    ],
)
def test_a_file_without_a_linker_is_refused(tmp_path, text, message):
    path = tmp_path / "linkers.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_linkers(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    path = tmp_path / "linkers.csv"
    path.write_bytes(b"\xff\xfe\x00smiles")
    with pytest.raises(DataError):
        read_linkers(path)
    with pytest.raises(DataError):
        read_linkers(tmp_path / "missing.csv")
