import math

import pytest

from catenane.descriptors.linkers import ELEMENTS, SUBSTITUENTS, read_linker


def groups(smiles: str) -> dict[str, int]:
    linker = read_linker(smiles)
    return {name: n for name, n in zip(SUBSTITUENTS, linker.substituents, strict=True) if n}


@pytest.mark.parametrize(
    ("smiles", "reach"),
    [
        ("[O-]C(=O)C(=O)[O-]", 1.55),  # oxalate
        ("[O-]C(=O)c1ccc(cc1)C(=O)[O-]", 5.78),  # terephthalate, as in MOF-5
        ("[O-]C(=O)c1ccc(cc1)c1ccc(cc1)C(=O)[O-]", 10.1),  # as in IRMOF-10
        ("[O-]C(=O)c1ccc2c(c1)ccc(c2)C(=O)[O-]", 7.9),  # as in IRMOF-8
        ("[O-]C(=O)C=CC(=O)[O-]", 3.86),  # fumarate, trans
        ("[O-]C(=O)c1cccc(c1)C(=O)[O-]", 5.0),  # isophthalate, bent
        ("n1ccncc1", 2.8),
        ("n1ccc(cc1)c1ccncc1", 7.1),
        ("C1CN2CCN1CC2", 2.6),  # DABCO
        ("N#CC#N", 3.7),
    ],
)
def test_lengths_are_those_of_crystals(smiles, reach):
    assert read_linker(smiles).reach == pytest.approx(reach, abs=0.3)


@pytest.mark.parametrize(
    ("smiles", "binding", "n_sites"),
    [
        ("[O-]C(=O)c1ccc(cc1)C(=O)[O-]", "carboxylate", 2),
        ("[O-]C(=O)c1cc(cc(c1)C(=O)[O-])C(=O)[O-]", "carboxylate", 3),
        ("[O][C]([O])c1ccc(cc1)C(=O)[O-]", "carboxylate", 2),
        ("[O][C]c1ccc(cc1)C(=O)[O-]", "carboxylate", 2),
        ("ClOC(=O)c1ccc(cc1)C(=O)[O-]", "carboxylate", 2),
        ("[O-]C(=O)c1ccncc1", "mixed", 2),
        ("n1ccc(cc1)c1nnc(nn1)c1ccncc1", "nitrogen", 2),
        ("[N][C]c1ccc(cc1)[C][N]", "nitrogen", 2),
        ("N=CC=N", "nitrogen", 2),
        ("[O]c1ccc(cc1)[O]", "oxygen", 2),
        ("[CH2]CC", "none", 0),
    ],
)
def test_finds_what_binds(smiles, binding, n_sites):
    linker = read_linker(smiles)
    assert (linker.binding, linker.n_sites) == (binding, n_sites)


@pytest.mark.parametrize(
    ("smiles", "found"),
    [
        ("[O-]C(=O)c1ccc(cc1)C(=O)[O-]", {}),
        ("[O-]C(=O)c1cc(F)c(cc1Cl)C(=O)[O-]", {"fluoro": 1, "chloro": 1}),
        ("Nc1cc(ccc1C(=O)[O-])C(=O)[O-]", {"amino": 1}),
        ("OCCc1cc(ccc1C(=O)[O-])C(=O)[O-]", {"alkoxy": 1}),
        ("CCc1cc(c(C)cc1C(=O)[O-])C(=O)[O-]", {"alkyl": 1, "methyl": 1}),
        ("N#Cc1cc(ccc1C(=O)[O-])C(=O)[O-]", {"cyano": 1}),
        ("N=Nc1cc(ccc1C(=O)[O-])C(=O)[O-]", {"azo": 1}),
        ("[O-]C(=O)c1cc(N(=O)=O)cc(c1)C(=O)[O-]", {"nitro": 1}),
        ("Oc1cc(ccc1C(=O)[O-])C(=O)[O-]", {"hydroxyl": 1}),
        ("[O-]C(=O)c1cc(c2ccccc2)c(cc1Br)C(=O)[O-]", {"aryl": 1, "bromo": 1}),
        ("[O-]C(=O)CC(=O)CC(=O)[O-]", {"oxo": 1}),
    ],
)
def test_counts_the_groups_on_the_backbone(smiles, found):
    assert groups(smiles) == found


def test_lost_hydrogens_are_counted():
    whole, broken = read_linker("[O-]C(=O)C=CC(=O)[O-]"), read_linker("[O-]C(=O)[C]=[C]C(=O)[O-]")
    assert whole.elements[ELEMENTS.index("H")] == 2
    assert broken.reach == pytest.approx(read_linker("[O-]C(=O)C#CC(=O)[O-]").reach)
    ring = read_linker("[O-]C(=O)C1=C[C]=C(C=C1)C(=O)[O-]")
    assert ring.elements == read_linker("[O-]C(=O)c1ccc(cc1)C(=O)[O-]").elements


def test_sizes_are_plausible():
    bare, wide = (
        read_linker("[O-]C(=O)c1ccc(cc1)C(=O)[O-]"),
        read_linker("CCCOc1cc(C(=O)[O-])c(OCCC)cc1C(=O)[O-]"),
    )
    assert bare.mass == pytest.approx(164.1, abs=0.1)
    assert bare.reach == pytest.approx(wide.reach)
    assert bare.breadth == pytest.approx(2.4, abs=0.2)  # hydrogens are not measured
    assert wide.breadth > 7
    assert bare.thickness < 0.5
    assert bare.offset < 0.1
    assert 110 < bare.volume < 150 < wide.volume


def test_the_same_linker_is_measured_alike_however_it_is_written():
    first, second = read_linker("Nc1ccc(cc1)C(=O)[O-]"), read_linker("[O-]C(=O)c1ccc(N)cc1")
    assert first.mass == second.mass
    assert math.isnan(first.reach)
    assert math.isnan(second.reach)
    assert read_linker("C1CN2CCN1CC2").reach == pytest.approx(read_linker("N12CCN(CC1)CC2").reach, abs=0.05)


def test_a_polymer_is_weighed_and_not_measured():
    polymer = read_linker(f"[O-]C(=O){'C' * 1000}C(=O)[O-]")
    assert polymer.mass > 14_000
    assert math.isnan(polymer.reach)
    assert read_linker("C" * 100_000) is None


def test_what_is_not_smiles_is_none():
    assert read_linker("C1CC") is None
