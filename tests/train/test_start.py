"""What a run starts from."""

import numpy as np
import pytest

from catenane.config import load_recipe
from catenane.data import make_split, read_table
from catenane.errors import UsageError
from catenane.train import fit_property_model
from catenane.train.start import choose_start


def start(settings, task="regression", recipe=None):
    return choose_start("smiles", ("y",), None, recipe, settings, task)


def test_a_loss_alone_means_networks_on_the_frozen_encoder():
    chosen = start({"finetuning.loss": "mse"})
    assert chosen.frozen
    assert (chosen.recipe.head.kind, chosen.recipe.finetuning.loss) == ("network", "mse")
    assert start({}).recipe.head.kind == "auto"


def test_a_loss_that_cannot_be_used_is_refused():
    with pytest.raises(UsageError, match="loss 'mae' is not for classification: expected bce"):
        start({"finetuning.loss": "mae"}, "classification")
    with pytest.raises(UsageError, match="loss 'bce' is not for regression: expected mae or huber or mse"):
        start({"finetuning.loss": "bce"})
    with pytest.raises(UsageError, match="a Gaussian process has no loss to be 'mae'"):
        start({"finetuning.loss": "mae", "head.kind": "gaussian-process"})


@pytest.mark.parametrize(
    ("target", "task", "score"),
    [
        ("size", "regression", "r2"),
        ("size", "regression", "rmse"),
        ("is_aromatic", "classification", "roc_auc"),
    ],
)
def test_the_score_that_is_asked_for_chooses_the_epoch(molecule_file, tiny, target, task, score):
    table = read_table(molecule_file, targets=[target])
    recipe = load_recipe("small").with_settings(tiny | {"finetuning.epochs": 6})
    split = make_split(table, seed=0)
    fitted = fit_property_model(
        table, split, recipe, task=task, device="cpu", best_by=score, intervals=False,
        watch=lambda bundle: scored(bundle, table, split, task, score),
    )  # fmt: skip
    history = fitted.progress.history
    found = np.array([epoch["watched"] for epoch in history])
    chosen = np.array([epoch["valid_score"] for epoch in history])
    np.testing.assert_allclose(chosen, found if score == "rmse" else 1 - found, atol=5e-3)
    assert fitted.progress.best_epoch == chosen.argmin()


def scored(bundle, table, split, task, key):
    from catenane.inference import Model
    from catenane.metrics import score

    rows = split.valid
    values = Model(bundle, device="cpu").predict_normalised([table.strings[row] for row in rows]).values
    return {"watched": score(table.targets[rows], values, task, ["y"], [key])["y"][key]}
