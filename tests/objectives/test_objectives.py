from typing import get_args

import numpy as np
import pytest
import torch

from catenane import config
from catenane.config import Recipe
from catenane.data import collate, write_corpus
from catenane.descriptors import compute_descriptors, descriptor_meanings
from catenane.errors import ConfigError
from catenane.models.bundle import BundleConfig
from catenane.notation import normalise
from catenane.objectives import OBJECTIVES, consistency_loss, make_objective, respelled
from catenane.tokenizers import load_tokenizer

STRINGS = ["CCO", "O=C(O)c1ccccc1", "CCOC(C)=O", "c1ccncc1", "CC(C)CN"]
LENGTH = {"encoder.n_layers": 1, "encoder.max_length": 32, "encoder.dropout": 0.0, "masking.share": 0.5}


@pytest.fixture
def tokenizer():
    return load_tokenizer("smiles")


@pytest.fixture
def batch(tokenizer):
    descriptors = compute_descriptors(STRINGS, "smiles").values
    encoded = tokenizer.encode_flat(STRINGS, 32)
    return collate(encoded, np.arange(len(STRINGS)), descriptors=descriptors)


def make(tokenizer, **settings):
    settings = LENGTH | {"encoder.vocabulary_size": tokenizer.vocabulary_size} | settings
    recipe = Recipe().with_settings({name.replace("__", "."): value for name, value in settings.items()})
    objective = make_objective(recipe, tokenizer)
    network = BundleConfig(kind=objective.kind, notation="smiles", recipe=recipe).build_model()
    return objective, network


def test_every_objective_that_a_recipe_can_name_is_there():
    assert set(OBJECTIVES) == set(get_args(config.Objective))


@pytest.mark.parametrize(
    "settings",
    [{"objective": name} for name in OBJECTIVES if name != "translation"]
    + [{"objective": "mlm", "auxiliary__descriptors": 0.5, "auxiliary__consistency": 2.0}],
    ids=str,
)
def test_a_network_learns_an_objective_from_examples_that_follow_the_generator(tokenizer, batch, settings):
    objective, network = make(tokenizer, **settings)

    def loss(seed: int):
        examples = objective.examples(batch, torch.Generator().manual_seed(seed)).to(torch.device("cpu"))
        assert examples.weight >= 1
        return objective.loss(network, examples)

    assert loss(0).item() == loss(0).item()
    if settings["objective"] != "descriptors":
        assert loss(0).item() != loss(1).item()
    examples = objective.examples(batch, torch.Generator().manual_seed(0))
    means = {key: value.item() for key, value in objective.measure(network, examples).items()}
    assert means["loss"] == pytest.approx(loss(0).item(), rel=1e-5)
    assert set(objective.summarise(means)) == set(objective.figures)
    parameters = [*network.parameters(), *objective.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-2)
    before = loss(0).item()
    for _ in range(30):
        optimizer.zero_grad()
        loss(0).backward()
        optimizer.step()
    assert loss(0).item() < 0.5 * before


def test_several_objectives_are_the_weighted_sum_of_their_losses(tokenizer, batch):
    objective, network = make(tokenizer, auxiliary__descriptors=0.5, auxiliary__consistency=2.0)
    scores = objective.measure(network, objective.examples(batch, torch.Generator().manual_seed(0)))
    expected = scores["mlm_loss"] + 0.5 * scores["descriptors_loss"] + 2.0 * scores["consistency_loss"]
    assert scores["loss"].item() == pytest.approx(expected.item(), rel=1e-6)


def test_an_objective_is_not_auxiliary_to_itself():
    with pytest.raises(ConfigError, match=r"auxiliary\.mlm: it is the objective itself"):
        Recipe().with_settings({"auxiliary.mlm": 0.5})


def test_spellings_are_of_the_same_structures(tokenizer, batch):
    ids_BL, keep_BL = respelled(batch, tokenizer, 32, torch.Generator().manual_seed(3))
    spelled = [tokenizer.decode(ids[keep].tolist()) for ids, keep in zip(ids_BL, keep_BL, strict=True)]
    assert [normalise(text, "smiles") for text in spelled] == [normalise(text, "smiles") for text in STRINGS]
    assert spelled != STRINGS
    assert (ids_BL[~keep_BL] == tokenizer.pad_id).all()


@pytest.mark.parametrize("text", ["C[117Sn]C", "CC1CCCCC"], ids=["unknown token", "cut"])
def test_a_string_that_cannot_be_spelled_stays_as_it_is(tokenizer, text):
    given = collate(tokenizer.encode_flat([text, "CCO"], 32), np.arange(2))
    ids_BL, keep_BL = respelled(given, tokenizer, 32, torch.Generator().manual_seed(0))
    assert ids_BL[0][keep_BL[0]].tolist() == given.ids_BL[0][given.keep_BL[0]].tolist()


def test_blocks_of_a_framework_change_places():
    tokenizer = load_tokenizer("mofid")
    text = "O=C([O-])C=CC(=O)[O-].c1ccncc1.[Zn]&&pcu.cat0"
    given = collate(tokenizer.encode_flat([text], 64), np.arange(1))
    found = {
        tokenizer.decode(respelled(given, tokenizer, 64, torch.Generator().manual_seed(seed))[0][0].tolist())
        for seed in range(20)
    }
    assert len(found) > 2
    assert {normalise(each, "mofid") for each in found} == {normalise(text, "mofid")}


def test_embeddings_that_are_all_alike_are_the_worst_that_agree():
    one_BD = torch.eye(6)
    assert consistency_loss(one_BD, one_BD).item() < 0.01
    alike = consistency_loss(torch.ones(6, 6), torch.ones(6, 6)).item()
    assert alike == pytest.approx(np.log(6))
    assert consistency_loss(one_BD, one_BD.roll(1, 0)).item() > alike


def test_descriptors_of_a_corpus_are_computed_once_and_go_on_where_they_were_left(
    tokenizer, tmp_path, monkeypatch
):
    monkeypatch.setattr("catenane.objectives.descriptors.CHUNK", 2)
    source = tmp_path / "few.smi"
    source.write_text("\n".join([*STRINGS, "C[117Sn]C"]))
    corpus = write_corpus(tmp_path / "corpus", [source], tokenizer, max_length=32)
    objective, _ = make(tokenizer, objective="descriptors")
    expected = compute_descriptors(STRINGS, "smiles").values
    values = np.array(objective.describe(corpus))
    np.testing.assert_allclose(values[:5], expected, rtol=1e-3)
    assert np.isnan(values[5]).all(), "what holds unknown tokens is not described"
    assert values.shape == (6, len(descriptor_meanings("smiles")))
    path = tmp_path / "corpus" / "descriptors.f16"
    whole = path.read_bytes()
    path.unlink()
    half = bytearray(whole[: len(whole) // 2 + 3])
    half[:2] = b"\0\0"
    path.with_name("descriptors.f16.part").write_bytes(half)
    again = np.array(objective.describe(corpus))
    assert again[0, 0] == 0, "what was there is kept"
    np.testing.assert_array_equal(again[1:], values[1:])
