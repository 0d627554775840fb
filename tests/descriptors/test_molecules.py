import numpy as np
import pytest

from catenane.descriptors.molecules import MOLECULE_DESCRIPTORS, compute_labels, describe_molecule
from catenane.notation import Record, Smiles


def described(text: str) -> dict[str, float]:
    return dict(zip(MOLECULE_DESCRIPTORS, describe_molecule(Smiles.parse(text)), strict=True))


def test_aspirin_is_what_the_textbook_says():
    aspirin = described("CC(=O)Oc1ccccc1C(=O)O")
    assert aspirin["mass"] == pytest.approx(180.16, abs=0.01)
    assert aspirin["polar_area"] == pytest.approx(63.6, abs=0.1)
    assert aspirin["log_p"] == pytest.approx(1.31, abs=0.01)
    expected = {"n_donors": 1, "n_heavy": 13, "n_hydrogens": 8, "n_aromatic_rings": 1, "largest_ring": 6}
    expected |= {"atoms_C": 9, "atoms_O": 4, "atoms_N": 0, "charge": 0, "n_parts": 1, "groups_ester": 1}
    expected |= {"groups_carboxylic_acid": 1, "groups_ether": 0, "groups_ketone": 0, "groups_phenol": 0}
    assert {name: aspirin[name] for name in expected} == expected
    assert aspirin["aromatic_fraction"] == pytest.approx(6 / 13)


def test_labels_are_those_of_the_literature():
    found = compute_labels(Record("CC(=O)Oc1ccccc1C(=O)O", "smiles"))
    assert found == pytest.approx((1.310, 0.550, 1.580), abs=1e-3)


@pytest.mark.parametrize(
    ("text", "present"),
    [
        ("CCO", {"alcohol"}),
        ("c1ccccc1O", {"phenol"}),
        ("CCOC", {"ether"}),
        ("CC(=O)C", {"ketone"}),
        ("CC=O", {"aldehyde"}),
        ("CCN", {"amine"}),
        ("Nc1ccccc1", {"aniline"}),
        ("CC(=O)NC", set()),
        ("CC#N", {"nitrile"}),
        ("C[N+](=O)[O-]", {"nitro"}),
        ("CS(=O)(=O)C", {"sulfonyl"}),
        ("CCCl", {"halide"}),
        ("CC=C", {"alkene"}),
        ("CC#C", {"alkyne"}),
        ("CC(=O)[O-]", {"carboxylic_acid"}),
    ],
)
def test_functional_groups(text, present):
    values = described(text)
    assert {name for name in values if name.startswith("groups_") and values[name]} == {
        f"groups_{name}" for name in present
    }


def test_the_spelling_does_not_matter():
    first, second = (
        describe_molecule(Smiles.parse(text)) for text in ("c1cc(N)ccc1C(=O)O", "OC(=O)c1ccc(N)cc1")
    )
    np.testing.assert_allclose(first, second, rtol=1e-6)


def test_ions_and_salts_are_counted():
    salt = described("[Na+].[Cl-].CC(=O)[O-].[K+]")
    assert (salt["n_parts"], salt["n_charged"], salt["charge"]) == (4, 4, 0)
