import math

import pytest
from rdkit import Chem

from catenane.descriptors.layout import backbone_atoms, measure, place_atoms


def atoms_of(smiles: str, indices: set[int]) -> str:
    return "".join(sorted(Chem.MolFromSmiles(smiles).GetAtomWithIdx(i).GetSymbol() for i in indices))


def test_the_backbone_is_what_remains_without_substituents():
    smiles = "Nc1cc(-c2ccncc2)c(OC)cc1-c1ccncc1"
    mol = Chem.MolFromSmiles(smiles)
    sites = [a.GetIdx() for a in mol.GetAtoms() if a.GetSymbol() == "N" and a.GetIsAromatic()]
    assert atoms_of(smiles, backbone_atoms(mol, sites)) == "C" * 16 + "N" * 2


def test_fused_rings_belong_to_the_backbone():
    mol = Chem.MolFromSmiles("OC(=O)c1ccc(C(=O)O)c2c1CCCC2")
    sites = [i for (i,) in mol.GetSubstructMatches(Chem.MolFromSmarts("[CX3;$(C(=O)O)]"))]
    assert len(backbone_atoms(mol, sites)) == 12


@pytest.mark.parametrize("smiles", ["CCCOc1ccc(C(F)(F)F)cc1C(C)(C)C", "Cc1ccc(C)cc1", "C" * 30])
def test_substituents_stand_at_bond_length_and_apart(smiles):
    mol = Chem.MolFromSmiles(smiles)
    ring = {a.GetIdx() for a in mol.GetAtoms() if a.IsInRing()} or {0, 1}
    placed = place_atoms(mol, ring)
    assert set(placed) == set(range(mol.GetNumAtoms()))
    for bond in mol.GetBonds():
        length = math.dist(placed[bond.GetBeginAtomIdx()], placed[bond.GetEndAtomIdx()])
        assert 1.1 < length < 1.9
    distances = [math.dist(placed[i], placed[j]) for i in placed for j in range(i)]
    assert min(distances) > 0.9


def test_measures_a_box():
    corners = {
        i: (x, y, z)
        for i, (x, y, z) in enumerate(
            (x, y, z) for x in (0.0, 10.0) for y in (-2.0, 2.0) for z in (-0.5, 0.5)
        )
    }
    placed = {**corners, 8: (0.0, 0.0, 3.0), 9: (10.0, 0.0, 3.0)}
    reach, breadth, thickness, offset = measure(placed, [8, 9])
    assert (reach, breadth, thickness) == pytest.approx((10, 4, 3.5))
    assert offset == pytest.approx(3 - 0.6)
    assert math.isnan(measure(corners, [3])[0])


def test_is_the_same_every_time():
    mol = Chem.MolFromSmiles("CCOc1ccc(C(=O)O)cc1")
    assert place_atoms(mol, {3, 4, 5, 6, 10, 11}) == place_atoms(mol, {3, 4, 5, 6, 10, 11})
