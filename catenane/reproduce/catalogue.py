"""The protocols there are, by name, and the function that runs one."""

from __future__ import annotations

import importlib
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catenane.errors import UsageError, suggestion
from catenane.version import __version__

if TYPE_CHECKING:
    from catenane.reproduce.result import Findings, Reproduction
    from catenane.reproduce.run import Run

__all__ = ["PROTOCOLS", "Protocol", "find_protocol", "reproduce", "result_folder"]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One published table or figure, and the module that makes it again."""

    name: str
    title: str
    source: str
    """The paper."""
    paper: str
    """What the paper did and found."""
    seeds: int
    """Repetitions where nothing else is asked for; 0 where nothing is trained."""

    def run(self, run: Run) -> Findings:
        """Do what the protocol says; its module is loaded now, and not before."""
        module = importlib.import_module(f"catenane.reproduce.{self.name.replace('/', '.')}")
        findings: Findings = module.run(run)
        return findings


def _load(path: Path) -> dict[str, Protocol]:
    entries = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: Protocol(name=name, **values) for name, values in entries.items()}


PROTOCOLS = _load(Path(__file__).with_name("catalogue.toml"))
"""Every protocol by name."""


def find_protocol(name: str) -> Protocol:
    """The protocol of this name.

    Raises:
        UsageError: There is none; the nearest names are given.
    """
    if name not in PROTOCOLS:
        raise UsageError(f"no reproduction is called {name!r}: {suggestion(name, PROTOCOLS)}")
    return PROTOCOLS[name]


def result_folder(name: str) -> Path:
    """Where a result is written when nothing else is asked for."""
    return Path("runs") / f"reproduce-{name.replace('/', '-')}"


def reproduce(
    name: str,
    *,
    rows: int | None = None,
    epochs: int | None = None,
    seeds: int | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    data_dir: str | Path | None = None,
    device: str | None = None,
) -> Reproduction:
    """Make a published table or figure again and write it beside the paper's numbers.

    Without `rows`, `epochs`, `seeds` and `settings` it is the paper's protocol on all rows we have, which
    takes days on a laptop and hours on a GPU. Called again, it goes on where it was stopped.

    Args:
        name: One of `PROTOCOLS`, such as "mof/table1".
        rows: Draw so many rows of the cleaned data at random.
        epochs: Of pretraining and fine-tuning, instead of the recipe's.
        seeds: Repetitions (split, weights, order), from seed 0.
        settings: Other changes to the recipe by dotted name: `{"encoder.d_model": 128}`.
        out: Folder of the result; `runs/reproduce-NAME` by default. It gets `result.json`, `result.md`,
            pictures, and `stages/` to go on from.
        data_dir: Local copies of the registered data sets; the environment's `CATENANE_DATA` by default.
        device: "cpu", "cuda", ...; the fastest by default.

    Raises:
        UsageError: The name is unknown, or a number is not positive.
        DataError: There is no local copy of the data, or too few rows are asked for.
        ConfigError: A setting is unknown or not allowed.
    """
    protocol = find_protocol(name)
    for option, value in (("rows", rows), ("epochs", epochs), ("seeds", seeds)):
        if value is not None and value < 1:
            raise UsageError(f"{option}={value} must be at least 1")

    from catenane.reproduce.figures import save
    from catenane.reproduce.result import Reproduction, write_reproduction
    from catenane.reproduce.run import Run, Scale

    folder = Path(out) if out is not None else result_folder(name)
    scale = Scale(rows=rows, epochs=epochs, seeds=seeds, settings=dict(settings or {}))
    began = time.monotonic()
    run = Run(name, scale, folder, n_seeds=protocol.seeds, data_dir=data_dir, device=device)
    findings = protocol.run(run)
    folder.mkdir(parents=True, exist_ok=True)
    for figure in findings.figures:
        save(folder, figure)
    result = Reproduction(
        name=name,
        title=protocol.title,
        source=protocol.source,
        paper=protocol.paper,
        ran=findings.ran,
        scale=scale.describe(seeds=len(run.seeds)),
        command=run.command,
        tables=findings.tables,
        shows=findings.shows,
        figures=tuple((figure.file, figure.caption) for figure in findings.figures),
        notes=findings.notes,
        version=__version__,
        seconds=round(run.seconds or time.monotonic() - began, 1),
    )
    write_reproduction(folder, result)
    return result
