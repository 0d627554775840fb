"""Rows of several strings, as of a solute and its solvent: read by one encoder, side by side in the head."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import catenane
from catenane import PropertyClassifier, PropertyRegressor
from catenane.data import aggregate, find_duplicates, make_folds, make_split, read_table
from catenane.data.leakage import shared_with_train
from catenane.errors import ConfigError, DataError, UsageError
from catenane.notation import Record

SOLVENTS = ["O", "CCO", "c1ccccc1", "CS(C)=O", "CCCCCC", "ClCCl"]


@pytest.fixture(scope="module")
def solutions(molecules, tmp_path_factory) -> Path:
    """What solute and solvent have to do with the label is known, and neither alone is enough."""
    path = tmp_path_factory.mktemp("solutions") / "solutions.csv"
    rows = ["solvent,logS,solute"]
    for place, solute in enumerate(molecules[::3][:60]):
        for other in (place, place + 1, place + 3):
            solvent = SOLVENTS[other % len(SOLVENTS)]
            rows.append(f"{solvent},{len(solute) - 2 * len(solvent):.1f},{solute}")
    rows += ["OCC,3,C1CC", "C(,4,CCO", "O,5,", "O,1,OCCN", "O,2,NCCO"]
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def run(solutions, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "solutions"
    return catenane.finetune(solutions, target="logS", column=("solute", "solvent"), out=out, device="cpu")


def test_rows_are_read_column_by_column(solutions):
    table = read_table(solutions, targets=["logS"], string_column=["solute", "solvent"])
    assert (table.string_columns, table.n_strings) == (("solute", "solvent"), 2)
    assert [(row.column, row.value) for row in table.rejected] == [
        ("solute", "C1CC"), ("solvent", "C("), ("solute", "")
    ]  # fmt: skip
    first = table.records[0]
    assert [part.text for part in first.parts] == [table.strings[0].split(" + ")[0], "O"]
    assert find_duplicates(table).groups == ([180, 181],), "a pair that is written in two ways"
    assert len(aggregate(table)) == 181
    with pytest.raises(DataError, match="no column 'solvents': did you mean 'solvent'"):
        read_table(solutions, string_column=["solute", "solvents"])


def test_a_pair_has_the_numbers_of_both():
    from catenane.descriptors import compute_descriptors, count_fragments, descriptor_names

    pair, other = Record("CCO + O", "smiles"), Record("O + CCO", "smiles")
    alone = [compute_descriptors([text], "smiles") for text in ("CCO", "O")]
    found = compute_descriptors([pair, other], "smiles", n_strings=2)
    assert found.names == descriptor_names("smiles", 2)
    np.testing.assert_array_equal(found.values[0], np.hstack([each.values[0] for each in alone]))
    counts = count_fragments([pair, other], 256, 2)
    np.testing.assert_array_equal(counts[0], np.roll(counts[1], 128))


@pytest.mark.parametrize("method", ["random", "scaffold", "butina"])
def test_splits_are_by_the_first_string_or_by_those_named(method: str, solutions):
    table = aggregate(read_table(solutions, targets=["logS"], string_column=["solute", "solvent"]))

    def sides(split, place):
        return [{table.records[i].parts[place].text for i in part} for part in (split.train, split.test)]

    train, test = sides(split := make_split(table, method, fractions=(0.8, 0, 0.2)), 0)
    assert not train & test
    shared = shared_with_train(table, split)
    assert (shared["solute"], shared["string"]) == (0, 0)
    assert shared["solvent"] > 0.9
    train, test = sides(make_split(table, f"{method}:solvent", fractions=(0.5, 0, 0.5)), 1)
    assert not train & test
    folds = make_folds(table, "random:solvent,solute", 4)
    assert sorted(np.concatenate(folds)) == list(range(len(table)))
    assert len({table.records[i].parts[0].text for i in folds[0]} & {
        table.records[i].parts[0].text for i in folds[1]
    }) > 3  # fmt: skip
    with pytest.raises(ConfigError, match="'salt' is none: "):
        make_split(table, f"{method}:salt")


def test_it_is_learnt_from_both(run):
    """Baselines learn from both as well: a solvent alone explains half."""
    targets = run.metrics["targets"]["logS"]
    assert targets["test"]["r2"] > 0.8
    assert targets["baselines"]["descriptor-gbm"]["r2"] > 0.5
    assert targets["baselines"]["ngram-ridge"]["r2"] > 0.8
    config = json.loads((run.folder / "bundle" / "config.json").read_text())
    assert config["strings"] == ["solute", "solvent"]
    written = pd.read_csv(run.folder / "predictions.csv")
    assert list(written.columns[:4]) == ["row", "solute", "solvent", "split"]
    page = (run.folder / "report.html").read_text()
    worst = page[page.index('class="worst"') :]
    assert worst.count("<svg") > 5


def test_a_model_reads_tables_pairs_and_joint_texts(run, solutions):
    model = catenane.load(run.folder)
    given = pd.read_csv(solutions, keep_default_na=False)[150:].sample(frac=1, random_state=0)
    found = model.predict(given)
    assert list(found.columns[:3]) == ["solute", "solvent", "logS"]
    assert found.index.tolist() == given.index.tolist()
    wrong = found["error"] != ""
    assert found.index[wrong].sort_values().tolist() == [180, 181, 182]
    pairs = list(zip(given["solute"], given["solvent"], strict=True))
    np.testing.assert_array_equal(model.predict(pairs)["logS"], found["logS"])
    one = model.predict("NCCO + O")
    assert one["logS"][0] == model.predict([("OCCN", "O")])["logS"][0]
    assert model.embed([("C", "O")]).shape == (1, 2 * model.encoder.d_model)
    assert "expected 2 strings" in model.predict("CCO")["error"][0]
    assert "[Pt]" in model.predict([("CCO", "[Pt]")])["note"][0]
    assert model.predict([("C" * 600, "O")])["note"][0].count("cut off") == 1
    with pytest.raises(UsageError, match="reads solute and solvent, and the table has no 'solvent'"):
        model.predict(given.drop(columns="solvent"))


def test_an_encoder_is_trained_on_both(solutions, tiny, tmp_path: Path):
    """Padding and order in a batch change nothing."""
    settings = tiny | {"finetuning.epochs": 2, "finetuning.respell": True}
    run = catenane.finetune(
        solutions, target="logS", column=("solute", "solvent"), settings=settings, out=tmp_path / "run",
        baselines=False, device="cpu",
    )  # fmt: skip
    model = catenane.load(run.folder)
    pairs = [("CCO", "O"), ("c1ccccc1CCCCCCC", "CCO"), ("C", "c1ccccc1")]
    together = model.predict(pairs)["logS"]
    assert together.nunique() == 3
    for place, pair in enumerate(pairs):
        assert model.predict([pair])["logS"][0] == pytest.approx(together[place], rel=1e-4)
    assert model.predict([("O", "CCO")])["logS"][0] != pytest.approx(together[0], rel=1e-4)


def test_estimators_take_columns_of_strings(solutions):
    table = pd.read_csv(solutions)[:90]
    table["temperature"] = np.arange(90.0)
    X = table[["solute", "solvent", "temperature"]]
    model = PropertyRegressor(device="cpu").fit(X, table["logS"])
    assert model.bundle_.config.strings == ("solute", "solvent")
    assert [column.name for column in model.bundle_.config.features] == ["temperature"]
    assert np.corrcoef(model.predict(X), table["logS"])[0, 1] > 0.9
    np.testing.assert_allclose(model.predict(X[:3]), model.predict(X)[:3], rtol=1e-4)
    with pytest.raises(DataError, match="X has 1 strings a row: expected 2, as in fit"):
        model.predict(table[["solute", "temperature"]])
    wet = PropertyClassifier(device="cpu").fit(X.to_numpy()[:, :2], table["solvent"] == "O")
    assert wet.predict(X.to_numpy()[:20, :2]).tolist() == (table["solvent"] == "O")[:20].tolist()


def test_the_program_reads_and_ranks_them(solutions, run, tmp_path: Path, capsys):
    from catenane.cli import main

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        return ended.value.code, capsys.readouterr()

    out = tmp_path / "run"
    code, told = call(
        "finetune", solutions, "--target", "logS", "--column", "solute,solvent", "--split", "random:solvent",
        "--set", "head.kind=gaussian-process", "--no-baselines", "--out", out, "-q",
    )  # fmt: skip
    assert code == 0, told.err
    page, answers = tmp_path / "top.html", tmp_path / "answers.csv"
    words = ["predict", solutions, "--model", out, "--out", answers]
    code, told = call(*words, "--top", "4", "--per-group", "1", "--page", page)
    assert code == 0, told.err
    assert "at most 1 of one scaffold" in told.out
    found, given = pd.read_csv(answers), pd.read_csv(solutions)
    assert list(found.columns[:4]) == ["solvent", "logS", "solute", "logS_predicted"]
    assert found["solute"].tolist()[:180] == given["solute"].tolist()[:180]
    assert found["error"].notna().sum() == 3
    best = found.loc[found["logS_predicted"].idxmax()]
    assert f"<code>{best['solute']} + {best['solvent']}</code>" in page.read_text()
    code, told = call("predict", "CCO + O", "CCO", "--model", out)
    assert [line.split(",")[0] for line in told.out.splitlines()] == ["string", "CCO + O", "CCO"]
    assert "1 of 2 rows have no prediction" in told.err
    (tmp_path / "other.csv").write_text("solute,liquid\nCCO,O\n")
    code, told = call("predict", tmp_path / "other.csv", "--model", out)
    assert (code, "no column 'solvent'" in told.err) == (1, True)
    code, told = call("predict", tmp_path / "other.csv", "--model", out, "--column", "solute,liquid")
    assert (code, told.out.splitlines()[1].startswith("CCO,O,")) == (0, True)
