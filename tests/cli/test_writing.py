from __future__ import annotations

import html
import io
import json
from pathlib import Path

import pandas as pd
import pytest


def test_fill_prints_tokens_probabilities_and_strings(catenane):
    told = catenane("fill", "CC(=O)[MASK]", "--model", "mol-base", "--top", 3)
    assert told.code == 0
    lines = [line.split() for line in told.out.splitlines() if line.startswith("  1")]
    assert len(lines) == 3
    assert all(string == f"CC(=O){text}" for _, text, _, string in lines)
    found = json.loads(catenane("fill", "CC(=O)[MASK]", "--model", "mol-base", "--json").out)
    assert [entry["string"] for entry in found][:3] == [line[3] for line in lines]


def test_fill_says_in_one_line_what_is_wrong(catenane):
    told = catenane("fill", "CCO", "--model", "mol-base")
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
    assert catenane("generate", "CCO", "--mask", "0:1", "--model", "mol-base").code == 1


ROWS = """id,smiles,note
m1,CCc1ccccc1,first
m2,CCO,has no ring
m3,C1CC,broken
m4,,empty
m5,COc1ccccc1,last
mof,O=C([O-])c1ccc(C(=O)[O-])cc1.[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0,framework
"""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


def test_generate_reads_a_table(catenane, writer_folder: Path, rows: Path, tmp_path: Path):
    out = tmp_path / "found.csv"
    words = ["generate", rows, "--vary", "sidechain", "--n", 3, "--model", writer_folder, "--out", out]
    told = catenane(*words)
    assert told.code == 0, told.err
    table = pd.read_csv(out)
    assert list(table)[:6] == ["id", "smiles", "note", "row", "proposal", "fragment"]
    assert set(zip(table["id"], table["row"], strict=True)) == {("m1", 1), ("m5", 5)}
    assert table.groupby("row").size().max() <= 3
    assert not table.duplicated(["row", "proposal"]).any()
    rejected = pd.read_csv(tmp_path / "found.rejected.csv", keep_default_na=False)
    assert rejected["row"].tolist() == [2, 3, 4, 6]
    assert rejected["value"][1] == "C1CC"
    assert str(rejected["position"][1]) == "1"
    for reason, words_of_it in zip(
        rejected["reason"], ("there is none in CCO", "never closed", "missing", "reads smiles"), strict=True
    ):
        assert words_of_it in reason
    assert "4 of 6 rows have no proposal" in told.err
    assert catenane(*words).code == 2  # both files are there already


def test_generate_draws_a_section_a_string(catenane, writer_folder: Path, rows: Path, tmp_path: Path):
    page = tmp_path / "found.html"
    words = ["--vary", "sidechain", "--n", 3, "--model", writer_folder]
    assert catenane("generate", rows, *words, "--out", page).code == 0
    text = html.unescape(page.read_text())
    assert "Row 1: m1" in text
    assert "Row 5: m5" in text
    assert "without proposals" in text
    assert (tmp_path / "found.rejected.csv").exists()
    many = tmp_path / "many.smi"
    many.write_text("CCc1ccccc1\n" * 51)
    told = catenane("generate", many, *words, "--out", tmp_path / "many.html")
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "give --out FILE.csv" in told.err
    assert not (tmp_path / "many.html").exists()


def test_generate_takes_several_strings_to_standard_output(catenane, writer_folder: Path):
    words = ["--vary", "sidechain", "--n", 2, "--model", writer_folder]
    told = catenane("generate", "CCc1ccccc1", "COc1ccccc1", *words)
    assert told.code == 0
    table = pd.read_csv(io.StringIO(told.out))
    assert table["row"].tolist() == [1, 1, 2, 2]


def test_generate_of_a_table_says_what_is_wrong(catenane, writer_folder: Path, rows: Path, tmp_path: Path):
    empty, bad = tmp_path / "empty.csv", tmp_path / "bad.csv"
    empty.write_text("smiles\n")
    bad.write_text("smiles\nC1CC\nCCO\n")
    vary = ["--vary", "sidechain", "--model", writer_folder]
    for words, message in (
        ([rows, "--mask", "0:1", "--model", writer_folder], "--mask names characters of one string"),
        ([rows, *vary, "--out", rows, "--overwrite"], "input"),
        ([rows, *vary, "--column", "nothing"], "nothing"),
        ([rows, *vary, "--n", "0"], "--n"),
        ([empty, *vary, "--out", tmp_path / "out.csv"], "no rows"),
        ([bad, *vary, "--out", tmp_path / "out.csv"], "all 2 rows have no proposal: row 1: ring bond 1"),
    ):
        told = catenane("generate", *words)
        assert told.code in (1, 2)
        assert message in told.err
        assert not (tmp_path / "out.csv").exists()
    assert rows.read_text() == ROWS
