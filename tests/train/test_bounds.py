"""Labels that are bounds, as "<5" and ">10" are: read, learnt from on one side, not scored."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

import catenane
from catenane.data import aggregate, find_duplicates, make_split, noise_floor, read_table
from catenane.data.duplicates import hold_out
from catenane.data.numbers import split_bounds
from catenane.errors import DataError, UsageError
from catenane.inference import Model
from catenane.objectives import regression_loss
from catenane.train import fit_property_model
from catenane.train.start import choose_start


def test_signs_of_bounds():
    signs, cells = split_bounds(["<5", "> 1e-3", "≤-2", ">=.5", "7", ">high", "", None, 3.0, "<<5", ">NA"])
    assert signs.tolist() == [-1, 1, -1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert cells == ["5", "1e-3", "-2", ".5", "7", ">high", "", None, 3.0, "<<5", ">NA"]


def test_bounds_are_read_beside_the_labels(bounded):
    table = read_table(bounded, targets=["y", "true"])
    assert set(table.targets[table.bounds[:, 0] == 1, 0]) == {8.0}
    assert np.isnan(table.exact[table.bounds != 0]).all()
    assert (table.exact[:, 1] == table.targets[:, 1]).all()
    (rejected,) = table.rejected
    assert (rejected.value, rejected.reason) == (">high", "label '>high' is not a number")
    assert read_table(bounded, targets=["true"]).bounds is None
    assert table.take([5, 6]).bounds.shape == (2, 2)
    with pytest.raises(DataError, match="label '>8' is not a number"):
        read_table(bounded, targets=["y"], task="classification", on_error="raise")


def test_a_loss_has_one_side():
    targets = torch.tensor([[1.0, 1.0, 1.0]])
    bounds = torch.tensor([[1.0, -1.0, 0.0]])
    for shift, errors in ((0.5, [0.0, 0.5, 0.5]), (-0.5, [0.5, 0.0, 0.5])):
        scores = (targets + shift).requires_grad_()
        loss = regression_loss(scores, targets, "mae", None, bounds)
        assert loss.item() == pytest.approx(sum(errors) / 3)
        (gradient,) = torch.autograd.grad(loss, scores)
        assert (gradient != 0).tolist() == [[error > 0 for error in errors]]


def test_repeats_keep_what_is_known_best(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text(
        "smiles,y\nCC,>3\nCC,>5\nCCC,<3\nCCC,<2\nCCCC,>9\nCCCC,4\nCCCC,6\nCCO,<1\nCCO,>2\nCCN,7\n"
    )
    table = read_table(path, targets=["y"])
    found = aggregate(table)
    assert found.strings == ["CC", "CCC", "CCCC", "CCO", "CCN"]
    assert found.targets[:, 0].tolist() == [5, 2, 5, 1, 7]
    assert found.bounds[:, 0].tolist() == [1, -1, 0, -1, 0]
    assert table.bounds[0, 0] == 1, "the table itself is not changed"
    assert noise_floor(table)["y"]["rows"] == 2
    assert find_duplicates(table).conflicting.tolist() == [False, False, True, False]
    other = read_table(path, targets=["y"], string_column="smiles")
    joined, rows = hold_out(dataclasses.replace(other, bounds=None), table, keep=True)
    np.testing.assert_array_equal(joined.bounds[rows], table.bounds)
    assert not joined.bounds[: len(other)].any()


def test_a_model_learns_which_side_a_label_is_on(bounded):
    """Labels at the bound alone would teach it that nothing is longer than that."""
    table = read_table(bounded, targets=["y"])
    split = make_split(table, seed=0, fractions=(0.9, 0.0, 0.1))
    start = choose_start("smiles", ("y",), None, None, {}, "regression")
    recipe = start.recipe.with_settings({"finetuning.epochs": 20, "head.members": 1})
    means = {}
    for name, one in (("bounds", table), ("numbers", dataclasses.replace(table, bounds=None))):
        kind = {"head.kind": "auto" if name == "bounds" else "network"}
        fitted = fit_property_model(
            one, split, recipe.with_settings(kind), task="regression", parent=start.parent, device="cpu",
            intervals=False,
        )  # fmt: skip
        assert fitted.bundle.config.recipe.head.kind == "network"
        long = [row for row in split.train if table.bounds[row, 0] == 1]
        found = Model(fitted.bundle).predict_normalised([table.strings[row] for row in long]).values
        means[name] = float(found.mean())
    assert means["numbers"] < 8.6 < 9.2 < means["bounds"]


def test_a_gaussian_process_is_refused(bounded, tmp_path: Path):
    with pytest.raises(UsageError, match="from which a Gaussian process cannot learn"):
        catenane.finetune(
            bounded, target="y", out=tmp_path / "run", settings={"head.kind": "gaussian-process"}
        )
    assert not (tmp_path / "run").exists()


def test_bounds_are_counted_and_not_scored(bounded, tiny, tmp_path: Path):
    result = catenane.finetune(bounded, target="y", out=tmp_path / "run", settings=tiny, device="cpu")
    table, split, entry = result.table, result.split, result.metrics["targets"]["y"]
    assert result.metrics["task"] == "regression"
    for part in ("train", "valid", "test"):
        rows = getattr(split, part)
        n_bounds = np.count_nonzero(table.bounds[rows])
        assert result.metrics["bounds"]["y"][part] == n_bounds > 0
        assert entry[part]["n"] == len(rows) - n_bounds
    assert all(scores["n"] == entry["test"]["n"] for scores in entry["baselines"].values())
    with (tmp_path / "run" / "predictions.csv").open() as file:
        labels = {row["string"]: row["y"] for row in csv.DictReader(file)}
    assert sum(label == ">8" for label in labels.values()) == np.count_nonzero(table.bounds)
    assert "labels that are bounds" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
