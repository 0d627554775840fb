import dataclasses
from pathlib import Path

import numpy as np
import pytest

import catenane
from catenane.errors import BundleError, UsageError
from catenane.inference import Ensemble, Model
from catenane.models.bundle import load_bundle

pytestmark = pytest.mark.usefixtures("undrawn")

NUMBERS = ["size", "size_low", "size_high"]


@pytest.fixture(scope="module")
def options(molecule_file: Path, tiny, tmp_path_factory) -> dict:
    """Of heads on a frozen encoder, so that there are intervals."""
    parent = tmp_path_factory.mktemp("runs") / "encoder"
    catenane.pretrain([molecule_file], out=parent, settings=tiny, device="cpu")
    settings = tiny | {"finetuning.encoder_rate": 0.0, "head.members": 3}
    return {
        "data": molecule_file, "model": parent, "settings": settings, "baselines": False, "device": "cpu"
    }  # fmt: skip


@pytest.fixture(scope="module")
def runs(options, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "replicates"
    catenane.finetune(**options, target="size", replicates=3, out=out)
    return out


@pytest.fixture(scope="module")
def classes(options, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "classes"
    catenane.finetune(**options, target="is_aromatic", replicates=2, out=out)
    return out


def test_several_models_predict_the_mean_of_values_and_of_bounds(runs: Path, molecules):
    longer = ["C" * n for n in range(9, 40)]
    strings = [*molecules[:40], "C1CC", "[SiH3]CCCCCCCCCCCCCCCCCCCCCCCCCCBr", *longer]
    together = catenane.load(runs, device="cpu").predict(strings, coverage=0.8)
    each = [catenane.load(runs / f"seed-{n}", device="cpu").predict(strings, coverage=0.8) for n in range(3)]
    assert each[0]["size_low"].notna().sum() == 41 + len(longer)
    for name in NUMBERS:
        np.testing.assert_allclose(together[name], np.mean([table[name] for table in each], axis=0))
    assert (each[0]["size"] != each[1]["size"]).iloc[0]
    inside = np.all([table["in_domain"] for table in each], axis=0)
    assert together["in_domain"].tolist() == inside.tolist()
    assert len({tuple(table["in_domain"]) for table in each}) > 1, "the models must differ for the test"
    assert together["error"].tolist() == each[0]["error"].tolist()
    assert together["error"].iloc[40] != ""
    for row, note in enumerate(together["note"]):
        assert set(filter(None, note.split("; "))) == {
            part for table in each for part in table["note"].iloc[row].split("; ") if part
        }


def test_the_card_has_the_mean_of_their_figures(runs: Path):
    """Those that a page of a ranking quotes."""
    card = catenane.load(runs, device="cpu").bundle.card["targets"]["size"]
    own = [catenane.load(runs / f"seed-{n}").bundle.card["targets"]["size"]["test"] for n in range(3)]
    assert len({each["mae"] for each in own}) == 3
    for name in ("mae", "r2"):
        assert card["test"][name] == pytest.approx(np.mean([each[name] for each in own]))
    assert (card["unit"], card["test"]["n"]) == ("", own[0]["n"])


def test_models_given_one_by_one_are_the_same(runs: Path, molecules):
    together = catenane.load(runs, device="cpu")
    given = catenane.load([runs / "seed-2", runs / "seed-0", runs / "seed-1"], device="cpu")
    assert isinstance(together, Ensemble)
    np.testing.assert_allclose(
        together.predict(molecules[:9])[NUMBERS], given.predict(molecules[:9])[NUMBERS]
    )
    assert "3 models" in repr(given)
    assert type(catenane.load([runs / "seed-0"], device="cpu")) is Model


def test_probabilities_are_averaged_with_their_bounds(classes: Path, molecules):
    together = catenane.load(classes, device="cpu").predict(molecules[:20])
    assert together["is_aromatic_low"].notna().all()
    assert (together["is_aromatic_low"] <= together["is_aromatic"]).all()
    assert (together["is_aromatic"] <= together["is_aromatic_high"]).all()


def test_the_same_model_twice_is_that_model_under_conditions_too():
    framework = ["[O-]C(=O)c1ccc(cc1)C(=O)[O-].[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0"]
    one, two = (catenane.load(["mof-uptake"] * n, device="cpu") for n in (1, 2))
    for conditions in ({}, {"gas": "co2", "pressure": [0.15, 1]}):
        alone, twice = (
            model.predict(framework, **conditions).drop(columns=["string", "note", "error"])
            for model in (one, two)
        )
        assert list(alone.columns) == list(twice.columns)
        np.testing.assert_allclose(alone.astype(float), twice.astype(float), rtol=1e-6)


def test_models_that_predict_something_else_are_refused(runs: Path, classes: Path, options):
    with pytest.raises(UsageError, match=r"model 4 of 5 predicts is_aromatic of smiles \(classification\)"):
        catenane.load([runs, classes], device="cpu")
    with pytest.raises(UsageError, match="of mofid"):
        catenane.load([runs, "mof-uptake"], device="cpu")
    with pytest.raises(BundleError, match="pretrained encoder"):
        catenane.load([runs, options["model"]], device="cpu")
    with pytest.raises(UsageError, match="at least one model"):
        catenane.load([])
    models = []
    for unit in ("g", "kg", ""):
        bundle = load_bundle(runs / "seed-0")
        card = bundle.card | {"targets": {"size": bundle.card["targets"]["size"] | {"unit": unit}}}
        models.append(Model(dataclasses.replace(bundle, card=card), device="cpu"))
    with pytest.raises(UsageError, match=r"model 2 of 2 predicts size \(kg\)"):
        Ensemble(models[:2])
    assert len(Ensemble(models[::2]).models) == 2


def test_several_models_have_no_vectors_in_common(runs: Path):
    for embed in (Model.embed, Model.embed_readable, Model.embed_normalised):
        with pytest.raises(BundleError, match="embed with one of them"):
            embed(catenane.load(runs, device="cpu"), ["CCO"])


@pytest.mark.parametrize("members", ['["../x"]', '["seed-0", 1]', "[]", '"seed-0"'])
def test_a_damaged_list_of_models_is_refused(members: str, tmp_path: Path):
    (tmp_path / "ensemble.json").write_text(f'{{"members": {members}}}')
    with pytest.raises(BundleError, match=r"ensemble\.json: damaged"):
        catenane.load(tmp_path)
