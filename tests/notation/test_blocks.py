from __future__ import annotations

import random

import pytest

from catenane.errors import NotationError
from catenane.notation import Mofid, canonical_block, read_block


def respellings(smiles: str, count: int) -> list[str]:
    """The block from other atoms and along other branches, radicals and metals as they are."""
    from rdkit import Chem

    mol = Chem.MolFromSmiles(smiles) or read_block(smiles)
    return list(Chem.MolToRandomSmilesVect(mol, count, randomSeed=7))


@pytest.fixture(scope="module")
def real_blocks(real_mofids) -> list[str]:
    texts = (text for strings in real_mofids.values() for text in strings)
    blocks = sorted({block for text in texts for block in Mofid.parse(text).blocks})
    return random.Random(0).sample(blocks, 600)


def test_the_spellings_of_two_toolkits_meet():
    terephthalate = "O=C([O-])c1ccc(C(=O)[O-])cc1"
    assert canonical_block("[O-]C(=O)c1ccc(cc1)C(=O)[O-]") == canonical_block(terephthalate) == terephthalate
    nitro = "[O-]C(=O)c1ccc(cc1N(=O)=O)C(=O)[O-]"  # Open Babel's form without charges
    assert canonical_block(nitro) == canonical_block("O=C([O-])c1ccc(C(=O)[O-])c([N+](=O)[O-])c1")


@pytest.mark.parametrize(
    "block",
    [
        "[Zn][O]([Zn])([Zn])[Zn]",
        "[OH2][Ni]1[OH2][Ni]2[OH]1[Ni]1[OH]2[Ni]([OH2]1)[OH2]",
        "[O]12[Zr]34[OH]5[Zr]62[OH]2[Zr]71[OH]4[Zr]14[O]3[Zr]35[O]6[Zr]2([O]71)[OH]43",
        "OC1=[N]=C(O)C(=C([C]1O)c1ccc(c(c1)O)c1c(O)cnc(c1O)O)O",
        "Cc1cc([n-]n1Cc1ccc(cc1)Cn1[n-]c(cc1C)C)C",
    ],
)
def test_what_is_no_molecule_to_rdkit_has_one_spelling_too(block):
    spelled = canonical_block(block)
    assert "->" not in spelled
    assert {canonical_block(text) for text in [spelled, *respellings(block, 8)]} == {spelled}


def test_dative_bonds_are_written_as_mofid_has_them():
    assert canonical_block("[OH2]->[Zn]") == canonical_block("[Zn]<-[OH2]") == canonical_block("[OH2][Zn]")


def test_real_blocks_have_one_spelling_each(real_blocks):
    several = [
        block
        for block in real_blocks
        if {canonical_block(text) for text in [canonical_block(block), *respellings(block, 3)]}
        != {canonical_block(block)}
    ]
    assert several == []


@pytest.mark.parametrize("block", ["[#119]", "C[#119]", "C11", "C(C", "", "C" * 5_001])
def test_what_rdkit_cannot_read_is_an_error_of_one_line(block):
    with pytest.raises(NotationError) as caught:
        canonical_block(block)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("block", ["C[te]", "[Zn][te]", "[te]", "[Zn][si]", "[*]", "[#118]"])
def test_odd_atoms_are_written_so_that_they_are_read_again(block):
    assert canonical_block(canonical_block(block)) == canonical_block(block)
