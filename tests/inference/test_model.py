import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import catenane
from catenane.errors import BundleError, NotationError, UsageError

pytestmark = pytest.mark.usefixtures("undrawn")

SIX = ["size", "size_low", "size_high", "sparse", "sparse_low", "sparse_high"]


@pytest.fixture(scope="module")
def model(molecule_file: Path, tiny, tmp_path_factory) -> catenane.Model:
    """A model of two targets, trained for a moment."""
    out = tmp_path_factory.mktemp("runs") / "run"
    catenane.finetune(
        molecule_file, target=["size", "sparse"], out=out, settings=tiny, baselines=False, device="cpu"
    )
    return catenane.load(out)


@pytest.fixture(scope="module")
def parent(molecule_file: Path, tiny, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "encoder"
    catenane.pretrain([molecule_file], out=out, settings=tiny, device="cpu")
    return out


@pytest.fixture(scope="module")
def encoder(parent: Path) -> catenane.Model:
    return catenane.load(parent)


@pytest.fixture(scope="module")
def ensemble_run(molecule_file: Path, parent: Path, tiny, tmp_path_factory) -> Path:
    """Members of a head on a frozen encoder, which leave rows out."""
    out = tmp_path_factory.mktemp("runs") / "ensemble"
    settings = {"finetuning.encoder_rate": 0.0, "head.members": 5, "finetuning.epochs": 20}
    catenane.finetune(
        molecule_file, target=["size", "sparse"], out=out, model=parent, settings=tiny | settings,
        baselines=False, device="cpu",
    )  # fmt: skip
    return out


@pytest.fixture(scope="module")
def ensemble(ensemble_run: Path) -> catenane.Model:
    return catenane.load(ensemble_run, device="cpu")


def test_answers_in_the_order_given(model, molecules):
    table = model.predict(molecules)
    shuffled = np.random.default_rng(0).permutation(len(molecules))
    again = model.predict([molecules[i] for i in shuffled])
    assert list(table.columns) == ["string", *SIX, "in_domain", "note", "error"]
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


def test_a_series_keeps_its_index_and_a_table_is_refused(model, molecules):
    series = pd.Series(molecules[:3], index=["x", "z", "y"], name="smiles")
    found = model.predict(series)
    assert found.index.tolist() == ["x", "z", "y"]
    pd.testing.assert_frame_equal(found.reset_index(drop=True), model.predict(molecules[:3]))
    for verb in (model.predict, model.embed):
        with pytest.raises(UsageError, match="expected strings, got a DataFrame: give one column of it"):
            verb(series.to_frame())


def test_many_strings_are_answered_in_pieces(model, molecules, monkeypatch, caplog):
    whole = model.predict(molecules)
    monkeypatch.setattr("catenane.inference.model.CHUNK_ROWS", 50)
    monkeypatch.setattr("catenane.progress.LONGEST_SILENCE", 0.0)
    pd.testing.assert_frame_equal(model.predict(molecules), whole, rtol=1e-5)
    assert caplog.messages == []
    model.predict(molecules, verbose=True)
    assert caplog.messages[:2] == ["predict: 50 rows", "predict: 100 rows"]


def test_a_model_and_its_bundle_say_what_they_are(model, encoder):
    assert repr(model) == f"Model('molecules: size, sparse', smiles: size, sparse; on {model.device})"
    assert repr(model.bundle) == "Bundle('molecules: size, sparse', property of smiles: size, sparse)"
    assert repr(encoder.bundle).endswith("encoder of smiles: no targets)")


def test_one_string_is_one_row(model):
    assert list(model.predict("CCO")["string"]) == ["CCO"]


def test_embeddings_have_a_row_per_string(model, encoder, molecules):
    for reader in (model, encoder):
        vectors = reader.embed(molecules)
        assert vectors.shape == (len(molecules), 16)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(reader.embed(molecules[:1])[0], vectors[0], atol=1e-5)


def test_embed_says_which_string_cannot_be_read(encoder):
    with pytest.raises(NotationError, match="row 2 of 3"):
        encoder.embed(["CC", "C1CC", "CCC"])


def test_embed_readable_leaves_a_gap_instead(encoder):
    vectors, errors = encoder.embed_readable(["CC", "C1CC", "CCC"])
    assert np.isnan(vectors).all(axis=1).tolist() == [False, True, False]
    assert [bool(error) for error in errors] == [False, True, False]


def test_an_encoder_predicts_nothing(encoder):
    with pytest.raises(BundleError, match="without a property head"):
        encoder.predict(["CC"])


def test_a_bundle_answers_the_same_after_it_is_moved(model, molecules, tmp_path: Path):
    from catenane.models.bundle import save_bundle

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
    assert [name for name in asked.columns if name.endswith("bar")] == names
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
    with pytest.raises(UsageError, match="both are missing"):
        isotherms.predict(["CC.[Zn]&&pcu.cat0"], gas=None, pressure=[])


def test_intervals_widen_with_coverage_and_hold_the_prediction(ensemble, molecules):
    half, most = (ensemble.predict(molecules, coverage=level) for level in (0.5, 0.9))
    for name in ("size", "sparse"):
        assert (half[f"{name}_low"] < half[name]).all()
        assert (most[f"{name}_low"] < half[f"{name}_low"]).all()
        assert (most[f"{name}_high"] > half[f"{name}_high"]).all()
        np.testing.assert_array_equal(most[name], half[name])
    for level in (0, 1, 90):
        with pytest.raises(UsageError, match="must lie between 0 and 1"):
            ensemble.predict("CC", coverage=level)


def test_what_was_measured_of_the_intervals_is_in_the_metrics(ensemble_run):
    found = json.loads((ensemble_run / "metrics.json").read_text())["intervals"]
    assert found["nominal"] == 0.9
    size = found["targets"]["size"]
    assert 0 <= size["overall"]["coverage"] <= 1
    assert size["curve"]["nominal"][-1] == 0.95
    assert size["curve"]["empirical"] == sorted(size["curve"]["empirical"])
    inside, outside = size["domain"]["inside"], size["domain"]["outside"]
    assert inside["n"] + outside["n"] == size["overall"]["n"]
    widths = [side["width"] * side["n"] for side in (inside, outside) if side["n"]]
    assert sum(widths) == pytest.approx(size["overall"]["width"] * size["overall"]["n"])


def test_what_is_unlike_the_training_rows_is_named(ensemble):
    known, metal, unknown, long, bad = (
        ensemble.predict(text).iloc[0] for text in ("CCCO", "CC[Pt]", "C[Og+7]", "C" * 2000, "C(")
    )
    assert known["in_domain"]
    assert known["note"] == ""
    assert not any(row["in_domain"] for row in (metal, unknown, long, bad))
    assert "metal not in the training rows: [Pt]" in metal["note"].split("; ")
    assert unknown["note"].startswith("unknown: [Og+7]")
    assert "tokens beyond 512 are cut off" in long["note"]
    assert np.isfinite(long["size"])
    assert bad["error"]


def test_a_model_that_learnt_from_all_rows_has_no_intervals(molecule_file: Path, tiny, tmp_path: Path):
    """Of validation rows there are too few to keep some back."""
    catenane.finetune(
        molecule_file, target="size", out=tmp_path / "run", settings=tiny, baselines=False, device="cpu"
    )
    row = catenane.load(tmp_path / "run").predict("CCCO").iloc[0]
    assert np.isfinite(row["size"])
    assert np.isnan(row["size_low"])
    assert np.isnan(row["size_high"])


def test_what_it_is_calibrated_by_is_saved_small_and_checked(ensemble, tmp_path: Path, molecules):
    from catenane.models.bundle import save_bundle

    save_bundle(tmp_path / "copy", ensemble.bundle)
    again = catenane.load(tmp_path / "copy", device="cpu")
    pd.testing.assert_frame_equal(again.predict(molecules), ensemble.predict(molecules))
    assert again.calibration.fingerprint == ensemble.calibration.fingerprint
    path = tmp_path / "copy" / "calibration.safetensors"
    assert path.stat().st_size < 200_000
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match="altered or damaged"):
        catenane.load(tmp_path / "copy")
    damaged = dict(ensemble.bundle.calibration)
    del damaged["reference.points_RP"]
    save_bundle(tmp_path / "copy", dataclasses.replace(ensemble.bundle, calibration=damaged))
    with pytest.raises(BundleError, match="calibration of the model is damaged"):
        catenane.load(tmp_path / "copy")


def test_probabilities_have_bounds(molecule_file: Path, parent: Path, tiny, tmp_path: Path, molecules):
    settings = {"finetuning.encoder_rate": 0.0, "head.members": 5, "finetuning.epochs": 20}
    catenane.finetune(
        molecule_file, target="is_aromatic", out=tmp_path / "run", model=parent, settings=tiny | settings,
        baselines=False, device="cpu",
    )  # fmt: skip
    table = catenane.load(tmp_path / "run", device="cpu").predict(molecules)
    low, value, high = (table[f"is_aromatic{end}"] for end in ("_low", "", "_high"))
    assert ((low >= 0) & (low <= value) & (value <= high) & (high <= 1)).all()


def test_isotherms_have_bands_at_any_pressure(mof_file: Path, tiny, tmp_path: Path):
    catenane.pretrain([mof_file], out=tmp_path / "encoder", settings=tiny, device="cpu")
    settings = {
        "finetuning.encoder_rate": 0.0, "head.members": 5, "finetuning.epochs": 20,
        "head.isotherm_sites": 2, "head.target_scale": "sqrt",
    }  # fmt: skip
    catenane.finetune(
        mof_file, target=["co2_0.1bar", "co2_1bar"], out=tmp_path / "run", model=tmp_path / "encoder",
        settings=tiny | settings, baselines=False, device="cpu",
    )  # fmt: skip
    model = catenane.load(tmp_path / "run", device="cpu")
    mofs = [line.split(",")[0] for line in mof_file.read_text().splitlines()[1:]]
    pressures = [0, 0.01, 0.1, 0.1001, 0.3, 0.999, 1, 5]
    table = model.predict(mofs, gas="co2", pressure=pressures)
    names = [name for name in table.columns if name.endswith("bar")]
    low, value, high = (table[[f"{name}{end}" for name in names]].to_numpy() for end in ("_low", "", "_high"))
    assert (low >= 0).all()
    assert ((low <= value + 1e-9) & (value <= high + 1e-9)).all()
    assert (high[:, 0] == 0).all()
    assert (np.diff(low, axis=1) >= -1e-9).all()
    assert (np.diff(high, axis=1) >= -1e-9).all()
    trained = model.predict(mofs)
    for end in ("_low", "_high"):
        at_known = table[[f"co2_0.1bar{end}", f"co2_1bar{end}"]].to_numpy()
        np.testing.assert_allclose(at_known, trained[[f"co2_0.1bar{end}", f"co2_1bar{end}"]], atol=1e-5)
    assert table["note"].str.contains("0.01 bar is outside the trained 0.1 to 1 bar").all()
    new = model.predict(mofs[0].replace("&&", ".O=C([O-])c1ccsc1C(=O)[O-]&&"), gas="co2", pressure=0.3)
    assert "linker not in the training rows: O=C([O-])c1ccsc1C(=O)[O-]" in new["note"][0]
    assert not model.predict(mofs[0].replace("pcu", "dia"))["in_domain"][0]
    assert "net not in the training rows: dia" in model.predict(mofs[0].replace("pcu", "dia"))["note"][0]
    several = model.predict(mofs[0].replace("pcu", "pcu,dia"))
    assert several["note"][0].startswith(
        "several nets not in the training rows; net not in the training rows: dia"
    )
    inside = model.predict(mofs, gas="co2", pressure=0.3)
    assert inside["in_domain"].mean() > 0.9
    assert repr(model) == "Model('mofs: co2_0.1bar, co2_1bar', mofid: co2_0.1bar, co2_1bar; on cpu)"


def test_the_mean_over_spellings_starts_with_the_normal_form_and_is_the_same_each_time(model, molecules):
    strings = [*molecules[:6], "C1CC"]
    plain = model.predict(strings)
    assert plain.equals(model.predict(strings, spellings=1))
    mean = model.predict(strings, spellings=4)
    assert mean.equals(model.predict(strings, spellings=4))
    assert not np.allclose(mean["size"][:6], plain["size"][:6])
    records = model.read(strings[:6])[0]
    others = [
        model.predict_normalised([record.respelled(seed) for record in records]).values[:, 0]
        for seed in (1, 2, 3)
    ]
    np.testing.assert_allclose(mean["size"][:6], (plain["size"][:6] + sum(others)) / 4, rtol=1e-4)
    assert mean["error"][6]
    with pytest.raises(UsageError, match="spellings=0 must be at least 1"):
        model.predict("CCO", spellings=0)


def test_a_framework_is_spelled_with_its_blocks_in_other_orders(isotherms, mof_file: Path):
    mofs = pd.read_csv(mof_file)["mofid"][:3]
    one, several = (isotherms.predict(mofs, spellings=n, gas="co2", pressure=0.15) for n in (1, 8))
    assert not np.allclose(one.iloc[:, 1], several.iloc[:, 1], rtol=1e-6)
