"""From a table of strings and measured values to a model, its scores beside the baselines, and a report."""

from __future__ import annotations

import dataclasses
import logging
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from catenane.baselines import fit_predict_baselines
from catenane.config import Recipe, Task
from catenane.data import Split, Table, make_split, read_table, write_rejected
from catenane.data.duplicates import (
    Aggregation,
    Duplicates,
    aggregate,
    find_duplicates,
    hold_out,
    noise_floor,
)
from catenane.data.splits import column_of, reject_untimed, split_shares
from catenane.descriptors import describe, fragments
from catenane.errors import UsageError
from catenane.files import write_json
from catenane.inference import Model, interval_metrics
from catenane.metrics import score
from catenane.models.bundle import Bundle, save_bundle
from catenane.notation import groups, heed_interrupts
from catenane.reporting import FinetuneResult, chemistry_groups, write_report
from catenane.train.fit import fit_property_model, infer_task
from catenane.train.folder import RunFolder, bundle_files, source_files
from catenane.train.logs import LogFormat
from catenane.train.start import choose_start
from catenane.version import __version__

__all__ = ["finetune"]

logger = logging.getLogger(__name__)
FILES = ("rejected.csv", "predictions.csv", "report.html")
PARTS = ("train", "valid", "test")


def finetune(
    data: str | Path,
    *,
    target: str | Sequence[str],
    model: str | Path | None = None,
    out: str | Path | None = None,
    recipe: str | Path | Recipe | None = None,
    settings: Mapping[str, Any] | None = None,
    column: str | None = None,
    split: str = "random",
    sizes: Sequence[float] | None = None,
    test: str | Path | None = None,
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
    command: str | None = None,
) -> FinetuneResult:
    """Train a property model on a table and report on it.

    Args:
        data: CSV, TSV, Parquet or SMI file, "-", or the name of a registered data set.
        target: Column of labels, or several; numbers, empty where not measured; 0 and 1 for classes.
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
            frozen encoder, for which no row has to choose an epoch. With `test`, of the first two alone.
        test: A table like `data` whose rows are the test rows. Rows of `data` with a string of these are
            rejected, unless `duplicates` is "keep".
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
        data_dir: Local copies of the registered data sets; the environment's `CATENANE_DATA` by default.
        command: How this was called, for the report.

    Raises:
        DataError: The table cannot be read or has no usable row.
        UsageError: Settings contradict the data or each other.
        BundleError: `model` cannot be read.
    """
    began = time.monotonic()
    heed_interrupts()
    targets = (target,) if isinstance(target, str) else tuple(target)
    folder = Path(out) if out is not None else Path("runs") / f"finetune-{_stem(data)}"
    shares = None if sizes is None else (*split_shares(sizes, 3 if test is None else 2), 0.0)[:3]
    split_by = column_of(split)
    if sizes is not None and split.startswith("column:"):
        raise UsageError(f"the shares of the parts are those of the column {split_by!r}: leave sizes out")
    options: dict[str, Any] = {
        "targets": targets, "string_column": column, "on_error": on_error, "data_dir": data_dir,
        "features": (groups, describe, fragments),
    }  # fmt: skip
    read = read_table(data, columns=(split_by,) if split_by else (), **options)
    if split.startswith("time:") and split_by:
        read = reject_untimed(read, split_by)
    tested = None if test is None else read_table(test, notation=read.notation, **options)
    start = choose_start(read.notation, targets, model, recipe, settings or {})
    arguments = {
        "verb": "finetune", "targets": targets, "recipe": asdict(start.recipe), "column": column,
        "split": split, "sizes": shares, "task": task, "duplicates": duplicates, "seed": seed,
    }  # fmt: skip
    inputs = {
        "the data": source_files([data], data_dir),
        "the test rows": [] if test is None else source_files([test], data_dir),
        "the model": [] if start.model is None else bundle_files(start.model),
    }
    run = RunFolder(folder, arguments, inputs, FILES, resume=resume, overwrite=overwrite)
    every = read if tested is None else hold_out(read, tested, keep=True)[0]
    task = infer_task(every, task)
    table, test_rows = _settle(aggregate(read, duplicates), task), None
    if tested is not None:
        tested = _settle(aggregate(tested, duplicates), task)
        table, test_rows = hold_out(table, tested, keep=duplicates == "keep")
    usual = (0.9, 0.0, 0.1) if start.frozen else (0.8, 0.1, 0.1)
    parts = make_split(table, split, seed=seed, fractions=shares or usual, test=test_rows)
    run.open()
    write_rejected(folder / "rejected.csv", table.rejected)
    found = find_duplicates(every)
    logger.info(
        "%s: %s rows, %s rejected, %s strings repeated; %s split: %s train, %s validation, %s test",
        _stem(data), f"{len(table):,}", f"{len(table.rejected):,}", f"{len(found.groups):,}",
        parts.method, f"{len(parts.train):,}", f"{len(parts.valid):,}", f"{len(parts.test):,}",
    )  # fmt: skip

    fitted = fit_property_model(
        table, parts, start.recipe, task=task, parent=start.parent, seed=seed, folder=folder,
        settings=arguments, resume=resume, log=log, device=device,
    )  # fmt: skip
    trained = Model(fitted.bundle, device=device)
    predictions = trained.predict_normalised(
        table.strings, fitted.descriptors, pooled_ND=fitted.pooled_ND
    ).values
    groupings = chemistry_groups(table, parts)
    metrics: dict[str, Any] = {
        "targets": _scores(table, parts, predictions, task),
        "task": task,
        **_describe_data(every, found, table, parts, duplicates, test),
        "seed": seed,
        "intervals": interval_metrics(
            trained, table, parts.test, descriptors=fitted.descriptors, pooled_ND=fitted.pooled_ND,
            groups={grouping.title: grouping.take(parts.test).row_names.tolist() for grouping in groupings},
        ),
        "recipe": start.recipe.name,
        "pretrained_from": start.parent.card.get("name", str(start.model)) if start.parent else None,
        "tokenization": asdict(fitted.tokenization),
        "n_parameters": sum(parameter.numel() for parameter in fitted.bundle.model.parameters()),
        **fitted.progress.figures(),
        "versions": {
            "catenane": __version__, "torch": torch.__version__, "python": platform.python_version()
        },
    }  # fmt: skip
    # Predictions for a few test strings, by which a copy of the model can be checked elsewhere.
    examples = {
        table.strings[row]: [float(f"{value:.6g}") for value in predictions[row]] for row in parts.test[:3]
    }
    # A baseline that fails or is killed must not take the trained model with it.
    bundle = _save_bundle(run, fitted.bundle, data, metrics, examples)
    _write_predictions(folder / "predictions.csv", table, parts, predictions)
    rivals: dict[str, np.ndarray] = {}
    if baselines:
        rivals = _fit_baselines(table, parts, task, seed, metrics)
        bundle = _save_bundle(run, fitted.bundle, data, metrics, examples)
    metrics["seconds"] = round(fitted.progress.earlier_seconds + time.monotonic() - began, 1)
    write_json(folder / "metrics.json", metrics)
    result = FinetuneResult(
        folder=folder, table=table, split=parts, task=task, predictions=predictions, baselines=rivals,
        history=fitted.progress.history, groupings=groupings, metrics=metrics, model_name=bundle.card["name"],
        command=command,
    )  # fmt: skip
    write_report(folder / "report.html", result)
    return result


def _stem(data: str | Path) -> str:
    return "stdin" if str(data) == "-" else Path(data).name.split(".")[0]


def _settle(table: Table, task: Task) -> Table:
    """The class that most of the repeated strings carry; where both are as frequent, the row is rejected."""
    if task == "regression":
        return table
    majority_NT = np.where(table.targets == 0.5, np.nan, np.round(table.targets))
    reason = "the same string occurs with both classes equally often"
    settled = dataclasses.replace(table, targets=majority_NT)
    return settled.reject(np.all(np.isnan(majority_NT), axis=1), table.string_column, reason)


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values with None for NaN, as JSON has it."""
    return {key: None if value != value else value for key, value in values.items()}


def _describe_data(
    read: Table,
    found: Duplicates,
    table: Table,
    parts: Split,
    handling: Aggregation,
    test: str | Path | None,
) -> dict[str, Any]:
    """Figures of the rows as they were read, and of those that were used."""
    return {
        "split": {
            "method": parts.method, "seed": parts.seed, "train": len(parts.train), "valid": len(parts.valid),
            "test": len(parts.test), "n_groups": parts.n_groups,
            "test_file": None if test is None else Path(test).name,
        },
        "noise_floor": {name: _finite(floor) for name, floor in noise_floor(read).items()},
        "duplicates": {
            "strings": len(found.groups), "rows": found.n_rows, "conflicting": int(found.conflicting.sum()),
            "handling": handling,
        },
        "rejected": len(table.rejected),
    }  # fmt: skip


def _scores(table: Table, parts: Split, predictions: np.ndarray, task: Task) -> dict[str, dict[str, Any]]:
    """Scores of every target on each part, with a place for those of the baselines."""
    names = table.target_names
    entries: dict[str, dict[str, Any]] = {name: {"unit": table.units.get(name, "")} for name in names}
    for part in PARTS:
        rows = getattr(parts, part)
        for name, scores in score(table.targets[rows], predictions[rows], task, names).items():
            entries[name][part] = scores
    return {name: entry | {"baselines": {}} for name, entry in entries.items()}


def _fit_baselines(
    table: Table, parts: Split, task: Task, seed: int, metrics: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Predictions of the baselines for the test rows; their scores and failures join the metrics."""
    logger.info("fitting the baselines on the same split")
    failed: dict[str, str] = {}
    labels = table.targets[parts.test]
    train, test = ([table.records[row] for row in rows] for rows in (parts.train, parts.test))
    rivals = fit_predict_baselines(
        train, table.targets[parts.train], test, notation=table.notation, task=task, seed=seed,
        on_failure=failed.__setitem__,
    )  # fmt: skip
    for rival, reason in failed.items():
        logger.warning("baseline %s failed and is left out: %s", rival, reason)
    for rival, predictions in rivals.items():
        for name, scores in score(labels, predictions, task, table.target_names).items():
            metrics["targets"][name]["baselines"][rival] = scores
    metrics["failed_baselines"] = failed
    return rivals


def _save_bundle(
    run: RunFolder,
    bundle: Bundle,
    data: str | Path,
    metrics: Mapping[str, Any],
    examples: dict[str, list[float]],
) -> Bundle:
    """Write the model with a card of these figures."""
    targets, split = metrics["targets"], metrics["split"]
    card = {
        "name": f"{_stem(data)}: {', '.join(targets)}",
        "description": f"Predicts {', '.join(targets)} from a string.",
        "data": Path(str(data)).name,
        "targets": targets,
        "training": {
            "split": f"{split['method']}, {split['train']} / {split['valid']} / {split['test']} rows",
            "pretrained_from": metrics["pretrained_from"] or "nothing",
            **{key: metrics[key] for key in ("seed", "epochs", "best_epoch", "training_seconds")},
        },
        "noise_floor": metrics["noise_floor"],
        "examples": examples,
    }
    bundle = dataclasses.replace(bundle, card=card)
    save_bundle(run.path / "bundle", bundle)
    run.add("bundle")
    return bundle


def _write_predictions(path: Path, table: Table, parts: Split, predictions: np.ndarray) -> None:
    """Write every row in file order: its part, its labels, and the predictions."""
    import pandas as pd

    part = np.full(len(table), "", dtype=object)
    for name in PARTS:
        part[getattr(parts, name)] = name
    columns: dict[str, Any] = {"row": table.rows, "string": table.strings, "split": part}
    for index, name in enumerate(table.target_names):
        columns[name] = table.targets[:, index]
        columns[f"{name}_predicted"] = predictions[:, index]
    pd.DataFrame(columns).to_csv(path, index=False, float_format="%.6g")
