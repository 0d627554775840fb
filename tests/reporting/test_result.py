from __future__ import annotations

import math

import numpy as np
import pytest

from catenane.data import Split, Table
from catenane.metrics import MAIN_SCORE, score
from catenane.notation import Record
from catenane.reporting.report_tables import score_grid
from catenane.reporting.result import FEWEST_ROWS, MODEL, FinetuneResult, headlines, verdicts


@pytest.mark.parametrize(
    ("task", "model", "baselines", "expected"),
    [
        ("regression", 0.2, {"median": 0.9, "ngram-ridge": 0.3}, MODEL),
        ("regression", 0.4, {"median": 0.9, "ngram-ridge": 0.3}, "ngram-ridge"),
        ("regression", 0.3, {"ngram-ridge": 0.3}, "ngram-ridge"),
        ("regression", 0.3, {"ngram-ridge": None}, MODEL),
        ("regression", 0.3, {}, MODEL),
        ("regression", None, {"ngram-ridge": 0.3}, "ngram-ridge"),
        ("classification", 0.9, {"prior": 0.5, "ngram-logistic": 0.8}, MODEL),
        ("classification", 0.7, {"prior": 0.5, "ngram-logistic": 0.8}, "ngram-logistic"),
        ("classification", 0.8, {"ngram-logistic": 0.8}, "ngram-logistic"),
        ("classification", None, {"ngram-logistic": 0.6, "prior": None}, "ngram-logistic"),
    ],
)
def test_the_winner_has_the_best_main_score(labels, task, model, baselines, expected):
    classes = labels if task == "regression" else (labels > 3.0).astype(float)
    result = make_result(classes, classes, dict.fromkeys(baselines, classes), task=task)
    entry = result.metrics["targets"]["uptake"]
    entry["test"][MAIN_SCORE[task]] = model
    for name, value in baselines.items():
        entry["baselines"][name][MAIN_SCORE[task]] = value
    [verdict] = verdicts(result)
    grid = score_grid(result, verdict)
    assert [row[0] for row, mark in zip(grid.rows, grid.marks, strict=True) if "best" in mark] == [expected]


def make_result(
    labels_NT,
    answers_NT,
    rivals,
    *,
    task="regression",
    names=("uptake",),
    unit="mol/kg",
    floor=None,
    n_repeated=0,
):
    n = len(labels_NT)
    everything = np.arange(n)
    none = np.array([], dtype=np.int64)
    records = [Record("C", "smiles")] * n
    table = Table(records, "smiles", labels_NT, names, everything + 1, {}, [], "data.csv", "smiles")
    entries = {name: {"unit": unit, "baselines": {}} for name in names}
    for name, scores in score(labels_NT, answers_NT, task, names).items():
        entries[name] |= dict.fromkeys(("train", "valid", "test"), scores)
    for rival, values in rivals.items():
        for name, scores in score(labels_NT, values, task, names).items():
            entries[name]["baselines"][rival] = scores
    floors = {name: {"mean_absolute_deviation": floor, "rows": n_repeated} for name in names}
    return FinetuneResult(
        table=table,
        split=Split(none, none, everything, "random", 0, None),
        task=task,
        predictions=answers_NT,
        baselines=rivals,
        history=[],
        groupings=(),
        metrics={"targets": entries, "noise_floor": floors},
        model_name="test",
    )


@pytest.fixture
def labels():
    return np.random.default_rng(0).normal(3.0, 1.0, size=(400, 1))


def spread_out(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_a_win_is_stated_with_both_errors_the_lead_and_the_floor(labels):
    rivals = {"median": labels + 0.9, "ngram-ridge": labels + 0.35}
    result = make_result(labels, labels + 0.2, rivals, floor=0.08, n_repeated=FEWEST_ROWS)
    [verdict] = verdicts(result)
    assert headlines([verdict]) == ["Better than every baseline"]
    assert spread_out(verdict.text) == (
        "uptake (mol/kg): lead 0.150 (0.150 to 0.150), noise floor 0.080, 400 test rows"
    )
    grid = score_grid(result, verdict)
    assert [row[:2] for row in grid.rows[:3]] == [
        [MODEL, "0.200"],
        ["ngram-ridge", "0.350"],
        ["median", "0.900"],
    ]


def test_a_noise_floor_from_few_repeats_is_not_given(labels):
    result = make_result(labels, labels + 0.2, {}, floor=0.08, n_repeated=FEWEST_ROWS - 1)
    [verdict] = verdicts(result)
    assert verdict.noise_floor is None
    assert "noise floor –" in verdict.text


def test_a_lost_target_comes_first(labels):
    both = np.hstack([labels, labels])
    rival = np.hstack([labels + 0.5, labels + 0.1])
    result = make_result(both, both + 0.2, {"ngram-ridge": rival}, names=("won", "lost"))
    found = verdicts(result)
    assert headlines(found) == [
        "A baseline is better: 1 of 2 targets",
        "Better than every baseline: 1 of 2 targets",
    ]
    assert spread_out(found[0].text).startswith("lost (mol/kg): lead −0.100")
    assert [verdict.target for verdict in found] == ["lost", "won"]


def test_a_difference_within_chance_is_no_win(labels):
    noise = np.random.default_rng(1).normal(size=labels.shape)
    first, second = labels + noise, labels + 1.001 * noise[::-1]
    [verdict] = verdicts(make_result(labels, first, {"ngram-ridge": second}))
    assert verdict.outcome == "undecided"
    [verdict] = verdicts(make_result(labels, labels + 0.1, {"ngram-ridge": second}))
    assert verdict.outcome == "model"


@pytest.mark.parametrize(("n", "outcome"), [(1, "few"), (FEWEST_ROWS - 1, "few"), (FEWEST_ROWS, "model")])
def test_there_is_no_verdict_on_a_handful_of_rows(labels, n, outcome):
    labels = labels[:n]
    [verdict] = verdicts(make_result(labels, labels + 0.1, {"median": labels + 1.0}))
    assert verdict.outcome == outcome


def test_there_is_no_verdict_on_a_handful_of_positives(labels):
    classes = (labels >= np.sort(labels, axis=0)[-9]).astype(float)
    result = make_result(classes, classes, {"prior": 0.5 + 0 * labels}, task="classification")
    assert [verdict.outcome for verdict in verdicts(result)] == ["few"]


def test_classification_is_stated_without_units(labels):
    classes = (labels > 3.0).astype(float)
    result = make_result(
        classes,
        1 / (1 + np.exp(-labels)),
        {"prior": np.full_like(labels, 0.5)},
        task="classification",
        unit="class",
    )
    [verdict] = verdicts(result)
    assert spread_out(verdict.text).startswith("uptake: lead 0.500")
    assert [row[:2] for row in score_grid(result, verdict).rows[:2]] == [[MODEL, "1.000"], ["prior", "0.500"]]


@pytest.mark.parametrize(
    ("labels_NT", "predictions_NT", "task"),
    [
        ([[math.nan]], [[1.0]], "regression"),
        ([[1.0], [1.0]], [[0.2], [0.7]], "classification"),
        ([[1.0], [2.0]], [[math.nan], [0.7]], "regression"),
    ],
    ids=["no label", "one class", "not finite"],
)
def test_what_has_no_score_is_said_to_have_none(labels_NT, predictions_NT, task):
    labels_NT, predictions_NT = np.array(labels_NT), np.array(predictions_NT)
    found = verdicts(make_result(labels_NT, predictions_NT, {"median": labels_NT}, task=task))
    assert headlines(found) == ["No score on the test rows"]
    assert "lead –," in found[0].text


def test_many_targets_are_counted(labels):
    many = np.repeat(labels, 12, axis=1)
    names = tuple(f"y{t}" for t in range(12))
    [line] = headlines(verdicts(make_result(many, many + 0.2, {"ngram-ridge": many + 0.1}, names=names)))
    assert line == "A baseline is better: 12 of 12 targets"


def test_a_win_with_a_baseline_missing_is_no_win_over_every_baseline(labels):
    result = make_result(labels, labels + 0.2, {"median": labels + 0.9})
    result.metrics["failed_baselines"] = {"morgan-forest": "out of memory"}
    assert headlines(verdicts(result)) == ["Better than the baselines that could be fitted"]


def test_without_baselines_there_is_no_comparison(labels):
    assert headlines(verdicts(make_result(labels, labels + 1, {}))) == ["No baseline was fitted"]
