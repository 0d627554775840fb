import copy
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn

import catenane
from catenane import PropertyClassifier, PropertyRegressor, StringEmbedder
from catenane.errors import DataError, NotationError


@pytest.fixture(scope="module")
def sizes(molecules: list[str]) -> np.ndarray:
    return np.array([sum(letter.isalpha() for letter in text) for text in molecules], dtype=float)


@pytest.fixture(scope="module")
def quick(tiny) -> dict[str, object]:
    return {**tiny, "finetuning.epochs": 2}


@pytest.fixture(scope="module")
def regressor(molecules, sizes, quick) -> PropertyRegressor:
    return PropertyRegressor(settings=quick, device="cpu").fit(molecules, sizes)


def test_learns(molecules, sizes, tiny):
    settings = {**tiny, "encoder.d_model": 32, "finetuning.epochs": 20, "finetuning.learning_rate": 5e-3}
    held_out = np.arange(len(molecules)) % 5 == 0
    texts = np.array(molecules)
    model = PropertyRegressor(settings=settings, device="cpu").fit(texts[~held_out], sizes[~held_out])
    assert model.score(texts[held_out], sizes[held_out]) > 0.8


@pytest.mark.parametrize(
    "kind", [list, np.array, pd.Series, lambda x: np.array(x)[:, None], lambda x: pd.DataFrame({"s": x})]
)
def test_takes_whatever_scikit_learn_hands_on(kind, regressor, molecules, sizes):
    np.testing.assert_allclose(regressor.predict(kind(molecules)), regressor.predict(molecules))


def test_is_cloned_without_what_it_learnt(regressor):
    copy = clone(regressor)
    assert copy.get_params() == regressor.get_params()
    assert not hasattr(copy, "bundle_")


def test_the_same_seed_gives_the_same_model(regressor, molecules, sizes):
    again = clone(regressor).fit(molecules, sizes)
    np.testing.assert_array_equal(again.predict(molecules), regressor.predict(molecules))
    other = clone(regressor).set_params(seed=1).fit(molecules, sizes)
    assert not np.array_equal(other.predict(molecules), regressor.predict(molecules))


def test_survives_pickling(regressor, molecules):
    copy = pickle.loads(pickle.dumps(regressor))
    np.testing.assert_array_equal(copy.predict(molecules), regressor.predict(molecules))


class OnGpu(nn.Module):
    """Weights in the memory of a GPU: they can be copied and moved, and cannot be pickled where they are."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def __deepcopy__(self, memo):
        return OnGpu(copy.deepcopy(self.model, memo))

    def __reduce__(self):
        raise RuntimeError("CUDA tensors")

    def cpu(self):
        return self.model


def test_what_was_trained_on_a_gpu_is_pickled_for_a_cpu(regressor, molecules, tmp_path: Path):
    regressor.save(tmp_path / "model")
    embedder = StringEmbedder(tmp_path / "model", device="cpu").fit(molecules)
    for estimator, use in ((regressor, "predict"), (embedder, "transform")):
        there = copy.copy(estimator)
        there.bundle_ = replace(estimator.bundle_, model=OnGpu(estimator.bundle_.model))
        here = pickle.loads(pickle.dumps(there))
        np.testing.assert_array_equal(getattr(here, use)(molecules), getattr(estimator, use)(molecules))
        assert isinstance(there.bundle_.model, OnGpu)


def test_its_bundle_answers_the_same(regressor, molecules, tmp_path: Path):
    regressor.save(tmp_path / "model")
    table = catenane.load(tmp_path / "model", device="cpu").predict(molecules)
    np.testing.assert_allclose(table["y0"], regressor.predict(molecules), rtol=1e-5)


def test_works_in_a_grid_search_and_cross_validation(molecules, sizes, quick):
    search = GridSearchCV(
        PropertyRegressor(settings=quick, device="cpu"), {"seed": [0, 1]}, cv=2, error_score="raise"
    ).fit(molecules[:60], sizes[:60])
    assert search.best_params_["seed"] in (0, 1)
    answers = cross_val_predict(
        PropertyRegressor(settings=quick, device="cpu"), pd.Series(molecules[:60]), sizes[:60], cv=2
    )
    assert answers.shape == (60,)
    assert np.isfinite(answers).all()


def test_works_in_a_pipeline(molecules, sizes, quick):
    strip = FunctionTransformer(lambda texts: [text.strip() for text in texts])
    pipeline = make_pipeline(strip, PropertyRegressor(settings=quick, device="cpu"))
    pipeline.fit([f" {text}" for text in molecules], sizes)
    assert pipeline.predict(molecules[:3]).shape == (3,)


def test_learns_several_targets_some_of_them_missing(molecules, sizes, quick):
    both = np.stack([sizes, np.where(np.arange(len(sizes)) % 2, np.nan, sizes)], axis=1)
    model = PropertyRegressor(settings=quick, device="cpu").fit(molecules, both)
    assert model.predict(molecules[:4]).shape == (4, 2)


def test_classifies_with_the_labels_it_was_given(molecules, quick):
    labels = np.array(["ring" if "1" in text else "chain" for text in molecules])
    model = PropertyClassifier(settings=quick, device="cpu").fit(molecules, labels)
    assert model.classes_.tolist() == ["chain", "ring"]
    chances = model.predict_proba(molecules)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert set(model.predict(molecules)) <= {"chain", "ring"}
    assert (
        pickle.loads(pickle.dumps(model)).predict(molecules[:2]).tolist()
        == model.predict(molecules[:2]).tolist()
    )


def test_more_classes_may_go_through_one_versus_rest(molecules, sizes, quick):
    labels = np.digitize(sizes, np.quantile(sizes, [0.33, 0.66]))
    with pytest.raises(DataError, match="1 classes: expected 2 or more"):
        PropertyClassifier().fit(molecules, np.zeros(len(molecules)))
    texts = np.array(molecules, dtype=object)[:, None]
    wrapped = OneVsRestClassifier(PropertyClassifier(settings=quick, device="cpu")).fit(texts, labels)
    assert set(wrapped.predict(texts)) <= {0, 1, 2}


def test_embeds_as_the_first_step_of_a_pipeline(regressor, molecules, sizes, tmp_path: Path):
    regressor.save(tmp_path / "model")
    pipeline = make_pipeline(StringEmbedder(tmp_path / "model", device="cpu"), Ridge())
    assert pipeline.fit(molecules, sizes).score(molecules, sizes) > 0.5
    assert clone(pipeline).get_params()["stringembedder__device"] == "cpu"
    frame = StringEmbedder(tmp_path / "model").set_output(transform="pandas").fit_transform(molecules)
    assert frame.shape == (len(molecules), 16)
    assert pickle.loads(pickle.dumps(pipeline)).predict(molecules[:2]).shape == (2,)


def test_the_bundled_encoder_of_the_notation_is_the_default(mof_file: Path):
    mofs = pd.read_csv(mof_file)["mofid"][:3]
    for strings, name in ((["CCO", "CCN"], "mol-base"), (mofs, "mof-uptake")):
        embedder = StringEmbedder(device="cpu").fit(strings)
        assert (embedder.transform(strings) == catenane.load(name, device="cpu").embed(strings)).all()
    with pytest.raises(NotationError, match="neither SMILES nor MOFid"):
        StringEmbedder().fit(["what?", "that!"])


def test_progress_is_shown_on_request(molecules, sizes, quick, capfd, bare_logging):
    bare_logging()
    model = PropertyRegressor(settings=quick, device="cpu")
    model.fit(molecules[:40], sizes[:40])
    assert capfd.readouterr().err == ""
    clone(model.set_params(verbose=True)).fit(molecules[:40], sizes[:40])
    assert "finetune: epoch 1 of" in capfd.readouterr().err


def test_mofs_are_told_from_their_look(mof_file: Path, quick):
    table = pd.read_csv(mof_file)
    model = PropertyRegressor(settings=quick, device="cpu").fit(table["mofid"], table["uptake"])
    assert model.bundle_.config.notation == "mofid"
    assert np.isfinite(model.predict(table["mofid"][:5])).all()


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        ("CCO", [1.0], DataError, "give a list of strings"),
        (["CCO", "CC"], [1.0], DataError, "X has 2 rows and y has 1"),
        ([["CCO", "high"]], [1.0], DataError, "expected one string a row"),
        (["CCO", None], [1.0, 2.0], DataError, "None at row 2"),
        (["CCO", "CC"], [1.0, np.inf], DataError, "infinite at row 2"),
        (["CCO", "CC"], ["a", "b"], DataError, "does not hold numbers"),
        (["CCO", "CC", "CCC", "C1CC"], [1.0, 2.0, 3.0, 4.0], NotationError, "row 4 of 4"),
    ],
)
def test_says_what_is_wrong_with_its_input(X, y, error, message):
    with pytest.raises(error, match=message):
        PropertyRegressor().fit(X, y)
