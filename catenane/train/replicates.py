"""Several runs of one fine-tuning: seeds of the split, folds of a cross-validation, or both."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from catenane.data import Split, Table, make_folds, make_split
from catenane.data.row_groups import column_of
from catenane.files import replaced, write_json
from catenane.formatting import count
from catenane.models.folder import write_ensemble
from catenane.reporting import ReplicatesResult, summarise, write_replicates_report
from catenane.train.one_run import Job, run_once

logger = logging.getLogger(__name__)
__all__ = ["plan_runs", "run_names", "run_several"]


def run_names(seed: int, replicates: int, folds: int) -> list[str]:
    """Folders of the runs; none where there is a single one."""
    seeds = [f"seed-{seed + place}" for place in range(replicates)] if replicates > 1 else [""]
    parts = [f"fold-{fold}" for fold in range(1, folds + 1)] or [""]
    return [f"{one}-{other}".strip("-") for one in seeds for other in parts if one or other]


def plan_runs(
    table: Table,
    method: str,
    *,
    seed: int,
    fractions: Sequence[float],
    test: np.ndarray | None,
    replicates: int,
    folds: int,
) -> list[Split]:
    """The split of every run, with its seed, in the order of `run_names`; arguments as of `make_split`."""
    splits = [
        make_split(table, method, seed=one, fractions=fractions, test=rows)
        for one in range(seed, seed + replicates)
        for rows in (make_folds(table, method, folds, seed=one) if folds else [test])
    ]
    n_tested = sum(len(parts.test) for parts in splits[: folds or 0])
    if folds and n_tested < len(table):
        logger.warning(
            "%s of %s are in no fold, for what they hold is in several: they are always trained on",
            f"{len(table) - n_tested:,}", count(len(table), "row"),
        )  # fmt: skip
    return splits


def run_several(job: Job, splits: Mapping[str, Split], *, replicates: int, folds: int) -> ReplicatesResult:
    """Run every split in a folder of its own, those that are finished excepted, and put them together."""
    folder = job.run.path
    runs: dict[str, dict[str, Any]] = {}
    for name, parts in splits.items():
        found = _finished(folder / name, job) if job.resume else None
        runs[name] = run_once(job, folder / name, parts).metrics if found is None else found
    parts = next(iter(splits.values()))
    fixed = not folds and (job.test_file is not None or column_of(parts.method) is not None)
    over = [count(folds, "fold")] * bool(folds) + [count(replicates, "seed")] * (replicates > 1)
    metrics: dict[str, Any] = {
        "over": " × ".join(over),
        "test_rows": "the same test rows in every run" if fixed else "test rows of each run its own",
        "method": parts.method,
        **summarise(runs),
        **{key: runs[next(iter(runs))][key] for key in ("noise_floor", "duplicates", "rejected", "versions")},
        "seconds": round(sum(run["seconds"] for run in runs.values()), 1),
        "runs": {
            name: {key: run[key] for key in ("seed", "split", "targets", "seconds")}
            for name, run in runs.items()
        },
    }
    write_ensemble(folder, list(runs))
    _write_predictions(folder, list(runs))
    write_replicates_report(folder / "report.html", metrics, job.name, job.command)
    write_json(folder / "metrics.json", metrics)
    return ReplicatesResult(metrics=metrics, folder=folder)


def _finished(folder: Path, job: Job) -> dict[str, Any] | None:
    """The metrics of a run that has ended, with its baselines where they are wanted."""
    try:
        metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return metrics if "failed_baselines" in metrics or not job.baselines else None


def _write_predictions(folder: Path, names: Sequence[str]) -> None:
    """The test rows of all runs in one table, by run."""
    import pandas as pd

    tables = [pd.read_csv(folder / name / "predictions.csv", keep_default_na=False) for name in names]
    tested = [table[table["split"] == "test"] for table in tables]
    joined = pd.concat([part.assign(split=name) for name, part in zip(names, tested, strict=True)])
    with replaced(folder / "predictions.csv") as fresh:
        joined.rename(columns={"split": "run"}).to_csv(fresh, index=False)
