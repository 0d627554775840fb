from __future__ import annotations

import pytest

from catenane.errors import DataError
from catenane.screen import enumerate_mofs, read_linkers


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
