from pathlib import Path

import numpy as np
import pytest

import catenane
from catenane.errors import BundleError, NotationError, UsageError


@pytest.fixture(scope="module")
def model(molecule_file: Path, tiny, tmp_path_factory) -> catenane.Model:
    """A model of two targets, trained for a moment."""
    out = tmp_path_factory.mktemp("runs") / "run"
    catenane.finetune(
        molecule_file, target=["size", "sparse"], out=out, settings=tiny, baselines=False, device="cpu"
    )
    return catenane.load(out)


@pytest.fixture(scope="module")
def encoder(molecule_file: Path, tiny, tmp_path_factory) -> catenane.Model:
    out = tmp_path_factory.mktemp("runs") / "encoder"
    catenane.pretrain([molecule_file], out=out, settings=tiny, device="cpu")
    return catenane.load(out)


def test_answers_in_the_order_given(model, molecules):
    table = model.predict(molecules)
    shuffled = np.random.default_rng(0).permutation(len(molecules))
    again = model.predict([molecules[i] for i in shuffled])
    assert list(table.columns) == ["string", "size", "sparse", "error"]
    assert list(table["string"]) == molecules
    np.testing.assert_allclose(again["size"], table["size"].to_numpy()[shuffled], rtol=1e-4)


def test_a_string_alone_is_answered_as_among_others(model, molecules):
    together = model.predict(molecules)["size"]
    alone = [model.predict([text])["size"][0] for text in molecules[:5]]
    np.testing.assert_allclose(alone, together[:5], rtol=1e-4)


def test_the_same_molecule_in_another_spelling_has_the_same_answer(model):
    spellings = model.predict(["OCC", "C(O)C", " CCO "])
    np.testing.assert_allclose(spellings["size"], spellings["size"][0], rtol=1e-6)


def test_a_string_that_cannot_be_read_gets_its_reason_and_stops_no_other(model):
    table = model.predict(["CCO", "C(", "", None, 3.5, "CCN"])
    assert table["size"].notna().tolist() == [True, False, False, False, False, True]
    assert (table["error"] != "").tolist() == [False, True, True, True, True, False]
    assert not any("\n" in error for error in table["error"])


def test_takes_any_iterable_even_an_empty_one(model):
    assert len(model.predict([])) == 0
    assert len(model.predict(text for text in ("CC", "CCC"))) == 2
    assert len(model.predict(np.array(["CC", "CCC"]))) == 2


def test_one_string_is_one_row(model):
    assert list(model.predict("CCO")["string"]) == ["CCO"]


def test_embeddings_have_a_row_per_string(model, encoder, molecules):
    for reader in (model, encoder):
        vectors = reader.embed(molecules)
        assert vectors.shape == (len(molecules), 16)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(reader.embed(molecules[:1])[0], vectors[0], atol=1e-5)


def test_embed_says_which_string_cannot_be_read(encoder):
    with pytest.raises(NotationError, match="string 2 of 3"):
        encoder.embed(["CC", "C1CC", "CCC"])


def test_embed_readable_leaves_a_gap_instead(encoder):
    found = encoder.embed_readable(["CC", "C1CC", "CCC"])
    assert np.isnan(found.vectors).all(axis=1).tolist() == [False, True, False]


def test_an_encoder_predicts_nothing(encoder):
    with pytest.raises(BundleError, match="without a property head"):
        encoder.predict(["CC"])


def test_a_bundle_answers_the_same_after_it_is_moved(model, molecules, tmp_path: Path):
    from catenane.models import save_bundle

    save_bundle(tmp_path / "elsewhere", model.bundle)
    moved = catenane.load(tmp_path / "elsewhere", device="cpu")
    np.testing.assert_array_equal(moved.predict(molecules)["size"], model.predict(molecules)["size"])


@pytest.fixture(scope="module")
def isotherms(mof_file: Path, tiny, tmp_path_factory) -> catenane.Model:
    """A model of two pressures of one gas, trained for a moment."""
    out = tmp_path_factory.mktemp("runs") / "isotherms"
    settings = tiny | {"head.isotherm_sites": 2, "head.target_scale": "sqrt", "finetuning.epochs": 20}
    targets = ["co2_0.1bar", "co2_1bar"]
    catenane.finetune(mof_file, target=targets, out=out, settings=settings, baselines=False, device="cpu")
    return catenane.load(out, device="cpu")


def test_uptake_at_any_pressure(isotherms, mof_file: Path):
    mofs = [line.split(",")[0] for line in mof_file.read_text().splitlines()[1:]]
    trained = isotherms.predict(mofs)
    asked = isotherms.predict([*mofs, "no framework"], gas="co2", pressure=[0, 0.1, 0.15, 1, 30])
    names = ["co2_0bar", "co2_0.1bar", "co2_0.15bar", "co2_1bar", "co2_30bar"]
    assert list(asked.columns) == ["string", *names, "error"]
    assert asked[names].iloc[-1].isna().all()
    assert asked["error"].iloc[-1]
    known = asked[names].iloc[:-1].to_numpy()
    assert (known[:, 0] == 0).all()
    assert (np.diff(known, axis=1) > 0).all()
    for name in ("co2_0.1bar", "co2_1bar"):
        np.testing.assert_allclose(asked[name].iloc[:-1], trained[name], rtol=1e-3)
    one = isotherms.predict(mofs[:1], gas="CO2", pressure=0.15)
    np.testing.assert_allclose(one["co2_0.15bar"], known[:1, 2], rtol=1e-3)


def test_a_pressure_needs_a_model_of_isotherms(isotherms, model):
    with pytest.raises(UsageError, match="takes no gas, pressure: it predicts size, sparse"):
        model.predict(["CCO"], gas="co2", pressure=0.1)
    with pytest.raises(UsageError, match="isotherms of CO2; got 'CH4'"):
        isotherms.predict(["CC.[Zn]&&pcu.cat0"], gas="ch4", pressure=0.1)
    with pytest.raises(UsageError, match="the gas is missing"):
        isotherms.predict(["CC.[Zn]&&pcu.cat0"], pressure=0.1)
