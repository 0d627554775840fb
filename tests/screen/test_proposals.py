from __future__ import annotations

from pathlib import Path

import pytest

from catenane.errors import BundleError, NotationError, UsageError
from catenane.inference import Model, load
from catenane.inference.novelty import has_met
from catenane.notation import get_notation, normalise
from catenane.screen.checks import judge
from catenane.screen.proposals import LIKELIHOOD, Proposals, find_target, propose, propose_each

BDC = "O=C([O-])c1ccc(C(=O)[O-])cc1"
ZN4O = "[Zn][O]([Zn])([Zn])[Zn]"


@pytest.fixture(scope="module")
def writer(writer_folder: Path) -> Model:
    return load(writer_folder, device="cpu")


def test_other_side_chains_are_sound_different_and_ordered(writer, molecules):
    found = propose(writer, "COc1ccc(cc1)C(=O)O", vary="sidechain", n=8)
    table = found.table
    assert 0 < len(table) <= 8
    assert found.n_drafts >= found.n_valid + found.left_out.total()
    assert len(set(table["string"])) == len(table)
    assert all(normalise(text, "smiles") == text for text in table["string"])
    assert normalise("COc1ccc(cc1)C(=O)O", "smiles") not in set(table["string"])
    assert not table["string"].str.contains(".", regex=False).any()
    assert table[LIKELIHOOD].is_monotonic_decreasing
    known = {normalise(text, "smiles") for text in molecules}
    assert [not new for new in table["new"]] == [text in known for text in table["string"]]


def test_only_the_part_that_is_named_is_written_anew(writer):
    found = propose(writer, "CCc1ccccc1", mask=(0, 2), n=10, seed=3)
    assert len(found.table)
    for text, fragment in zip(found.table["string"], found.table["fragment"], strict=True):
        assert normalise(f"{fragment}c1ccccc1", "smiles") == text
    again = propose(writer, "CCc1ccccc1", mask=(0, 2), n=10, seed=3)
    assert again.table.equals(found.table)


def test_many_strings_are_written_for_side_by_side(writer, monkeypatch):
    monkeypatch.setattr("catenane.screen.proposals.TOGETHER", 2)
    asked: list[str] = []

    def given():
        for text in ("CCc1ccccc1", "CCO", "COc1ccccc1", "c1ccccc1C(", "CC(C)c1ccncc1"):
            asked.append(text)
            yield text

    found = propose_each(writer, given(), vary="sidechain", n=4)
    first = next(found)
    assert len(asked) == 2  # no more are held than are written together
    kinds = [type(item) for item in (first, *found)]
    assert kinds == [Proposals, UsageError, Proposals, NotationError, Proposals]
    assert all("c1" in text for text in first.table["string"])
    assert first.n_drafts == first.n_valid + first.left_out.total()


def test_a_property_may_set_the_order(writer, molecule_file, tmp_path):
    from catenane.train import finetune

    finetune(molecule_file, target="size", out=tmp_path, device="cpu", baselines=False)
    ranker = load(tmp_path, device="cpu")
    found = propose(writer, "CCc1ccccc1", vary="sidechain", n=6, ranker=ranker, target="size")
    assert found.ranked_by == "size"
    assert found.table["size"].is_monotonic_decreasing
    assert set(found.table) >= {"size_low", "size_high", "in_domain", "note", "new", LIKELIHOOD}
    own = ranker.predict(["CCc1ccccc1"])
    assert found.origin["size"] == pytest.approx(own["size"][0])
    lowest = propose(writer, "CCc1ccccc1", vary="sidechain", n=6, ranker=ranker, target="size", lowest=True)
    assert lowest.table["size"].is_monotonic_increasing
    assert lowest.table["size"][0] <= found.table["size"].min()


def check(before: str, after: str, notation: str) -> str:
    return judge(get_notation(notation).read(before), after)[1]


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [
        (("O=C([O-])c1cc(F)c(C(=O)[O-])cc1F", ZN4O), ""),
        (("O=C([O-])C#CC(=O)[O-]", ZN4O), ""),
        (("O=C([O-])c1cccc(C(=O)[O-])c1", ZN4O), "with connection points that point another way"),
        (("O=C([O-])c1ccc(C(=O)[O-])cc1OCl", ZN4O), "with an unstable group"),
        (("O=C([O-])c1ccccc1", ZN4O), "with another charge or unpaired electrons"),
        (("O=C([O-])c1cc(C(=O)[O-])cc(C(=O)[O-])c1", ZN4O), "with another charge or unpaired electrons"),
        (("O=C(O)c1cc(C([O-])=O)cc(C(=O)[O-])c1", ZN4O), "with other connection points"),
        (("[O-]c1ccc([O-])cc1", ZN4O), "with other connection points"),
        (("O=C([O-])[C]c1ccc(C(=O)[O-])cc1", ZN4O), "with another charge or unpaired electrons"),
        (("O=C([O-])C(C)(C)(C)(C)C(=O)[O-]", ZN4O), "with a linker that is no sound molecule"),
        ((BDC, "O=C([O-])C#CC(=O)[O-]", ZN4O), "with another number of blocks"),
        ((BDC, "[Zn]", ZN4O), "with another number of blocks"),
        ((BDC, "[Zn][Zn]"), ""),
    ],
)
def test_a_new_linker_has_to_be_sound_and_to_bind_as_the_one_before(blocks, reason):
    assert check(f"{BDC}.{ZN4O}&&pcu.cat0", f"{'.'.join(blocks)}&&pcu.cat0", "mofid") == reason


def test_the_linker_before_may_be_one_that_rdkit_does_not_build():
    unread = "O=C([O-])C(C)(C)(C)(C)C(=O)[O-]"
    assert check(f"{unread}.{ZN4O}&&pcu.cat0", f"{BDC}.{ZN4O}&&pcu.cat0", "mofid") == ""


def test_a_molecule_keeps_its_charge_and_gets_no_unstable_group():
    assert check("CCO", "CCN", "smiles") == ""
    assert check("CCO", "CC[O-]", "smiles") == "with another charge or unpaired electrons"
    assert check("CCO", "CCOCl", "smiles") == "with an unstable group"
    assert check("CCOCl", "CCCOCl", "smiles") == ""
    assert check("CCO", "CC[O]", "smiles") == "with another charge or unpaired electrons"


def test_says_what_it_cannot_do(writer):
    with pytest.raises(UsageError, match="say what to vary"):
        propose(writer, "CCO")
    with pytest.raises(UsageError, match="cuts a token in two"):
        propose(writer, "CC(=O)Nc1ccccc1Cl", mask=(15, 16))
    with pytest.raises(UsageError, match="reads smiles, and this string is mofid"):
        propose(writer, f"{BDC}.{ZN4O}&&pcu.cat0", vary="linker")
    with pytest.raises(BundleError, match="this model cannot write"):
        propose(load("mol-base", device="cpu"), "CCO", mask=(0, 1))
    uptake = load("mof-uptake", device="cpu")
    assert find_target(uptake, "co2_0.1bar") == {}
    assert find_target(uptake, "co2_0.15bar") == {"gas": "CO2", "pressure": [0.15]}
    with pytest.raises(UsageError, match="--rank-by 'logP': the model predicts"):
        find_target(uptake, "logP")


def test_what_a_writer_has_met_goes_with_its_bundle(writer, molecules):
    known = [normalise(text, "smiles") for text in molecules[:20]]
    assert has_met(writer.bundle, known) == [True] * 20
    assert has_met(writer.bundle, ["CCCCCCCCCCCCCCCC"]) == [False]
    assert has_met(load("mol-base", device="cpu").bundle, known) is None
