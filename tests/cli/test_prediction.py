"""Rows in, rows out: what predict and embed write, where, and with what exit code."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def run(program: list[str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the program in a process of its own; `shell` is what follows it on the command line of a shell."""

    def run(*words: object, shell: str, **options) -> subprocess.CompletedProcess[str]:
        command = ["bash", "-c", f'"$@" {shell}', "bash", *program, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)

    return run


SIZE = ["size", "size_low", "size_high", "in_domain", "note", "error"]


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines(keepends=True)))


def test_strings_come_back_whole_with_one_row_each(catenane, untrained: Path):
    giant = "C" * 500 + "("
    told = catenane("predict", "CCO", "CC\rN", "CCC\u00a0C=C1", giant, "C\udcff", "", "--model", untrained)
    assert told.code == 0, told.err
    header, *found = list(csv.reader(told.out.split("\n")[:-1], strict=True))
    assert header == ["string", *SIZE]
    assert [row[0] for row in found] == ["CCO", "CC\rN", "CCC\u00a0C=C1", giant, "C\\xff", ""]
    assert [bool(row[1]) for row in found] == [True, False, False, False, False, False]
    assert [bool(row[-1]) for row in found] == [False, True, True, True, True, True]
    assert "5 of 6 rows have no prediction" in told.err


def test_a_string_that_is_cut_is_counted(catenane, untrained: Path):
    told = catenane("predict", "CCO", "C" * 600, "--model", untrained)
    assert told.code == 0
    assert "1 of 2 rows have a note, as row 2: " in told.err
    assert "are cut off" in told.err
    assert len(told.err.splitlines()) == 1


@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz", "parquet"])
def test_columns_of_the_input_come_through(ending: str, catenane, untrained: Path, tmp_path: Path):
    given = pd.DataFrame({"id": [7, 8, 9], "smiles": ["CCO", "C(", "CCN"], "size": [0.1, 0.2, 0.3]})
    given.to_parquet(tmp_path / "in.parquet")
    out = tmp_path / f"out.{ending}"
    told = catenane("predict", tmp_path / "in.parquet", "--model", untrained, "--out", out)
    assert told.code == 0, told.err
    assert "columns size: those of the predictions end in _predicted" in told.err
    if ending == "parquet":
        found = pd.read_parquet(out)
    else:
        found = pd.read_csv(out, sep="\t" if ending == "tsv" else ",")
    assert list(found.columns) == ["id", "smiles", "size", "size_predicted", *SIZE[1:]]
    pd.testing.assert_frame_equal(found[list(given.columns)], given)
    assert found["size_predicted"].isna().tolist() == [False, True, False]


def test_line_k_of_the_output_belongs_to_line_k_of_the_input(catenane, untrained: Path, tmp_path: Path):
    (tmp_path / "in.csv").write_text("smiles,id\nCCO,1\n\nCCN,2,3\nCCC,4\n\n")
    told = catenane("predict", tmp_path / "in.csv", "--model", untrained)
    found = rows(told.out)[1:]
    assert [row[0] for row in found] == ["CCO", "", "CCN,2,3", "CCC", ""]
    assert [row[1] for row in found] == ["1", "", "", "4", ""]
    assert [row[-1] for row in found] == [
        "", "the line is blank", "the row has 3 fields, the header 2", "", "the line is blank"
    ]  # fmt: skip


def test_no_column_of_the_input_gives_way_to_one_of_the_output(catenane, untrained: Path, tmp_path: Path):
    (tmp_path / "in.csv").write_text("smiles,vector_0,error,error_predicted\nCCO,7,mine,too\n")
    for verb in ("predict", "embed"):
        told = catenane(verb, tmp_path / "in.csv", "--model", untrained, "--out", tmp_path / f"{verb}.csv")
        assert told.code == 0, told.err
        header, found = rows((tmp_path / f"{verb}.csv").read_text())
        assert found[:4] == ["CCO", "7", "mine", "too"]
        assert len(set(header)) == len(header)
        assert header[-1] == "error_predicted_predicted"
    assert header[4:6] == ["vector_0_predicted", "vector_1"]


@pytest.mark.parametrize("words", [["-q", "predict"], ["predict", "-q"], ["predict", "--quiet"]])
def test_quiet_prints_results_and_errors_alone(words: list[str], catenane, untrained: Path):
    told = catenane(*words, "CCO", "C(", "--model", untrained)
    assert (told.code, told.err) == (0, "")
    assert len(rows(told.out)) == 3
    told = catenane(*words, "C(", "--model", untrained)
    assert told.err.startswith("catenane: all 1 rows have no prediction")
    assert "have no prediction" in catenane("predict", "CCO", "C(", "--model", untrained).err


def test_several_tables_have_a_source(catenane, untrained: Path, tmp_path: Path):
    (tmp_path / "a.csv").write_text("smiles\nCCO\n")
    (tmp_path / "b.smi").write_text("CCN amine\n")
    told = catenane("predict", tmp_path / "a.csv", tmp_path / "b.smi", "--model", untrained)
    assert told.code == 0, told.err
    header, *found = rows(told.out)
    assert header == ["source", "smiles", "string", "name", *SIZE]
    assert [row[:4] for row in found] == [
        [str(tmp_path / "a.csv"), "CCO", "", ""], [str(tmp_path / "b.smi"), "", "CCN", "amine"]
    ]  # fmt: skip
    told = catenane("predict", tmp_path / "a.csv", "CCO", "--model", untrained)
    assert told.code == 2
    assert "give tables or strings, not both" in told.err


@pytest.mark.parametrize("verb", ["predict", "embed"])
def test_not_one_row_is_a_failure(verb: str, catenane, untrained: Path, tmp_path: Path):
    out = tmp_path / "out.csv"
    told = catenane(verb, "C(", "", "--model", untrained, "--out", out)
    assert told.code == 1
    assert "all 2 rows" in told.err
    assert "row 1: '(' at position 1 is never closed" in told.err
    assert len(rows(out.read_text())) == 3
    (tmp_path / "empty.csv").write_text("smiles\n")
    told = catenane(verb, tmp_path / "empty.csv", "--model", untrained, "--out", tmp_path / "none.csv")
    assert told.code == 1
    assert "there are no rows" in told.err
    assert not (tmp_path / "none.csv").exists()


@pytest.mark.parametrize("ending", ["npy", "parquet", "csv"])
def test_embed_writes_vectors_beside_the_columns(ending: str, catenane, untrained: Path, tmp_path: Path):
    (tmp_path / "in.csv").write_text("smiles,id\nCCO,1\n\nCCN,4\n")
    out = tmp_path / f"out.{ending}"
    told = catenane("embed", tmp_path / "in.csv", "--model", untrained, "--out", out)
    assert told.code == 0, told.err
    if ending == "npy":
        vectors = np.load(out)
    elif ending == "parquet":
        table = pd.read_parquet(out)
        assert list(table.columns) == ["smiles", "id", "vector", "error"]
        vectors = np.stack(table["vector"])
    else:
        table = pd.read_csv(out)
        assert list(table.columns) == ["smiles", "id", *(f"vector_{i}" for i in range(16)), "error"]
        vectors = table.filter(like="vector_").to_numpy(np.float32)
    assert vectors.shape == (3, 16)
    assert np.isnan(vectors).all(axis=1).tolist() == [False, True, False]
    assert "row 2: the line is blank" in told.err


@pytest.mark.parametrize("link", ["itself", "symlink", "hard link"])
def test_an_input_is_never_overwritten(link: str, catenane, run, untrained: Path, tmp_path: Path):
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("smiles,y\nCCO,1\n")
    if link == "itself":
        out = source
    elif link == "symlink":
        out.symlink_to(source)
    else:
        out.hardlink_to(source)
    for option in ("--out", "--page"):
        told = catenane("predict", source, "--model", untrained, option, out, "--overwrite")
        assert told.code == 2
        assert f"{out} is an input" in told.err
    assert source.read_text() == "smiles,y\nCCO,1\n"
    assert run("predict", "-", "--model", untrained, "--out", out, shell=f"< {source}").returncode == 2


@pytest.mark.parametrize("option", ["--out", "--page"])
def test_a_file_is_replaced_only_on_request(option: str, catenane, untrained: Path, tmp_path: Path):
    path = tmp_path / "mine.csv"
    path.write_text("mine")
    words = ["predict", "CCO", "--model", untrained, option, path]
    told = catenane(*words)
    assert told.code == 2
    assert f"{path} exists already: add --overwrite" in told.err
    assert path.read_text() == "mine"
    assert catenane(*words, "--overwrite").code == 0
    assert "CCO" in path.read_text()


def test_wrong_outputs_are_refused_before_the_model_is_read(catenane, tmp_path: Path):
    for out, message in (
        (tmp_path / "nowhere" / "a.csv", "there is no folder"),
        (tmp_path, "is a folder"),
        (tmp_path / ("x" * 300), "name too long"),
    ):
        told = catenane("predict", "CCO", "--model", "no such model", "--out", out)
        assert told.code == 2
        assert message in told.err
        assert str(out) in told.err
    assert list(tmp_path.iterdir()) == []


def test_brackets_and_colons_of_data_are_no_markup(catenane, untrained: Path):
    told = catenane("predict", "[nH]1cccc1", "c1:c:o:c:c1", "[CH3][CH3]", "--model", untrained, "--top", "3")
    assert told.code == 0, told.err
    for string in ("[nH]1cccc1", "c1:c:o:c:c1", "[CH3][CH3]"):
        assert string in told.out


def test_what_is_no_file_is_written_to(run, untrained: Path, tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    done = run(
        "predict",
        "CCO",
        "--model",
        untrained,
        "--out",
        tmp_path / "pipe",
        shell=f"& cat {tmp_path}/pipe; wait",
    )
    assert done.stdout.startswith(f"string,{','.join(SIZE)}\nCCO,")
    done = run("predict", "CCO", "--model", untrained, "--out", "/dev/stdout", shell="| cat")
    assert done.stdout.startswith(f"string,{','.join(SIZE)}\nCCO,")


STREAMS = {
    "a reader that goes": ("predict - --top 3", "< many.smi | head -n 1; exit ${PIPESTATUS[0]}", 0, ""),
    "a reader of rows that goes": (
        "predict many.smi",
        "| head -n 1 > /dev/null; exit ${PIPESTATUS[0]}",
        0,
        "",
    ),
    "full disk": ("predict CCO", "> /dev/full", 1, "No space left on device"),
    "full disk for a table": ("predict CCO --top 1", "> /dev/full", 1, "No space left on device"),
    "closed stdin": ("predict -", "<&-", 1, "standard input is closed"),
    "closed stdout": ("predict CCO", ">&-", 1, "standard output: it is closed"),
    "closed stderr": ("predict C(", "2>&-", 1, ""),
    "closed stdout that is not needed": ("predict CCO --out out.csv", ">&-", 0, ""),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_closed_or_full_costs_one_line_at_most(
    name: str, run, untrained: Path, tmp_path: Path
):
    words, shell, code, message = STREAMS[name]
    (tmp_path / "many.smi").write_text("".join(f"{'C' * (1 + n % 40)}\n" for n in range(3000)))
    done = run(*words.split(), "--model", untrained, shell=shell, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == bool(message)
    assert not list(tmp_path.glob(".*"))


def test_a_killed_program_leaves_no_half_file(program: list[str], untrained: Path, tmp_path: Path):
    command = [*program, "predict", "-", "--model", untrained, "--out", "out.csv"]
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, cwd=tmp_path, process_group=0) as process:
        assert process.stdin is not None
        process.stdin.write(b"CCO\n" * 20_000)
        process.stdin.flush()
        while not list(tmp_path.glob(".out.csv.*.part")):
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(60) == 143
    assert list(tmp_path.iterdir()) == []
