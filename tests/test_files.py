from __future__ import annotations

import csv
import io
import os
import stat
import threading
from pathlib import Path

import pytest

from catenane.errors import UsageError
from catenane.files import check_output, csv_writer, replaced, replaced_folder


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path):
    path = tmp_path / "result.csv"
    path.write_text("old")
    with replaced(path) as fresh:
        fresh.write_text("new")
        assert path.read_text() == "old"
        assert fresh.name.startswith(".")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("written", [True, False])
def test_after_an_error_the_old_file_stays_and_nothing_else(written: bool, tmp_path: Path):
    path = tmp_path / "result.csv"
    path.write_text("old")

    def write_and_stop() -> None:
        with replaced(path) as fresh:
            if written:
                fresh.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_stop()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_of_one_path_write_a_whole_file_each_and_the_last_wins(tmp_path: Path):
    path = tmp_path / "result.csv"
    with replaced(path) as first, replaced(path) as second:
        first.write_text("first")
        second.write_text("second")
        assert first != second
    assert path.read_text() == "first"  # its block ends last
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_that_name_with_partial_is_not_touched(tmp_path: Path):
    (tmp_path / "result.csv.partial").write_text("mine")
    with replaced(tmp_path / "result.csv") as fresh:
        fresh.write_text("new")
    assert (tmp_path / "result.csv.partial").read_text() == "mine"


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    link.symlink_to("far/target.csv")
    with replaced(link) as fresh:
        fresh.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert not target.is_symlink()


def test_a_link_that_leads_nowhere_yet_makes_its_target(tmp_path: Path):
    (tmp_path / "link.csv").symlink_to("target.csv")
    with replaced(tmp_path / "link.csv") as fresh:
        fresh.write_text("new")
    assert (tmp_path / "target.csv").read_text() == "new"
    assert (tmp_path / "link.csv").is_symlink()


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with replaced(pipe) as fresh:
        fresh.write_text("new")
    reader.join()
    assert read == ["new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_is_written_to_and_stays_a_device():
    with replaced(Path("/dev/null")) as fresh:
        fresh.write_text("new")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_those_of_the_umask_whoever_made_the_file(umask: int, mode: int, tmp_path: Path):
    before = os.umask(umask)
    try:
        with replaced(tmp_path / "result.csv") as fresh:
            fresh.unlink()
            fresh.touch(0o400)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "result.csv").stat().st_mode) == mode


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path):
    path = tmp_path / "secret.csv"
    path.touch(0o600)
    with replaced(path) as fresh:
        fresh.write_text("new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


REFUSED = {
    "no folder": ("nowhere/a.csv", "there is no folder"),
    "a folder": ("folder", "is a folder"),
    "a file on the way": ("file/a.csv", "cannot be written"),
    "too long a name": ("x" * 300, "name too long"),
    "a loop of links": ("loop", "cannot be written"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_written_is_refused_by_the_name_that_was_given(name: str, tmp_path: Path):
    given, message = REFUSED[name]
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to("loop")
    before = sorted(tmp_path.iterdir())
    path = tmp_path / given
    for attempt in (lambda: check_output(path), lambda: replaced(path).__enter__()):
        with pytest.raises(UsageError) as refused:
            attempt()
        assert str(refused.value).startswith(str(path))
        assert message in str(refused.value)
        assert ".part" not in str(refused.value)
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_is_reported_under_the_name_that_was_given(tmp_path: Path):
    path = tmp_path / "result.csv"

    def fill() -> None:
        with replaced(path), Path("/dev/full").open("w") as full:
            full.write("x")

    with pytest.raises(OSError, match="No space left") as refused:
        fill()
    assert refused.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path):
    folder = tmp_path / "runs" / "model"

    def write(name: str, *, stop: bool) -> None:
        with replaced_folder(folder) as fresh:
            (fresh / name).touch()
            if stop:
                raise KeyboardInterrupt

    write("first", stop=False)
    with pytest.raises(KeyboardInterrupt):
        write("second", stop=True)
    assert [path.name for path in folder.iterdir()] == ["first"]
    write("third", stop=False)
    assert [path.name for path in folder.iterdir()] == ["third"]
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("through", ["itself", "symlink", "hard link"])
def test_an_input_is_never_an_output(through: str, tmp_path: Path):
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("smiles\n")
    if through == "itself":
        out = tmp_path / "." / "in.csv"
    elif through == "symlink":
        out.symlink_to(source)
    else:
        out.hardlink_to(source)
    with pytest.raises(UsageError, match="is an input and is never overwritten"):
        check_output(out, inputs=[tmp_path / "gone.csv", source], overwrite=True)
    with source.open() as file, pytest.raises(UsageError, match="is an input"):
        check_output(out, inputs=[file.fileno()], overwrite=True)


def test_a_file_that_exists_needs_leave_and_a_device_none(tmp_path: Path):
    path = tmp_path / "out.csv"
    check_output(path, overwrite=False)
    path.write_text("mine")
    with pytest.raises(UsageError, match=r"out\.csv exists already: add --overwrite"):
        check_output(path, overwrite=False)
    check_output(path, overwrite=True)
    check_output(Path("/dev/null"), inputs=[Path("/dev/null")], overwrite=False)


def test_every_field_of_a_written_row_comes_back():
    rows = [["a\rb", "a\nb", 'a"b', "a,b"], ["\r", "", "é\u2028\u00a0", "\r\n"], ["", "", "", ""]]
    text = io.StringIO(newline="")
    write = csv_writer(text)
    for row in rows:
        write(row)
    assert list(csv.reader(io.StringIO(text.getvalue(), newline=""))) == rows
    assert text.getvalue().endswith(",,,\n")


def test_what_no_file_can_hold_is_escaped():
    text = io.StringIO(newline="")
    csv_writer(text)(["C\udcff", "a\0b", "\ud800", 1.5])
    assert text.getvalue() == "C\\xff,a\\x00b,\\ud800,1.5\n"
