from __future__ import annotations

import random

import pytest

from catenane.errors import NotationError
from catenane.notation import Mofid, normalise

MOF5 = "[O-]C(=O)c1ccc(cc1)C(=O)[O-].[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0"


def test_molecules_become_canonical_isomeric_smiles():
    assert normalise(" OCC\n", "smiles") == "CCO"
    assert normalise("C(\\F)=C/F", "smiles") == normalise("F/C=C/F", "smiles") == "F/C=C/F"


@pytest.mark.parametrize(
    "text",
    [
        MOF5,
        "[O-]C(=O)c1ccc(cc1)C(=O)[O-].[Zn][O]([Zn])([Zn])[Zn] MOFid-v1.pcu.cat0.NO_REF;MOF-5",
        "[Zn][O]([Zn])([Zn])[Zn].[O-]C(=O)c1ccc(cc1)C(=O)[O-]&&pcu.cat0",
        "O=C([O-])c1ccc(C(=O)[O-])cc1.[Zn][O]([Zn])([Zn])[Zn]&&PCU.cat0",
        "C1=CC(C([O-])=O)=CC=C1C([O-])=O.O([Zn])([Zn])([Zn])[Zn]&&pcu,pcu.cat0",
        f"O=C([O-])c1ccc(C(=O)[O-])cc1.{MOF5}",
    ],
)
def test_a_framework_has_one_normal_form(text):
    assert normalise(text, "mofid") == "O=C([O-])c1ccc(C(=O)[O-])cc1.[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0"


def test_codes_keep_their_order_and_failures_stay():
    assert normalise("[Zn].OCC&&SQL,Unknown,hcb,error", "mofid") == "CCO.[Zn]&&sql,UNKNOWN,hcb,ERROR"


def test_a_fault_in_a_later_block_is_placed_in_the_whole_string():
    with pytest.raises(NotationError, match="ring bond 1 at position 7 joins an atom to itself") as caught:
        normalise("[Zn].C11.CC&&pcu", "mofid")
    assert caught.value.position == 7


def test_one_notation_is_not_taken_for_the_other():
    with pytest.raises(NotationError, match="illegal character '&' at position 6"):
        normalise("[Zn].C&&pcu.cat0", "smiles")
    with pytest.raises(NotationError, match="not a MOFid"):
        normalise("CCO", "mofid")


def test_normalising_twice_changes_nothing(real_mofids, real_smiles):
    for strings in real_mofids.values():
        for text in strings[::50]:
            assert normalise(normalise(text, "mofid"), "mofid") == normalise(text, "mofid")
    for text in real_smiles["zinc250k_part"]:
        assert normalise(normalise(text, "smiles"), "smiles") == normalise(text, "smiles")


def test_the_order_of_real_blocks_is_of_no_account(real_mofids):
    rng = random.Random(0)
    for strings in real_mofids.values():
        for mofid in map(Mofid.parse, strings[::100]):
            blocks = tuple(rng.sample(mofid.blocks, len(mofid.blocks)))
            other = Mofid(blocks, mofid.topologies, mofid.catenation)
            assert normalise(str(other), "mofid") == normalise(str(mofid), "mofid")


@pytest.mark.parametrize(
    ("tail", "normal"),
    [
        ("PCU.CAT0", "pcu.cat0"),
        ("Pcu.Cat1", "pcu.cat1"),
        ("CAT2", "cat2"),
        ("pcu.na", "pcu"),
        ("unknown", "UNKNOWN"),
    ],
)
def test_nets_and_catenations_in_any_case_are_the_same(tail, normal):
    assert normalise(f"[Zn].c1ccncc1&&{tail}", "mofid") == f"[Zn].c1ccncc1&&{normal}"
