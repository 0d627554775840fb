"""The vectorised pass against the plain splitting of one string at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenane.tokenizers.grammar import SPECIAL_TOKENS, split
from catenane.tokenizers.scanner import WORD_BYTES, Scanner, SpanTable, words_at

TOKENS = ["C", "Br", "[Zn]", "[C@@H]", "[13C@@H]", "[13C@@H+]", "[15N@@H+]", "a-long-code", "é", "[é]"]

KNOWN = [
    "C",
    "c",
    "n",
    "1",
    ".",
    ",",
    "-",
    "Br",
    "[Zn]",
    "[C@@H]",
    "[13C@@H+]",
    "%12",
    "&&",
    "pcu",
    ".cat0",
    "é",
    "12",
]
VOCABULARY = {token: number for number, token in enumerate([*SPECIAL_TOKENS, *KNOWN])}


def expected(strings: list[str], notation: str) -> list[list[int]]:
    return [[2, *(VOCABULARY.get(token, 1) for token in split(text, notation)), 3] for text in strings]


def scanned(strings: list[str], notation: str) -> list[list[int]]:
    ids, lengths = Scanner(VOCABULARY, with_tail=notation == "mofid").scan(strings)
    assert ids.dtype == np.uint16
    assert lengths.dtype == np.int64
    return [part.tolist() for part in np.split(ids, np.cumsum(lengths)[:-1])]


def test_real_and_odd_strings(notation, real_strings, odd_strings) -> None:
    strings = [*real_strings["smiles"], *real_strings["mofid"], *odd_strings]
    assert scanned(strings, notation) == expected(strings, notation)
    for text in strings:
        assert scanned([text], notation) == expected([text], notation), repr(text)


@given(data=st.data(), notation=st.sampled_from(["smiles", "mofid"]))
@settings(deadline=None, max_examples=150)
def test_any_strings_side_by_side(data, notation, mixed_text) -> None:
    strings = data.draw(st.lists(mixed_text, min_size=1, max_size=6))
    assert scanned(strings, notation) == expected(strings, notation)


@pytest.mark.parametrize(
    ("left", "right"),
    [("[Zn", "n]"), ("B", "r"), ("C", "l"), ("%1", "2"), ("%", "12"), ("C&", "&pcu"), ("C&&p", "cu")],
)
def test_no_token_spans_two_strings(notation: str, left: str, right: str) -> None:
    assert scanned([left, right], notation) == expected([left, right], notation)


def test_lone_surrogates_are_one_unknown_character_each() -> None:
    assert scanned(["C\udc80\udc81C"], "smiles") == [[2, 5, 1, 1, 5, 3]]


def test_real_data(notation, data_strings) -> None:
    strings = data_strings("mof" if notation == "mofid" else "molnet")[::29]
    assert scanned(strings, notation) == expected(strings, notation)


def test_every_token_is_found_where_it_stands() -> None:
    pieces = [piece.encode() for piece in [*TOKENS, "[Cu]", "[13C@H2+]", "a-much-longer-code", "[13C@@H"]]
    padded = b"".join(pieces) + bytes(WORD_BYTES)
    sizes = np.array([len(piece) for piece in pieces])
    found = SpanTable({token: 10 + i for i, token in enumerate(TOKENS)}).find(
        padded, np.cumsum(sizes) - sizes, sizes
    )
    assert found.tolist() == [*range(10, 10 + len(TOKENS)), -1, -1, -1, -1]


def test_no_spans_and_no_tokens_are_allowed() -> None:
    nothing = np.empty(0, np.int64)
    assert len(SpanTable({"C": 0}).find(bytes(WORD_BYTES), nothing, nothing)) == 0


def test_words_are_little_endian_and_may_overlap() -> None:
    assert words_at(b"\x01\x02" + bytes(8), np.array([0, 1])).tolist() == [0x0201, 0x02]
