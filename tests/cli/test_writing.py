from __future__ import annotations

import json


def test_fill_prints_tokens_probabilities_and_strings(catenane):
    told = catenane("fill", "CC(=O)[MASK]", "--model", "mol-small", "--top", 3)
    assert told.code == 0
    lines = [line.split() for line in told.out.splitlines() if line.startswith("  1")]
    assert len(lines) == 3
    assert all(string == f"CC(=O){text}" for _, text, _, string in lines)
    found = json.loads(catenane("fill", "CC(=O)[MASK]", "--model", "mol-small", "--json").out)
    assert [entry["string"] for entry in found][:3] == [line[3] for line in lines]


def test_fill_says_in_one_line_what_is_wrong(catenane):
    told = catenane("fill", "CCO", "--model", "mol-small")
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "write [MASK] in the place of a token" in told.err
    told = catenane("fill", "CC[MASK]", "--model", "nothing")
    assert (told.code, told.err.count("\n")) == (1, 1)
