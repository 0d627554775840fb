from __future__ import annotations

from pathlib import Path

import pytest

from catenane.errors import ConfigError, DataError
from catenane.tokenizers import (
    SPECIAL_TOKENS,
    MofidTokenizer,
    SmilesTokenizer,
    build_tokenizer,
    load_tokenizer,
)


def new_tokens(tokenizer, base=SPECIAL_TOKENS) -> list[str]:
    return list(tokenizer.vocabulary)[len(base) :]


def test_commonest_first_then_by_text() -> None:
    tokenizer = build_tokenizer(iter(["NNNCC", "OC[Zn]"]), "smiles")
    assert isinstance(tokenizer, SmilesTokenizer)
    assert new_tokens(tokenizer) == ["C", "N", "O", "[Zn]"]


def test_the_order_of_the_strings_does_not_matter() -> None:
    strings = ["CCO", "c1ccccc1Br", "[Na+].[Cl-]", "N#N"]
    assert (
        build_tokenizer(strings, "smiles").vocabulary == build_tokenizer(strings[::-1], "smiles").vocabulary
    )


def test_rare_tokens_can_be_left_out() -> None:
    assert new_tokens(build_tokenizer(["CCCNNO"], "smiles", min_count=2)) == ["C", "N"]


def test_an_extended_vocabulary_keeps_the_ids() -> None:
    base = build_tokenizer(["CNO"], "smiles")
    tokenizer = build_tokenizer(["[Zn].CC&&pcu.cat0", "[Zn]&&pcu"], "mofid", base=base)
    assert isinstance(tokenizer, MofidTokenizer)
    assert tokenizer.vocabulary.items() >= base.vocabulary.items()
    assert new_tokens(tokenizer, base.vocabulary) == ["&&", "[Zn]", "pcu", ".", ".cat0"]
    assert tokenizer.encode(["CNO"]) == base.encode(["CNO"])


def test_a_mofid_vocabulary_always_knows_where_the_tail_begins() -> None:
    assert new_tokens(build_tokenizer(["CC"], "mofid", min_count=2)) == ["&&", "C"]


def test_a_base_of_tails_cannot_serve_smiles() -> None:
    base = build_tokenizer(["C&&pcu"], "mofid")
    with pytest.raises(ConfigError, match=r"^'&&' is not one token of smiles$"):
        build_tokenizer(["C"], "smiles", base=base)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((["C"], "selfies"), ConfigError, "^notation='selfies' must be one of 'smiles', 'mofid', 'text'$"),
        ((["C"], "smiles", None, 0), ConfigError, "^min_count=0 must be at least 1$"),
        (("CCO", "smiles"), DataError, r"^many strings are needed, not one: write \['CCO'\]$"),
        ((["C", 3], "smiles"), DataError, "^string 1 is 3, which is not text$"),
    ],
)
def test_wrong_settings_are_refused(arguments, error, message: str) -> None:
    with pytest.raises(error, match=message):
        build_tokenizer(*arguments)


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^unknown tokenizer 'selfies': known are smiles, mofid, a tokenizer\.json"
    ):
        load_tokenizer("selfies")
    with pytest.raises(ConfigError, match="unknown tokenizer"):
        load_tokenizer(tmp_path / "nothing.json")


@pytest.mark.parametrize(("notation", "folders"), [("smiles", ["smiles", "molnet"]), ("mofid", ["mof"])])
def test_every_string_of_the_data_survives(notation: str, folders: list[str], data_strings) -> None:
    strings = [text for folder in folders for text in data_strings(folder)[::10]]
    tokenizer = build_tokenizer(strings, notation)
    for start in range(0, len(strings), 10_000):
        some = strings[start : start + 10_000]
        assert [tokenizer.decode(ids) for ids in tokenizer.encode(some)] == some
