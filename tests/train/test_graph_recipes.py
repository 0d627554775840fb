"""Graph networks are encoders like any other: trained, kept, resumed, predicted with."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from catenane.analysis import explain
from catenane.config import Recipe, load_recipe
from catenane.data import read_table
from catenane.data.splits import make_split
from catenane.errors import BundleError, ConfigError, MissingDependencyError, UsageError
from catenane.inference import Model, load
from catenane.inference.attention import read_states
from catenane.models.bundle import load_bundle
from catenane.models.graphs import GraphEncoder
from catenane.predictors import PropertyRegressor
from catenane.train import finetune, fit_property_model, pretrain
from catenane.train.space import load_space
from catenane.train.start import Start
from catenane.train.translation import finetune_pairs

SETTINGS = {
    "graph.d_model": 16, "graph.n_layers": 2, "head.hidden": [16], "finetuning.epochs": 3,
    "finetuning.batch_tokens": 400,
}  # fmt: skip


@pytest.fixture(scope="module")
def parent(molecule_file: Path, tiny, tmp_path_factory) -> Path:
    """A small pretrained transformer of another width than the bundled one."""
    out = tmp_path_factory.mktemp("parent") / "run"
    pretrain([molecule_file], out=out, settings=tiny, device="cpu")
    return out


@pytest.fixture(scope="module", params=["gcn", "gat-chem"])
def trained(request, molecule_file: Path, parent: Path, tmp_path_factory):
    """Two properties learnt from canonical features, and from states of a transformer too."""
    out = tmp_path_factory.mktemp("graph") / request.param
    model = parent if request.param == "gat-chem" else None
    return finetune(
        molecule_file, target=["size", "sparse"], recipe=request.param, model=model, out=out,
        settings=SETTINGS, sizes=(50, 40, 10), baselines=False, device="cpu",
    )  # fmt: skip


def test_a_trained_graph_network_predicts_from_its_folder_alone(trained, molecules):
    model = load(trained.folder)
    assert isinstance(model.encoder, GraphEncoder)
    table = model.predict([*molecules[:20], "[Na+].[Cl-]", "C", "*CC", "not a molecule"])
    assert table["error"].astype(bool).tolist() == [False] * 23 + [True]
    assert np.isfinite(table[["size", "size_low", "size_high", "sparse"]][:23]).all(axis=None)
    assert (table["size_low"] <= table["size"])[:23].all()
    assert not table["in_domain"][20]
    np.testing.assert_allclose(
        trained.predictions[:5], load(trained.folder).predict_normalised(trained.table.strings[:5]).values,
        atol=1e-4,
    )  # fmt: skip
    assert model.embed(molecules[:3]).shape == (3, 16)
    states, alignment = read_states(model, model.read(["OCC"])[0][0])
    assert states.shape == (3, 16) == (len(alignment.symbols), 16)
    assert "graph" in (trained.folder / "bundle" / "README.md").read_text()


def test_random_spellings_are_predicted_alike(trained):
    """Of canonical features even without normal form: only states of tokens know of the spelling."""
    model = load(trained.folder)
    record = model.read(["CC(=O)Nc1ccc(O)cc1"])[0][0]
    spelled = [record, *(record.respelled(seed) for seed in range(5))]
    assert len({each.text for each in spelled}) > 3
    found = model.predict([each.text for each in spelled])["size"]
    np.testing.assert_allclose(found, found[0], atol=1e-5)
    if not model.config.recipe.graph.reads_states:
        np.testing.assert_allclose(model.predict_normalised(spelled).values[:, 0], found[0], atol=1e-4)


def test_the_transformer_under_a_graph_is_the_given_one_and_stays(trained, parent):
    encoder = load_bundle(trained.folder).encoder
    if not encoder.config.reads_states:
        assert encoder.atoms is None
        return
    given = load_bundle(parent).encoder.state_dict()
    assert {name: tensor.tolist() for name, tensor in encoder.atoms.state_dict().items()} == {
        name: tensor.tolist() for name, tensor in given.items()
    }


def test_without_a_model_the_bundled_one_is_read(molecule_file, tmp_path):
    result = finetune(
        molecule_file, target="is_aromatic", recipe="gat-chem", out=tmp_path / "run", settings=SETTINGS,
        baselines=False, device="cpu",
    )  # fmt: skip
    assert result.metrics["pretrained_from"] == "mol-base"
    assert load(tmp_path / "run").encoder.atoms.d_model == load_bundle("mol-base").encoder.d_model
    # A graph network can be trained further, and frozen under another head.
    again = finetune(
        molecule_file, target="size", model=tmp_path / "run", out=tmp_path / "frozen", baselines=False,
        settings={"finetuning.encoder_rate": 0.0, "head.kind": "gaussian-process"}, device="cpu",
    )  # fmt: skip
    assert isinstance(load(again.folder).encoder, GraphEncoder)
    assert np.isfinite(again.predictions).all()


class StoppedError(Exception):
    pass


def test_a_stopped_run_goes_on_bit_for_bit(molecule_file, tmp_path):
    table = read_table(molecule_file, targets=("size",))
    split = make_split(table, "random", seed=0, fractions=(0.8, 0.1, 0.1))
    recipe = load_recipe("gat").with_settings(SETTINGS)

    def stop() -> dict[str, float]:
        raise StoppedError

    def fit(folder: Path | None, **options):
        if folder is not None:
            folder.mkdir(exist_ok=True)
        fitted = fit_property_model(
            table, split, recipe, task="regression", folder=folder, device="cpu", intervals=False, **options
        )
        return fitted.bundle.model.state_dict()

    whole = fit(None)
    calls = iter([dict, dict, stop])
    with pytest.raises(StoppedError):
        fit(tmp_path / "run", watch=lambda _: next(calls)())
    pieces = fit(tmp_path / "run", resume=True, watch=lambda _: {})
    assert all(whole[name].equal(pieces[name]) for name in whole)


def test_several_strings_a_row_are_read_by_one_graph_network(molecules, tmp_path):
    path = tmp_path / "pairs.csv"
    rows = [f"{a},{b},{len(a) - len(b)}" for a, b in zip(molecules[:60], molecules[60:120], strict=True)]
    path.write_text("solute,solvent,y\n" + "\n".join(rows) + "\n")
    result = finetune(
        path, target="y", recipe="gcn", column=["solute", "solvent"], out=tmp_path / "run",
        settings=SETTINGS, baselines=False, device="cpu",
    )  # fmt: skip
    assert np.isfinite(result.predictions).all()


def test_what_a_graph_network_cannot_do_is_said_in_a_line(trained, mof_file, molecule_file, parent, tmp_path):
    options = {"out": tmp_path / "run", "settings": SETTINGS, "baselines": False, "device": "cpu"}
    with pytest.raises(UsageError, match=r"'gcn' reads the atoms of molecules, and the strings are mofid"):
        finetune(mof_file, target="co2_0.1bar", recipe="gcn", **options)
    with pytest.raises(UsageError, match=r"'gcn' starts from no pretrained model"):
        finetune(molecule_file, target="size", recipe="gcn", model=parent, **options)
    with pytest.raises(ConfigError, match=r"graph network, which is not pretrained"):
        pretrain([molecule_file], recipe="gcn", out=tmp_path / "pretrained", device="cpu")
    with pytest.raises(BundleError, match=r"GraphEncoder\) has no attention weights"):
        load(trained.folder).attention("CCO")
    for setting, message in (
        ({"head.pooling": "cls"}, "must be mean or sum-max of atoms"),
        ({"finetuning.respell": True}, "a graph has no spellings"),
    ):
        with pytest.raises(ConfigError, match=message):
            load_recipe("gat").with_settings(setting)
    with pytest.raises(ConfigError, match="must be cls or mean of tokens"):
        Recipe().with_settings({"head.pooling": "sum-max"})
    assert not (tmp_path / "run").exists()


def test_without_the_library_nothing_is_begun(molecule_file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_geometric", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'catenane\[graph\]'"):
        finetune(molecule_file, target="size", recipe="gcn", out=tmp_path / "run", settings=SETTINGS)
    assert not (tmp_path / "run").exists()


def test_atoms_are_explained_by_leaving_them_out(trained):
    model = load(trained.folder)
    found = explain(model, "OCc1ccccc1", target="size")
    assert found.method == "occlusion"
    assert np.isfinite(found.scores_A).all()
    assert len(found.scores_A) == 8
    with pytest.raises(BundleError, match="reads atoms, not tokens"):
        explain(model, "OCc1ccccc1", target="size", method="gradients")


def test_folds_predict_together(molecule_file, tmp_path):
    finetune(
        molecule_file, target="is_aromatic", recipe="gcn", folds=2, out=tmp_path / "run",
        settings=SETTINGS | {"finetuning.epochs": 1}, baselines=False, device="cpu",
    )  # fmt: skip
    found = load(tmp_path / "run").predict(["Cc1ccccc1", "CCO"])["is_aromatic"]
    assert found.between(0, 1).all()


def test_an_estimator_trains_a_graph_network(molecules):
    estimator = PropertyRegressor(recipe="gcn", settings=SETTINGS, device="cpu")
    sizes = [len(text) for text in molecules]
    assert np.isfinite(estimator.fit(molecules, sizes).predict(molecules[:3])).all()


def test_settings_of_a_graph_network_can_be_tuned():
    space = load_space(None, Start(None, None, load_recipe("gcn")), {"graph.d_model": 64}, few_rows=True)
    assert list(space) == ["graph"]
    assert "graph.n_layers" in space["graph"]
    assert "graph.d_model" not in space["graph"]


def test_recipes_of_graphs_are_written_and_read(tmp_path):
    for name in ("gcn", "gat", "gat-chem", "small"):
        recipe = load_recipe(name)
        (tmp_path / f"{name}.toml").write_text(recipe.to_toml())
        assert load_recipe(tmp_path / f"{name}.toml") == recipe


def test_the_mean_of_spellings_of_a_graph_is_the_graph(trained):
    model = load(trained.folder)
    assert isinstance(model, Model)
    one, several = (model.predict(["OCc1ccccc1"], spellings=n)["size"][0] for n in (1, 4))
    assert abs(one - several) < (1e-4 if model.encoder.atoms is None else 5.0)


def test_pairs_of_strings_start_from_no_graph_network(trained, molecules, tmp_path: Path):
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(["a,b", *(f"{text},{text}" for text in molecules[:30])]))
    with pytest.raises(ConfigError, match="encoder of the model is of another kind"):
        finetune_pairs(path, source="a", target="b", model=trained.folder, out=tmp_path / "run", device="cpu")
