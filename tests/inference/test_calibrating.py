from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catenane.config import load_recipe
from catenane.data import Split, make_split, read_table
from catenane.inference import Model, plan_calibration
from catenane.inference.calibration import fingerprint_rows
from catenane.train import fit_property_model


def parts(n_train: int, n_valid: int) -> Split:
    rows = np.arange(n_train + n_valid + 10)
    train, valid, test = np.split(rows, [n_train, n_train + n_valid])
    return Split(train, valid, test, method="random", seed=0, n_groups=None)


def test_members_leave_training_rows_out_and_no_row_is_held_back():
    split, learns_MN, held_back = plan_calibration(parts(100, 50), 160, 8, seed=0)
    assert held_back is None
    assert len(split.valid) == 50
    assert set(learns_MN[:, :100].sum(axis=0)) == {6, 7}
    assert learns_MN[:, 100:].all()


def test_a_single_member_keeps_half_of_the_validation_rows_back():
    before = parts(100, 50)
    split, learns_MN, held_back = plan_calibration(before, 160, 1, seed=0)
    assert learns_MN is None
    assert len(held_back) == 25
    assert np.array_equal(np.union1d(split.valid, held_back), before.valid)
    split, _, held_back = plan_calibration(parts(100, 30), 140, 1, seed=0)
    assert held_back is None, "of so few rows all choose the epoch"
    assert len(split.valid) == 30


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
