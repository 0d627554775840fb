import json
import subprocess
import sys
from pathlib import Path

import pytest

from catenane.errors import UsageError
from catenane.files import replaced, write_json
from catenane.settings import fingerprint
from catenane.train.folder import RunFolder


def opened(path: Path, settings=None, inputs=(), *, files=("history.csv", "corpus/*.u16"), **flags):
    run = RunFolder(path, settings or {"seed": 3}, {"the data": inputs}, files, **flags)
    run.open()
    return run


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_fresh_folder_is_made_with_what_was_asked_for(tmp_path: Path):
    run = RunFolder(tmp_path / "a" / "b", {"seed": 3}, {}, ())
    assert not (tmp_path / "a").exists()
    run.open()
    assert json.loads((tmp_path / "a" / "b" / "run.json").read_text())["settings"] == {"seed": 3}


def test_an_earlier_run_is_kept_resumed_or_overwritten(tmp_path: Path):
    opened(tmp_path)
    (tmp_path / "history.csv").write_text("old")
    with pytest.raises(UsageError, match="--resume to go on, or --overwrite"):
        opened(tmp_path)
    opened(tmp_path, resume=True)
    assert (tmp_path / "history.csv").exists()
    opened(tmp_path, {"seed": 4}, overwrite=True)
    assert list(content(tmp_path)) == ["run.json"]


@pytest.mark.parametrize("flag", ["resume", "overwrite"])
@pytest.mark.parametrize("mark", [None, '{"mine": 1}', "[1]", "", '{"format": "catenane run, version 1"}'])
def test_what_is_no_run_of_ours_is_never_touched(flag: str, mark: str | None, tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years")
    if mark is not None:
        (tmp_path / "run.json").write_text(mark)
    before = content(tmp_path)
    with pytest.raises(UsageError, match="holds no earlier run"):
        opened(tmp_path, **{flag: True})
    with pytest.raises(UsageError, match="is a file"):
        opened(tmp_path / "thesis.tex", **{flag: True})
    assert content(tmp_path) == before


def test_a_list_of_files_that_points_outside_is_no_run_of_ours(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years")
    opened(tmp_path / "run")
    mark = json.loads((tmp_path / "run" / "run.json").read_text())
    for name in ("../thesis.tex", str(tmp_path / "thesis.tex")):
        write_json(tmp_path / "run" / "run.json", mark | {"files": [name]})
        with pytest.raises(UsageError, match="holds no earlier run"):
            opened(tmp_path / "run", overwrite=True)
    assert (tmp_path / "thesis.tex").exists()


def test_overwriting_deletes_only_what_the_run_wrote(tmp_path: Path):
    run = opened(tmp_path / "run")
    for name in ("history.csv", "notes.txt", "corpus/0.u16", "bundle/model"):
        path = tmp_path / "run" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    run.add(tmp_path / "run" / "bundle")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "0.u16").write_text("")
    (tmp_path / "run" / "linked").symlink_to(tmp_path / "elsewhere")
    opened(tmp_path / "run", files=["linked/*.u16"], overwrite=True)
    assert sorted(content(tmp_path / "run")) == ["notes.txt", "run.json"]
    opened(tmp_path / "run", overwrite=True)
    assert (tmp_path / "elsewhere" / "0.u16").exists()


def test_what_lies_in_a_folder_of_the_run_and_is_not_its_own_is_kept(tmp_path: Path):
    opened(tmp_path)
    (tmp_path / "corpus").mkdir()
    for name in ("0.u16", "notes.txt"):
        (tmp_path / "corpus" / name).write_text("")
    before = content(tmp_path)
    with pytest.raises(UsageError, match=r"corpus/notes\.txt was not written by the run"):
        opened(tmp_path, overwrite=True)
    assert content(tmp_path) == before


@pytest.mark.parametrize("flags", [{}, {"resume": True}, {"overwrite": True}])
def test_an_input_within_the_folder_is_refused(flags, tmp_path: Path):
    opened(tmp_path / "run")
    source = tmp_path / "run" / "corpus.smi"
    source.write_text("CCO")
    (tmp_path / "link").symlink_to(tmp_path / "run")
    for path in (source, tmp_path / "link" / "corpus.smi"):
        with pytest.raises(UsageError, match="lies inside"):
            opened(tmp_path / "run", inputs=[path], **flags)
    assert source.read_text() == "CCO"


def test_another_run_is_refused_before_anything_is_written(tmp_path: Path):
    source = tmp_path / "corpus.smi"
    source.write_text("CCO")
    opened(tmp_path / "run", {"recipe": {"epochs": 2}, "seed": 3}, [source])
    before = content(tmp_path / "run")
    with pytest.raises(UsageError, match=r"recipe\.epochs was 2 and is 3; seed was 3 and is None; call it"):
        opened(tmp_path / "run", {"recipe": {"epochs": 3}}, [source], resume=True)
    for text in ("CCN", "CCOC"):
        source.write_text(text)
        with pytest.raises(UsageError, match="the content of the data has changed"):
            opened(tmp_path / "run", {"recipe": {"epochs": 2}, "seed": 3}, [source], resume=True)
    assert content(tmp_path / "run") == before
    source.write_text("CCO")
    opened(tmp_path / "run", {"recipe": {"epochs": 2}, "seed": 3}, [source], resume=True)


def test_a_recipe_that_is_described_otherwise_is_the_same_run(tmp_path: Path):
    for description in ("Small.", "A small one."):
        opened(tmp_path, {"recipe": {"description": description, "epochs": 2}}, resume=True)


@pytest.mark.parametrize("flags", [{}, {"resume": True}, {"overwrite": True}])
def test_a_folder_that_a_killed_process_has_just_made_is_fresh(flags, tmp_path: Path):
    """Killed while it wrote `run.json`: of that, what `replaced` leaves is there."""
    writing = replaced(tmp_path / "run.json")
    writing.__enter__().write_text("{")
    assert len(list(tmp_path.iterdir())) == 1
    opened(tmp_path, **flags)
    assert list(content(tmp_path)) == ["run.json"]


def test_json_has_no_name_for_what_is_not_finite(tmp_path: Path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "metrics.json", {"mae": float("nan")})
    assert not (tmp_path / "metrics.json").exists()


def test_a_fingerprint_tells_settings_and_data_apart():
    first = fingerprint({"a": 1, "b": 2}, b"xy", b"z")
    assert first == fingerprint({"b": 2, "a": 1}, b"xy", b"z")
    assert (
        len({first, fingerprint({"a": 1, "b": 3}, b"xy", b"z"), fingerprint({"a": 1, "b": 2}, b"x", b"yz")})
        == 3
    )


def test_one_process_at_a_time(tmp_path: Path):
    """The lock of a process that was killed, or of a run that has ended or was interrupted, is in no way."""
    opened(tmp_path / "run")
    late = RunFolder(tmp_path / "late", {}, {}, ())
    with pytest.raises(RuntimeError):
        _interrupted(tmp_path / "run")
    opened(tmp_path / "late")
    code = "import fcntl, os, sys\nfor path in sys.argv[1:]: fcntl.flock(os.open(path, os.O_RDONLY), 2)\n"
    command = [sys.executable, "-S", "-c", f"{code}print(flush=True); sys.stdin.read()"]
    folders = [tmp_path / "run", tmp_path / "late"]
    with subprocess.Popen(
        [*command, *folders], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "\n"
        for run in (late, RunFolder(tmp_path / "run", {"seed": 3}, {}, (), resume=True)):
            with pytest.raises(UsageError, match="another process is at work"):
                run.open()
        other.kill()
    opened(tmp_path / "run", resume=True)
    with pytest.raises(UsageError, match="another process has begun a run"):
        late.open()


def _interrupted(path: Path):
    run = opened(path, resume=True)
    raise RuntimeError(run)
