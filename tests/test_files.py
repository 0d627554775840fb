from __future__ import annotations

from pathlib import Path

import pytest

from catenane.files import replaced


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path):
    path = tmp_path / "result.csv"
    path.write_text("old")
    with replaced(path) as fresh:
        fresh.write_text("new")
        assert path.read_text() == "old"
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
