"""Progress is shown where it is wanted, and nowhere else."""

from __future__ import annotations

import logging

import pytest

from catenane.progress import RowCount, draws_bars, shows_progress, verbosity

logger = logging.getLogger("catenane")


@pytest.mark.parametrize(
    ("verbose", "level", "shown"),
    [
        (True, logging.NOTSET, True),
        (True, logging.WARNING, True),
        (False, logging.NOTSET, False),
        (False, logging.INFO, False),
        (None, logging.NOTSET, True),
        (None, logging.INFO, True),
        (None, logging.WARNING, False),
    ],
)
def test_lines_of_progress(verbose, level, shown, capfd, bare_logging):
    bare_logging()
    before = logger.level
    logger.setLevel(level)
    try:
        with verbosity(verbose):
            logger.info("half way")
            logger.warning("beware")
        assert capfd.readouterr().err == ("half way\n" if shown else "") + "beware\n"
        assert (logger.level, logger.handlers) == (level, [])
    finally:
        logger.setLevel(before)


def test_what_is_set_up_is_used(monkeypatch, caplog, capfd):
    with verbosity(True):
        logger.info("half way")
    assert caplog.messages == ["half way"]
    assert capfd.readouterr().err == ""


def test_a_function_is_as_verbose_as_it_is_told(monkeypatch, caplog):
    @shows_progress
    def work(*, verbose: bool | None = None) -> str:
        logger.info("working")
        return "done"

    assert work(verbose=False) == "done"
    assert caplog.messages == []
    assert work(verbose=True) == "done"
    assert caplog.messages == ["working"]


def test_bars_are_drawn_on_a_terminal_alone(monkeypatch):
    assert not draws_bars()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    for verbose in (True, False):
        with verbosity(verbose):
            assert draws_bars() == verbose


def test_many_rows_are_counted_in_lines(monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="catenane")
    clock = iter([0.0, 61.0, 61.0, 70.0, 125.0, 125.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with RowCount("predict", 4000) as count:
        for _ in range(4):
            count.add(1000)
    assert caplog.messages == ["predict: 1,000 rows", "predict: 3,000 rows"]
