from __future__ import annotations

import math

import numpy as np
import pytest

from catenane.data import Split, Table
from catenane.metrics import score
from catenane.reporting.result import MODEL, FinetuneResult, summary_lines, verdicts, winner


def make_metrics(task, model, baselines, *, unit="mol/kg", n=500, floor=None, name="uptake"):
    key = "mae" if task == "regression" else "roc_auc"
    entry = {
        "unit": unit,
        "test": {key: model, "n": n},
        "baselines": {rival: {key: value, "n": n} for rival, value in baselines.items()},
    }
    return {"targets": {name: entry}, "noise_floor": {name: {"mean_absolute_deviation": floor}}}


@pytest.mark.parametrize(
    ("task", "model", "baselines", "expected"),
    [
        ("regression", 0.2, {"median": 0.9, "ngram-ridge": 0.3}, MODEL),
        ("regression", 0.4, {"median": 0.9, "ngram-ridge": 0.3}, "ngram-ridge"),
        ("regression", 0.3, {"ngram-ridge": 0.3}, "ngram-ridge"),
        ("regression", 0.3, {"ngram-ridge": None}, MODEL),
        ("regression", 0.3, {}, MODEL),
        ("regression", None, {"ngram-ridge": 0.3}, None),
        ("classification", 0.9, {"prior": 0.5, "ngram-logistic": 0.8}, MODEL),
        ("classification", 0.7, {"prior": 0.5, "ngram-logistic": 0.8}, "ngram-logistic"),
        ("classification", 0.8, {"ngram-logistic": 0.8}, "ngram-logistic"),
        ("classification", None, {"ngram-logistic": None}, None),
    ],
)
def test_the_winner_has_the_best_main_score(task, model, baselines, expected):
    assert winner(make_metrics(task, model, baselines), "uptake") == expected


def make_result(
    labels_NT, answers_NT, rivals, *, task="regression", names=("uptake",), unit="mol/kg", floor=None
):
    n = len(labels_NT)
    everything = np.arange(n)
    none = np.array([], dtype=np.int64)
    table = Table(["C"] * n, "smiles", labels_NT, names, everything + 1, {}, [], "data.csv", "smiles")
    entries = {name: {"unit": unit, "baselines": {}} for name in names}
    for name, scores in score(labels_NT, answers_NT, task, names).items():
        entries[name]["test"] = scores
    for rival, values in rivals.items():
        for name, scores in score(labels_NT, values, task, names).items():
            entries[name]["baselines"][rival] = scores
    floors = {name: {"mean_absolute_deviation": floor} for name in names}
    return FinetuneResult(
        table=table,
        split=Split(none, none, everything, "random", 0, None),
        task=task,
        predictions=answers_NT,
        baselines=rivals,
        history=[],
        metrics={"targets": entries, "noise_floor": floors},
        model_name="test",
    )


@pytest.fixture
def labels():
    return np.random.default_rng(0).normal(3.0, 1.0, size=(400, 1))


def spread_out(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_a_win_is_told_with_both_errors_and_the_floor(labels):
    result = make_result(
        labels, labels + 0.2, {"median": labels + 0.9, "ngram-ridge": labels + 0.35}, floor=0.08
    )
    lines = [spread_out(line) for line in summary_lines(result)]
    assert lines == [
        "The model predicts uptake to within 0.200 mol/kg on average, "
        "the best baseline (ngram-ridge) to within 0.350 mol/kg.",
        "Labels of identical strings deviate from their mean by 0.080 mol/kg on average: "
        "nothing that reads only the string can honestly do better than this noise floor.",
    ]


def test_a_lost_target_is_told_first(labels):
    both = np.hstack([labels, labels])
    rival = np.hstack([labels + 0.5, labels + 0.1])
    result = make_result(both, both + 0.2, {"ngram-ridge": rival}, names=("won", "lost"))
    lines = [spread_out(line) for line in summary_lines(result)]
    assert lines[0].startswith("A baseline does better than the model on 1 of 2 targets: lost.")
    assert "on the other 1" in lines[0]
    assert lines[1].startswith(
        "A baseline does better than the model: ngram-ridge predicts lost to within 0.100"
    )
    assert [verdict.target for verdict in verdicts(result)] == ["lost", "won"]


def test_a_difference_within_chance_is_called_so(labels):
    noise = np.random.default_rng(1).normal(size=labels.shape)
    first, second = labels + noise, labels + 1.001 * noise[::-1]
    [verdict] = verdicts(make_result(labels, first, {"ngram-ridge": second}))
    assert verdict.close
    assert "may be chance" in verdict.sentence
    [verdict] = verdicts(make_result(labels, labels + 0.1, {"ngram-ridge": second}))
    assert not verdict.close
    assert "chance" not in verdict.sentence


def test_classification_is_told_without_units(labels):
    classes = (labels > 3.0).astype(float)
    result = make_result(
        classes,
        1 / (1 + np.exp(-labels)),
        {"prior": np.full_like(labels, 0.5)},
        task="classification",
        unit="class",
    )
    assert spread_out(summary_lines(result)[0]) == (
        "The model predicts uptake with 1.000 ROC AUC (1 is perfect, 0.5 is chance), "
        "the best baseline (prior) with 0.500."
    )


@pytest.mark.parametrize(
    ("labels_NT", "answers_NT", "task", "reason"),
    [
        ([[math.nan]], [[1.0]], "regression", "no test row has a label"),
        ([[1.0], [1.0]], [[0.2], [0.7]], "classification", "all of one class"),
        ([[1.0], [2.0]], [[math.nan], [0.7]], "regression", "not all finite"),
    ],
)
def test_what_cannot_be_scored_is_said_to_be_unknown(labels_NT, answers_NT, task, reason):
    labels_NT, answers_NT = np.array(labels_NT), np.array(answers_NT)
    line = summary_lines(make_result(labels_NT, answers_NT, {"median": labels_NT}, task=task))[0]
    assert "cannot be said" in line
    assert reason in line


def test_many_targets_are_told_in_one_line(labels):
    many = np.repeat(labels, 12, axis=1)
    names = tuple(f"y{t}" for t in range(12))
    [line] = summary_lines(make_result(many, many + 0.2, {"ngram-ridge": many + 0.1}, names=names))
    assert line == "A baseline does better than the model on all 12 targets: y0, y1, y2, y3, y4 and 7 more."


def test_without_baselines_there_is_no_comparison(labels):
    assert "no baseline was fitted" in summary_lines(make_result(labels, labels + 1, {}))[0]
