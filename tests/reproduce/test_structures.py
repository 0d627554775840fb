import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from catenane.notation import as_records
from catenane.reproduce.structures import correlation, mapped_distances, range_cosines


def geometry_of(text: str, order_seed: int) -> tuple[str, str, np.ndarray]:
    """Elements and places of a molecule with its atoms in another order, and its distances as written."""
    mol = Chem.AddHs(Chem.MolFromSmiles(text))
    AllChem.EmbedMolecule(mol, randomSeed=7)
    places = mol.GetConformer().GetPositions()
    order = np.random.default_rng(order_seed).permutation(len(places)).tolist()
    symbols = " ".join(mol.GetAtomWithIdx(index).GetSymbol() for index in order)
    heavy = places[: Chem.MolFromSmiles(text).GetNumAtoms()]
    distances = np.linalg.norm(heavy[:, None] - heavy, axis=-1)
    return symbols, ";".join(",".join(map(str, places[index])) for index in order), distances


@pytest.mark.parametrize("text", ["CCO", "NCC(=O)c1ccco1", "C#CC(F)S"])
def test_atoms_of_a_geometry_in_any_order_are_found_in_the_string(text: str):
    (record,) = as_records([text], "smiles")
    symbols, places, expected_AA = geometry_of(text, 3)
    found_AA = mapped_distances(record, symbols, places)
    np.testing.assert_allclose(found_AA, expected_AA, atol=1e-6)


def test_a_geometry_of_another_molecule_is_left_out():
    (record,) = as_records(["CCCO"], "smiles")
    symbols, places, _ = geometry_of("CC(C)O", 0)
    assert mapped_distances(record, symbols, places) is None


def test_uniform_attention_scores_the_share_of_a_range():
    place_A = np.array([0.0, 1.5, 3.0, 9.0])
    distances_AA = np.abs(place_A[:, None] - place_A)
    (found_R,) = range_cosines(np.ones((1, 4, 4)), distances_AA)
    np.testing.assert_allclose(found_R, np.sqrt([2 / 6, 1 / 6, 3 / 6]))
    bound_AA = ((distances_AA > 0) & (distances_AA < 2)).astype(float)
    (found_R,) = range_cosines(bound_AA[None], distances_AA)
    np.testing.assert_allclose(found_R, [1, 0, 0])
    assert np.isnan(range_cosines(np.ones((1, 2, 2)), np.array([[0.0, 1.0], [1.0, 0.0]]))[0, 1])


def test_the_interval_of_a_correlation_holds_it_and_narrows_with_pairs():
    rng = np.random.default_rng(0)
    first = rng.normal(size=2000)
    second = first + rng.normal(size=2000)
    few, many = correlation(first[:50], second[:50]), correlation(first, second)
    for found in (few, many):
        assert found["low"] < found["pearson"] < found["high"]
    assert many["pearson"] == pytest.approx(0.5**0.5, abs=0.05)
    assert many["high"] - many["low"] < (few["high"] - few["low"]) / 3
    assert correlation(first, -second)["pearson"] == pytest.approx(-many["pearson"])
