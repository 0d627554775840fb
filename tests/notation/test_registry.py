import pytest

from catenane.notation import Mofid, Smiles, normalise, respell

FRAMEWORK = "CC.[Cu][Cu].[O-]C(=O)c1ccc(cc1)C(=O)[O-].n1ccc(cc1)c1ccncc1&&pcu.cat1"


@pytest.mark.parametrize("seed", range(20))
def test_a_molecule_stays_the_same(seed: int):
    text = normalise("C[C@H](N)C(=O)Oc1ccc(/C=C/F)cc1", "smiles")
    assert Smiles.parse(respell(text, "smiles", seed)).canonical() == text


@pytest.mark.parametrize("seed", range(20))
def test_a_framework_keeps_its_blocks_net_and_catenation(seed: int):
    spelled = Mofid.parse(respell(FRAMEWORK, "mofid", seed))
    assert sorted(spelled.blocks) == sorted(Mofid.parse(FRAMEWORK).blocks)
    assert (spelled.topology, spelled.catenation) == ("pcu", 1)


@pytest.mark.parametrize(("text", "notation"), [(FRAMEWORK, "mofid"), ("CC(C)Cc1ccc(cc1)C(=O)O", "smiles")])
def test_seeds_give_many_spellings_and_each_always_the_same(text: str, notation):
    spellings = [respell(text, notation, seed) for seed in range(30)]
    assert len(set(spellings)) > 5
    assert spellings == [respell(text, notation, seed) for seed in range(30)]
