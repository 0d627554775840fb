import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def encoder(molecule_file: Path, tiny, tmp_path_factory) -> Path:
    import catenane

    out = tmp_path_factory.mktemp("runs") / "encoder"
    catenane.pretrain([molecule_file], out=out, settings=tiny)
    return out


@pytest.fixture(scope="module")
def run(molecule_file: Path, encoder: Path, tiny, tmp_path_factory) -> Path:
    import catenane

    out = tmp_path_factory.mktemp("runs") / "run"
    catenane.finetune(molecule_file, target=["size", "sparse"], model=encoder, out=out, settings=tiny)
    return out


def test_pretrain_then_finetune_then_predict(catenane, molecule_file: Path, tiny_flags, tmp_path: Path):
    told = catenane("pretrain", molecule_file, *tiny_flags, "--out", tmp_path / "encoder")
    assert told.code == 0, told.err
    assert "strings held out: valid loss" in told.out
    assert "perplexity" in told.out
    told = catenane(
        "finetune", molecule_file, "--target", "size", "--model", tmp_path / "encoder", "--split", "scaffold",
        *tiny_flags, "--out", tmp_path / "run",
    )  # fmt: skip
    assert told.code == 0, told.err
    assert "this model" in told.out
    assert "ngram-ridge" in told.out
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {
        "bundle", "metrics.json", "predictions.csv", "rejected.csv", "report.html",
    }  # fmt: skip
    told = catenane("predict", molecule_file, "--model", tmp_path / "run", "--out", tmp_path / "answers.csv")
    assert told.code == 0, told.err
    answers = pd.read_csv(tmp_path / "answers.csv")
    given = pd.read_csv(molecule_file)
    pd.testing.assert_frame_equal(answers[given.columns], given)
    assert answers["size_predicted"].notna().all()


def test_metrics_hold_what_the_documentation_says(run: Path):
    metrics = json.loads((run / "metrics.json").read_text())
    entry = metrics["targets"]["size"]
    assert set(entry["test"]) == {"mae", "rmse", "r2", "pearson", "n"}
    assert set(entry["baselines"]) == {"median", "ngram-ridge", "descriptor-gbm", "morgan-forest"}
    assert metrics["split"]["method"] == "random"
    assert metrics["seed"] == 0
    assert metrics["noise_floor"]["size"]["groups"] == 0
    assert metrics["pretrained_from"] == "small encoder"
    assert metrics["targets"]["sparse"]["test"]["n"] < entry["test"]["n"]


def test_predictions_are_those_of_the_bundle(run: Path, molecule_file: Path):
    import catenane

    written = pd.read_csv(run / "predictions.csv")
    assert written["row"].tolist() == list(range(1, len(written) + 1))
    assert set(written["split"]) == {"train", "valid", "test"}
    answers = catenane.load(run).predict(pd.read_csv(molecule_file)["smiles"])
    np.testing.assert_allclose(written["size_predicted"], answers["size"], rtol=1e-4)


def test_classes_are_told_from_their_labels(catenane, molecule_file: Path, tiny_flags, tmp_path: Path):
    told = catenane(
        "finetune", molecule_file, "--target", "is_aromatic", *tiny_flags, "--json", "--out", tmp_path / "run"
    )
    assert told.code == 0, told.err
    result = json.loads(told.out)
    assert result["task"] == "classification"
    assert set(result["targets"]["is_aromatic"]["baselines"]) >= {"prior", "ngram-logistic"}
    assert 0 <= result["targets"]["is_aromatic"]["test"]["roc_auc"] <= 1


def test_mofs_go_the_same_way(catenane, mof_file: Path, tiny_flags, tmp_path: Path):
    out = tmp_path / "run"
    told = catenane("finetune", mof_file, "--target", "uptake", *tiny_flags, "--no-baselines", "--out", out)
    assert told.code == 0, told.err
    told = catenane("predict", mof_file, "--model", out, "--rank", "uptake", "--top", "3")
    assert told.code == 0, told.err
    assert "Highest uptake" in told.out
    assert told.out.count("&&pcu.cat") == 3


def test_predict_takes_strings_themselves(catenane, run: Path):
    told = catenane("predict", "CCO", "F/C=C/F", "C(", "--model", run)
    assert told.code == 0
    rows = told.out.splitlines()
    assert rows[0].startswith("string,size,size_low,size_high,sparse,")
    assert [row.split(",")[0] for row in rows[1:]] == ["CCO", "F/C=C/F", "C("]
    assert "1 of 3 rows have no prediction" in told.err


def test_several_models_predict_together(catenane, molecule_file: Path, tiny_flags, tmp_path: Path):
    words = ["--target", "size", "--no-baselines", *tiny_flags]
    told = catenane("finetune", molecule_file, *words, "--replicates", "2", "--out", tmp_path / "run")
    assert told.code == 0, told.err
    assert "size: mean ± standard deviation over 2\N{NO-BREAK SPACE}seeds" in told.out
    assert "this model" in told.out
    told = [
        catenane(
            "predict", "CCO", "CCCCO", *(flag for name in names for flag in ("--model", tmp_path / name))
        )
        for names in (["run/seed-0"], ["run/seed-1"], ["run/seed-0", "run/seed-1"], ["run"])
    ]
    assert [each.code for each in told] == [0] * 4
    values = [[float(line.split(",")[1]) for line in each.out.splitlines()[1:]] for each in told]
    np.testing.assert_allclose(values[2], np.mean(values[:2], axis=0), rtol=1e-4)
    assert told[3].out == told[2].out
    told = catenane("embed", "CCO", "--model", tmp_path / "run", "--out", tmp_path / "vectors.npy")
    assert told.code == 1
    assert "embed with one of them" in told.err
    assert not (tmp_path / "vectors.npy").exists()


def test_tune_then_finetune(catenane, encoder: Path, molecule_file: Path, tmp_path: Path):
    pytest.importorskip("optuna", exc_type=ImportError)
    words = [molecule_file, "--target", "size", "--model", encoder]
    told = catenane(
        "tune", *words, "--trials", "3", "--folds", "2", "--out", tmp_path / "tuned",
        "--set", "finetuning.encoder_rate=0", "--set", "head.kind=gaussian-process",
        "--set", "head.fragments=64",
    )  # fmt: skip
    assert told.code == 0, told.err
    assert "MAE / standard deviation of the labels, validation rows" in told.out
    assert "the recipe as it is" in told.out
    command = told.out.splitlines()[-1].partition(": catenane ")[2].split()
    assert command[-1] == str(tmp_path / "tuned" / "recipe.toml")
    told = catenane(*command, "--no-baselines", "--out", tmp_path / "run")
    assert told.code == 0, told.err


@pytest.mark.parametrize("ending", ["npy", "parquet"])
def test_embed_writes_a_vector_a_row(ending: str, catenane, encoder: Path, tmp_path: Path):
    path = tmp_path / "molecules.smi"
    path.write_text("CCO ethanol\nC1CC broken\nCCN ethylamine\n")
    told = catenane("embed", path, "--model", encoder, "--out", tmp_path / f"vectors.{ending}")
    assert told.code == 0, told.err
    if ending == "npy":
        vectors = np.load(tmp_path / "vectors.npy")
    else:
        table = pd.read_parquet(tmp_path / "vectors.parquet")
        assert table["string"].tolist() == ["CCO", "C1CC", "CCN"]
        assert table["error"].astype(bool).tolist() == [False, True, False]
        vectors = np.stack(table["vector"])
    assert vectors.shape == (3, 16)
    assert vectors.dtype == np.float32
    assert np.isnan(vectors).all(axis=1).tolist() == [False, True, False]
    assert "1 of 3 rows could not be read" in told.err
    assert "row 2" in told.err


def test_embed_knows_how_to_write(catenane, encoder: Path):
    told = catenane("embed", "CCO", "--model", encoder, "--out", "vectors.txt")
    assert told.code == 2
    assert ".npy, .parquet or .csv" in told.err


def test_a_run_is_not_overwritten_unasked(
    catenane, run: Path, molecule_file: Path, tiny_flags, tmp_path: Path
):
    told = catenane("finetune", molecule_file, "--target", "size", *tiny_flags, "--out", run)
    assert told.code == 2
    assert "--resume" in told.err
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("not a run")
    for flag in ("--overwrite", "--resume"):
        told = catenane(
            "finetune", molecule_file, "--target", "size", *tiny_flags, "--out", tmp_path / "letters", flag
        )
        assert told.code == 2
        assert "no earlier run" in told.err
    assert (tmp_path / "letters" / "dear.txt").exists()


def test_a_finished_run_resumes_to_the_same_result(catenane, molecule_file: Path, tiny_flags, tmp_path: Path):
    rest = [*tiny_flags, "--no-baselines", "--out", tmp_path / "run"]
    words = ["finetune", molecule_file, "--target", "size", *rest]
    assert catenane(*words).code == 0
    before = (tmp_path / "run" / "bundle" / "model.safetensors").read_bytes()
    assert catenane("finetune", molecule_file, "--target", "SIZE", *rest, "--resume").code == 0
    assert (tmp_path / "run" / "bundle" / "model.safetensors").read_bytes() == before
    told = catenane(*words, "--seed", "1", "--resume")
    assert told.code == 2
    assert "seed was 0 and is 1" in told.err


def test_data_and_models_tell_what_there_is(catenane, run: Path):
    assert "molnet/esol" in catenane("data").out
    assert "Delaney" in catenane("data", "molnet/esol").out
    assert any(entry["name"] == "mof/hmof" for entry in json.loads(catenane("data", "--json").out))
    assert "cao-small" in catenane("models").out
    assert "size" in catenane("models", run).out
    assert json.loads(catenane("models", run, "--json").out)["targets"]["size"]["test"]["n"] > 0


def test_models_are_exchanged_with_other_programs(catenane, tmp_path: Path):
    exported = tmp_path / "hf"
    assert "trust_remote_code" in catenane("models", "export", "hf", "mol-base", "--out", exported).out
    assert (exported / "tokenizer_config.json").is_file()
    again = catenane("models", "export", "hf", "mol-base", "--out", exported)
    assert again.code == 2
    assert "exists already" in again.err
    foreign = catenane("models", "import", "molformer", exported, "--out", tmp_path / "in")
    assert foreign.code == 1
    assert "model_type is 'catenane', expected 'molformer'" in foreign.err
    assert not (tmp_path / "in").exists()
