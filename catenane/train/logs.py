"""Progress of a run: a CSV of epochs, TensorBoard on request, a bar on a terminal and lines elsewhere."""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from rich.progress import MofNCompleteColumn, TextColumn

from catenane.errors import MissingDependencyError
from catenane.files import replaced
from catenane.progress import LONGEST_SILENCE, draws_bars, new_bar

__all__ = ["LogFormat", "RunLog"]

logger = logging.getLogger(__name__)
LogFormat = Literal["csv", "tensorboard"]
SILENCE = 10.0
"""Seconds between two lines of the log after an epoch; within one `LONGEST_SILENCE`."""


class RunLog:
    """Progress and history of one run, as a context manager.

    On a terminal there is a bar; elsewhere a line is logged after the first epoch and the last, and between
    them every `SILENCE` seconds at most after an epoch, and every `LONGEST_SILENCE` within one.

    Args:
        folder: Where `history.csv` and TensorBoard's event file are written; None writes neither.
        kind: "csv" alone, or "tensorboard" beside it.
        label: Name of the task: "pretrain", "finetune".
        total: Micro-batches of the whole run.
        done: Those that an earlier process has done.
        began: Time of `clock` at which the run would have begun, had it never been interrupted.
        show: Draw a bar; by default where stderr is a terminal and the log is not silenced.
        clock: Seconds.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        kind: LogFormat,
        label: str,
        total: int,
        began: float,
        done: int = 0,
        show: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._label, self._total, self._clock = folder, label, total, clock
        self._writer = _tensorboard(folder) if folder is not None and kind == "tensorboard" else None
        self._began, self._resumed, self._done_before, self._done = began, clock(), done, done
        self._logged, self._n_lines = self._resumed, 0
        self._show = draws_bars() if show is None else show
        times = TextColumn("batches  {task.fields[times]}  {task.fields[note]}", markup=False)
        self._bar = new_bar(MofNCompleteColumn(), times, show=self._show)
        self._task = self._bar.add_task(label, total=total, completed=done, times="", note="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        if self._writer is not None:
            self._writer.close()

    def batch(self, done: int) -> None:
        """Note how many micro-batches are done."""
        self._done = done
        self._bar.update(self._task, completed=done, times=self.times())
        if not self._show and self._clock() - self._logged >= LONGEST_SILENCE:
            self._log("batch %s of %s, %s", f"{done:,}", f"{self._total:,}", self.times())

    def epoch(self, history: Sequence[Mapping[str, Any]], *, n_epochs: int, finished: bool) -> None:
        """Write the history with its new last row: the CSV anew, so that a resumed run repeats no row."""
        if self._folder is not None:
            path = self._folder / "history.csv"
            with replaced(path) as fresh, fresh.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, fieldnames=list(history[0]))
                writer.writeheader()
                writer.writerows(history)
        last = history[-1]
        valid = f", valid {last['valid_loss']:.4f}" if "valid_loss" in last else ""
        note = f"train {last['train_loss']:.4f}{valid}"
        self._bar.update(self._task, note=note)
        if not self._show and (finished or not self._n_lines or self._clock() - self._logged >= SILENCE):
            self._log("epoch %d of %d: %s, %s", last["epoch"], n_epochs, note, self.times())
        if self._writer is not None:
            for name, value in last.items():
                if isinstance(value, float):
                    self._writer.add_scalar(name, value, last["step"])

    def times(self) -> str:
        """How long the run has taken, and how long it will at the pace of this process if nothing ends it."""
        now = self._clock()
        text = f"{_clock_time(now - self._began)} elapsed"
        if (here := self._done - self._done_before) <= 0 or self._done >= self._total:
            return text
        left = (self._total - self._done) * (now - self._resumed) / here
        return f"{text}, at most {_clock_time(left)} left"

    def _log(self, message: str, *values: object) -> None:
        self._logged, self._n_lines = self._clock(), self._n_lines + 1
        logger.info(f"{self._label}: {message}", *values)


def _clock_time(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise MissingDependencyError(
            "tensorboard", extra="tensorboard", purpose="to write TensorBoard logs"
        ) from None
    return SummaryWriter(str(folder / "tensorboard"))
