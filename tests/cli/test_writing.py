from __future__ import annotations

import html
import json
from pathlib import Path

import pandas as pd


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


def test_generate_prints_and_writes_proposals(catenane, writer_folder: Path, tmp_path: Path):
    words = ["generate", "CCc1ccccc1", "--vary", "sidechain", "--n", 5, "--model", writer_folder]
    told = catenane(*words, "--out", tmp_path / "found.csv")
    assert told.code == 0
    table = pd.read_csv(tmp_path / "found.csv")
    assert list(table) == ["string", "fragment", "likelihood", "new"]
    assert 0 < len(table) <= 5
    assert all(fragment in told.out for fragment in table["fragment"])
    assert "different sound ones among" in " ".join(told.out.split())
    assert catenane(*words, "--out", tmp_path / "found.csv").code == 2  # it is there already
    page = tmp_path / "found.html"
    assert catenane(*words, "--out", page).code == 0
    text = page.read_text()
    assert "proposed molecule" in text
    assert all(string in html.unescape(text) for string in table["string"])


def test_generate_says_in_one_line_what_is_wrong(catenane, writer_folder: Path, tmp_path: Path):
    for words, message in (
        (["CCO"], "say what to write anew: --mask FIRST:END, or --vary"),
        (["CCO", "--mask", "0:1", "--vary", "linker"], "say what to write anew"),
        (["CCO", "--mask", "1-2"], "--mask '1-2' must read FIRST:END, as in 12:20"),
        (["CCO", "--mask", "2:9"], "--mask 2:9 must name characters of the string, of which there are 3"),
        (["CCO", "--mask", "0:1", "--rank-by", "logS"], "must read MODEL:TARGET"),
        (["CCO", "--mask", "0:1", "--lowest"], "--lowest is of a property: give --rank-by as well"),
        (["CCO", "--vary", "sidechain"], "there is none in CCO"),
    ):
        told = catenane("generate", *words, "--model", writer_folder)
        assert (told.code, told.err.count("\n")) == (2, 1), told.err
        assert message in told.err
    assert catenane("generate", "CCO", "--mask", "0:1", "--model", "mol-small").code == 1
