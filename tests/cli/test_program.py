import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

import catenane as package
from catenane.data import DATASETS
from catenane.data.sources import Original


def test_tells_its_version(catenane):
    assert catenane("--version").out == f"catenane {package.__version__}\n"


@pytest.mark.parametrize("verb", ["pretrain", "finetune", "tune", "predict", "embed", "data", "models"])
def test_every_verb_explains_itself_with_an_example(catenane, verb):
    told = catenane(verb, "--help")
    assert told.code == 0
    assert f"catenane {verb}" in " ".join(told.out.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fly"], "No such command"),
        (["finetune", "x.csv"], "--target"),
        (["predict", "CCO"], "--model"),
        (
            ["finetune", "x.csv", "--target", "y", "--task", "magic"],
            "'magic' is not one of 'regression', 'classification'",
        ),
        (["finetune", "x.csv", "--target", ","], "at least one name"),
        (["finetune", "x.csv", "--target", "y,y"], "names one twice"),
        (["finetune", "x.csv", "--target", "y", "--set", "epochs"], "TABLE.NAME=VALUE"),
        (
            ["finetune", "x.csv", "--target", "a", "-t", "b"],
            "--target is given 2 times: give it once with commas, as in --target COL[,COL]",
        ),
        (
            ["finetune", "x.csv", "--target", "y", "--task", "regression", "--task", "magic"],
            "'magic' is not one of",
        ),
    ],
)
def test_wrong_usage_ends_with_2_and_one_line(catenane, words, message):
    told = catenane(*words)
    assert told.code == 2
    assert message in told.err
    assert len(told.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["finetune", "x.csv", "--target", "y", "--recipe", "huge"], "unknown recipe 'huge': known are"),
        (
            ["finetune", "x.csv", "--target", "y", "--set", "finetuning.epoch=3"],
            "did you mean 'finetuning.epochs'?",
        ),
        (["finetune", "x.csv", "--target", "y", "--set", "finetuning.epochs=many"], "must be int"),
        (["finetune", "x.csv", "--target", "y", "--sizes", "80,30"], "80, 30 add up to 110: expected 3, of"),
        (["predict", "CCO", "--model", "nowhere"], "no model 'nowhere'"),
        (["data", "molnet/essol"], "did you mean 'molnet/esol'?"),
    ],
)
def test_a_failure_ends_with_1_and_one_line(catenane, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = catenane(*words)
    assert told.code == 1
    assert message in told.err
    assert len(told.err.strip().splitlines()) == 1


def test_debug_shows_the_traceback(tmp_path):
    from catenane.cli import main
    from catenane.errors import BundleError

    with pytest.raises(BundleError):
        main(["predict", "CCO", "--model", str(tmp_path), "--debug"])


def test_starting_loads_nothing_heavy():
    heavy = ["torch", "rdkit", "pandas", "sklearn", "pyarrow", "matplotlib", "lightning_fabric", "tokenizers"]
    code = f"import sys, catenane, catenane.cli; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_what_needs_no_network_does_not_load_torch(tmp_path):
    lines = [
        ["models"],
        ["models", "mof-uptake"],
        ["data"],
        ["predict", "CCO", "--model", "nowhere"],
        ["predict", "nowhere.csv", "--model", "mof-uptake"],
        ["predict", "CCO", "--model", "mof-uptake", "--out", "nowhere/a.csv"],
        ["finetune", "nowhere.csv", "--target", "y"],
        ["tune", "nowhere.csv", "--target", "y"],
        ["pretrain", "nowhere.csv"],
    ]
    code = f"""
import sys, catenane.cli
for words in {lines}:
    try:
        catenane.cli.main(words)
    except SystemExit:
        loaded = [name for name in ("torch", "rdkit", "sklearn") if name in sys.modules]
        print("loaded:", words, loaded, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    told = [line for line in done.stderr.splitlines() if line.startswith("loaded:")]
    assert told == [f"loaded: {words} []" for words in lines]


@pytest.mark.parametrize("words", [[], ["enumerate"]])
def test_without_words_it_shows_what_there_is(catenane, words):
    told = catenane(*words)
    assert told.code == 2
    assert "Usage: catenane" in told.out
    assert told.err == ""


def test_quiet_and_debug_stand_anywhere_before_two_dashes(catenane):
    for words in (["-q", "data", "molnet/esol"], ["data", "molnet/esol", "-q"], ["data", "--quiet"]):
        assert catenane(*words).code == 0
    assert "--quiet" in catenane("data", "--", "--quiet").err


def test_a_shell_can_complete_verbs():
    asked = {"_CATENANE_COMPLETE": "complete_bash", "COMP_WORDS": "catenane pre", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "catenane"], capture_output=True, text=True, env=os.environ | asked
    )
    assert done.stdout.split() == ["pretrain", "predict"]


def test_one_interrupt_ends_a_training_and_says_how_to_go_on(
    start_program, molecule_file, tiny_flags, tmp_path
):
    """Sent after the first checkpoint of a run that would go on for minutes."""
    folder = tmp_path / "run"
    words = ["finetune", molecule_file, "--target", "size", "--out", folder, "--device", "cpu"]
    process = start_program(*words, *tiny_flags, "--epochs", "2000")
    while not (folder / "checkpoint.safetensors").is_file():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith(
        "catenane: stopped; pretrain, finetune and tune go on with --resume"
    )
    assert "Traceback" not in errors
    assert not list(folder.glob("*.part"))


def test_a_fetched_data_set_is_found_by_its_name(catenane, monkeypatch, tmp_path):
    known = DATASETS["molnet/esol"]
    lines = "".join(f"{'C' * n}O,{n}\n" for n in range(1, 9))
    original = tmp_path / "public.csv"
    original.write_text(f"smiles,measured\n{lines}", encoding="utf-8")
    settings = Original(url=original.as_uri(), columns={"logS": "measured"})
    monkeypatch.setitem(DATASETS, known.name, replace(known, original=settings, targets={"logS": ""}))
    monkeypatch.delenv("CATENANE_DATA", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "own"))
    path = tmp_path / "own" / "catenane" / "data" / known.file

    fetched = catenane("data", "fetch", known.name)
    assert (fetched.code, fetched.out, fetched.err) == (0, f"{known.name}: 8 rows fetched to {path}\n", "")
    again = catenane("data", "fetch", known.name)
    assert (again.code, again.out) == (0, f"{known.name}: is there already: {path}\n")
    assert json.loads(catenane("data", known.name, "--json").out)["local copy"] == str(path)
    used = catenane("predict", known.name, "--model", "mof-uptake")
    assert used.err.startswith("catenane: all 8 rows have no prediction")  # they are read, and no MOFids

    elsewhere = catenane("data", "fetch", known.name, "--to", tmp_path / "there")
    assert (tmp_path / "there" / known.file).is_file(), elsewhere.err


@pytest.mark.parametrize("words", [["data"], ["data", "show"], ["data", "--data-dir", "nowhere"]])
def test_data_alone_lists_the_sets(catenane, words):
    listed = catenane(*words)
    assert listed.code == 0
    assert "molnet/esol" in listed.out


def test_the_list_says_what_is_here_and_what_can_be_fetched(catenane, tmp_path):
    (tmp_path / "molnet").mkdir()
    (tmp_path / "molnet" / "esol.csv.gz").touch()
    lines = catenane("data", "--data-dir", tmp_path).out.splitlines()
    here = {words[0]: words[2] for words in map(str.split, lines) if "/" in "".join(words[:1])}
    assert (here["molnet/esol"], here["molnet/bace"], here["mof/hmof"]) == ("yes", "fetch", "no")


def test_data_takes_a_name_and_says_what_it_can_do(catenane):
    assert "Delaney" in catenane("data", "molnet/esol").out
    for words in (["data", "--help"], ["data", "-h"]):
        assert "fetch" in catenane(*words).out
    missing = catenane("data", "fetch", "molnet/esoll")
    assert (missing.code, missing.out) == (1, "")
    assert "did you mean 'molnet/esol'?" in missing.err
    assert catenane("data", "fetch").code == 2
