"""From a table of strings and measured values to a model, its scores beside the baselines, and a report."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np

from catenane.config import Recipe, Task
from catenane.data import Table, read_table, write_rejected
from catenane.data.duplicates import Aggregation, aggregate, find_duplicates, hold_out
from catenane.data.splits import column_of, reject_untimed, split_shares
from catenane.descriptors import describe, fragments
from catenane.errors import UsageError
from catenane.formatting import count
from catenane.metrics import choose_scores
from catenane.models.folder import ENSEMBLE
from catenane.notation import groups, heed_interrupts
from catenane.progress import shows_progress
from catenane.reporting import FinetuneResult, ReplicatesResult
from catenane.train.fit import check_target_weights, infer_task
from catenane.train.folder import RunFolder, bundle_files, source_files
from catenane.train.logs import LogFormat
from catenane.train.one_run import FILES, Job, data_stem, member_names, run_once
from catenane.train.replicates import plan_runs, run_names, run_several
from catenane.train.start import choose_members, choose_start

__all__ = ["finetune"]

logger = logging.getLogger(__name__)


@shows_progress
def finetune(
    data: str | Path,
    *,
    target: str | Sequence[str],
    features: str | Sequence[str] = (),
    weights: str | None = None,
    target_weights: Sequence[float] = (),
    metrics: Sequence[str] = (),
    model: str | Path | None = None,
    out: str | Path | None = None,
    recipe: str | Path | Recipe | None = None,
    settings: Mapping[str, Any] | None = None,
    column: str | None = None,
    split: str = "random",
    sizes: Sequence[float] | None = None,
    test: str | Path | None = None,
    replicates: int = 1,
    folds: int = 0,
    members: int | None = None,
    task: Task | None = None,
    duplicates: Aggregation = "mean",
    baselines: bool = True,
    seed: int = 0,
    on_error: Literal["skip", "raise"] = "skip",
    resume: bool = False,
    overwrite: bool = False,
    log: LogFormat = "csv",
    device: str | None = None,
    data_dir: str | Path | None = None,
    verbose: bool | None = None,
    command: str | None = None,
) -> FinetuneResult | ReplicatesResult:
    """Train a property model on a table and report on it; or several, on several splits.

    Args:
        data: CSV, TSV, Parquet or SMI file, "-", or the name of a registered data set.
        target: Column of labels, or several; numbers, empty where not measured; 0 and 1 for classes.
        features: Columns of numbers that are known beside the string, such as a temperature or a pH; the
            model and the baselines read them, and predictions need them.
        weights: Column of the weights that rows have in training, of model and baselines; scores heed none.
        target_weights: How much each target counts where networks learn several at once.
        metrics: Scores to show first, by scikit-learn's names too: the first ranks predictors and, where a
            network has validation rows, chooses the best epoch; `catenane.metrics.SCORES` has all.
        model: Pretrained bundle to start from. Where neither it nor a recipe nor a setting of an encoder or
            its training is given, the bundled one of the notation, its encoder frozen; else none.
        out: Folder of the run; `runs/finetune-DATA` by default. It gets `bundle/`, `metrics.json`,
            `predictions.csv`, `rejected.csv` and `report.html`.
        recipe: Name or file of a recipe; the model's own, or "small", by default.
        settings: Changes to it by dotted name: `{"finetuning.epochs": 5}`.
        column: Column of the strings, where its name or content does not show it.
        split: "random", "scaffold" or "butina" (molecules), "linker", "topology" or "framework" (frameworks),
            "time:COLUMN" or "column:NAME"; see `catenane.data.splits`.
        sizes: Shares of training, validation and test rows, or percentages: (80, 10, 10); (90, 0, 10) over a
            frozen encoder, for which no row has to choose an epoch. With `test` or `folds`, of the first two.
        test: A table like `data` whose rows are the test rows. Rows of `data` with a string of these are
            rejected, unless `duplicates` is "keep".
        replicates: Run so often, with this seed and those that follow it.
        folds: Cross-validate: every row is a test row once, and rows that the split keeps together are so
            in one fold. Several runs have a folder each in `out`, with their models; scores are given as
            mean and standard deviation, and `out` as a model is the mean of theirs.
        members: Train so many alike from different seeds; the prediction is their mean. Over a frozen encoder
            they are the heads of one model (networks, see `head.members`), else whole models, each in a
            folder of its own.
        task: "regression" or "classification"; by default inferred from the labels.
        duplicates: What becomes of rows that share a string: their labels' "mean" (of classes, the majority),
            "median" or "first", or "keep" them all; they are reported in any case.
        baselines: Fit the baselines on the same split.
        seed: Of the split, weights, order and dropout.
        on_error: "skip" keeps rejected rows in `rejected.csv`; "raise" stops at the first.
        resume: Go on after a kill.
        overwrite: Delete an earlier run in `out`.
        log: "csv", or "tensorboard" beside it.
        device: "cpu", "cuda", ...; the fastest by default.
        data_dir: Local copies of data sets; see `catenane.data.sources.data_folder`.
        verbose: Show progress on stderr; by default unless the logger `catenane` is set to warnings alone.
        command: How this was called, for the report.

    Raises:
        DataError: The table cannot be read or has no usable row.
        UsageError: Settings contradict the data or each other.
        BundleError: `model` cannot be read.
    """
    began = time.monotonic()
    heed_interrupts()
    targets, features = ((names,) if isinstance(names, str) else tuple(names) for names in (target, features))
    check_target_weights(target_weights, targets)
    folder = Path(out) if out is not None else Path("runs") / f"finetune-{data_stem(data)}"
    if test is not None and folds:
        raise UsageError(f"folds={folds} test every row of the table: leave the table of test rows out")
    n_shares = 3 if test is None and not folds else 2
    shares = None if sizes is None else (*split_shares(sizes, n_shares), 0.0)[:3]
    names = run_names(seed, replicates, folds)
    split_by = column_of(split)
    if sizes is not None and split.startswith("column:"):
        raise UsageError(f"the shares of the parts are those of the column {split_by!r}: leave sizes out")
    options: dict[str, Any] = {
        "targets": targets, "string_column": column, "on_error": on_error, "data_dir": data_dir,
        "features": features, "compute": (groups, describe, fragments),
    }  # fmt: skip
    read = read_table(data, columns=(split_by,) if split_by else (), weights=weights, **options)
    if split.startswith("time:") and split_by:
        read = reject_untimed(read, split_by)
        if on_error == "raise" and read.rejected:
            raise read.rejected[0].error(read.source)
    tested = None if test is None else read_table(test, notation=read.notation, **options)
    every = read if tested is None else hold_out(read, tested, keep=True)[0]
    task = infer_task(every, wanted := task)
    keys = choose_scores(metrics, task)
    start = choose_start(read.notation, targets, model, recipe, settings or {}, task)
    start, n_models = choose_members(start, members)
    arguments = {
        "verb": "finetune", "targets": targets, "recipe": asdict(start.recipe), "column": column,
        "split": split, "sizes": shares, "replicates": replicates, "folds": folds, "models": n_models,
        "task": wanted, "duplicates": duplicates, "seed": seed, "features": features, "weights": weights,
        "target_weights": tuple(target_weights), "metrics": tuple(metrics),
    }  # fmt: skip
    inputs = {
        "the data": source_files([data], data_dir),
        "the test rows": [] if test is None else source_files([test], data_dir),
        "the model": [] if start.model is None else bundle_files(start.model),
    }
    member_folders = [str(Path(name) / member) for name in names or [""] for member in member_names(n_models)]
    run = RunFolder(
        folder, arguments, inputs, (*FILES, "rejected.csv", ENSEMBLE), runs=[*names, *member_folders],
        resume=resume, overwrite=overwrite,
    )  # fmt: skip
    table, test_rows = _settle(aggregate(read, duplicates), task), None
    if tested is not None:
        tested = _settle(aggregate(tested, duplicates), task)
        table, test_rows = hold_out(table, tested, keep=duplicates == "keep")
    usual = (0.9, 0.0, 0.1) if start.frozen else (0.8, 0.1, 0.1)
    splits = plan_runs(
        table, split, seed=seed, fractions=shares or usual, test=test_rows, replicates=replicates, folds=folds
    )
    run.open()
    write_rejected(folder / "rejected.csv", table.rejected)
    logger.info(
        "%s: %s, %s rejected, %s repeated",
        data_stem(data), count(len(table), "row"), f"{len(table.rejected):,}",
        count(len(find_duplicates(every).groups), "string"),
    )  # fmt: skip
    job = Job(
        data=data, test_file=None if test is None else Path(test).name, read=every, table=table, task=task,
        scores=keys, start=start, n_models=n_models, run=run, arguments=arguments, duplicates=duplicates,
        baselines=baselines, resume=resume, log=log, device=device, command=command,
        reading_seconds=time.monotonic() - began,
    )  # fmt: skip
    if not names:
        return run_once(job, folder, splits[0])
    named = dict(zip(names, splits, strict=True))
    return run_several(job, named, replicates=replicates, folds=folds)


def _settle(table: Table, task: Task) -> Table:
    """The class that most of the repeated strings carry; where both are as frequent, the row is rejected."""
    if task == "regression":
        return table
    majority_NT = np.where(table.targets == 0.5, np.nan, np.round(table.targets))
    reason = "the same string occurs with both classes equally often"
    settled = dataclasses.replace(table, targets=majority_NT)
    return settled.reject(np.all(np.isnan(majority_NT), axis=1), table.string_column, reason)
