"""One run of fine-tuning: from a table and its split to a model, its scores, and a report."""

from __future__ import annotations

import dataclasses
import logging
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from catenane.baselines import fit_predict_baselines
from catenane.config import Task
from catenane.data import Split, Table
from catenane.data.duplicates import Aggregation, find_duplicates, noise_floor
from catenane.files import write_json
from catenane.inference import Ensemble, Model, interval_metrics
from catenane.inference.rows import split
from catenane.metrics import score, split_columns
from catenane.models.bundle import Bundle, class_columns, save_bundle
from catenane.models.folder import write_ensemble
from catenane.reporting import FinetuneResult, chemistry_groups, write_report
from catenane.train.fit import fit_property_model
from catenane.train.folder import RunFolder
from catenane.train.logs import LogFormat
from catenane.train.loop import seed_of
from catenane.train.preparing import data_stem
from catenane.train.rows import Rows
from catenane.train.start import Start
from catenane.version import __version__

__all__ = ["FILES", "Job", "member_names", "run_once"]

logger = logging.getLogger(__name__)
FILES = ("predictions.csv", "report.html")
"""What a run writes beside `catenane.train.folder.FILES`."""
PARTS = ("train", "valid", "test")
SIGNS = {-1: "<", 0: "", 1: ">"}


@dataclass(kw_only=True)
class Job:
    """What all runs of one call have in common."""

    data: str | Path
    test_file: str | None
    """Name of the file of the test rows, if they have one."""
    rows: Rows
    scores: tuple[str, ...]
    """Keys of the scores, the main one first."""
    start: Start
    n_models: int = 1
    """Whole models that are trained from different seeds in each run."""
    run: RunFolder
    arguments: Mapping[str, Any]
    """What a run is resumed with alone."""
    duplicates: Aggregation
    baselines: bool
    resume: bool
    log: LogFormat
    device: str | None
    command: str | None
    reading_seconds: float = 0.0
    """That the table took."""
    pooled_ND: np.ndarray | None = None
    """Vectors of the strings by a frozen encoder, once a run has made them."""

    @property
    def name(self) -> str:
        """Data and targets."""
        return f"{data_stem(self.data)}: {', '.join(self.rows.table.target_names)}"


def member_names(n_models: int) -> list[str]:
    """Folders of the members of a run, which has none if it trains a single model."""
    return [f"member-{place}" for place in range(1, n_models + 1)] if n_models > 1 else []


def run_once(job: Job, folder: Path, parts: Split) -> FinetuneResult:
    """Train and report on these parts of the table, in a folder of the run; see `finetune`."""
    began = time.monotonic()
    table, task, seed, parent = job.rows.table, job.rows.task, parts.seed, job.start.parent
    folder.mkdir(exist_ok=True)
    logger.info(
        "%s: %s split: %s train, %s validation, %s test",
        folder, parts.method, f"{len(parts.train):,}", f"{len(parts.valid):,}", f"{len(parts.test):,}",
    )  # fmt: skip
    members = member_names(job.n_models)
    fits = []
    for place, name in enumerate(members or [""]):
        (folder / name).mkdir(exist_ok=True)
        own_seed = seed_of(seed, place) if place else seed
        fits.append(
            fit_property_model(
                table, parts, job.start.recipe, task=task, parent=parent, seed=own_seed, folder=folder / name,
                settings={**job.arguments, "seed": own_seed}, resume=job.resume, log=job.log,
                device=job.device, pooled_ND=job.pooled_ND, target_weights=job.arguments["target_weights"],
                best_by=job.scores[0] if job.arguments["metrics"] else None,
            )
        )  # fmt: skip
    fitted = fits[0]
    job.pooled_ND = fitted.pooled_ND
    models = [Model(each.bundle, device=job.device) for each in fits]
    trained = Ensemble(models) if members else models[0]
    predictions = trained.predict_normalised(
        table.records, fitted.descriptors, pooled_ND=fitted.pooled_ND
    ).values
    groupings = chemistry_groups(table, parts)
    metrics: dict[str, Any] = {
        "targets": _scores(table, parts, predictions, task, job.scores, fitted.bundle.card["targets"]),
        "task": task, "scores": job.scores,
        **_describe_data(job, parts),
        "seed": seed,
        "intervals": interval_metrics(
            trained, table, parts.test, descriptors=fitted.descriptors, pooled_ND=fitted.pooled_ND,
            groups={grouping.title: grouping.take(parts.test).row_names.tolist() for grouping in groupings},
        ),
        "recipe": job.start.recipe.name,
        "pretrained_from": None if parent is None else parent.card.get("name", str(job.start.model)),
        "tokenization": asdict(fitted.tokenization),
        "n_parameters": sum(p.numel() for each in fits for p in each.bundle.model.parameters()),
        **fitted.progress.figures(),
        **({"members": [each.progress.figures() for each in fits]} if members else {}),
        "versions": {
            "catenane": __version__, "torch": torch.__version__, "python": platform.python_version()
        },
    }  # fmt: skip
    # Predictions for a few test strings, by which a copy of the model can be checked elsewhere.
    examples = {
        table.strings[row]: [float(f"{value:.6g}") for value in predictions[row]]
        for row in parts.test[: 0 if table.features else 3]
    }
    # A baseline that fails or is killed must not take the trained model with it.
    bundles = [each.bundle for each in fits]
    _save_bundles(job, folder, bundles, metrics, examples)
    _write_predictions(folder / "predictions.csv", table, parts, predictions)
    rivals: dict[str, np.ndarray] = {}
    if job.baselines:
        rivals = _fit_baselines(table, parts, task, seed, metrics)
        _save_bundles(job, folder, bundles, metrics, examples)
    metrics["seconds"] = round(
        job.reading_seconds + sum(each.progress.earlier_seconds for each in fits) + time.monotonic() - began,
        1,
    )
    result = FinetuneResult(
        folder=folder, table=table, split=parts, task=task, predictions=predictions, baselines=rivals,
        history=fitted.progress.history, groupings=groupings, metrics=metrics, model_name=job.name,
        command=job.command,
    )  # fmt: skip
    write_report(folder / "report.html", result)
    # Last of all: a run that has it is finished.
    write_json(folder / "metrics.json", metrics)
    return result


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values with None for NaN, as JSON has it."""
    return {key: None if value != value else value for key, value in values.items()}


def _describe_data(job: Job, parts: Split) -> dict[str, Any]:
    """Figures of the rows as they were read, and of those that were used."""
    found = find_duplicates(job.rows.read)
    return {
        "split": {
            "method": parts.method, "seed": parts.seed, "train": len(parts.train), "valid": len(parts.valid),
            "test": len(parts.test), "n_groups": parts.n_groups, "test_file": job.test_file,
        },
        "noise_floor": {name: _finite(floor) for name, floor in noise_floor(job.rows.read).items()},
        "duplicates": {
            "strings": len(found.groups), "rows": found.n_rows, "conflicting": int(found.conflicting.sum()),
            "handling": job.duplicates,
        },
        "rejected": len(job.rows.table.rejected),
        "bounds": _bounds(job.rows.table, parts),
        "features": list(job.rows.table.features), "weights": job.arguments["weights"],
    }  # fmt: skip


def _bounds(table: Table, parts: Split) -> dict[str, dict[str, int]]:
    """How many labels of each target are bounds, by part; those of baselines are learnt as numbers."""
    if table.bounds is None:
        return {}
    counts = {part: np.count_nonzero(table.bounds[getattr(parts, part)], axis=0) for part in PARTS}
    names = enumerate(table.target_names)
    return {name: {part: int(of_part[t]) for part, of_part in counts.items()} for t, name in names}


def _scores(
    table: Table, parts: Split, predictions: np.ndarray, task: Task, keys: Sequence[str],
    known: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """What is known of every target and its scores on each part, with a place for those of the baselines."""
    names = table.target_names
    entries: dict[str, dict[str, Any]] = {
        name: {"unit": table.units.get(name, ""), **known[name]} for name in names
    }
    for part in PARTS:
        rows = getattr(parts, part)
        found = score(table.exact[rows], predictions[rows], task, names, keys, table.sizes)
        for name, scores in found.items():
            entries[name][part] = scores
    return {name: entry | {"baselines": {}} for name, entry in entries.items()}


def _fit_baselines(
    table: Table, parts: Split, task: Task, seed: int, metrics: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Predictions of the baselines for the test rows; their scores and failures join the metrics."""
    logger.info("fitting the baselines on the same split")
    failed: dict[str, str] = {}
    labels = table.exact[parts.test]
    train, test = ([table.records[row] for row in rows] for rows in (parts.train, parts.test))
    rivals = fit_predict_baselines(
        train, table.targets[parts.train], test, notation=table.notation, task=task, seed=seed,
        features=(table.feature_matrix[parts.train], table.feature_matrix[parts.test]),
        weights=None if table.weights is None else table.weights[parts.train],
        sizes=table.sizes,
        on_failure=failed.__setitem__,
    )  # fmt: skip
    for rival, reason in failed.items():
        logger.warning("baseline %s failed and is left out: %s", rival, reason)
    for rival, predictions in rivals.items():
        found = score(labels, predictions, task, table.target_names, metrics["scores"], table.sizes)
        for name, scores in found.items():
            metrics["targets"][name]["baselines"][rival] = scores
    metrics["failed_baselines"] = failed
    return rivals


def _save_bundles(
    job: Job,
    folder: Path,
    bundles: Sequence[Bundle],
    metrics: Mapping[str, Any],
    examples: dict[str, list[float]],
) -> None:
    """Write the model, or each of several, with a card of these figures, which are those of their mean."""
    targets, split = metrics["targets"], metrics["split"]
    card = {
        "name": job.name,
        "description": f"Predicts {', '.join(targets)} from a string.",
        "data": Path(str(job.data)).name,
        "targets": targets,
        "training": {
            "split": f"{split['method']}, {split['train']} / {split['valid']} / {split['test']} rows",
            "pretrained_from": metrics["pretrained_from"] or "nothing",
            **{key: metrics[key] for key in ("seed", "epochs", "best_epoch", "training_seconds")},
        },
        "noise_floor": metrics["noise_floor"],
    }
    names = member_names(len(bundles))
    for place, bundle in enumerate(bundles):
        own: dict[str, Any] = {"examples": examples}
        if names:
            own = {
                "name": f"{job.name}, {names[place]}",
                "description": f"One of {len(bundles)} models; the scores are those of their mean.",
                "training": card["training"] | metrics["members"][place],
            }
        path = folder / (names[place] if names else "") / "bundle"
        save_bundle(path, dataclasses.replace(bundle, card=card | own))
        job.run.add(path)
    if names:
        write_ensemble(folder, names)


def _write_predictions(path: Path, table: Table, parts: Split, predictions: np.ndarray) -> None:
    """Write every row in file order: its part, its labels, and the predictions."""
    import pandas as pd

    part = np.full(len(table), "", dtype=object)
    for name in PARTS:
        part[getattr(parts, name)] = name
    columns: dict[str, Any] = {
        "row": table.rows, **split(table.strings, table.string_columns), "split": part
    }  # fmt: skip
    predicted = split_columns(predictions, table.sizes)
    for index, name in enumerate(table.target_names):
        labels, found = table.targets[:, index], predicted[index]
        if name in table.classes:
            names = np.array([*table.classes[name], ""], dtype=object)
            columns[name] = names[np.where(np.isnan(labels), -1, labels).astype(np.int64)]
            columns[f"{name}_predicted"] = names[found.argmax(axis=1)]
            ((*named,),) = class_columns([name], [table.classes[name]])
            columns |= dict(zip(named, found.T, strict=True))
        else:
            columns[name], columns[f"{name}_predicted"] = labels, found
            if table.bounds is not None:
                pairs = zip(table.bounds[:, index], labels, strict=True)
                columns[name] = [f"{SIGNS[int(side)]}{x:.6g}" if x == x else "" for side, x in pairs]
    pd.DataFrame(columns).to_csv(path, index=False, float_format="%.6g")
