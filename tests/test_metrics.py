from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn import metrics as reference

from catenane.errors import UsageError
from catenane.metrics import advantage, choose_scores, extremes, is_error, score


def column(values):
    return np.asarray(values, dtype=np.float64)[:, None]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_regression_agrees_with_scikit_learn(rng):
    targets = rng.normal(3.0, 2.0, size=(200, 2))
    predictions = targets + rng.normal(size=(200, 2))
    found = score(targets, predictions, "regression", ["a", "b"])
    for place, name in enumerate(["a", "b"]):
        y, p = targets[:, place], predictions[:, place]
        assert found[name] == pytest.approx(
            {
                "mae": reference.mean_absolute_error(y, p),
                "rmse": reference.root_mean_squared_error(y, p),
                "r2": reference.r2_score(y, p),
                "pearson": np.corrcoef(y, p)[0, 1],
                "n": 200,
            }
        )


@pytest.mark.parametrize("decimals", [1, 6], ids=["many ties", "few ties"])
def test_classification_agrees_with_scikit_learn(rng, decimals):
    y = rng.integers(0, 2, size=300).astype(float)
    p = np.clip(0.3 * y + rng.uniform(0, 0.7, size=300), 0, 1).round(decimals)
    found = score(column(y), column(p), "classification", ["toxic"])["toxic"]
    assert found == pytest.approx(
        {
            "roc_auc": reference.roc_auc_score(y, p),
            "pr_auc": reference.average_precision_score(y, p),
            "accuracy": reference.accuracy_score(y, p >= 0.5),
            "balanced_accuracy": reference.balanced_accuracy_score(y, p >= 0.5),
            "brier": reference.brier_score_loss(y, p),
            "log_loss": reference.log_loss(y, p),
            "n": 300,
        }
    )


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_missing_labels_change_nothing_but_the_count(rng, task):
    y = rng.integers(0, 2, size=60).astype(float)
    p = rng.uniform(size=60)
    full = score(column(y), column(p), task, ["y"])
    gaps = score(column(np.r_[y, np.nan]), column(np.r_[p, 0.7]), task, ["y"])
    assert gaps == full
    assert gaps["y"]["n"] == 60


@pytest.mark.parametrize(
    ("task", "targets", "predictions", "undefined"),
    [
        ("regression", [2.0, 2.0, 2.0], [1.0, 2.0, 3.0], {"r2", "pearson"}),
        ("regression", [1.0, 2.0, 3.0], [2.0, 2.0, 2.0], {"pearson"}),
        ("regression", [5.0], [4.0], {"r2", "pearson"}),
        ("regression", [np.nan], [4.0], {"mae", "rmse", "r2", "pearson"}),
        ("regression", [1.0, 2.0], [np.nan, 2.0], {"mae", "rmse", "r2", "pearson"}),
        ("regression", [1.0, 2.0], [1e200, -1e200], {"rmse", "r2"}),
        ("classification", [1.0, 1.0], [0.2, 0.9], {"roc_auc", "pr_auc", "balanced_accuracy"}),
        ("classification", [0.0, 0.0], [0.2, 0.9], {"roc_auc", "pr_auc", "balanced_accuracy"}),
        (
            "classification",
            [],
            [],
            {"roc_auc", "pr_auc", "accuracy", "balanced_accuracy", "brier", "log_loss"},
        ),
    ],
)
def test_a_score_without_a_value_is_null(task, targets, predictions, undefined):
    found = score(column(targets), column(predictions), task, ["y"])["y"]
    assert {name for name, value in found.items() if value is None} == undefined
    json.dumps(found, allow_nan=False)


def test_the_advantage_is_the_difference_of_the_main_scores(rng):
    y = rng.normal(size=80)
    good, bad = y + 0.1 * rng.normal(size=80), y + rng.normal(size=80)
    lead = advantage(y, good, bad, "regression")
    assert lead.value == pytest.approx(np.abs(bad - y).mean() - np.abs(good - y).mean())
    assert 0 < lead.low < lead.value < lead.high
    behind = advantage(y, bad, good, "regression")
    assert behind == pytest.approx((-lead.value, -lead.high, -lead.low))

    classes = (y > 0).astype(float)
    lead = advantage(classes, good, bad, "classification")
    expected = reference.roc_auc_score(classes, good) - reference.roc_auc_score(classes, bad)
    assert lead.value == pytest.approx(expected)
    assert lead.low < lead.value < lead.high


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_equal_predictors_have_no_advantage(rng, task):
    y = rng.integers(0, 2, size=50).astype(float)
    p = rng.uniform(size=50)
    assert advantage(y, p, p, task) == pytest.approx((0, 0, 0))


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_interval_covers_the_truth_as_often_as_it_says(rng, task):
    """Both predictors are equally good by construction: the interval must hold 0 in 95 % of samples."""
    covered = 0
    for _ in range(400):
        y = rng.integers(0, 2, size=120).astype(float)
        shared = y + rng.normal(size=120)
        first, second = (shared + rng.normal(size=120) for _ in range(2))
        lead = advantage(y, first, second, task)
        covered += lead.low <= 0 <= lead.high
    assert 0.92 <= covered / 400 <= 0.98


def test_too_few_rows_give_no_interval():
    y = np.array([0.0, 1.0, 1.0])
    assert advantage(y, y, 1 - y, "regression") is None
    assert advantage(y, y, 1 - y, "classification") is None
    assert advantage(np.ones(50), np.ones(50), np.zeros(50), "classification") is None
    assert advantage(np.ones(50), np.full(50, np.nan), np.zeros(50), "regression") is None


def test_scores_are_found_by_the_names_of_scikit_learn():
    assert choose_scores(["neg_mean_squared_error", "R2", "mae"], "regression") == (
        "mse", "r2", "mae", "rmse", "pearson"
    )  # fmt: skip
    assert choose_scores(["average_precision", "prc"], "classification")[:2] == ("pr_auc", "roc_auc")
    with pytest.raises(UsageError, match="metric 'roc_auc' is none of regression"):
        choose_scores(["roc_auc"], "regression")


def test_scores_on_request_are_those_of_scikit_learn(rng):
    y, p = rng.normal(size=80), rng.normal(size=80)
    found = score(y[:, None], p[:, None], "regression", ["a"], ["mse", "spearman"])["a"]
    assert list(found) == ["mse", "spearman", "n"]
    assert found["mse"] == pytest.approx(reference.mean_squared_error(y, p))
    assert found["spearman"] == pytest.approx(spearmanr(y, p).statistic)
    y, p = (y > 0).astype(float), np.clip(p, 0, 1)
    found = score(y[:, None], p[:, None], "classification", ["a"], ["f1", "mcc"])["a"]
    assert found["f1"] == pytest.approx(reference.f1_score(y, p >= 0.5))
    assert found["mcc"] == pytest.approx(reference.matthews_corrcoef(y, p >= 0.5))


@pytest.mark.parametrize("key", ["rmse", "r2", "pearson", "mse"])
def test_a_lead_in_any_score_is_that_of_the_score(rng, key):
    y = rng.normal(size=300)
    good, bad = y + 0.3 * rng.normal(size=300), y + rng.normal(size=300)
    lead = advantage(y, good, bad, "regression", key)
    values = score(np.stack([y, y], 1), np.stack([good, bad], 1), "regression", ["good", "bad"], [key])
    sign = -1 if is_error(key) else 1
    assert lead.value == pytest.approx(sign * (values["good"][key] - values["bad"][key]))
    assert 0 < lead.low < lead.value < lead.high


def test_a_resampled_interval_is_that_of_the_formula(rng):
    """The mean of squared errors is a mean of contributions, whose standard error is known."""
    y = rng.normal(size=400)
    good, bad = y + 0.3 * rng.normal(size=400), y + rng.normal(size=400)
    lead = advantage(y, good, bad, "regression", "mse")
    samples = (bad - y) ** 2 - (good - y) ** 2
    assert lead.high - lead.value == pytest.approx(1.96 * samples.std() / 20, rel=0.2)


def test_errors_of_high_and_of_low_predictions_are_told_apart():
    predictions = np.arange(400.0)
    labels = predictions - np.where(predictions >= 360, 7.0, 0.0) + np.where(predictions < 40, 2.0, 0.0)
    shuffled = np.random.default_rng(0).permutation(400)
    [high], [low] = extremes(labels[shuffled], predictions[shuffled]).values()
    assert high == {"share": 0.1, "n": 40, "predicted": 379.5, "label": 372.5, "mae": 7.0}
    assert low == {"share": 0.1, "n": 40, "predicted": 19.5, "label": 21.5, "mae": 2.0}


def test_extremes_of_too_few_rows_are_left_out_and_gaps_do_not_count():
    values = np.arange(4000.0)
    assert [part["share"] for part in extremes(values, values)["highest"]] == [0.01, 0.1]
    values[300:] = np.nan
    assert [part["n"] for part in extremes(values, np.arange(4000.0))["lowest"]] == [30]
    values[299:] = np.nan
    assert extremes(np.arange(4000.0), values) == {"highest": [], "lowest": []}
