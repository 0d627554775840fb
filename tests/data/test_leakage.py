"""What a test part has in common with train."""

from __future__ import annotations

import pytest

from catenane.data import make_split, shared_with_train


def shares(make_table, strings, parts, notation):
    table = make_table(strings, notation=notation, columns={"part": parts})
    return shared_with_train(table, make_split(table, "column:part"))


def test_molecules(make_table):
    strings = ["CC(O)C(=O)O", "Cc1ccccc1", "CC", "C[C@H](O)C(=O)O", "CCc1ccccc1", "CCC", "CC"]
    found = shares(make_table, strings, ["train"] * 2 + ["valid", "test", "test", "test", "train"], "smiles")
    assert found == {
        "string": 0,
        "without stereochemistry": pytest.approx(1 / 3),
        "scaffold": pytest.approx(1 / 3),
    }


def test_frameworks(make_table):
    strings = [
        "[Zn].CC.NN&&pcu.cat0",
        "[Zn].CO&&pcu.cat0",
        "[Zn].CCC&&pcu.cat0",
        "[Zn].CC.NN&&pcu.cat1",  # another catenation
        "[Cu].CC.NN&&fcu.cat0",  # another node
        "[Zn].CC.CO&&pcu.cat0",  # known linkers, put together anew
        "[Zn].CC.CCCC&&pcu.cat0",  # one new linker
        "[Zn]&&pcu.cat0",  # no linker
    ]
    found = shares(make_table, strings, ["train"] * 2 + ["valid"] + ["test"] * 5, "mofid")
    assert found == {
        "string": 0,
        "framework": pytest.approx(1 / 5),
        "topology": pytest.approx(4 / 5),
        "set of linkers": pytest.approx(2 / 5),
        "every linker": pytest.approx(3 / 5),
        "any linker": pytest.approx(4 / 5),
    }
