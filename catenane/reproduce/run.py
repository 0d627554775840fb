"""One run of a protocol: its scale, and the stages that are done already.

A stage is one training or one analysis; what it found is kept as JSON under `stages/` in the run's folder.
A run that was stopped goes on from there when it is asked for again, and one that is finished draws its
tables and figures anew in seconds. A stage of another scale or version is computed again.
"""

from __future__ import annotations

import json
import logging
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from catenane.config import Recipe, load_recipe
from catenane.data import Table
from catenane.formatting import count
from catenane.train.folder import fingerprint, write_json
from catenane.version import __version__

__all__ = ["Run", "Scale"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much of a protocol is run; all of it where nothing is said."""

    rows: int | None = None
    """Rows drawn from the cleaned data."""
    epochs: int | None = None
    """Of pretraining and fine-tuning, instead of the recipe's."""
    seeds: int | None = None
    """Repetitions, instead of the protocol's."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Other settings of the recipe, by dotted name."""

    @property
    def options(self) -> list[str]:
        """The same as words of the command line."""
        words = []
        for name in ("rows", "epochs", "seeds"):
            if getattr(self, name) is not None:
                words += [f"--{name}", str(getattr(self, name))]
        for name, value in self.settings.items():
            words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
        return words

    def describe(self, *, seeds: int) -> str:
        """In words, for the result; `seeds` is what they came to, 0 where nothing is trained."""
        rows = "all rows we have" if self.rows is None else f"{self.rows:,} rows drawn at random"
        if not seeds:
            return rows
        epochs = "the recipe's epochs" if self.epochs is None else count(self.epochs, "epoch")
        parts = [rows, epochs, count(seeds, "seed")]
        parts += [f"{name} = {value}" for name, value in self.settings.items()]
        return ", ".join(parts)


class Run:
    """What a protocol works with.

    Args:
        name: Of the protocol.
        scale: How much of it to run.
        folder: Where stages are kept.
        n_seeds: Repetitions where the scale says nothing; 0 where nothing is trained.
        data_dir: Local copies of the data sets.
        device: "cpu", "cuda", ...; the fastest by default.
    """

    def __init__(
        self,
        name: str,
        scale: Scale,
        folder: Path,
        *,
        n_seeds: int,
        data_dir: str | Path | None = None,
        device: str | None = None,
    ) -> None:
        self.name, self.scale, self.folder = name, scale, folder
        self.data_dir, self.device = data_dir, device
        self.seeds = range(n_seeds and (scale.seeds or n_seeds))
        self.seconds = 0.0

    @property
    def command(self) -> str:
        """What does this run again."""
        return shlex.join(["catenane", "reproduce", self.name, *self.scale.options])

    def recipe(self, name: str) -> Recipe:
        """A recipe at this run's scale."""
        epochs = self.scale.epochs
        scaled = {} if epochs is None else {"pretraining.epochs": epochs, "finetuning.epochs": epochs}
        return load_recipe(name).with_settings(scaled | dict(self.scale.settings))

    def sample(self, table: Table) -> Table:
        """The rows that this run draws, in the order of the table; the same for every seed."""
        if self.scale.rows is None or self.scale.rows >= len(table):
            return table
        chosen = np.random.default_rng(0).choice(len(table), self.scale.rows, replace=False)
        return table.take(np.sort(chosen))

    def by_seed(self, key: str, compute: Callable[[int], dict[str, Any]]) -> list[dict[str, Any]]:
        """One stage for every seed; `compute` is given the seed."""
        return [self.stage(f"{key}-{seed}", partial(compute, seed)) for seed in self.seeds]

    def stage(self, key: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `compute` gives, or what it gave when this run was here before.

        Args:
            key: Names the stage within the run; a file name.
            compute: Gives JSON values.
        """
        path = self.folder / "stages" / f"{key}.json"
        mark = fingerprint({"name": self.name, "version": __version__, **asdict(self.scale), "seeds": None})
        kept = _read(path)
        if kept.get("fingerprint") != mark:
            logger.info("%s: %s", self.name, key)
            began = time.monotonic()
            values = compute()
            kept = {"fingerprint": mark, "seconds": time.monotonic() - began, "values": values}
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, kept)
        self.seconds += kept["seconds"]
        found: dict[str, Any] = kept["values"]
        return found


def _read(path: Path) -> dict[str, Any]:
    """A stage as it was kept; nothing where there is none."""
    try:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept
