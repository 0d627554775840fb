import json
from pathlib import Path

import pytest

from catenane.errors import UsageError
from catenane.train.folder import check_run_folder, fingerprint, open_run_folder, write_json


def test_a_fresh_folder_is_made_with_what_was_asked_for(tmp_path: Path):
    check_run_folder(tmp_path / "a" / "b", resume=False, overwrite=False)
    assert not (tmp_path / "a").exists()
    open_run_folder(tmp_path / "a" / "b", {"seed": 3}, overwrite=False)
    assert json.loads((tmp_path / "a" / "b" / "run.json").read_text()) == {"seed": 3}


def test_an_earlier_run_is_kept_resumed_or_overwritten(tmp_path: Path):
    open_run_folder(tmp_path, {}, overwrite=False)
    (tmp_path / "old.txt").write_text("old")
    with pytest.raises(UsageError, match="--resume to go on, or --overwrite"):
        check_run_folder(tmp_path, resume=False, overwrite=False)
    check_run_folder(tmp_path, resume=True, overwrite=False)
    open_run_folder(tmp_path, {}, overwrite=False)
    assert (tmp_path / "old.txt").exists()
    open_run_folder(tmp_path, {}, overwrite=True)
    assert not (tmp_path / "old.txt").exists()


@pytest.mark.parametrize(
    "flags", [{"resume": True, "overwrite": False}, {"resume": False, "overwrite": True}]
)
def test_what_is_no_run_of_ours_is_never_touched(flags, tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(UsageError, match="holds no earlier run"):
        check_run_folder(tmp_path, **flags)
    with pytest.raises(UsageError, match="is a file"):
        check_run_folder(tmp_path / "thesis.tex", **flags)
    open_run_folder(tmp_path, {}, overwrite=True)
    assert (tmp_path / "thesis.tex").exists()


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
