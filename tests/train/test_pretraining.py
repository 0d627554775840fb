import json
from pathlib import Path

import pytest

from catenane.errors import DataError, UsageError
from catenane.models.bundle import load_bundle
from catenane.tokenizers import load_tokenizer
from catenane.tokenizers.grammar import SPECIAL_TOKENS
from catenane.train import pretrain


@pytest.mark.parametrize("policy", ["bert", "cao"])
def test_learns_to_restore_what_is_hidden(policy: str, molecule_file: Path, tiny, tmp_path: Path):
    settings = tiny | {"masking.policy": policy, "pretraining.epochs": 15, "pretraining.learning_rate": 1e-2}
    result = pretrain([molecule_file], out=tmp_path, settings=settings, device="cpu")
    still = settings | {"pretraining.epochs": 1, "pretraining.learning_rate": 1e-12}
    untrained = pretrain([molecule_file], out=tmp_path / "0", settings=still, device="cpu")
    assert result.metrics["held_out"]["valid_loss"] < 0.5 * untrained.metrics["held_out"]["valid_loss"]
    assert result.metrics == json.loads((tmp_path / "metrics.json").read_text())
    assert load_bundle(tmp_path).config.kind == "encoder"


def test_learns_several_objectives_at_once_and_goes_on_after_a_kill(
    molecule_file: Path, tiny, tmp_path: Path
):
    settings = tiny | {
        "objective": "descriptors", "auxiliary.mlm": 0.5, "auxiliary.consistency": 0.1,
        "pretraining.epochs": 2,
    }  # fmt: skip
    whole = pretrain([molecule_file], out=tmp_path / "whole", settings=settings, device="cpu")
    held_out = whole.metrics["held_out"]
    assert {"descriptors_error", "mlm_perplexity", "consistency_agreement"} < held_out.keys()
    assert {name.split(".")[0] for name in load_bundle(whole.folder).model.state_dict()} == {
        "encoder",
        "head",
    }
    resumed = pretrain([molecule_file], out=tmp_path / "whole", settings=settings, device="cpu", resume=True)
    assert resumed.metrics["held_out"] == held_out


def test_a_corpus_may_bring_its_own_tokens(tiny, tmp_path: Path):
    corpus = tmp_path / "odd.smi"
    corpus.write_text("\n".join(f"{'C' * n}[117Sn]C" for n in range(1, 40)) + "\n")
    shipped = pretrain([corpus], out=tmp_path / "shipped", settings=tiny, device="cpu")
    own = pretrain([corpus], out=tmp_path / "own", settings=tiny, tokenizer="corpus", device="cpu")
    assert shipped.metrics["corpus"]["unknown_tokens"] == 39
    assert own.metrics["corpus"]["unknown_tokens"] == 0
    scratch = pretrain([corpus], out=tmp_path / "scratch", settings=tiny, tokenizer="scratch", device="cpu")
    assert scratch.metrics["corpus"]["unknown_tokens"] == 0
    known = load_bundle(tmp_path / "scratch").tokenizer.vocabulary
    assert list(known) == [*SPECIAL_TOKENS, "C", "[CH3]", "[117Sn]", "[CH2]"]
    vocabulary = load_bundle(tmp_path / "own").tokenizer.vocabulary
    base = load_tokenizer("smiles").vocabulary
    assert "[117Sn]" in vocabulary
    assert all(vocabulary[token] == number for token, number in base.items())


def test_rows_that_cannot_be_read_are_kept_beside_the_corpus(molecule_file: Path, tiny, tmp_path: Path):
    corpus = tmp_path / "mixed.csv"
    corpus.write_text(molecule_file.read_text() + "C1CC,1,0,\n")
    result = pretrain([corpus], out=tmp_path / "run", settings=tiny, device="cpu")
    assert result.metrics["corpus"]["rejected"] == 1
    (rejected,) = (tmp_path / "run" / "corpus").glob("rejected-*.csv")
    assert "C1CC" in rejected.read_text()


def test_says_what_it_cannot_do(tiny, tmp_path: Path):
    few = tmp_path / "few.smi"
    few.write_text("CCO\nCCN\n")
    with pytest.raises(DataError, match="2 readable strings: pretraining needs at least 20"):
        pretrain([few], out=tmp_path / "run", settings=tiny)
    with pytest.raises(UsageError, match="read twice: say --tokenizer"):
        pretrain(["-"], out=tmp_path / "run2", settings=tiny)


def test_a_corpus_is_prepared_now_and_trained_on_later(molecule_file: Path, tiny, tmp_path: Path):
    prepared = pretrain([molecule_file], out=tmp_path, settings=tiny, prepare=True)
    assert not (tmp_path / "bundle").exists()
    stamp = (tmp_path / "corpus" / "index.json").stat().st_mtime_ns
    result = pretrain([molecule_file], out=tmp_path, settings=tiny, device="cpu", resume=True)
    assert result.metrics["corpus"] == prepared.metrics["corpus"]
    assert (tmp_path / "corpus" / "index.json").stat().st_mtime_ns == stamp
