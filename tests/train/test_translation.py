"""Pairs of strings: a small language is learnt, and its vocabulary may be larger than that of the parent."""

from __future__ import annotations

import csv
import json
from itertools import product
from pathlib import Path

import pytest

from catenane.errors import DataError, UsageError
from catenane.models.bundle import load_bundle
from catenane.train.translation import finetune_pairs

SMALL = {
    "encoder.d_model": 32, "encoder.n_layers": 1, "encoder.n_heads": 2, "encoder.d_hidden": 48,
    "decoder.n_layers": 1, "finetuning.batch_tokens": 600, "finetuning.min_steps": 0,
    "finetuning.learning_rate": 1e-2, "finetuning.epochs": 12,
}  # fmt: skip
WORDS = {"C": "N", "O": "S", "F": "Cl"}


@pytest.fixture(scope="module")
def pairs_file(tmp_path_factory) -> Path:
    """Chains, and the same with every atom exchanged for another."""
    path = tmp_path_factory.mktemp("pairs") / "pairs.csv"
    texts = ["".join(atoms) for size in (3, 4, 5) for atoms in product("COF", repeat=size)]
    rows = [f"{text},{''.join(WORDS[atom] for atom in text)}" for text in texts]
    path.write_text("before,after\n" + "\n".join([*rows, ",N", "C,", f"{'C' * 600},N"]) + "\n")
    return path


@pytest.fixture(scope="module")
def translated(pairs_file: Path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    return finetune_pairs(
        pairs_file, source="before", target="after", recipe="mass-small", settings=SMALL, out=folder,
        device="cpu",
    )  # fmt: skip


def test_learns_to_write_the_other_string(translated):
    test = translated.metrics["test"]
    assert test["exact_match"] > 0.9
    assert test["bleu"] > 90
    assert load_bundle(translated.folder).config.generates
    with (translated.folder / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == translated.metrics["pairs"]["test"] == 36
    assert all((row["exact"] == "True") == (row["after"] == row["written"]) for row in rows)
    assert sum(row["exact"] == "True" for row in rows) / len(rows) == test["exact_match"]


def test_rows_that_cannot_be_used_are_kept_with_reasons(translated):
    with (translated.folder / "rejected.csv").open() as file:
        rejected = {row["row"]: row["reason"] for row in csv.DictReader(file)}
    assert list(rejected.values()) == ["it is empty", "it is empty", "602 tokens, of which 512 are read"]
    assert translated.metrics["rejected"] == 3


def test_a_parent_gives_its_weights_and_new_tokens_join_its_vocabulary(
    translated, writer_folder, molecule_file, tmp_path
):
    parent = load_bundle(writer_folder)
    table = tmp_path / "formulas.csv"
    lines = molecule_file.read_text().splitlines()[1:60]
    smiles = [line.split(",")[0] for line in lines]
    table.write_text("smiles,name\n" + "\n".join(f"{text},Q{place}Q" for place, text in enumerate(smiles)))
    result = finetune_pairs(
        table, source="smiles", target="name", model=writer_folder, out=tmp_path / "run", device="cpu",
        settings={"finetuning.epochs": 1, "finetuning.min_steps": 0, "finetuning.learning_rate": 1e-9},
    )  # fmt: skip
    child = load_bundle(result.folder)
    n_known = parent.tokenizer.vocabulary_size
    assert "Q" in child.tokenizer.vocabulary
    assert "Q" not in parent.tokenizer.vocabulary
    weights, before = child.model.state_dict(), parent.model.state_dict()
    assert (
        weights["encoder.embedding.weight"][:n_known].sub(before["encoder.embedding.weight"]).abs().max()
        < 1e-3
    )
    for name in ("decoder.blocks.0.attention.input.weight", "head.transform.weight"):
        assert weights[name].sub(before[name]).abs().max() < 1e-3
    assert result.metrics["pretrained_from"] == parent.card["name"]
    # What looks beside a hidden place is of no use where there is none.
    cross = "decoder.blocks.0.cross_attention.input.weight"
    assert weights[cross].sub(before[cross]).abs().max() > 1e-2


def test_a_parent_that_has_met_pairs_gives_its_cross_attention_too(translated, pairs_file, tmp_path):
    child = finetune_pairs(
        pairs_file, source="before", target="after", model=translated.folder, out=tmp_path / "run",
        settings={"finetuning.epochs": 1, "finetuning.min_steps": 0, "finetuning.learning_rate": 1e-9},
        device="cpu",
    )  # fmt: skip
    weights, before = (load_bundle(each.folder).model.state_dict() for each in (child, translated))
    assert all(weights[name].sub(before[name]).abs().max() < 1e-3 for name in before)


def test_says_what_it_cannot_do(pairs_file, tmp_path):
    with pytest.raises(UsageError, match="are both 'after': name two columns"):
        finetune_pairs(pairs_file, source="after", target="after", out=tmp_path / "0")
    few = tmp_path / "few.csv"
    few.write_text("a,b\nC,N\nCC,NN\n")
    with pytest.raises(DataError, match="holds 2 pairs that can be used: at least 20"):
        finetune_pairs(few, source="a", target="b", out=tmp_path / "1")


def test_the_verb_trains_and_the_model_is_asked(pairs_file, tmp_path, monkeypatch, capsys):
    from catenane.cli import main

    def call(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        return int(ended.value.code or 0), *capsys.readouterr()

    flags = [word for name, value in SMALL.items() for word in ("--set", f"{name}={json.dumps(value)}")]
    words = ["finetune", pairs_file, "--source", "before", "--target", "after", "--out", tmp_path / "run"]
    code, out, _ = call(*words, *flags, "--epochs", 2, "--recipe", "mass-small", "--device", "cpu")
    assert code == 0
    assert "Of 36 test pairs:" in out
    assert "written exactly" in out
    code, out, _ = call("generate", "COF", "--model", tmp_path / "run", "--n", 3)
    assert code == 0
    assert len(out.splitlines()) >= 4
    code, _, err = call(*words, "--split", "scaffold")
    assert (code, err.count("\n")) == (2, 1)
    assert "--split is of properties: leave it out, or --source" in err
