import threading
from itertools import compress

import numpy as np
import pytest

from catenane.baselines import fit_predict_baselines, suite

pytestmark = pytest.mark.usefixtures("few_trees")


@pytest.fixture(scope="module")
def sizes(molecules) -> np.ndarray:
    return np.array([sum(letter.isalpha() for letter in text) for text in molecules], dtype=float)


def split(strings, labels):
    test = np.arange(len(strings)) % 4 == 0
    train_strings, test_strings = list(compress(strings, ~test)), list(compress(strings, test))
    return train_strings, labels[~test], test_strings, labels[test]


@pytest.mark.usefixtures("all_trees")
def test_every_baseline_but_the_median_learns_a_simple_property(molecules, sizes):
    train, y_train, test, y_test = split(molecules, sizes[:, None])
    answers = fit_predict_baselines(train, y_train, test, notation="smiles", task="regression")
    assert list(answers) == ["median", "ngram-ridge", "descriptor-gbm", "morgan-forest"]
    errors = {name: np.abs(values - y_test).mean() for name, values in answers.items()}
    assert errors["median"] == pytest.approx(np.abs(np.median(y_train) - y_test).mean())
    for name in ("ngram-ridge", "descriptor-gbm", "morgan-forest"):
        assert answers[name].shape == y_test.shape
        assert errors[name] < 0.6 * errors["median"]


@pytest.mark.usefixtures("all_trees")
def test_every_classifier_but_the_prior_learns_a_simple_class(molecules):
    labels = np.array([float("O" in text) for text in molecules])[:, None]
    train, y_train, test, y_test = split(molecules, labels)
    answers = fit_predict_baselines(train, y_train, test, notation="smiles", task="classification")
    assert list(answers) == ["prior", "ngram-logistic", "descriptor-gbm", "morgan-forest"]
    np.testing.assert_allclose(answers["prior"], y_train.mean())
    for name in ("ngram-logistic", "descriptor-gbm", "morgan-forest"):
        assert ((answers[name] >= 0) & (answers[name] <= 1)).all()
        assert ((answers[name] > 0.5) == y_test).mean() > 0.85


def test_mofs_have_no_morgan_fingerprint(mof_file):
    rows = [line.split(",")[:2] for line in mof_file.read_text().splitlines()[1:]]
    train, y_train, test, y_test = split([text for text, _ in rows], np.array([[float(y)] for _, y in rows]))
    answers = fit_predict_baselines(train, y_train, test, notation="mofid", task="regression")
    assert list(answers) == ["median", "ngram-ridge", "descriptor-gbm"]
    assert np.abs(answers["ngram-ridge"] - y_test).mean() < np.abs(answers["median"] - y_test).mean()


@pytest.mark.usefixtures("all_trees")
def test_boosting_predicts_labels_that_pile_up_above_zero_in_their_own_units(molecules, sizes, monkeypatch):
    monkeypatch.setattr(suite, "_fits", lambda *_: {"median": suite._constant, "boosted": suite._boosted})
    labels = np.exp(sizes / 8)[:, None]
    train, y_train, test, y_test = split(molecules, labels)
    answers = fit_predict_baselines(train, y_train, test, notation="smiles", task="regression")
    boosted = answers["boosted"]
    assert (boosted >= 0).all()
    assert np.abs(boosted - y_test).mean() < 0.5 * np.abs(answers["median"] - y_test).mean()


def test_descriptors_that_the_labelled_rows_leave_undefined_do_no_harm():
    unknown = [f"[O-]C(=O){'C' * n}C(=O)[O-].[Zn]&&UNKNOWN.cat0" for n in range(12)]
    known = [f"[O-]C(=O){'C' * n}C(=O)[O-].[Zn][Zn].n1ccncc1&&pcu.cat0" for n in range(12)]
    labels = np.array([*map(float, range(12)), *[np.nan] * 12])[:, None]
    answers = fit_predict_baselines(
        [*unknown, *known], labels, known[:2], notation="mofid", task="regression"
    )
    assert np.isfinite(answers["descriptor-gbm"]).all()


def test_a_missing_label_leaves_the_other_target_alone(molecules, sizes):
    both = np.stack([sizes, np.where(np.arange(len(sizes)) % 3, np.nan, sizes)], axis=1)
    train, y_train, test, _ = split(molecules[::2], both[::2])
    together = fit_predict_baselines(train, y_train, test, notation="smiles", task="regression")
    alone = fit_predict_baselines(train, y_train[:, :1], test, notation="smiles", task="regression")
    for name, values in together.items():
        assert np.isfinite(values).all()
        if name != "morgan-forest":  # targets share its trees
            np.testing.assert_allclose(values[:, 0], alone[name][:, 0])


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("labels", [[1.0] * 8, [np.nan] * 8, [0.0] * 7 + [1.0], [0, 1] * 4])
def test_hardly_any_labels_are_no_reason_to_fail(task, labels):
    strings = ["C" * n for n in range(1, 9)]
    answers = fit_predict_baselines(
        strings, np.array(labels, dtype=float)[:, None], ["CCO"], notation="smiles", task=task
    )
    assert all(values.shape == (1, 1) for values in answers.values())
    assert all(np.isfinite(values).all() for values in answers.values()) == bool(np.isfinite(labels).any())


def test_the_same_seed_gives_the_same_predictions(molecules, sizes):
    train, y_train, test, _ = split(molecules[::2], sizes[::2, None])
    first, second = (
        fit_predict_baselines(train, y_train, test, notation="smiles", task="regression", seed=3)
        for _ in range(2)
    )
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_labels_of_any_size_are_learnt_alike(molecules, sizes):
    """A power of four changes neither the digits of a label nor those of its root."""
    train, y_train, test, _ = split(molecules[::3], sizes[::3, None])
    plain, *scaled = (
        fit_predict_baselines(train, y_train * 4.0**power, test, notation="smiles", task="regression")
        for power in (0, 33, 498, -498)
    )
    for found, power in zip(scaled, (33, 498, -498), strict=True):
        for name, values in found.items():
            np.testing.assert_array_equal(values / 4.0**power, plain[name])


def test_one_positive_among_many_rows_is_enough(molecules):
    some = molecules[::3]
    for place in range(0, len(some), 20):
        labels = (np.arange(len(some)) == place).astype(float)[:, None]
        found = fit_predict_baselines(some, labels, some[:5], notation="smiles", task="classification")
        assert all(np.isfinite(values).all() for values in found.values())


@pytest.fixture
def never():
    """An event that a baseline waits for, set when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_a_baseline_that_fails_or_never_ends_does_not_touch_the_others(molecules, sizes, monkeypatch, never):
    def broken(*_):
        raise ValueError("singular\nmatrix")

    def endless(*_):
        never.wait()

    train, y_train, test, _ = split(molecules[::2], sizes[::2, None])
    options = {"notation": "smiles", "task": "regression"}
    whole = fit_predict_baselines(train, y_train, test, **options)
    monkeypatch.setattr(suite, "_linear", broken)
    failed = {}
    found = fit_predict_baselines(train, y_train, test, on_failure=failed.__setitem__, **options)
    assert failed == {"ngram-ridge": "singular matrix"}
    assert list(found) == ["median", "descriptor-gbm", "morgan-forest"]
    for name, values in found.items():
        np.testing.assert_array_equal(values, whole[name])
    with pytest.raises(ValueError, match="singular"):
        fit_predict_baselines(train, y_train, test, **options)

    monkeypatch.setattr(suite, "_fits", lambda *_: {"median": suite._constant, "endless": endless})
    found = fit_predict_baselines(
        train, y_train, test, on_failure=failed.__setitem__, time_limit=0.05, **options
    )
    assert list(found) == ["median"]
    assert failed["endless"] == "it took longer than 0.05 s"
