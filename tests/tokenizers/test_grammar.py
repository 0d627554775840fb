from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenane.tokenizers.grammar import is_token, split


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("CCO", ["C", "C", "O"]),
        ("ClCBr", ["Cl", "C", "Br"]),
        ("C[C@@H](N)[O-]", ["C", "[C@@H]", "(", "N", ")", "[O-]"]),
        (r"F/C=C\F", ["F", "/", "C", "=", "C", "\\", "F"]),
        ("C%12C1%103", ["C", "%12", "C", "1", "%10", "3"]),
        ("[Zn", ["[", "Z", "n"]),
        ("C&&pcu", ["C", "&", "&", "p", "c", "u"]),
    ],
)
def test_smiles_is_split_by_atom(text: str, tokens: list[str]) -> None:
    assert split(text, "smiles") == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("[Zn].c1cc1&&pcu.cat0", ["[Zn]", ".", "c", "1", "c", "c", "1", "&&", "pcu", ".cat0"]),
        ("Cl&&bcu,fcu.cat1", ["Cl", "&&", "bcu", ",", "fcu", ".cat1"]),
        ("pcu&&UNKNOWN,ERROR", ["p", "c", "u", "&&", "UNKNOWN", ",", "ERROR"]),
        ("C&&lcv-f.cat12", ["C", "&&", "lcv-f", ".cat12"]),
        ("C&&cat0", ["C", "&&", "cat0"]),
        ("CCO", ["C", "C", "O"]),
        ("C&&", ["C", "&&"]),
        ("C&&pcu[SEP]cc", ["C", "&&", "pcu", "[SEP]", "c", "c"]),
    ],
)
def test_mofid_has_a_tail_of_codes(text: str, tokens: list[str]) -> None:
    assert split(text, "mofid") == tokens


@given(data=st.data(), notation=st.sampled_from(["smiles", "mofid"]))
@settings(deadline=None)
def test_a_string_is_the_concatenation_of_its_tokens(data, notation, mixed_text) -> None:
    text = data.draw(mixed_text)
    tokens = split(text, notation)
    assert "".join(tokens) == text
    assert all(is_token(token, notation) for token in tokens)


def test_what_is_split_is_no_token() -> None:
    assert not is_token("CC", "smiles")
    assert not is_token("", "smiles")
    assert not is_token("&&", "smiles")
    assert not is_token("pcu", "smiles")
    assert not is_token("pcu.cat0", "mofid")
