import json
from pathlib import Path


def test_lists_what_there_is_a_line_each(catenane):
    told = catenane("reproduce")
    assert told.code == 0
    lines = [line for line in told.out.splitlines() if line.startswith("mof/")]
    assert len(lines) == 8
    protocols = {entry["name"]: entry for entry in json.loads(catenane("reproduce", "--json").out)}
    assert "without the encoder" in protocols["mof/ablation"]["variants"]


def test_an_unknown_name_is_one_line_with_the_nearest_names(catenane):
    told = catenane("reproduce", "mof/tables")
    assert told.code == 2
    assert told.err.count("\n") == 1
    assert "did you mean 'mof/table1'" in told.err


def test_runs_without_the_data_end_in_one_line(catenane, tmp_path: Path, monkeypatch):
    monkeypatch.delenv("CATENANE_DATA", raising=False)
    told = catenane("-q", "reproduce", "mof/dataset", "--out", tmp_path / "run")
    assert told.code == 1
    assert "CATENANE_DATA" in told.err
    assert told.err.count("\n") == 1


def test_prints_the_paper_beside_ours(catenane, made_up_data: Path, tmp_path: Path):
    words = ("-q", "reproduce", "mof/dataset", "--rows", 50, "--data-dir", made_up_data, "--out", tmp_path)
    told = catenane(*words)
    assert told.code == 0, told.err
    assert "102,858" in told.out
    result = json.loads(catenane(*words, "--only", "0.1 bar", "--json").out)
    command = result["tables"][0]["rows"][0]["command"]
    assert command == "catenane reproduce mof/dataset --only '0.1 bar' --rows 50"
