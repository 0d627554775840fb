"""From a table of strings and measured values to a model, its scores beside the baselines, and a report."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from catenane.config import Recipe, Task
from catenane.data import write_rejected
from catenane.data.duplicates import Aggregation, find_duplicates
from catenane.formatting import count
from catenane.metrics import choose_scores
from catenane.models.folder import ENSEMBLE
from catenane.progress import shows_progress
from catenane.reporting import FinetuneResult, ReplicatesResult
from catenane.train.fit import check_bounds, check_target_weights
from catenane.train.folder import RunFolder
from catenane.train.logs import LogFormat
from catenane.train.one_run import FILES, Job, member_names, run_once
from catenane.train.preparing import data_stem, prepare
from catenane.train.replicates import plan_runs, run_names, run_several
from catenane.train.start import choose_members

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
    column: str | Sequence[str] | None = None,
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
            its training is given, or the recipe freezes its encoder, the bundled one of the notation.
        out: Folder of the run; `runs/finetune-DATA` by default. It gets `bundle/`, `metrics.json`,
            `predictions.csv`, `rejected.csv` and `report.html`.
        recipe: Name or file of a recipe; the model's own, or "small", by default.
        settings: Changes to it by dotted name: `{"finetuning.epochs": 5}`.
        column: Column of the strings, where its name or content does not show it. Several, such as those of a
            solute and its solvent, are read by one encoder, and the head reads what it makes of each; they
            are split by the first, see `split`.
        split: "random", "scaffold" or "butina" (molecules), "linker", "topology" or "framework" (frameworks),
            "time:COLUMN" or "column:NAME"; "scaffold:NAME" and the like by the strings of a column, where
            there are several. See `catenane.data.splits`.
        sizes: Shares of training, validation and test rows, or percentages: (80, 10, 10); (90, 0, 10) over a
            frozen encoder, for which no row has to choose an epoch. With `test` or `folds`, of the first two.
        test: A table like `data` whose rows are the test rows. Rows of `data` with a string of these are
            rejected, unless `duplicates` is "keep".
        replicates: Run so often, with this seed and those that follow it.
        folds: Cross-validate: every row is a test row once, and rows that the split keeps together are so
            in one fold; see `catenane.data.make_folds`. Several runs have a folder each in `out`, with their
            models; scores are given as mean and standard deviation, and `out` as a model is the mean of
            theirs.
        members: Train so many alike from different seeds; the prediction is their mean. Over a frozen encoder
            they are the heads of one model (networks, see `head.members`), else whole models, each in a
            folder of its own.
        task: "regression", "classification" (0 and 1) or "multiclass" (text or whole numbers); by default
            inferred from the labels: text that repeats itself is classes.
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
    names = run_names(seed, replicates, folds)
    ready = prepare(
        "finetune", data, target, features=features, out=out, model=model, recipe=recipe, settings=settings,
        seed=seed, folds=folds, data_dir=data_dir, weights=weights, column=column, split=split, sizes=sizes,
        test=test, task=task, duplicates=duplicates, on_error=on_error,
    )  # fmt: skip
    folder, rows, table = ready.folder, ready.rows, ready.rows.table
    check_target_weights(target_weights, table.target_names)
    keys = choose_scores(metrics, rows.task)
    start, n_models = choose_members(ready.start, members)
    arguments = ready.arguments | {
        "recipe": start.recipe.used(), "replicates": replicates, "models": n_models,
        "target_weights": tuple(target_weights), "metrics": tuple(metrics),
    }  # fmt: skip
    member_folders = [str(Path(name) / member) for name in names or [""] for member in member_names(n_models)]
    run = RunFolder(
        folder, arguments, ready.inputs, (*FILES, "rejected.csv", ENSEMBLE), runs=[*names, *member_folders],
        resume=resume, overwrite=overwrite,
    )  # fmt: skip
    splits = plan_runs(
        table, split, seed=seed, fractions=rows.shares or start.usual_shares, test=rows.test,
        replicates=replicates, folds=folds,
    )  # fmt: skip
    for parts in splits:
        check_bounds(start.recipe, table, parts)
    run.open()
    write_rejected(folder / "rejected.csv", table.rejected)
    logger.info(
        "%s: %s, %s rejected, %s repeated",
        data_stem(data), count(len(table), "row"), f"{len(table.rejected):,}",
        count(len(find_duplicates(rows.read).groups), "string"),
    )  # fmt: skip
    job = Job(
        data=data, test_file=None if test is None else Path(test).name, rows=rows, scores=keys, start=start,
        n_models=n_models, run=run, arguments=arguments, duplicates=duplicates,
        baselines=baselines, resume=resume, log=log, device=device, command=command,
        reading_seconds=time.monotonic() - began,
    )  # fmt: skip
    if not names:
        return run_once(job, folder, splits[0])
    named = dict(zip(names, splits, strict=True))
    return run_several(job, named, replicates=replicates, folds=folds)
