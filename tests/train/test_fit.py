import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from catenane.config import load_recipe
from catenane.data import make_split, read_table
from catenane.descriptors import descriptor_meanings
from catenane.errors import DataError, UsageError
from catenane.inference import Model
from catenane.models.bundle import Bundle, load_bundle
from catenane.notation import Record
from catenane.train import fit_property_model, infer_task, pretrain


@pytest.fixture(scope="module")
def recipe(tiny):
    return load_recipe("small").with_settings(tiny)


@pytest.fixture(scope="module")
def parent(molecule_file: Path, tiny, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """An encoder that was pretrained on the molecules."""
    folder = tmp_path_factory.mktemp("parent") / "encoder"
    pretrain([molecule_file], out=folder, settings=tiny, device="cpu")
    return load_bundle(folder)


def fit(table, recipe, **options):
    split = make_split(table, seed=0)
    options = {"task": "regression", "device": "cpu"} | options
    return split, fit_property_model(table, split, recipe, **options)


def answers(fitted, table) -> np.ndarray:
    return Model(fitted.bundle, device="cpu").predict_normalised(table.strings, fitted.descriptors).values


SOON = {"finetuning.epochs": 8, "finetuning.learning_rate": 1e-2}
LATE = {"finetuning.epochs": 25, "finetuning.learning_rate": 3e-3, "finetuning.batch_tokens": 250}


@pytest.mark.parametrize(
    ("name", "loss", "pace", "share"),
    [("small", "mae", SOON, 0.6), ("small", "mse", SOON, 0.6), ("cao-small", "huber", LATE, 0.8)],
)
def test_learns_a_property_in_its_own_units(name, loss, pace, share, molecule_file: Path, tiny):
    table = read_table(molecule_file, targets=["size"])
    far = replace(table, targets=1000 + 50 * table.targets)
    settings = tiny | pace | {"encoder.d_model": 32, "finetuning.loss": loss}
    split, fitted = fit(far, load_recipe(name).with_settings(settings))
    labels, found = far.targets[split.test, 0], answers(fitted, far)[split.test, 0]
    assert np.abs(found - labels).mean() < share * np.abs(np.median(labels) - labels).mean()


@pytest.mark.parametrize("attention", ["full", "linear"])
def test_learns_where_labels_are_missing(attention: str, molecule_file: Path, tiny):
    table = read_table(molecule_file, targets=["size", "sparse"])
    settings = tiny | {"encoder.attention": attention, "finetuning.epochs": 5}
    _, fitted = fit(table, load_recipe("small").with_settings(settings))
    assert np.isfinite(answers(fitted, table)).all()
    assert fitted.progress.history[-1]["train_loss"] < fitted.progress.history[0]["train_loss"]


def test_test_rows_are_not_looked_at(molecule_file: Path, recipe):
    table = read_table(molecule_file, targets=["size"])
    split, first = fit(table, recipe)
    spoiled = table.targets.copy()
    spoiled[split.test] = 1e6
    _, second = fit(replace(table, targets=spoiled), recipe)
    np.testing.assert_array_equal(answers(first, table), answers(second, table))


def test_without_validation_rows_the_last_epoch_is_kept(molecule_file: Path, recipe):
    table = read_table(molecule_file, targets=["size"])
    split = make_split(table, fractions=(0.7, 0.0, 0.3))
    fitted = fit_property_model(table, split, recipe, task="regression", device="cpu")
    assert fitted.progress.best_epoch == recipe.finetuning.epochs - 1
    assert "valid_loss" not in fitted.progress.history[-1]


def test_validation_rows_without_labels_count_as_none(molecule_file: Path, recipe, caplog):
    table = read_table(molecule_file, targets=["size"])
    split = make_split(table, seed=0)
    table.targets[split.valid] = np.nan
    fitted = fit_property_model(table, split, recipe, task="regression", device="cpu")
    assert fitted.progress.best_epoch == recipe.finetuning.epochs - 1
    assert "valid_loss" not in fitted.progress.history[-1]
    assert f"none of the {len(split.valid)} validation rows has a label" in caplog.text


def test_the_callers_generators_stay_as_they_are(molecule_file: Path, recipe):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    fit(read_table(molecule_file, targets=["size"]), recipe)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_is_watched_joins_the_history_and_changes_nothing(molecule_file: Path, recipe):
    table = read_table(molecule_file, targets=["size"])
    split = make_split(table, seed=0)

    def error(bundle):
        model = Model(bundle, device="cpu")
        return {
            "error": float(np.abs(model.predict_normalised(table.strings).values[split.train] - 1).mean())
        }

    bare = recipe.with_settings({"head.descriptors": False})
    _, plain = fit(table, bare)
    _, watched = fit(table, bare, watch=error)
    np.testing.assert_array_equal(answers(plain, table), answers(watched, table))
    assert all(np.isfinite(epoch["error"]) for epoch in watched.progress.history)


def test_starts_from_the_weights_of_its_parent(parent, molecule_file: Path, mof_file: Path, tiny):
    table = read_table(molecule_file, targets=["size"])
    still = load_recipe("small").with_settings(
        tiny | {"finetuning.encoder_rate": 1e-30, "finetuning.weight_decay": 0.0}
    )
    _, fitted = fit(table, still, parent=parent)
    ours, theirs = fitted.bundle.encoder.state_dict(), parent.encoder.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)

    mofs = read_table(mof_file, targets=["uptake"])
    with pytest.raises(
        UsageError, match=r"the pretrained model reads smiles, and .* holds mofid: pretrain one on mofid"
    ):
        fit(mofs, still, parent=parent)


def test_a_frozen_encoder_stays_as_it_is_and_its_vectors_may_be_at_hand(parent, molecule_file: Path, tiny):
    table = read_table(molecule_file, targets=["size"])
    frozen = load_recipe("small").with_settings(
        tiny | SOON | {"finetuning.encoder_rate": 0.0, "finetuning.epochs": 12}
    )
    split, fitted = fit(table, frozen, parent=parent)
    ours, theirs = fitted.bundle.encoder.state_dict(), parent.encoder.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    pooled_ND = Model(parent, device="cpu").embed_normalised(table.strings)
    np.testing.assert_allclose(fitted.pooled_ND, pooled_ND, rtol=1e-5, atol=1e-6)
    _, again = fit(table, frozen, parent=parent, pooled_ND=pooled_ND)
    found = answers(fitted, table)
    np.testing.assert_allclose(answers(again, table), found, rtol=1e-3)
    from_vectors = (
        Model(fitted.bundle, device="cpu")
        .predict_normalised(table.strings, fitted.descriptors, pooled_ND=pooled_ND)
        .values
    )
    np.testing.assert_allclose(from_vectors, found, rtol=1e-3)
    labels = table.targets[split.test, 0]
    assert np.abs(found[split.test, 0] - labels).mean() < 0.6 * np.abs(np.median(labels) - labels).mean()


@pytest.mark.parametrize(("landmarks", "kind"), [(1000, "gaussian-process"), (40, "network"), (5, "network")])
def test_a_process_keeps_every_row_or_a_network_takes_its_place(
    landmarks, kind, parent, molecule_file: Path, tiny
):
    table = read_table(molecule_file, targets=["size"])
    recipe = load_recipe("mol-base").with_settings(
        tiny | {"finetuning.encoder_rate": 0.0, "finetuning.epochs": 10, "head.landmarks": landmarks}
    )
    split, fitted = fit(table, recipe, parent=parent)
    head = fitted.bundle.config.recipe.head
    assert head.kind == kind
    assert fitted.descriptors.values.shape[1] == len(descriptor_meanings("smiles")) + (
        head.fragments + head.n_roles
    )
    classes = replace(table, targets=(table.targets > np.median(table.targets)).astype(float))
    _, as_classes = fit(classes, recipe, parent=parent, task="classification", intervals=False)
    few = len(split.train) <= 5 * landmarks
    assert as_classes.bundle.config.recipe.head.kind == ("gaussian-process" if few else "network")
    labels, found = table.targets[split.test, 0], answers(fitted, table)[split.test, 0]
    assert np.abs(found - labels).mean() < 0.6 * np.abs(np.median(labels) - labels).mean()


def test_a_frozen_head_goes_on_where_it_was_stopped(parent, molecule_file: Path, tiny, tmp_path: Path):
    table = read_table(molecule_file, targets=["size"])
    frozen = load_recipe("small").with_settings(tiny | {"finetuning.encoder_rate": 0.0})

    class StoppedError(Exception):
        pass

    def stop_in_the_second_epoch(bundle):
        calls.append(bundle)
        if len(calls) == 2:
            raise StoppedError
        return {}

    calls: list[object] = []
    (tmp_path / "run").mkdir()
    _, whole = fit(table, frozen, parent=parent)
    with pytest.raises(StoppedError):
        fit(table, frozen, parent=parent, folder=tmp_path / "run", watch=stop_in_the_second_epoch)
    _, resumed = fit(table, frozen, parent=parent, folder=tmp_path / "run", resume=True)
    np.testing.assert_array_equal(answers(whole, table), answers(resumed, table))


def test_nothing_to_freeze_is_refused(molecule_file: Path, tiny):
    table = read_table(molecule_file, targets=["size"])
    with pytest.raises(UsageError, match="needs a pretrained one: give a model, or another recipe"):
        fit(table, load_recipe("mof-bandgap").with_settings(tiny))


def test_an_encoder_of_mofs_reads_molecules_too(molecule_file: Path, mof_file: Path, tiny, tmp_path: Path):
    pretrain([mof_file, molecule_file], out=tmp_path / "encoder", settings=tiny, device="cpu")
    parent = load_bundle(tmp_path / "encoder")
    assert parent.config.notation == "mofid"
    table = read_table(molecule_file, targets=["size"])
    _, fitted = fit(table, load_recipe("small").with_settings(tiny), parent=parent)
    assert fitted.bundle.config.notation == "smiles"
    assert Model(parent, device="cpu").embed(["CCO", "CC.[Zn]&&pcu.cat0"]).shape == (2, 16)


@pytest.mark.parametrize("setting", ["finetuning.respell", "finetuning.consistency"])
@pytest.mark.parametrize("file", ["molecule_file", "mof_file"])
def test_strings_may_be_respelled_in_every_epoch(file: str, setting: str, tiny, request):
    path = request.getfixturevalue(file)
    table = read_table(path, targets=["size" if file == "molecule_file" else "uptake"])
    table = table.take(np.arange(0, len(table), 5))
    plain = load_recipe("small").with_settings(tiny)
    respelled = plain.with_settings({setting: True if setting.endswith("respell") else 0.5})
    once, again, other = (fit(table, recipe)[1] for recipe in (respelled, respelled, plain))
    np.testing.assert_array_equal(answers(once, table), answers(again, table))
    assert not np.array_equal(answers(once, table), answers(other, table))


def test_tells_what_the_vocabulary_does_not_know(molecule_file: Path, recipe, caplog):
    table = read_table(molecule_file, targets=["size"])
    strange = replace(table, records=[Record("[Og+7]C", "smiles"), *table.records[1:]])
    with caplog.at_level(logging.INFO, logger="catenane"):
        _, fitted = fit(strange, recipe.with_settings({"head.descriptors": False}))
    assert fitted.tokenization.unknown == (("[Og+7]", 1),)
    assert "'[Og+7]' (1)" in caplog.text


def test_the_task_is_told_from_the_labels(molecule_file: Path):
    assert infer_task(read_table(molecule_file, targets=["size"])) == "regression"
    assert infer_task(read_table(molecule_file, targets=["is_aromatic"])) == "classification"
    assert infer_task(read_table(molecule_file, targets=["is_aromatic"]), "regression") == "regression"
    with pytest.raises(DataError, match="is_aromatic hold only 0 and 1"):
        infer_task(read_table(molecule_file, targets=["size", "is_aromatic"]))
    with pytest.raises(DataError, match="needs labels of 0 and 1, and size holds others"):
        infer_task(read_table(molecule_file, targets=["size"]), "classification")
