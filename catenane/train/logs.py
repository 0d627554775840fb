"""What a run tells while it goes: a CSV of epochs, TensorBoard if asked, a progress bar on a terminal."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from catenane.errors import MissingDependencyError
from catenane.files import replaced

__all__ = ["LogFormat", "RunLog", "write_history"]

LogFormat = Literal["csv", "tensorboard"]


class RunLog:
    """Progress and history of one run, as a context manager.

    Args:
        folder: Where `history.csv` and TensorBoard's event file are written; None writes neither.
        kind: "csv" alone, or "tensorboard" beside it.
        label: What the bar says: "pretrain", "finetune".
        show: Draw a bar; by default when stderr is a terminal.
    """

    def __init__(self, folder: Path | None, *, kind: LogFormat, label: str, show: bool | None = None) -> None:
        self._folder = folder
        self._writer = _tensorboard(folder) if folder is not None and kind == "tensorboard" else None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("batches"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            transient=True,
            disable=not (sys.stderr.isatty() if show is None else show),
        )
        self._task = self._bar.add_task(label, total=None, note="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        if self._writer is not None:
            self._writer.close()

    def batch(self, done: int, total: int) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total)

    def epoch(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Write the history with its new last row."""
        if self._folder is not None:
            write_history(self._folder / "history.csv", history)
        last = history[-1]
        valid = f"  valid {last['valid_loss']:.4f}" if "valid_loss" in last else ""
        self._bar.update(self._task, note=f"train {last['train_loss']:.4f}{valid}")
        if self._writer is not None:
            for name, value in last.items():
                if isinstance(value, float):
                    self._writer.add_scalar(name, value, last["step"])


def write_history(path: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Write one row per epoch as CSV, whole each time, so that a resumed run never repeats a row."""
    with replaced(path) as fresh, fresh.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows(history)


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise MissingDependencyError(
            "tensorboard", extra="tensorboard", purpose="to write TensorBoard logs"
        ) from None
    return SummaryWriter(str(folder / "tensorboard"))
