from __future__ import annotations

from itertools import islice
from pathlib import Path

import pandas as pd
import pytest

from catenane.errors import ConfigError
from catenane.notation import Mofid, normalise
from catenane.notation.building_blocks import builtin_linkers
from catenane.screen import Frameworks, enumerate_mofs

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


def test_further_nets_need_longer_linkers():
    def names(catenation: int) -> set[str]:
        made = enumerate_mofs(nodes=["Zn4O"], topologies=["pcu"], catenations=[catenation])
        return {name for mofid in made for name in mofid.name.split("_")[1:-1]}

    assert "FUM" in names(0) - names(1)
    assert "BDC" in names(1) - names(2)
    assert "2,6-NDC" in names(2) - names(3)
    assert "BPDC" in names(3)


def test_nets_without_a_free_axis_mix_linkers_of_one_length_only():
    length = {linker.smiles: linker.length for linker in builtin_linkers()}
    mixed = [mofid for mofid in enumerate_mofs(topologies=["fcu"]) if len(mofid.linkers) > 1]
    assert mixed
    assert all(len({length[linker] for linker in mofid.linkers}) == 1 for mofid in mixed)


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
