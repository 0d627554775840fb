from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pandas as pd
import pytest

from catenane.errors import ConfigError
from catenane.notation import Mofid, normalise
from catenane.notation.building_blocks import builtin_linkers
from catenane.screen import Frameworks, enumerate_mofs
from catenane.screen.fillings import CROWDED, UNEQUAL

LIBRARY = Frameworks()
KNOWN = {
    "MOF-5": "[O-]C(=O)c1ccc(cc1)C(=O)[O-].[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0",
    "IRMOF-9": "[O-]C(=O)c1ccc(cc1)c1ccc(cc1)C(=O)[O-].[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat1",
    "HKUST-1": "[Cu][Cu].[O-]C(=O)c1cc(cc(c1)C(=O)[O-])C(=O)[O-]&&tbo.cat0",
    "DMOF-1": "C1CN2CCN1CC2.[O-]C(=O)c1ccc(cc1)C(=O)[O-].[Zn][Zn]&&pcu.cat0",
    "MIL-47": "[O-]C(=O)c1ccc(cc1)C(=O)[O-].[O].[V]&&rna.cat0",
    "MIL-53(Ga)": "[Ga].[O-]C(=O)c1ccc(cc1)C(=O)[O-].[OH]&&rna.cat0",
    "MIL-101(Cr)": "[Cr][O]([Cr])[Cr].[O-]C(=O)c1ccc(cc1)C(=O)[O-]&&mtn-e.cat0",
    "ZIF-7": "[Zn].c1ccc2c(c1)N=C[N]2&&sod.cat0",
    "ZIF-8": "CC1=NC=C[N]1.[Zn]&&sod.cat0",
    "MOF-14": "[Cu][Cu].[O-]C(=O)c1ccc(cc1)c1cc(cc(c1)c1ccc(cc1)C(=O)[O-])c1ccc(cc1)C(=O)[O-]&&pto.cat0",
    "DUT-67": "[O-]C(=O)c1ccc(s1)C(=O)[O-]"
    ".[O]12[Zr]34[O]5[Zr]62[O]2[Zr]71[O]4[Zr]14[O]3[Zr]35[O]6[Zr]2([O]71)[O]43&&reo.cat0",
}


@pytest.fixture(scope="module")
def strings() -> list[str]:
    return [str(mofid) for mofid in LIBRARY]


def test_the_library_makes_more_than_a_hundred_thousand_frameworks_no_two_alike(strings):
    assert len(strings) == LIBRARY.size > 100_000
    assert len(set(strings)) == len(strings)
    assert f" {LIBRARY.size:,} " in (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_every_one_is_read_back(strings):
    for text in strings[::7]:
        mofid = Mofid.parse(text)
        assert str(mofid) == text
        assert mofid.nodes
        assert mofid.linkers
        assert list(mofid.blocks) == sorted(mofid.blocks)
    for text in strings[::499]:
        assert normalise(text, "mofid") == text


@pytest.mark.parametrize("name", KNOWN)
def test_known_frameworks_are_among_them(strings, name):
    assert normalise(KNOWN[name], "mofid") in set(strings)


def test_many_are_in_the_public_sets(strings, shared_data: Path):
    real = {
        text
        for file in (shared_data / "mof").glob("*.csv.gz")
        for text in pd.read_csv(file, usecols=["mofid"], dtype=str)["mofid"]
    }
    assert set(KNOWN.values()) <= real
    short = sorted(text for text in real if len(text) < 100)[::3]
    assert len({normalise(text, "mofid") for text in short}.intersection(strings)) > 50


def test_by_index_as_in_order(strings):
    for index in [*range(0, LIBRARY.size, 997), LIBRARY.size - 1]:
        assert str(LIBRARY[index]) == strings[index]
    for index in (-1, LIBRARY.size):
        with pytest.raises(IndexError):
            LIBRARY[index]


def test_a_sample_is_of_different_frameworks_and_depends_on_the_seed_alone():
    first = [str(mofid) for mofid in LIBRARY.sample(2_000, seed=3)]
    assert len(set(first)) == 2_000
    assert first == [str(mofid) for mofid in Frameworks().sample(2_000, seed=3)]
    assert first != [str(mofid) for mofid in LIBRARY.sample(2_000, seed=4)]
    few = Frameworks(nodes=["Zn4O"], topologies=["qom"])
    assert sorted(map(str, few.sample(10**6))) == sorted(map(str, few))


def test_the_choice_is_kept():
    frameworks = list(
        enumerate_mofs(
            nodes=["Cu2", "Zn2", "Zn4O"],
            topologies=["pcu"],
            linkers=["BDC", "BPDC", "BTC", "BPY"],
            catenations=[1],
        )
    )
    linkers = {linker.smiles: linker.name for linker in builtin_linkers()}
    made_of = {(mofid.nodes, frozenset(linkers[block] for block in mofid.linkers)) for mofid in frameworks}
    carboxylates = [{"BDC"}, {"BPDC"}, {"BDC", "BPDC"}]
    assert made_of == {
        *(((node,), frozenset(c | {"BPY"})) for node in ("[Cu][Cu]", "[Zn][Zn]") for c in carboxylates),
        *((("[Zn][O]([Zn])([Zn])[Zn]",), frozenset(c)) for c in carboxylates),
    }
    assert len(frameworks) == 9
    assert {(mofid.topology, mofid.catenation) for mofid in frameworks} == {("pcu", 1)}


def test_names_list_what_a_framework_is_made_of():
    (mofid,) = enumerate_mofs(nodes=["Zn2"], topologies=["pcu"], linkers=["BDC", "DABCO"], catenations=[0])
    assert mofid.name == "Zn2_BDC_DABCO_pcu"


def alone(catenation: int, node: str = "Zn4O", net: str = "pcu") -> set[str]:
    """Names of the linkers of which, alone, so many further nets can be made."""
    made = enumerate_mofs(nodes=[node], topologies=[net], catenations=[catenation])
    return {mofid.parts[0].name for mofid in made if len(mofid.parts) == 1}


def test_further_nets_need_longer_and_thinner_linkers():
    assert "FUM" in alone(1) - alone(2)
    assert "2,6-NDC" in alone(2) - alone(3)
    assert {"TPDC", "QPDC"} <= alone(3)
    assert "9,10-ANDC" in alone(1) - alone(2)  # as long as BDC, but the wall is 7 angstrom wide
    assert alone(1, "Zr6", "fcu") >= {"PEDB", "NDIDB"}
    assert not alone(1, "Zr6", "fcu") & {"FUM", "BDC", "2,6-NDC"}
    assert "BTC" not in alone(1, "Cu2", "pto")


def test_linkers_on_equal_places_are_of_one_length():
    mixed = [
        {linker.name for linker in mofid.parts}
        for mofid in enumerate_mofs(nodes=["Zr6"], topologies=["fcu"])
        if len(mofid.linkers) > 1
    ]
    assert {"BDC", "PYDC"} in mixed
    assert not [names for names in mixed if len(names & {"FUM", "BDC", "2,6-NDC", "BPDC"}) > 1]
    assert Frameworks(nodes=["Zn4O"], topologies=["pcu"], linkers=["FUM", "QPDC"], catenations=[0]).size == 3


def test_two_kinds_of_linkers_close_a_net_by_their_ratio():
    made = {net: [] for net in ("muo", "ith-d", "toz")}
    for mofid in enumerate_mofs(topologies=list(made)):
        made[mofid.topology].append({linker.name for linker in mofid.parts})
    assert {"BDC", "BTB"} in made["muo"]  # UMCM-1
    assert {"2,6-NDC", "BTB"} in made["ith-d"]  # DUT-6, MOF-205
    assert {"BPDC", "BTE"} in made["toz"]  # MOF-210
    assert not [pair for pairs in made.values() for pair in pairs if pair == {"QPDC", "BTC"}]


def test_what_is_left_out_is_counted_by_reason():
    frameworks = Frameworks(nodes=["Zr6"], linkers=["FUM", "BDC"])
    names = {(mofid.topology, mofid.catenation, len(mofid.parts)) for mofid in frameworks}
    assert names == {("fcu", 0, 1)}
    assert frameworks.left_out == {UNEQUAL: 2, CROWDED: 2}
    with pytest.raises(ConfigError, match="1 left out: interpenetrating nets without room"):
        Frameworks(nodes=["Zr6"], linkers=["BDC"], catenations=[1])
    assert not Frameworks(nodes=["Zn4O"], linkers=["BDC"], catenations=[0]).left_out


def test_linkers_that_no_framework_is_made_of_are_told():
    choice = {"nodes": ["Zn4O"], "topologies": ["pcu"], "linkers": ["BDC", "BTC", "BPY", "FUM"]}
    assert [linker.name for linker in Frameworks(**choice).unused] == ["BTC", "BPY"]
    crowded = Frameworks(**choice | {"linkers": ["FUM", "QPDC", "BDC"]}, catenations=[3])
    assert "QPDC" not in [linker.name for linker in crowded.unused]
    assert [linker.name for linker in Frameworks(linkers=["FUM", "TPDC"], catenations=[3]).unused] == ["FUM"]


def test_known_interpenetrated_frameworks_are_possible():
    made = {
        (mofid.node.name, mofid.topology, linker.name)
        for mofid in LIBRARY
        for linker in mofid.parts
        if mofid.catenation == 1 and len(mofid.parts) <= 2
    }
    irmofs = {("Zn4O", "pcu", name) for name in ("BDC", "BPDC", "HPDC", "PDC", "TPDC")}  # IRMOF-9 to -15
    mof_508 = {("Zn2", "pcu", "BDC"), ("Zn2", "pcu", "BPY")}
    assert made >= irmofs | mof_508
    assert made >= {
        ("Cu2", "tbo", "TATB"),
        ("Cu2", "pto", "BTB"),
        ("Zn4O", "pyr", "NTB"),
        ("Zr6", "fcu", "PEDB"),
    }


def test_interpenetrated_frameworks_that_were_made_are_possible(strings, shared_data: Path):
    """Of QMOF and CoRE MOF, all that have a net, node and linkers of the library."""
    known = set(strings)
    met = 0
    for name in ("qmof_mofid", "coremof2024_mofid"):
        texts = pd.read_csv(shared_data / "mof" / f"{name}.csv.gz", usecols=["mofid"], dtype=str)["mofid"]
        for text in texts[texts.str.contains(r"(?:pcu|fcu|tbo|pto|pyr)\.cat[123]$")].unique():
            mofid = Mofid.parse(text).canonical()
            if str(replace(mofid, catenation=0)) in known:
                met += 1
                assert str(mofid) in known, text
    assert met > 10


def test_substituents_multiply_the_linkers():
    choice = {"nodes": ["Zn4O"], "topologies": ["pcu"], "linkers": ["BDC", "ADC"], "catenations": [0]}
    assert Frameworks(**choice).size == 3
    substituted = list(enumerate_mofs(**choice, substituents=["NH2", "F"]))
    assert len(substituted) == 4 + 6 + 4
    amino = "[O-]C(=O)c1ccc(c(c1)N)C(=O)[O-].[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0"
    assert normalise(amino, "mofid") in set(map(str, substituted))
    assert Frameworks(**choice, substituents=["F"], most_substituents=4).size == 8 + 28 + 56


def test_millions_are_counted_without_being_made():
    frameworks = Frameworks(nodes=["Zn4O"], topologies=["pcu"], substituents=["F", "Cl", "Me"])
    assert frameworks.size > 1_000_000
    assert len({str(mofid) for mofid in islice(frameworks, 1_000)}) == 1_000
    assert str(frameworks[frameworks.size - 1]).endswith("&&pcu.cat3")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"nodes": ["Zn40"]}, "unknown node 'Zn40': did you mean 'Zn4O'?"),
        ({"linkers": ["bdc"]}, "unknown linker 'bdc': did you mean 'BDC'?"),
        ({"linkers": ["terephthalate"]}, "unknown linker 'terephthalate': known are FUM, ADC, MUC"),
        ({"topologies": ["xyz"]}, "unknown topology 'xyz': known are pcu, qom"),
        ({"substituents": ["amino"]}, "unknown substituent 'amino': "),
        ({"nodes": ["Zn4O"], "topologies": ["tbo"]}, "no framework can be built"),
        ({"catenations": [9]}, "no framework can be built"),
        ({"catenations": [-1]}, "no framework can be built"),
        ({"substituents": ["F"], "most_substituents": 0}, "most=0 substituents must be at least 1"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(choice, message):
    with pytest.raises(ConfigError) as caught:
        enumerate_mofs(**choice)
    assert message in str(caught.value)
