"""The models that come with the package answer offline, as they did when they were made."""

import json
from pathlib import Path

import numpy as np
import pytest

import catenane
from catenane.models.folder import bundled_names, find_bundle, read_card

BUNDLED = bundled_names()
PREDICTING = [name for name in BUNDLED if read_card(find_bundle(name)).get("targets")]
"""All but the pretrained encoders."""


def test_there_are_models_of_uptake_and_band_gap():
    assert {"mof-uptake", "mof-bandgap"} <= set(BUNDLED)


def test_there_are_models_of_solubility_lipophilicity_and_the_brain():
    strings = ["CCO", "CCCCCCCCCCCC", "OCC(O)C(O)C(O)C(O)CO"]
    soluble, lipophilic, passes = (
        catenane.load(name, device="cpu").predict(strings) for name in ("solubility", "lipophilicity", "bbb")
    )
    assert list(soluble["logS"].argsort()[:1]) == [1]
    assert list(lipophilic["logD"].argsort()[-1:]) == [1]
    assert passes["p_np"][2] < passes["p_np"][0]
    assert (soluble["logS_low"] < soluble["logS"]).all()
    assert (soluble["logS"] < soluble["logS_high"]).all()


@pytest.mark.parametrize("name", PREDICTING)
def test_predicts_what_it_did_when_it_was_made(name: str):
    examples = read_card(find_bundle(name))["examples"]
    model = catenane.load(name, device="cpu")
    table = model.predict(examples)
    np.testing.assert_allclose(table[list(model.targets)], list(examples.values()), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", PREDICTING)
def test_its_card_says_how_good_it_is_and_beside_what(name: str):
    card = read_card(find_bundle(name))
    classes = find_bundle(name).name == "bbb"
    for entry in card["targets"].values():
        assert entry["unit"] or classes
        assert entry["test"]["n"] > 0
        assert entry["test"]["roc_auc" if classes else "mae"] > 0
    compared = [entry["baselines"] for entry in card["targets"].values() if entry["baselines"]]
    assert compared
    rivals = {"prior", "ngram-logistic"} if classes else {"median", "ngram-ridge"}
    assert all(set(found) >= rivals | {"descriptor-gbm"} for found in compared)
    assert card["training"]["split"]


@pytest.mark.parametrize("name", BUNDLED)
def test_is_small_and_tells_no_path(name: str):
    folder = find_bundle(name)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 30e6
    for text in (folder / "config.json", folder / "card.json", folder / "README.md"):
        assert str(Path.home()) not in text.read_text()
        assert ".." not in json.dumps(read_card(folder).get("data", ""))


def test_knows_what_a_chemist_knows():
    """Interpenetration strengthens binding; wide pores hold little CO2 at low pressure."""
    zn4o = "[Zn][O]([Zn])([Zn])[Zn]"
    bdc = "[O-]C(=O)c1ccc(cc1)C(=O)[O-]"
    long = "[O-]C(=O)c1ccc(cc1)c1ccc(cc1)c1ccc(cc1)C(=O)[O-]"
    table = catenane.load("mof-uptake", device="cpu").predict(
        [f"{bdc}.{zn4o}&&pcu.cat0", f"{long}.{zn4o}&&pcu.cat0", f"{long}.{zn4o}&&pcu.cat1"]
    )
    short_alone, long_alone, long_twice = table["co2_0.5bar"]
    assert long_alone < short_alone
    assert long_alone < long_twice


@pytest.mark.parametrize("gas", ["co2", "ch4"])
def test_isotherms_of_the_bundled_model_rise_from_zero(gas: str):
    model = catenane.load("mof-uptake", device="cpu")
    pressures = [0, 1e-4, 0.01, 0.1, 0.15, 0.5, 1, 2.5, 5]
    strings = list(read_card(find_bundle("mof-uptake"))["examples"])
    uptake = model.predictions(strings, {"gas": gas, "pressure": pressures}).values
    assert (uptake[:, 0] == 0).all()
    assert (np.diff(uptake, axis=1) > 0).all()
    alone = model.predict(strings)
    known = [name for name in model.targets if name.startswith(gas)]
    at_known = model.predict(strings, gas=gas, pressure=[float(name[4:-3]) for name in known])
    np.testing.assert_allclose(at_known[known], alone[known], rtol=1e-2, atol=1e-3)
