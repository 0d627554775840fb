from __future__ import annotations

import pytest

from catenane.errors import NotationError
from catenane.reporting.ranking import describe
from catenane.screen import enumerate_mofs

BDC = "[O-]C(=O)c1ccc(cc1)C(=O)[O-]"
ZN4O = "[Zn][O]([Zn])([Zn])[Zn]"


def facts(mofid):
    return describe(mofid, "mofid")[1]


def test_mof_5_is_told_as_a_chemist_would():
    (block,), facts = describe(f"{BDC}.{ZN4O}&&pcu.cat0", "mofid")
    assert facts == {"net": ("pcu", "single net"), "node": ("Zn₄O(COO)₆", "basic zinc acetate")}
    assert (block.name, block.full_name) == ("BDC", "benzene-1,4-dicarboxylate (terephthalate)")
    assert block.drawing.startswith("<svg")


@pytest.mark.parametrize(
    ("tail", "net"),
    [
        ("pcu.cat1", ("pcu", "2 interpenetrated nets")),
        ("pcu.cat3", ("pcu", "4 interpenetrated nets")),
        ("dia.cat11", ("dia", "12 interpenetrated nets")),
        ("bcu,fcu.cat0", ("bcu or fcu", "single net")),
        ("UNKNOWN.cat0", ("not identified", "single net")),
        ("ERROR", ("not identified", "catenation not known")),
        ("", ("not identified", "catenation not known")),
    ],
)
def test_net_and_catenation_are_told_in_words(tail, net):
    assert facts(f"{BDC}.{ZN4O}&&{tail}")["net"] == net


@pytest.mark.parametrize(
    ("mofid", "node"),
    [
        (f"{BDC}.[O].[V]&&rna.cat0", ("VO", "rod of corner-sharing V(=O)O₄ with bridging oxide")),
        ("CC1=NC=C[N]1.[Zn]&&sod.cat0", ("ZnN₄", "tetrahedral")),
        (f"{BDC}.[Zn]&&sod.cat0", ("Zn", "")),
        (f"{BDC}.{ZN4O}&&UNKNOWN.cat0", ("Zn₄O", "")),
        (f"{BDC}.[Pt][Pt]&&pcu.cat0", ("[Pt][Pt]", "")),
        (f"{BDC}.[O].{ZN4O}&&pcu.cat0", (f"[O] + {ZN4O}", "")),
    ],
    ids=["rod", "zif", "no zif", "no net", "foreign", "another block"],
)
def test_a_cluster_is_claimed_only_where_net_and_linkers_bear_it_out(mofid, node):
    assert facts(mofid)["node"] == node


def test_every_node_of_the_library_is_known_in_a_framework_of_its_own():
    seen = set()
    for mofid in enumerate_mofs(
        linkers=["BDC", "BTC", "BPTC", "TCPP", "MTB", "mIM", "DABCO"], catenations=[0]
    ):
        seen.add(facts(str(mofid))["node"])
    assert len(seen) > 15
    assert not any("[" in value for value, _ in seen)


def test_a_linker_that_stands_twice_is_shown_once():
    assert len(describe(f"{BDC}.{BDC}.{ZN4O}&&pcu.cat0", "mofid")[0]) == 1


def test_a_molecule_is_drawn_with_its_formula():
    (block,), facts = describe("CCO", "smiles")
    assert facts == {"scaffold": ("no ring", "")}
    assert block.name == "C₂H₆O"
    assert block.drawing.startswith("<svg")


def test_a_foreign_string_is_refused():
    with pytest.raises(NotationError):
        describe("not a mofid", "mofid")
    with pytest.raises(NotationError):
        describe("C1CC", "smiles")
