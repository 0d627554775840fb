from __future__ import annotations

import random

import pytest

from catenane.errors import NotationError
from catenane.notation import Mofid, Smiles, canonical_block, write_block

ZR6 = "[O]12[Zr]34[OH]5[Zr]62[OH]2[Zr]71[OH]4[Zr]14[O]3[Zr]35[O]6[Zr]2([O]71)[OH]43"


def shuffled(text: str, seed: int):
    """The same molecule with its atoms in another order, and nothing perceived anew."""
    from rdkit import Chem

    mol = Chem.MolFromSmiles(text, sanitize=False)
    order = list(range(mol.GetNumAtoms()))
    random.Random(seed).shuffle(order)
    return Chem.RenumberAtoms(mol, order)


def test_real_blocks_are_spelled_as_they_are_written(real_mofids):
    blocks = {
        block for strings in real_mofids.values() for text in strings for block in Mofid.parse(text).blocks
    }
    sample = sorted(blocks)[::40]
    same = sum(canonical_block(block) == block for block in sample)
    assert len(sample) > 800
    assert same >= len(sample) - 2


def test_the_order_of_the_atoms_does_not_matter(real_mofids):
    blocks = {block for text in real_mofids["hmof_mofid"][::300] for block in Mofid.parse(text).blocks}
    for block in sorted(blocks):
        assert write_block(shuffled(block, seed=1)) == write_block(shuffled(block, seed=2)) == block


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("O=C([O-])c1ccc(C(=O)[O-])cc1", "[O-]C(=O)c1ccc(cc1)C(=O)[O-]"),
        ("O=C([O-])c1ccc(-c2ccc(C(=O)[O-])cc2)cc1", "[O-]C(=O)c1ccc(cc1)c1ccc(cc1)C(=O)[O-]"),
        ("O=C([O-])c1ccc(C(=O)[O-])c([N+](=O)[O-])c1", "O=N(=O)c1cc(ccc1C(=O)[O-])C(=O)[O-]"),
        ("c1cc(-c2ccncc2)ccn1", "n1ccc(cc1)c1ccncc1"),
        ("c1c[nH]cn1", "c1ncc[nH]1"),
        ("[CH3][OH]", "CO"),
        ("[CH3]", "[CH3]"),
        ("[Zn]", "[Zn]"),
        ("[Zn]O([Zn])([Zn])[Zn]", "[Zn][O]([Zn])([Zn])[Zn]"),
        (ZR6, ZR6),
    ],
)
def test_known_spellings(text, spelled):
    assert canonical_block(text) == spelled


def test_the_block_stays_the_same_molecule(real_mofids):
    for text in real_mofids["qmof_mofid"][::60]:
        for block in Mofid.parse(text).linkers:
            try:
                before = Smiles.parse(block).canonical()
            except NotationError:
                continue
            assert Smiles.parse(canonical_block(before)).canonical() == before


def test_a_long_block_needs_no_deep_recursion():
    chain = "C" * 1_500
    assert Smiles.parse(canonical_block(chain)).canonical() == chain


def test_a_block_too_long_to_be_one_is_refused():
    with pytest.raises(NotationError, match="2,001 characters are more than the 2,000 of a block"):
        canonical_block("C" * 2_001)


def test_many_rings_need_no_deep_recursion():
    rings = "C1CC1" * 400
    assert Smiles.parse(canonical_block(rings)).canonical() == Smiles.parse(rings).canonical()


@pytest.mark.parametrize(("text", "position"), [("C.C", None), ("C(C", 1), ("", 0), ("C11", 2)])
def test_what_is_no_block_is_refused(text, position):
    with pytest.raises(NotationError) as caught:
        canonical_block(text)
    assert caught.value.position == position
