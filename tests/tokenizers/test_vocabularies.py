"""The vocabularies that come with the package."""

from __future__ import annotations

import gzip
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from catenane.tokenizers import load_tokenizer, summarise
from catenane.tokenizers.grammar import is_token

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "vocabularies.py"


@pytest.fixture
def program() -> ModuleType:
    specification = importlib.util.spec_from_file_location("vocabularies", PROGRAM)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_one_encoder_serves_both() -> None:
    smiles, mofid = load_tokenizer("smiles"), load_tokenizer("mofid")
    assert mofid.vocabulary.items() > smiles.vocabulary.items()
    assert mofid.vocabulary_size < 4000
    text = "C[C@@H](N)C(=O)[O-].[Na+]"
    assert mofid.encode([text]) == smiles.encode([text])


@pytest.mark.parametrize(
    "text",
    [
        "[Na+].[Cl-]",
        "[Cu+2].[O-]S(=O)(=O)[O-]",
        "[Lu]",
        "c1cc[nH]c1",
        "N[C@@H](C)C(=O)O",
        "C[S@](=O)c1ccccc1",
        "[13CH4]",
        "[2H]C([2H])([2H])Cl",
        "C[N+](C)(C)C",
        "C[Si](C)(C)C",
        "B(O)O",
        "*CC*",
        "C%99CC%99",
        "CC>>CO",
        "[Zn].CC&&lcv-f,NA.cat3",
        "[Zn].CC&&cat1",
    ],
)
def test_what_chemists_write_is_known(text: str) -> None:
    tokenizer = load_tokenizer("mofid" if "&&" in text else "smiles")
    assert tokenizer.decode(tokenizer.encode([text])[0]) == text


def test_usual_tokens_are_tokens_that_the_smiles_vocabulary_knows(program: ModuleType) -> None:
    usual = set(program.usual_tokens())
    assert all(is_token(token, "smiles") for token in usual)
    assert usual <= set(load_tokenizer("smiles").vocabulary)


def test_hardly_anything_in_the_data_is_unknown(notation: str, data_strings) -> None:
    tokenizer = load_tokenizer(notation)
    for folder in ["mof"] if notation == "mofid" else ["smiles", "molnet", "molformer_splits"]:
        strings = data_strings(folder)[::4]
        summary = summarise(tokenizer, strings, tokenizer.encode_flat(strings))
        # What is left is no chemistry: blanks behind a string, and FAIL where a structure is missing.
        assert {token for token, _ in summary.unknown} <= {" ", "A", "L"}
        assert summary.n_unknown < 1e-4 * summary.n_tokens


def test_the_program_makes_both_files(
    program: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tables = {
        "smiles/a.csv.gz": "smiles,y\nCCO ,1\nFAIL,2\n[249Cf],3\n",
        "molnet/b.csv.gz": "name,smiles\nx,CN\n",
        "mof/c.csv.gz": "mofid\n[249Cf].CC&&xyz-e.cat7\n",
    }
    for name, text in tables.items():
        path = tmp_path / name
        path.parent.mkdir()
        path.write_bytes(gzip.compress(text.encode()))
    (tmp_path / "mof" / "rcsr_topologies.txt").write_text("pcu\nlcv\nlcvf\nabcd\nsnvx*\n")
    (tmp_path / "made").mkdir()
    monkeypatch.setattr(sys, "argv", ["vocabularies", str(tmp_path), "--out", str(tmp_path / "made")])
    program.main()
    files = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert files == [
        "smiles.json",
        "mofid.json",
    ]
    smiles = load_tokenizer(tmp_path / "made" / "smiles.json")
    mofid = load_tokenizer(tmp_path / "made" / "mofid.json")
    assert "[249Cf]" in smiles.vocabulary
    assert not {" ", "A", "L"} & set(smiles.vocabulary)
    assert list(mofid.vocabulary)[: smiles.vocabulary_size] == list(smiles.vocabulary)
    assert {"xyz-e", ".cat7", "pcu", "lcv-f", "UNKNOWN", "cat0"} <= set(mofid.vocabulary)
    assert not {"lcvf", "abc-d", "abcd"} & set(mofid.vocabulary)
