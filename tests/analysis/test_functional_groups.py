from __future__ import annotations

import pytest
from rdkit import Chem

from catenane.analysis import functional_groups, group_atoms
from catenane.analysis.functional_groups import whole_group


def names(smiles: str) -> set[str]:
    return set(group_atoms(Chem.MolFromSmiles(smiles)))


def test_there_are_many_and_all_can_be_searched():
    assert len(functional_groups()) >= 40
    assert all(Chem.MolFromSmarts(smarts) is not None for smarts in functional_groups().values())


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CC(=O)Oc1ccccc1C(=O)O", {"carboxylic acid", "ester", "benzene ring"}),
        ("CN1CCN(CC1)c1ccncc1", {"tertiary amine", "aniline", "piperazine ring", "pyridine ring"}),
        ("CC(=O)NC", {"amide"}),
        ("O=C1CCCN1", {"lactam"}),
        ("CCOCC", {"ether"}),
        ("CC(=O)C", {"ketone"}),
        ("NC(=O)N", {"urea"}),
        ("CC#N", {"nitrile"}),
        ("C[N+](=O)[O-]", {"nitro"}),
        ("CS(=O)(=O)NC", {"sulfonamide"}),
        ("NC(=N)N", {"guanidine"}),
        ("c1nn[nH]n1", {"tetrazole ring"}),
        ("c1c[nH]nn1", {"triazole ring"}),
        ("FC(F)(F)C", {"trifluoromethyl"}),
        ("CCO", {"alcohol"}),
        ("[O-]C(=O)c1ccccc1", {"carboxylate", "benzene ring"}),
        ("c1ccc2[nH]ccc2c1", {"indole", "benzene ring", "pyrrole ring"}),
        ("CCCCC", {"alkyl chain"}),
    ],
)
def test_molecules_have_the_groups_that_chemists_see(smiles, expected):
    assert names(smiles) == expected


def test_every_group_has_all_its_atoms():
    found = group_atoms(Chem.MolFromSmiles("OC(=O)CCC(=O)O"))
    assert found["carboxylic acid"] == {0, 1, 2, 5, 6, 7}


def test_a_molecule_is_a_group_as_a_whole_only_by_one_occurrence():
    assert whole_group(Chem.MolFromSmiles("c1ccccc1")) == "benzene ring"
    assert whole_group(Chem.MolFromSmiles("C1CCCCC1")) == "cyclohexane ring"
    assert whole_group(Chem.MolFromSmiles("C1C2CC3CC1CC(C2)C3")) is None
