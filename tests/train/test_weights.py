"""Rows and targets that do not count alike in training."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from catenane import PropertyClassifier, PropertyRegressor, finetune
from catenane.baselines import fit_predict_baselines
from catenane.config import HeadConfig, TrainingConfig
from catenane.data import Split, aggregate, make_split, read_table
from catenane.errors import DataError, UsageError
from catenane.inference import Model
from catenane.models.networks import make_head
from catenane.objectives import classification_loss, regression_loss
from catenane.train import fit_property_model
from catenane.train.fit import _weights as label_weights
from catenane.train.start import choose_start
from catenane.train.tasks import HeadTask

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def weighted(molecules, tmp_path: Path) -> Path:
    """A length, wrong by ten in every other row, which has weight zero."""
    rows = [f"{text},{len(text) + 10 * (i % 2)},{1 - i % 2}" for i, text in enumerate(molecules)]
    path = tmp_path / "weighted.csv"
    path.write_text(
        "smiles,y,w\n" + "\n".join([*rows, "CCCCCCCCO,9,-1", "CCCCCCCCN,9,", "CCCCCCCCF,9,x"]) + "\n"
    )
    return path


@pytest.mark.parametrize("loss", [regression_loss, classification_loss])
def test_a_weight_of_two_is_a_row_given_twice(loss):
    generator = torch.Generator().manual_seed(0)
    scores_BT = torch.randn(6, 2, generator=generator, requires_grad=True)
    targets_BT = (torch.randn(6, 2, generator=generator) > 0).float()
    targets_BT[1, 0] = torch.nan
    weights_BT = torch.tensor([2.0, 1, 1, 0, 1, 2])[:, None].expand(6, 2)
    twice = [0, 0, 1, 2, 4, 5, 5]
    kind = ["mae"] if loss is regression_loss else []
    once = loss(scores_BT, targets_BT, *kind, weights_BT)
    torch.testing.assert_close(once, loss(scores_BT[twice], targets_BT[twice], *kind))
    torch.testing.assert_close(
        *(
            torch.autograd.grad(value, scores_BT)[0]
            for value in (once, loss(scores_BT[twice], targets_BT[twice], *kind))
        )
    )


def test_weighted_micro_batches_have_the_gradient_of_the_whole():
    rng = np.random.default_rng(0)
    pooled_ND, weights_NT = rng.normal(size=(24, 5)), rng.random((24, 1)) * 0.1
    torch.manual_seed(0)
    head = make_head(HeadConfig(hidden=(4,), dropout=0.0, descriptors=False), d_model=5, targets=("a",))
    head.fit_scalers(pooled_ND[:, :1], None, pooled_ND)
    none = np.arange(0)
    split = Split(train=np.arange(24), valid=none, test=none, method="random", seed=0, n_groups=None)
    found = []
    for n_rows in (24, 10):
        task = HeadTask(head, split, pooled_ND, pooled_ND[:, :1], None, TrainingConfig(), 0, None, weights_NT)
        task._batch_rows = n_rows
        batches, cpu = list(task.batches(0, 0)), torch.device("cpu")
        total = sum(map(task.weight, batches))
        loss = sum(task.loss(head, batch, cpu) * task.weight(batch) / total for batch in batches)
        found.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(head.parameters()))]))
    torch.testing.assert_close(*found)


def test_a_weight_that_is_none_rejects_its_row(weighted):
    table = read_table(weighted, targets=["y"], weights="w")
    reasons = [(r.value, r.column, r.reason) for r in table.rejected]
    assert reasons == [
        ("-1", "w", "the weight is negative"), ("", "w", "there is no weight"),
        ("x", "w", "weight 'x' is not a number"),
    ]  # fmt: skip
    assert table.weights.tolist() == [1 - i % 2 for i in range(len(table))]


def test_repeats_have_the_weighted_mean(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("smiles,y,w\nCCO,1,3\nOCC,5,1\nCC,7,0\nCC,9,0\n")
    table = aggregate(read_table(path, targets=["y"], weights="w"))
    np.testing.assert_allclose(table.targets[:, 0], [2, 8])
    np.testing.assert_allclose(table.weights, [2, 0])


@pytest.mark.parametrize("kind", ["gaussian-process", "network", "landmarks"])
def test_rows_of_no_weight_teach_nothing(weighted, kind):
    """Their labels are wrong: a model that heeds them is off by five in the mean."""
    table = read_table(weighted, targets=["y"], weights="w")
    split = make_split(table, seed=0, fractions=(0.9, 0.0, 0.1))
    settings = {"head.kind": "gaussian-process" if kind == "landmarks" else kind, "head.members": 2}
    settings |= {"head.landmarks": 100} if kind == "landmarks" else {}
    start = choose_start("smiles", ("y",), None, None, settings, "regression")
    recipe = start.recipe.with_settings({"finetuning.epochs": 12})
    errors = {}
    for name, one in (("weighted", table), ("alike", dataclasses.replace(table, weights=None))):
        fitted = fit_property_model(
            one, split, recipe, task="regression", parent=start.parent, device="cpu", intervals=False
        )
        rows = split.test
        found = Model(fitted.bundle).predict_normalised([table.strings[row] for row in rows]).values[:, 0]
        errors[name] = float(np.abs(found - [len(table.strings[row]) for row in rows]).mean())
    assert errors["weighted"] < 1.5 < 3 < errors["alike"]


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_baselines_heed_weights(molecules, task):
    lengths = np.array([len(text) for text in molecules], dtype=float)
    labels = lengths if task == "regression" else (lengths > 8).astype(float)
    spoilt = np.arange(len(molecules)) % 2 == 1
    wrong = np.where(spoilt, 100 - labels if task == "regression" else 1 - labels, labels)[:, None]
    weights = 1.0 - spoilt
    train, test = np.split(np.random.default_rng(0).permutation(len(molecules)), [150])
    texts = np.array(molecules)
    answers = fit_predict_baselines(
        texts[train], wrong[train], texts[test], notation="smiles", task=task, weights=weights[train]
    )
    for name, found in answers.items():
        if name not in ("median", "prior"):
            assert np.abs(found[:, 0] - labels[test]).mean() < (6 if task == "regression" else 0.4), name


def test_target_weights_count_where_targets_share_a_network(molecule_file: Path, tiny, tmp_path: Path):
    table = read_table(molecule_file, targets=["size", "sparse"])
    weights_NT = label_weights(table, make_split(table, seed=0), (3.0, 1.0))
    np.testing.assert_allclose(weights_NT, np.tile([1.5, 0.5], (len(table), 1)))
    for weights in ((1.0,), (1.0, 0.0)):
        with pytest.raises(UsageError, match="expected a positive number for each of size, sparse"):
            finetune(
                molecule_file, target=["size", "sparse"], target_weights=weights, settings=tiny,
                out=tmp_path / "run",
            )  # fmt: skip


def test_estimators_take_sample_weight(molecules, tiny):
    few, lengths = molecules[:60], [len(text) for text in molecules[:60]]
    options = {"settings": tiny, "device": "cpu"}
    plain = PropertyRegressor(**options).fit(few, lengths)
    weighted = PropertyRegressor(**options).fit(few, lengths, sample_weight=np.arange(60))
    assert not np.allclose(plain.predict(few), weighted.predict(few))
    alike = PropertyRegressor(**options).fit(few, lengths, sample_weight=np.full(60, 7.0))
    np.testing.assert_allclose(plain.predict(few), alike.predict(few), rtol=1e-5)
    for wrong in ([1.0], np.full(60, -1.0), np.full(60, np.nan)):
        with pytest.raises(DataError, match="60 finite numbers"):
            PropertyClassifier(**options).fit(few, np.arange(60) % 2, sample_weight=wrong)
