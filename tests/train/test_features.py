"""Numbers that are known beside the string: learnt, kept with the model, asked for at prediction."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import catenane
from catenane import PropertyRegressor
from catenane.cli.prediction import predict
from catenane.errors import DataError, UsageError

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def heated(molecules, tmp_path_factory) -> Path:
    """Molecules at two temperatures each, which alone decide half of the label; one lacks its temperature."""
    rng = np.random.default_rng(0)
    rows = [
        {"smiles": text, "T": t, "y": len(text) / 10 + 2 * (t > 50), "salt": rng.random()}
        for text in molecules
        for t in (rng.integers(0, 50), rng.integers(51, 100))
    ]
    path = tmp_path_factory.mktemp("heated") / "heated.csv"
    frame = pd.DataFrame(rows).astype({"T": object})
    frame.loc[3, "T"], frame.loc[5, "T"] = None, "hot"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module", params=["gaussian-process", "network", "trained"])
def run(request, heated, tiny, tmp_path_factory):
    """A model of each way to learn: similarity, networks on a frozen encoder, encoder and head together."""
    out = tmp_path_factory.mktemp("runs") / request.param
    settings = {"head.kind": request.param, "head.hidden": [32]} if request.param != "trained" else tiny
    return catenane.finetune(
        heated, target="y", features=["T", "salt"], out=out, device="cpu",
        settings=settings,
        baselines=request.param == "network",
    )  # fmt: skip


def test_rows_that_differ_in_a_feature_are_no_repeats(run, heated):
    assert run.metrics["duplicates"]["strings"] == 0
    assert len(run.table) == len(pd.read_csv(heated)) - 1
    (rejected,) = run.table.rejected
    assert (rejected.row, rejected.column, rejected.value) == (6, "T", "hot")
    assert rejected.reason == "feature 'hot' is not a number"
    assert run.metrics["features"] == ["T", "salt"]


def test_model_and_baselines_learn_from_it(run):
    if run.metrics["recipe"] == "mol-base":
        assert run.metrics["targets"]["y"]["test"]["mae"] < 0.5
    for name, scores in run.metrics["targets"]["y"]["baselines"].items():
        assert scores["mae"] < 0.75 or name == "median"


def test_predictions_need_it_and_say_what_is_unusual(run, molecules):
    model = catenane.load(run.folder, device="cpu")
    strings = molecules[:4]
    with pytest.raises(UsageError, match="reads the feature 'salt' beside the string"):
        model.predict(strings, features={"T": 20})
    with pytest.raises(UsageError, match="feature 'T' has 3 values for 4 strings"):
        model.predict(strings, features={"T": [1, 2, 3], "salt": 0.5})
    cells = {"T": [20, 500, "cold", None], "salt": 0.5}
    table = model.predict(strings, features=cells)
    assert table["note"].tolist() == ["", "T 500 is outside 0 to 99 of the training rows", "", ""]
    assert table["error"].tolist() == ["", "", "T 'cold' is not a number", ""]
    assert table["in_domain"].tolist() == [True, False, False, True]
    frame = pd.DataFrame({"salt": 0.5, "T": [20, 500, 30, None]})
    again = model.predict(strings, features=frame)["y"]
    np.testing.assert_allclose(again[[0, 1, 3]], table["y"][[0, 1, 3]], rtol=1e-3)
    low, high = (model.predict(strings, features={"T": t, "salt": 0.5})["y"] for t in (10, 90))
    assert (low != high).all()


def test_every_training_row_has_its_value_again(run):
    """Nothing is shifted between the columns of training and of prediction."""
    model, part = catenane.load(run.folder, device="cpu"), run.table.take(run.split.test)
    again = model.predict(part.strings, features=part.features)["y"]
    np.testing.assert_allclose(again, run.predictions[run.split.test, 0], rtol=1e-4, atol=1e-4)


def test_predict_reads_the_columns_of_the_input(run, tmp_path: Path):
    given, out = tmp_path / "given.csv", tmp_path / "out.csv"
    given.write_text("smiles,salt,T\nCCO,0.5,20\nCCN,0.5,warm\nCCC,0.5,\n")
    options = {"model": [str(run.folder)], "out": out, "device": "cpu"}
    predict([str(given)], **options)
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["error"] for row in rows] == ["", "T 'warm' is not a number", ""]
    assert [bool(row["y"]) for row in rows] == [True, False, True]
    given.write_text("smiles,salt,temp\nCCO,0.5,20\n")
    for words, message in ((str(given), "no column 'T'"), ("CCO", "the model reads 'T' beside a string")):
        with pytest.raises(DataError, match=message):
            predict([words], overwrite=True, **options)


def test_a_feature_is_no_other_column(heated, tmp_path: Path):
    for name, reason in (("y", "feature 'y' is named twice"), ("smiles", "holds the strings")):
        with pytest.raises(DataError, match=reason):
            catenane.finetune(heated, target="y", features=name, out=tmp_path / "run")


def test_an_estimator_takes_a_frame_of_strings_and_numbers(heated, tiny):
    frame = pd.read_csv(heated).drop(index=5)[::4].astype({"T": float})
    model = PropertyRegressor(settings=tiny, device="cpu").fit(frame[["smiles", "T", "salt"]], frame["y"])
    assert [column.name for column in model.bundle_.config.features] == ["T", "salt"]
    values = frame[["smiles", "T", "salt"]].to_numpy(dtype=object)
    named = model.predict(frame[["smiles", "T", "salt"]])
    again = PropertyRegressor(settings=tiny, device="cpu").fit(values, frame["y"]).predict(values)
    np.testing.assert_allclose(named, again)
    with pytest.raises(UsageError, match="feature 'T'"):
        model.predict(frame["smiles"])
