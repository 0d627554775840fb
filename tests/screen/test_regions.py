from __future__ import annotations

import pytest

from catenane.errors import NotationError, UsageError
from catenane.notation import get_notation, normalise
from catenane.screen.regions import find_regions, named_region


def parts(text: str, vary: str, notation: str = "smiles") -> list[str]:
    record = get_notation(notation).read(text)
    found = find_regions(record, vary)
    for spelling, _, _ in found:
        assert normalise(spelling, notation) == record.text
    return sorted(spelling[first:end] for spelling, first, end in found)


@pytest.mark.parametrize(
    ("text", "chains"),
    [
        ("Cc1ccccc1", ["C"]),
        ("CC(=O)Oc1ccccc1C(=O)O", ["C(=O)O", "CC(=O)O"]),
        ("c1ccccc1C(C)(C)C", ["C(C)(C)C"]),
        ("C1CC1CCCC2CC2", []),
        ("CC(c1ccccc1)C", ["C(C)C"]),
        ("C=Cc1ccc(C#N)cc1Cl", ["C#N", "C=C", "Cl"]),
        ("O=C1CCCCC1CCC=O", ["CCC=O"]),
        (r"C/C=C/c1ccccc1", ["C/C=C/"]),
    ],
)
def test_side_chains_hang_on_rings_by_one_bond(text, chains):
    if not chains:
        with pytest.raises(UsageError, match="--vary sidechain: there is none"):
            parts(text, "sidechain")
        return
    found = parts(text, "sidechain")
    assert len(found) == len(chains)
    assert sorted(map(len, found)) == sorted(map(len, chains))  # however RDKit spells them


def test_a_side_chain_is_a_part_that_can_be_replaced():
    """With any other chain in its place each spelling is a molecule again."""
    record = get_notation("smiles").read("CC(C)Cc1ccc(cc1)C(C)C(=O)NC1CCCCC1O")
    regions = find_regions(record, "sidechain")
    assert len(regions) >= 2
    for text, first, end in regions:
        assert normalise(text[:first] + "N" + text[end:], "smiles")


def test_linkers_are_blocks_of_the_normal_form():
    text = "[Zn][Zn].[O-]C(=O)c1ccc(cc1)C(=O)[O-].c1cc(ccn1)c1ccncc1&&pcu.cat1"
    assert len(parts(text, "linker", "mofid")) == 2
    assert all(linker in text or "c1" in linker for linker in parts(text, "linker", "mofid"))


def test_says_what_cannot_be_varied():
    smiles, mofid = get_notation("smiles"), get_notation("mofid")
    with pytest.raises(UsageError, match="a molecule has no linkers"):
        find_regions(smiles.read("CCO"), "linker")
    with pytest.raises(UsageError, match="side chains are varied in molecules"):
        find_regions(mofid.read("[Zn].c1ccncc1&&pcu.cat0"), "sidechain")
    with pytest.raises(UsageError, match="--vary linker: there is none"):
        find_regions(mofid.read("[Zn]&&pcu.cat0"), "linker")


def test_a_region_may_be_named_by_characters():
    assert named_region(" CC(=O)O ", "smiles", (2, 6)) == ("CC(=O)O", 2, 6)
    raw = "[Zn].CCO MOFid-v1.pcu.cat0.NO_REF;name"
    assert named_region(raw, "mofid", (5, 8)) == ("[Zn].CCO&&pcu.cat0", 5, 8)
    for mask in ((3, 3), (5, 80), (-1, 2)):
        with pytest.raises(UsageError, match="must name characters of the string"):
            named_region("CC(=O)O", "smiles", mask)
    with pytest.raises(NotationError):
        named_region("C1CC", "smiles", (0, 1))
