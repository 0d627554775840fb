"""What several runs of one fine-tuning found: mean and standard deviation, model beside every baseline."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catenane.formatting import MISSING, count, number, with_unit
from catenane.metrics import IN_LABEL_UNITS, SCORES, is_error
from catenane.reporting.pages import Grid, write_page
from catenane.reporting.result import MODEL

__all__ = ["ReplicatesResult", "run_grid", "spread_grids", "summarise", "write_replicates_report"]

Scores = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ReplicatesResult:
    """Several finished runs of one fine-tuning."""

    metrics: dict[str, Any]
    """The content of `metrics.json`: for every target, `test` of the model and of each of the `baselines`, a
    `mean`, a `std` and the `values` of every score; `over`, what they spread over; and the `runs` by name."""
    folder: Path
    """Holds a folder for each run."""


def summarise(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Mean and sample standard deviation of every test score over runs, given the metrics of each.

    A score that a run lacks, such as that of a baseline that could not be fitted, is None among the values.
    """
    every = list(runs.values())
    task, keys = every[0]["task"], list(every[0]["scores"])
    targets: dict[str, Any] = {}
    for name, entry in every[0]["targets"].items():
        tested = [run["targets"][name]["test"] for run in every]
        rivals = dict.fromkeys(rival for run in every for rival in run["targets"][name]["baselines"])
        targets[name] = {
            "unit": entry["unit"],
            "test": _spread(tested, keys),
            "baselines": {
                rival: _spread([run["targets"][name]["baselines"].get(rival, {}) for run in every], keys)
                for rival in rivals
            },
        }
    return {"task": task, "scores": keys, "targets": targets}


def _spread(scores: Sequence[Scores], keys: Sequence[str]) -> dict[str, Any]:
    found = {}
    for key in keys:
        values = [each.get(key) for each in scores]
        known = [value for value in values if value is not None]
        found[key] = {
            "mean": statistics.fmean(known) if known else None,
            "std": statistics.stdev(known) if len(known) > 1 else None,
            "values": values,
        }
    return found


def spread_grids(metrics: Mapping[str, Any]) -> dict[str, Grid]:
    """For every target, by a title that says what the spread is over: model and baselines, the best first."""
    names, (main, *_) = SCORES[metrics["task"]], metrics["scores"]
    worst = 1 if is_error(main) else -1
    grids = {}
    for target, entry in metrics["targets"].items():
        tested: dict[str, Scores] = {MODEL: entry["test"], **entry["baselines"]}
        means = {who: scores[main]["mean"] for who, scores in tested.items()}
        ranked = sorted(tested, key=lambda who: (means[who] is None, worst * (means[who] or 0), who != MODEL))
        errors = (
            [scores["mae"]["mean"] for scores in tested.values()] if "mae" in metrics["scores"] else [0.5]
        )
        like = min((mean for mean in errors if mean), default=None)
        likes = dict.fromkeys(IN_LABEL_UNITS, like) | {"mse": None if like is None else like**2}
        wins = _wins({who: scores[main]["values"] for who, scores in tested.items()}, worst)
        rows = []
        for who in ranked:
            scores = tested[who]
            cells = [_cell(scores[key], likes.get(key, 0.5)) for key in metrics["scores"]]
            fitted = sum(value is not None for value in scores[main]["values"])
            rows.append([who, *cells, f"{wins[who]:,}", f"{fitted:,}"])
        heads = [
            with_unit(names[key], entry["unit"] if key in IN_LABEL_UNITS else None)
            for key in metrics["scores"]
        ]
        columns = {"predictor": "name", **dict.fromkeys([*heads, "best in", "runs"], "number")}
        marks = [("model " if who == MODEL else "") + ("best" if who == ranked[0] else "") for who in ranked]
        grids[f"{target}: mean ± standard deviation over {metrics['over']}"] = Grid(columns, rows, marks)
    return grids


def _wins(values: Mapping[str, Sequence[float | None]], worst: int) -> dict[str, int]:
    """In how many runs each predictor has the best score."""
    won = dict.fromkeys(values, 0)
    for scores in zip(*values.values(), strict=True):
        known = {who: worst * score for who, score in zip(values, scores, strict=True) if score is not None}
        if known:
            won[min(known, key=known.__getitem__)] += 1
    return won


def _cell(spread: Mapping[str, Any], like: float | None) -> str:
    if spread["std"] is None:
        return number(spread["mean"], like)
    return f"{number(spread['mean'], like)} ± {number(spread['std'], like)}"


def run_grid(metrics: Mapping[str, Any]) -> Grid:
    """A row a run: its seed and rows, and the main score of each target."""
    key = metrics["scores"][0]
    head = SCORES[metrics["task"]][key]
    columns = {"run": "name", "seed": "number", "training, validation, test rows": "number"}
    columns |= dict.fromkeys((f"{head}, {target}" for target in metrics["targets"]), "number")
    rows = []
    for name, run in metrics["runs"].items():
        split = run["split"]
        scores = [number(run["targets"][target]["test"][key]) for target in metrics["targets"]]
        sizes = ", ".join(count(split[part]) for part in ("train", "valid", "test"))
        rows.append([name, str(run["seed"]), sizes or MISSING, *scores])
    return Grid(columns, rows)


def write_replicates_report(path: Path, metrics: Mapping[str, Any], name: str, command: str | None) -> Path:
    """Write the tables of all runs as HTML, with links to the reports of each."""
    return write_page(
        path, "replicates.html", name=name, metrics=metrics, grids=spread_grids(metrics),
        runs=run_grid(metrics), command=command,
    )  # fmt: skip
