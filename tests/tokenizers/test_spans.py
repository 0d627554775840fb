from __future__ import annotations

import numpy as np

from catenane.tokenizers.spans import WORD_BYTES, SpanTable, words_at

TOKENS = ["C", "Br", "[Zn]", "[C@@H]", "[13C@@H]", "[13C@@H+]", "[15N@@H+]", "a-long-code", "é", "[é]"]


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
