"""The program, called as a user calls it but in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from catenane.cli import main


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def catenane(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Call the program with these words; the fixture gives its exit code and what it wrote."""

    def call(*words: object) -> Outcome:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), out, err)

    return call
