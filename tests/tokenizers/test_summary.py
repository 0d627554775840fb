from __future__ import annotations

from catenane.tokenizers import build_tokenizer, summarise


def test_unknown_and_cut_tokens_are_told() -> None:
    tokenizer = build_tokenizer(["CNO"], "smiles")
    strings = ["CNO", "C[Zn]XX", "CCCCC", "[Zn]"]
    summary = summarise(tokenizer, strings, tokenizer.encode_flat(strings, max_length=6))
    assert (summary.n_strings, summary.n_tokens, summary.longest) == (4, 20, 7)
    assert (summary.n_unknown, summary.n_strings_unknown) == (4, 2)
    assert summary.unknown == (("X", 2), ("[Zn]", 2))
    assert (summary.n_cut, summary.n_strings_cut) == (1, 1)
    assert str(summary) == (
        "4 strings, 20 tokens, longest 7; 4 unknown tokens in 2 strings: 'X' (2), '[Zn]' (2); "
        "1 tokens cut from 1 strings"
    )


def test_nothing_to_tell_is_told_too() -> None:
    tokenizer = build_tokenizer(["CNO"], "smiles")
    line = str(summarise(tokenizer, ["CN"], tokenizer.encode_flat(["CN"])))
    assert line == "1 strings, 4 tokens, longest 4; no unknown tokens; nothing cut"
    assert summarise(tokenizer, [], tokenizer.encode_flat([])).longest == 0


def test_only_the_commonest_are_shown() -> None:
    tokenizer = build_tokenizer(["C"], "smiles")
    summary = summarise(tokenizer, ["abdefghh"], tokenizer.encode_flat(["abdefghh"]))
    assert summary.unknown[0] == ("h", 2)
    assert str(summary).count("(1)") == 4
    assert ", ...; nothing cut" in str(summary)
