from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catenane.config import load_recipe
from catenane.data import Table, make_split, read_table
from catenane.inference import Model, plan_calibration
from catenane.inference.calibrating import fingerprint_rows
from catenane.train import fit_property_model


@pytest.fixture
def table(molecule_file: Path) -> Table:
    return read_table(molecule_file, targets=["size"])


def test_members_leave_training_rows_out_and_no_row_is_held_back(table):
    before = make_split(table)
    split, learns_MN, held_back = plan_calibration(before, table, 8, seed=0)
    assert held_back is None
    assert split is before
    assert set(learns_MN[:, split.train].sum(axis=0)) == {6, 7}
    assert learns_MN[:, split.test].all()


def test_members_leave_out_whole_frameworks_where_the_split_does(mof_file: Path):
    frameworks = read_table(mof_file, targets=["uptake"])
    split = make_split(frameworks, "framework")
    _, learns_MN, _ = plan_calibration(split, frameworks, 4, seed=0)
    names = np.array(["".join(frameworks.records[row].groups["framework"]) for row in split.train])
    assert len(np.unique(names)) < len(names)
    for name in np.unique(names):
        assert len(np.unique(learns_MN[:, split.train[names == name]], axis=1).T) == 1


def test_members_leave_out_whole_clusters_where_the_split_does(table):
    split = make_split(table, "butina", fractions=(0.9, 0, 0.1))
    _, learns_MN, _ = plan_calibration(split, table, 2, seed=0)
    cluster = table.clusters[split.train]
    names, sizes = np.unique(cluster, return_counts=True)
    small = names[(sizes > 1) & (sizes <= len(cluster) / 4)]
    assert len(small) > 3
    for name in small:
        assert len(np.unique(learns_MN[:, split.train[cluster == name]], axis=1).T) == 1


def test_a_single_member_keeps_half_of_the_validation_rows_back(table):
    before = make_split(table, fractions=(0.6, 0.3, 0.1))
    split, learns_MN, held_back = plan_calibration(before, table, 1, seed=0)
    assert learns_MN is None
    assert len(held_back) == len(before.valid) // 2
    assert np.array_equal(np.union1d(split.valid, held_back), before.valid)
    few = make_split(table)
    split, _, held_back = plan_calibration(few, table, 1, seed=0)
    assert held_back is None, "of so few rows all choose the epoch"
    assert len(split.valid) == len(few.valid)


def test_an_encoder_that_learns_is_calibrated_on_the_rows_held_back(molecule_file: Path, tiny):
    table = read_table(molecule_file, targets=["size"])
    split = make_split(table, seed=0, fractions=(0.5, 0.3, 0.2))
    fitted = fit_property_model(
        table, split, load_recipe("small").with_settings(tiny), task="regression", device="cpu"
    )
    model = Model(fitted.bundle, device="cpu")
    assert model.calibration.intervals.n_T.tolist() == [len(split.valid) // 2]
    found = model.predict_normalised([table.strings[row] for row in split.test], coverage=0.8)
    assert (found.low < found.values).all()
    labels = table.targets[split.test]
    assert ((found.low <= labels) & (labels <= found.high)).mean() == pytest.approx(0.8, abs=0.2)


def test_the_card_tells_the_errors_of_high_predictions_of_rows_kept_apart(
    molecule_file: Path, tiny, monkeypatch
):
    monkeypatch.setattr("catenane.metrics.SMALLEST_EXTREME", 3)
    table = read_table(molecule_file, targets=["size"])
    split = make_split(table, seed=0, fractions=(0.5, 0.3, 0.2))
    recipe = load_recipe("small").with_settings(tiny)
    fitted = fit_property_model(table, split, recipe, task="regression", device="cpu")
    _, _, held_back = plan_calibration(split, table, 1, seed=0)
    predicted = (
        Model(fitted.bundle).predict_normalised([table.strings[row] for row in held_back]).values[:, 0]
    )
    [high] = fitted.bundle.card["targets"]["size"]["extremes"]["highest"]
    first = np.argsort(-predicted)[: len(held_back) // 10]
    assert high["n"] == len(first)
    assert high["predicted"] == pytest.approx(predicted[first].mean(), rel=1e-4)
    assert high["label"] == pytest.approx(table.targets[held_back[first], 0].mean())


def test_without_intervals_nothing_is_kept_back(molecule_file: Path, tiny):
    table = read_table(molecule_file, targets=["size"])
    split = make_split(table, seed=0, fractions=(0.5, 0.3, 0.2))
    recipe = load_recipe("small").with_settings(tiny)
    fitted = fit_property_model(
        table, split, recipe, task="regression", device="cpu", intervals=False
    )  # fmt: skip
    assert Model(fitted.bundle, device="cpu").calibration is None


def test_the_fingerprint_is_that_of_the_rows_whatever_their_order():
    strings, labels = ["CCO", "CCN"], np.array([[1.0], [np.nan]])
    digest = fingerprint_rows(strings, labels)
    assert digest == fingerprint_rows(strings[::-1], labels[::-1])
    assert digest != fingerprint_rows(strings, labels[::-1])
    assert len(digest) == 64
