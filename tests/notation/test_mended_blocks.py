import pytest
from rdkit import Chem

from catenane.notation import mend_block


@pytest.mark.parametrize(
    ("broken", "meant"),
    [
        ("[N][C]c1ccccc1", "N#Cc1ccccc1"),
        ("C1=C[C]=CC=C1", "c1ccccc1"),
        ("[CH2]Oc1ccccc1", "COc1ccccc1"),
        ("[O-]C(=O)[C]=CC(=O)[O-]", "O=C([O-])C=CC(=O)[O-]"),
        ("c1ccncc1", "c1ccncc1"),
        ("[N]([CH]c1ccncc1)[N][CH]c1ccncc1", "C(=NN=Cc1ccncc1)c1ccncc1"),
    ],
)
def test_radicals_are_mended(broken, meant):
    assert Chem.CanonSmiles(Chem.MolToSmiles(mend_block(broken))) == Chem.CanonSmiles(meant)


def test_a_carboxylate_gets_its_double_bond_back_and_keeps_its_open_oxygen():
    mol = mend_block("[O][C]([O])c1ccccc1")
    carbon = next(a for a in mol.GetAtoms() if a.GetDegree() == 3 and not a.GetIsAromatic())
    orders = sorted(bond.GetBondTypeAsDouble() for bond in carbon.GetBonds())
    assert orders == [1, 1, 2]
    assert carbon.GetTotalNumHs() == 0


@pytest.mark.parametrize("lone", ["[O]", "[C]", "[Cl]"])
def test_lone_atoms_are_left_alone(lone):
    assert mend_block(lone).GetAtomWithIdx(0).GetTotalNumHs() == 0


@pytest.mark.parametrize("text", ["C[NH2](C)(C)C", "F(F)F", "c1cccc1", "N1=NN=N[N]1", "CC1=[N]=C(C)C=CC1"])
def test_what_rdkit_will_not_sanitise_is_still_a_molecule_with_rings(text, capfd):
    mol = mend_block(text)
    assert mol is not None
    assert mol.GetRingInfo().NumRings() == text.count("1") // 2
    assert capfd.readouterr().err == ""


def test_what_is_not_smiles_is_none():
    assert mend_block("C1CC") is None
