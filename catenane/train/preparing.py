"""The first steps of fine-tuning and tuning: rows, what training starts from, and the run's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catenane.config import Recipe
from catenane.notation import heed_interrupts
from catenane.train.folder import bundle_files, source_files
from catenane.train.rows import Rows, read_rows
from catenane.train.start import Start, choose_start

__all__ = ["Prepared", "data_stem", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """What a run on a table begins with."""

    folder: Path
    """Of the run."""
    rows: Rows
    start: Start
    arguments: dict[str, Any]
    """What the run is resumed with alone, as far as the verbs share it."""
    inputs: dict[str, list[Path]]
    """Files that are read, by role."""


def prepare(
    verb: str,
    data: str | Path,
    target: str | Sequence[str],
    *,
    features: str | Sequence[str],
    out: str | Path | None,
    model: str | Path | None,
    recipe: str | Path | Recipe | None,
    settings: Mapping[str, Any] | None,
    seed: int,
    folds: int,
    data_dir: str | Path | None,
    **options: Any,
) -> Prepared:
    """Read the table and choose what to start from; arguments are those of `finetune`, and `folds` of it.

    The other `options` are those of `read_rows`. Nothing is written.
    """
    heed_interrupts()
    targets, names = ((given,) if isinstance(given, str) else tuple(given) for given in (target, features))
    folder = Path(out) if out is not None else Path("runs") / f"{verb}-{data_stem(data)}"
    rows = read_rows(
        data, targets, features=names, folds=bool(folds) and verb == "finetune", data_dir=data_dir, **options
    )
    start = choose_start(rows.table.notation, targets, model, recipe, settings or {}, rows.task)
    arguments = {
        "verb": verb, "targets": tuple(rows.table.target_names), "features": names,
        "recipe": start.recipe.used(), "seed": seed, "folds": folds, "sizes": rows.shares,
        **{name: options[name] for name in ("column", "split", "task", "duplicates", "weights")},
    }  # fmt: skip
    test = options["test"]
    inputs = {
        "the data": source_files([data], data_dir),
        "the test rows": [] if test is None else source_files([test], data_dir),
        "the model": [] if start.model is None else bundle_files(start.model),
    }
    return Prepared(folder, rows, start, arguments, inputs)


def data_stem(data: str | Path) -> str:
    """Name of a source without its folder and ending."""
    return "stdin" if str(data) == "-" else Path(data).name.split(".")[0]
