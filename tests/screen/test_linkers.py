from __future__ import annotations

import pytest

from catenane.errors import ConfigError, DataError
from catenane.notation import Smiles, canonical_block
from catenane.notation.building_blocks import builtin_linkers, builtin_substituents
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
    assert form.name == f"BDC-{group}"


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


def test_without_aromatic_hydrogen_there_is_no_form():
    assert list(functionalise(LINKERS["ADC"], GROUPS["F"])) == []


def test_at_least_one_group_is_required():
    with pytest.raises(ConfigError, match="most=0"):
        list(functionalise(LINKERS["BDC"], GROUPS["F"], most=0))


def test_linkers_with_and_without_names_and_shapes(tmp_path):
    path = tmp_path / "linkers.csv"
    path.write_text("smiles,name,shape\nOC(=O)c1ccc(cc1)C(O)=O,,\nOC(=O)CCCCC(O)=O,ADP,linear\n")
    first, second = read_linkers(path)
    assert (first.name, first.smiles, first.shape) == ("L1", "O=C([O-])c1ccc(C(=O)[O-])cc1", "linear")
    assert (second.name, second.shape) == ("ADP", "linear")
    frameworks = list(
        enumerate_mofs(nodes=["Zn4O"], topologies=["pcu"], linkers=[first, second], catenations=[0])
    )
    assert len(frameworks) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\nBDC\n", "no column 'smiles'; the columns of linkers are smiles, name, shape"),
        ("smiles\n", "holds no linker"),
        ("", "no column 'smiles'"),
        ("smiles,name\nOC(=O)c1ccc(cc1)C(O)=O,A\nCCO,B\n", "row 2: linker B: fewer than two carboxylates"),
        ("smiles\nOC(=O)C(\n", r"row 1: '\(' at position 7 is never closed"),
        ("smiles,shape\nOC(=O)CC(O)=O,round\n", "row 1: shape 'round' of linker L1 must be one of"),
    ],
)
def test_a_bad_file_is_refused_with_its_row(tmp_path, text, message):
    path = tmp_path / "linkers.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_linkers(path)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "linkers.csv"
    path.write_bytes(b"\xff\xfe\x00smiles")
    with pytest.raises(DataError, match="cannot be read as CSV"):
        read_linkers(path)
    with pytest.raises(DataError, match="cannot be read as CSV"):
        read_linkers(tmp_path / "missing.csv")
