"""How far long work is: bars on a terminal, lines of the log elsewhere, or nothing."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

__all__ = ["LONGEST_SILENCE", "RowCount", "draws_bars", "new_bar", "shows_progress", "verbosity"]

P = ParamSpec("P")
T = TypeVar("T")
logger = logging.getLogger("catenane")
LONGEST_SILENCE = 60.0
"""Seconds between two lines of the log."""


@contextmanager
def verbosity(verbose: bool | None) -> Iterator[None]:
    """Show the progress of what is done meanwhile on stderr, or do not.

    None leaves it to the level of the logger `catenane`: shown where that is not set, or INFO and below.
    """
    level, handler = logger.level, logging.StreamHandler()
    if verbose is None:
        verbose = level <= logging.INFO
    logger.setLevel(min(level or logging.INFO, logging.INFO) if verbose else max(level, logging.WARNING))
    if verbose and not logger.hasHandlers():
        logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def shows_progress(function: Callable[P, T]) -> Callable[P, T]:
    """Let the keyword argument `verbose` of a function be the `verbosity` of its calls."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        verbose = kwargs.get("verbose")
        with verbosity(None if verbose is None else bool(verbose)):
            return function(*args, **kwargs)

    return call


def draws_bars() -> bool:
    """Whether stderr is a terminal, and progress is to be shown at all."""
    return sys.stderr.isatty() and logger.isEnabledFor(logging.INFO)


def new_bar(*columns: ProgressColumn, show: bool) -> Progress:
    """A bar on stderr, which leaves nothing behind."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}"), BarColumn(), *columns,
        console=Console(stderr=True), transient=True, disable=not show,
    )  # fmt: skip


class RowCount:
    """Counts rows that are done, as a context manager; what is done at once shows nothing.

    Args:
        label: Name of the work.
        total: How many rows there are, if that is known.
        show: Draw a bar where that is possible: not where rows go to the same terminal.
    """

    def __init__(self, label: str, total: int | None = None, *, show: bool = True) -> None:
        from rich.progress import MofNCompleteColumn, TimeElapsedColumn

        self._label, self._total, self._done = label, total, 0
        self._show = show and draws_bars()
        self._bar = new_bar(MofNCompleteColumn(), TimeElapsedColumn(), show=self._show)
        self._task = self._bar.add_task(label, total=total)
        self._logged = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def add(self, n: int) -> None:
        """Note that so many more rows are done."""
        self._done += n
        if self._done == self._total:
            return
        self._bar.start()
        self._bar.update(self._task, completed=self._done)
        if not self._show and time.monotonic() - self._logged >= LONGEST_SILENCE:
            self._logged = time.monotonic()
            logger.info("%s: %s rows", self._label, f"{self._done:,}")
