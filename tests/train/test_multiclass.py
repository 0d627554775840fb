"""Labels of three classes and more: read, learnt, calibrated, scored."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import metrics as reference

import catenane
from catenane import PropertyClassifier
from catenane.baselines import fit_predict_baselines
from catenane.cli.prediction import predict
from catenane.config import HeadConfig
from catenane.data import aggregate, noise_floor, read_table
from catenane.data.duplicates import hold_out
from catenane.errors import DataError, UsageError
from catenane.inference.intervals import fit_sets
from catenane.metrics import choose_scores, score
from catenane.models.networks import make_head
from catenane.objectives import multiclass_loss

NAMES = ("halide", "other", "oxide")


@pytest.fixture(scope="module", params=["gaussian-process", "network", "trained"])
def run(request, classed, tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / request.param
    settings = {"head.kind": request.param}
    if request.param == "network":
        settings |= {"head.members": 2, "finetuning.epochs": 15}
    if request.param == "trained":
        settings = tiny | {"finetuning.epochs": 8, "finetuning.learning_rate": 5e-3}
    return catenane.finetune(
        classed, target="kind", out=out, device="cpu", settings=settings,
        baselines=request.param == "gaussian-process",
    )  # fmt: skip


def test_text_is_classes_and_numbers_are_where_it_is_said(kind, classed, tmp_path: Path):
    table = read_table(classed, targets=["kind"])
    assert table.classes == {"kind": NAMES}
    assert [NAMES[int(place)] for place in table.targets[:, 0]] == [kind(text) for text in table.strings]
    assert table.rejected[0].reason == "there is no label"
    assert read_table(classed, targets=["code"]).classes == {}
    table = read_table(classed, targets=["code", "kind"], task="multiclass")
    assert table.classes == {"code": ("-1", "7", "10"), "kind": NAMES}
    with pytest.raises(DataError, match="does not hold numbers"):
        read_table(classed, targets=["kind"], task="regression")
    with pytest.raises(DataError, match="does not hold numbers"):
        read_table(classed, targets=["smiles"], string_column="kind")
    path = tmp_path / "t.csv"
    path.write_text("smiles,y\nCC,1\nCCC,2.5\nCCCC,3\n")
    with pytest.raises(DataError, match=r"holds 2\.5: classes are text or whole numbers"):
        read_table(path, targets=["y"], task="multiclass")


def test_classes_and_numbers_do_not_train_together(classed, tmp_path: Path):
    with pytest.raises(DataError, match="kind hold classes and size numbers: train them separately"):
        catenane.finetune(classed, target=["kind", "size"], out=tmp_path / "run")


def test_it_is_learnt_and_scored(run):
    test = run.metrics["targets"]["kind"]["test"]
    assert list(test) == [*choose_scores((), "multiclass"), "n"]
    assert test["roc_auc"] > (0.9 if run.metrics["recipe"] == "mol-base" else 0.6)
    labels = run.table.targets[run.split.test, 0].astype(int)
    shares = run.predictions[run.split.test]
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    assert test["accuracy"] == pytest.approx(reference.accuracy_score(labels, shares.argmax(axis=1)))
    assert run.metrics["task"] == "multiclass"
    for scores in run.metrics["targets"]["kind"]["baselines"].values():
        assert 0.4 <= scores["roc_auc"] <= 1


def test_predictions_are_a_class_a_set_and_a_probability_of_each(run, molecules):
    model = catenane.load(run.folder, device="cpu")
    shares = [f"kind_probability_{name}" for name in NAMES]
    table = model.predict([*molecules[:60], "C("])
    assert list(table.columns) == ["string", "kind", "kind_set", *shares, "in_domain", "note", "error"]
    assert pd.isna(table["kind"][60])
    assert table["kind_set"][60] == ""
    assert table.loc[60, shares].isna().all()
    table = table[:60]
    assert (table[shares].idxmax(axis=1).str.removeprefix("kind_probability_") == table["kind"]).all()
    np.testing.assert_allclose(table[shares].sum(axis=1), 1, rtol=1e-6)
    wide = model.predict(molecules[:60], coverage=0.97)
    if model.calibration.sets is not None:
        for narrow, row in zip(table.itertuples(), wide.itertuples(), strict=True):
            assert narrow.kind in narrow.kind_set.split("|")
            assert set(narrow.kind_set.split("|")) <= set(row.kind_set.split("|"))
        overall = run.metrics["intervals"]["targets"]["kind"]["overall"]
        assert 1 <= overall["width"] <= 3
        assert set(run.metrics["intervals"]["targets"]["kind"]["groups"]["class"]) <= set(NAMES)


def test_a_ranking_by_the_probability_of_a_class(run, tmp_path: Path, molecules, capsys):
    given, page = tmp_path / "given.csv", tmp_path / "top.html"
    given.write_text("smiles\n" + "\n".join(molecules[:30]) + "\n")
    options = {"model": [str(run.folder)], "rank": "kind_probability_oxide", "top": 3, "device": "cpu"}
    predict([str(given)], page=page, **options)
    assert "Highest kind_probability_oxide of 30" in " ".join(capsys.readouterr().out.split())
    assert page.is_file()
    with pytest.raises(UsageError, match="the model predicts kind_probability_halide, "):
        predict([str(given)], **options | {"rank": "kind"})


def test_files_name_the_classes(kind, run):
    with (run.folder / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert all(row["kind"] == kind(row["string"]) for row in rows)
    assert {row["kind_predicted"] for row in rows} <= set(NAMES)
    assert "class halide" in (run.folder / "report.html").read_text(encoding="utf-8")


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=200)
    shares = rng.dirichlet(np.ones(4), size=200) + 0.5 * np.eye(4)[labels]
    shares /= shares.sum(axis=1, keepdims=True)
    found = score(labels[:, None].astype(float), shares, "multiclass", ["y"], sizes=[4])["y"]
    called = shares.argmax(axis=1)
    assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(labels, shares, multi_class="ovr"))
    assert found["f1"] == pytest.approx(reference.f1_score(labels, called, average="macro"))
    assert found["log_loss"] == pytest.approx(reference.log_loss(labels, shares))
    assert found["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(labels, called))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a class that no test row has
        few = score(np.array([[0.0], [2], [np.nan]]), shares[:3], "multiclass", ["y"], sizes=[4])["y"]
    assert few["n"] == 2
    assert None not in few.values()


def test_log_odds_and_loss_are_softmax_and_cross_entropy():
    torch.manual_seed(0)
    config = HeadConfig(hidden=(8,), members=2, dropout=0.0, descriptors=False)
    head = make_head(config, d_model=5, targets=("a", "b"), task="multiclass", sizes=(3, 4))
    logits = torch.randn(6, 7) * 4
    odds = head.log_odds(logits)
    parts = [part.softmax(dim=-1) for part in logits.split((3, 4), dim=-1)]
    torch.testing.assert_close(head.to_labels(odds), torch.cat(parts, dim=-1))
    targets = torch.tensor([[0.0, 3], [1, torch.nan], [2, 0], [torch.nan, torch.nan], [0, 1], [2, 2]])
    one_hot = head.standardise(targets)
    assert one_hot[0].tolist() == [1, 0, 0, 0, 0, 0, 1]
    losses = [
        torch.nn.functional.cross_entropy(part, column.nan_to_num(nan=-100).long(), reduction="sum")
        for part, column in zip(logits.split((3, 4), dim=-1), targets.T, strict=True)
    ]
    torch.testing.assert_close(multiclass_loss(odds, one_hot), sum(losses) / 9)


def test_sets_hold_the_share_of_labels_that_is_asked_for():
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(5, 0.7), size=4000)
    labels = np.array([rng.choice(5, p=share) for share in shares])
    sets = fit_sets(shares[:2000], np.eye(5)[labels[:2000]], [5])
    for coverage in (0.6, 0.9):
        inside = sets.members(shares[2000:], [5], coverage)
        assert np.mean(inside[np.arange(2000), labels[2000:]]) == pytest.approx(coverage, abs=0.03)
        assert inside.any(axis=1).all()
    few = fit_sets(shares[:9], np.eye(5)[labels[:9]], [5])
    assert not few.members(shares, [5], 0.9).any()


def test_a_class_of_the_test_rows_alone_is_counted_as_wrong(kind, molecules, tiny):
    """No model can know it; its probability is next to none, and nothing fails."""
    labels = np.array([float(NAMES.index(kind(text))) for text in molecules])
    train = np.flatnonzero(labels < 2)
    answers = fit_predict_baselines(
        [molecules[row] for row in train], labels[train, None], molecules[:20], notation="smiles",
        task="multiclass", sizes=[3],
    )  # fmt: skip
    for name, found in answers.items():
        assert found.shape == (20, 3)
        np.testing.assert_allclose(found.sum(axis=1), 1, err_msg=name)
        assert found[:, 2].max() < 0.1, name


def test_repeats_take_the_commonest_class(kind, tmp_path: Path, tiny, molecules):
    path = tmp_path / "t.csv"
    rows = [f"{text},{kind(text)}" for text in molecules]
    repeats = ["OCCCCCCO,other", "C(O)CCCCCO,halide", "OCCCCCCO,other", "NCCCCCCN,halide", "NCCCCCCN,oxide"]
    path.write_text("smiles,y\n" + "\n".join(rows + repeats) + "\n")
    table = read_table(path, targets=["y"])
    found = aggregate(table)
    labels = dict(zip(found.strings, found.targets[:, 0], strict=True))
    assert labels["OCCCCCCO"] == NAMES.index("other")
    assert np.isnan(labels["NCCCCCCN"])
    floor = noise_floor(table)["y"]
    assert (floor["groups"], floor["rows"]) == (2, 5)
    result = catenane.finetune(path, target="y", out=tmp_path / "run", settings=tiny, baselines=False)
    assert [row.reason for row in result.table.rejected] == [
        "the same string occurs with several classes equally often"
    ]


def test_test_rows_of_their_own_may_have_other_classes(tmp_path: Path):
    for name, text in (("a", "CC,x\nCCC,z\nCCCC,x\nCCCCC,z\n"), ("b", "CO,y\nCCO,y\nCN,z\nCCN,z\n")):
        (tmp_path / f"{name}.csv").write_text("smiles,k\n" + text)
    table, rows = hold_out(*(read_table(tmp_path / f"{n}.csv", targets=["k"]) for n in "ab"))
    assert table.classes == {"k": ("x", "y", "z")}
    assert [table.classes["k"][int(k)] for k in table.targets[:, 0]] == list("xzxzyyzz")
    assert rows.tolist() == [4, 5, 6, 7]


def test_an_estimator_takes_any_number_of_classes(kind, molecules, tiny):
    few = molecules[::3]
    labels = np.array([kind(text) for text in few])
    model = PropertyClassifier(settings=tiny, device="cpu").fit(few, labels)
    assert model.classes_.tolist() == list(NAMES)
    shares = model.predict_proba(few)
    assert shares.shape == (len(few), 3)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    assert set(model.predict(few)) <= set(NAMES)


def test_the_loss_of_another_task_is_refused(classed, tmp_path: Path):
    with pytest.raises(UsageError, match="loss 'mae' is not for multiclass: expected cross_entropy"):
        catenane.finetune(classed, target="kind", out=tmp_path / "r", settings={"finetuning.loss": "mae"})
