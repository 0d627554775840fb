"""Settings of a recipe chosen by trials on validation rows; test rows are set aside before anything else.

The first trial is the recipe as it is; see `catenane.train.space` for the others.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from catenane.config import Recipe, Task
from catenane.data import Split, Table, make_folds, make_split, write_rejected
from catenane.data.duplicates import Aggregation
from catenane.data.row_groups import column_of
from catenane.descriptors import Descriptors
from catenane.errors import DataError, TrainingError
from catenane.files import csv_writer, replaced, write_json
from catenane.inference import Model
from catenane.metrics import score
from catenane.progress import shows_progress
from catenane.train.fit import ROWS_PER_LANDMARK, check_bounds, fit_property_model
from catenane.train.folder import RunFolder
from catenane.train.preparing import data_stem, prepare
from catenane.train.space import Trial, import_optuna, load_space, propose
from catenane.train.start import Start

__all__ = ["ERRORS", "TuningResult", "tune"]

logger = logging.getLogger(__name__)
FILES = ("rejected.csv", "trials.json", "trials.csv", "recipe.toml")
ERRORS: dict[Task, str] = {
    "regression": "MAE / standard deviation of the labels", "classification": "1 − ROC AUC",
    "multiclass": "1 − ROC AUC",
}  # fmt: skip
"""What a trial is judged by, the mean over targets and folds."""


@dataclass(frozen=True, kw_only=True)
class TuningResult:
    """What `tune` leaves behind."""

    folder: Path
    """Holds `recipe.toml` and the trials."""
    recipe: Recipe
    """The best one."""
    task: Task
    trials: list[Trial]
    """In order."""
    best: int
    """Place of the best trial."""
    start: Start
    """What they started from."""


@shows_progress
def tune(
    data: str | Path,
    *,
    target: str | Sequence[str],
    features: str | Sequence[str] = (),
    weights: str | None = None,
    trials: int = 20,
    space: str | Path | None = None,
    folds: int = 3,
    model: str | Path | None = None,
    out: str | Path | None = None,
    recipe: str | Path | Recipe | None = None,
    settings: Mapping[str, Any] | None = None,
    column: str | Sequence[str] | None = None,
    split: str = "random",
    sizes: Sequence[float] | None = None,
    test: str | Path | None = None,
    task: Task | None = None,
    duplicates: Aggregation = "mean",
    seed: int = 0,
    on_error: Literal["skip", "raise"] = "skip",
    resume: bool = False,
    overwrite: bool = False,
    device: str | None = None,
    data_dir: str | Path | None = None,
    verbose: bool | None = None,
) -> TuningResult:
    """Choose settings of a recipe by their errors on validation rows.

    The test rows are those that `finetune` would have with the same split, sizes, test and seed; they take no
    part. The others are cross-validated; where the split is by times or a column of parts, its own
    validation rows are predicted.

    Args:
        data: CSV, TSV, Parquet or SMI file, "-", or the name of a registered data set.
        target: Column of labels, or several.
        features: Columns of numbers that the model reads beside the string.
        weights: Column of the weights that rows have in training.
        trials: Settings that are tried, the recipe as it is included.
        space: TOML file of settings and their values, as those in `catenane/recipes/spaces`; what `settings`
            sets is not tried.
        folds: Of the rows that are no test rows.
        model: As for `finetune`, as are the arguments that follow.
        out: Folder of the run, `runs/tune-DATA` by default. It gets `recipe.toml`, the best one, and the
            trials in `trials.csv` and `trials.json`.
        recipe: What is tuned.
        settings: Changes to it.
        column: Column of the strings.
        split: By which test rows are set aside and the others divided.
        sizes: Of training, validation and test rows.
        test: A table of test rows, whose strings take no part.
        task: Of the labels.
        duplicates: What becomes of rows that share a string.
        seed: Of the split, the draws and every training.
        on_error: What becomes of rows that cannot be used.
        resume: Go on with trials that are not done; there may be more than before.
        overwrite: Delete an earlier run in `out`.
        device: "cpu", "cuda", ...
        data_dir: Local copies of data sets.
        verbose: Show progress on stderr.

    Raises:
        MissingDependencyError: Optuna is not installed.
        ConfigError: The space names what is no setting, or a value that is not allowed.
        DataError: No trial could be scored.
    """
    import_optuna()
    ready = prepare(
        "tune", data, target, features=features, out=out, model=model, recipe=recipe, settings=settings,
        seed=seed, folds=folds, data_dir=data_dir, weights=weights, column=column, split=split, sizes=sizes,
        test=test, task=task, duplicates=duplicates, on_error=on_error,
    )  # fmt: skip
    folder, rows, start = ready.folder, ready.rows, ready.start
    few_rows = (
        rows.table.bounds is None
        and len(rows.table) <= ROWS_PER_LANDMARK[rows.task] * start.recipe.head.landmarks
    )
    choices = load_space(space, start, settings or {}, few_rows=few_rows)
    shares = rows.shares or start.usual_shares
    parts = make_split(rows.table, split, seed=seed, fractions=shares, test=rows.test)
    if not len(parts.test):
        logger.warning("there are no test rows: the chosen settings cannot be tested on this table")
    known = np.sort(np.concatenate([parts.train, parts.valid]))
    table = rows.table.take(known)
    parts = dataclasses.replace(
        parts, train=np.searchsorted(known, parts.train), valid=np.searchsorted(known, parts.valid)
    )
    splits = _validation_splits(table, parts, shares, folds, frozen=start.frozen)
    for each in splits:
        check_bounds(start.recipe, table, each)
    run = RunFolder(
        folder, ready.arguments | {"space": choices}, ready.inputs, FILES, resume=resume, overwrite=overwrite
    )
    run.open()
    write_rejected(folder / "rejected.csv", rows.table.rejected)
    judge = _Judge(table, splits, start, rows.task, seed, device)
    done = _read_trials(folder / "trials.json") if resume else []
    while len(done) < trials:
        way, changes = propose(choices, done, seed) if done else ("", {})
        done.append({"way": way, "settings": changes, **judge(changes)})
        outcome = done[-1]["failure"] or f"error {done[-1]['error']:.4f}"
        logger.info("trial %d of %d: %s", len(done), trials, outcome)
        write_json(folder / "trials.json", {"error": ERRORS[rows.task], "trials": done})
    scored = [place for place, trial in enumerate(done) if trial["error"] is not None]
    if not scored:
        raise DataError(f"no trial could be scored; the first failed: {done[0]['failure']}")
    best = min(scored, key=lambda place: done[place]["error"])
    chosen = dataclasses.replace(
        start.recipe.with_settings(done[best]["settings"]), name="recipe",
        description=f"{start.recipe.name}, tuned on {data_stem(data)}: the best of {len(done)} trials.",
    )  # fmt: skip
    _write_trials(folder / "trials.csv", done)
    with replaced(folder / "recipe.toml") as fresh:
        fresh.write_text(chosen.to_toml(), encoding="utf-8")
    return TuningResult(folder=folder, recipe=chosen, task=rows.task, trials=done, best=best, start=start)


class _Judge:
    """Errors of settings on the validation rows of every split; arguments as of `fit_property_model`."""

    def __init__(
        self, table: Table, splits: Sequence[Split], start: Start, task: Task, seed: int, device: str | None
    ) -> None:
        self._table, self._splits, self._start, self._task = table, splits, start, task
        self._seed, self._device = seed, device
        self._deviation_T = np.nanstd(table.exact, axis=0)
        self._pooled: dict[str, np.ndarray | None] = {}

    def __call__(self, changes: Mapping[str, Any]) -> Trial:
        began, failure = time.monotonic(), ""
        errors: list[float] = []
        try:
            recipe = self._start.recipe.with_settings(changes)
            errors = [self._error(recipe, parts) for parts in self._splits]
        except TrainingError as error:
            failure = str(error)
        return {
            "errors": errors, "error": None if failure else statistics.fmean(errors), "failure": failure,
            "seconds": round(time.monotonic() - began, 1),
        }  # fmt: skip

    def _error(self, recipe: Recipe, parts: Split) -> float:
        table, pooling = self._table, recipe.head.pooling
        fitted = fit_property_model(
            table, parts, recipe, task=self._task, parent=self._start.parent, seed=self._seed,
            device=self._device, pooled_ND=self._pooled.get(pooling),
        )  # fmt: skip
        pooled_ND, described = fitted.pooled_ND, fitted.descriptors
        self._pooled[pooling] = pooled_ND
        rows = parts.test
        found = Model(fitted.bundle, device=self._device).predict_normalised(
            [table.records[row] for row in rows],
            None if described is None else Descriptors(described.values[rows], described.names),
            pooled_ND=None if pooled_ND is None else pooled_ND[rows],
        )
        known = score(table.exact[rows], found.values, self._task, table.target_names, sizes=table.sizes)
        scores = known.values()
        if self._task == "regression":
            errors = [each["mae"] for each in scores]
            scaled = [
                error / (deviation or 1.0)
                for error, deviation in zip(errors, self._deviation_T.tolist(), strict=True)
                if error is not None
            ]
        else:
            scaled = [1 - each["roc_auc"] for each in scores if each["roc_auc"] is not None]
        if not scaled:
            raise DataError("the validation rows hold no label, or but one class: take fewer folds")
        return statistics.fmean(scaled)


def _validation_splits(
    table: Table, parts: Split, shares: Sequence[float], n_folds: int, *, frozen: bool
) -> list[Split]:
    """Parts of the rows that are no test rows; what is called test there is what a trial is judged by."""
    method, seed = parts.method, parts.seed
    if not column_of(method):
        tested = make_folds(table, method, n_folds, seed=seed)
        return [make_split(table, method, seed=seed, fractions=shares, test=fold) for fold in tested]
    if not method.startswith("column:"):
        parts = make_split(table, method, seed=seed, fractions=(1 - 1 / n_folds, 1 / n_folds, 0))
    if not len(parts.valid):
        raise DataError(f"{table.source}: the split {method!r} has no validation rows to tune on")
    return [dataclasses.replace(parts, valid=parts.valid[: 0 if frozen else None], test=parts.valid)]


def _read_trials(path: Path) -> list[Trial]:
    """Those that are done, none where there is no such file."""
    if not path.is_file():
        return []
    trials: list[Trial] = json.loads(path.read_text(encoding="utf-8"))["trials"]
    return trials


def _write_trials(path: Path, trials: Sequence[Trial]) -> None:
    names = list(dict.fromkeys(name for trial in trials for name in trial["settings"]))
    with replaced(path) as fresh, fresh.open("w", newline="", encoding="utf-8") as file:
        write = csv_writer(file)
        write(["trial", "way", *names, "error", "failure", "seconds"])
        for number, trial in enumerate(trials, start=1):
            values = [trial["settings"].get(name, "") for name in names]
            write([number, trial["way"], *values, trial["error"], trial["failure"], trial["seconds"]])
