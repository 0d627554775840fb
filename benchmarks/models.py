"""How good our models are beside their baselines: fine-tunes on public data, writes the tables of the docs.

    python benchmarks/models.py --data-dir DIR             # every run that is not there yet, then the tables
    python benchmarks/models.py --data-dir DIR esol bbbp   # these alone

Each run is one `catenane finetune`; what is there already is not run again, so the script can be interrupted.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from documents import OURS, RESULTS, as_markdown, write_documents

import catenane

RUNS = Path("runs") / "benchmark"


@dataclass(frozen=True)
class Experiment:
    """One fine-tuning, repeated over seeds that draw split, weights and order anew."""

    data: str
    targets: tuple[str, ...]
    split: str
    seeds: tuple[int, ...]

    @property
    def command(self) -> str:
        """What a user types for the first seed."""
        targets = ",".join(self.targets)
        options = f"--target {targets} --split {self.split} --seed {self.seeds[0]}"
        return f"catenane finetune {self.data} {options}"


EXPERIMENTS = {
    "esol": Experiment("molnet/esol", ("logS",), "random", (0, 1, 2, 3, 4)),
    "esol-scaffold": Experiment("molnet/esol", ("logS",), "scaffold", (0, 1, 2, 3, 4)),
    "freesolv": Experiment("molnet/freesolv", ("expt",), "random", (0, 1, 2, 3, 4)),
    "lipophilicity": Experiment("molnet/lipophilicity", ("logD",), "random", (0, 1, 2)),
    "bbbp": Experiment("molnet/bbbp", ("p_np",), "random", tuple(range(10))),
    "bbbp-scaffold": Experiment("molnet/bbbp", ("p_np",), "scaffold", tuple(range(10))),
    "qm8": Experiment("molnet/qm8", ("E1-CC2",), "random", (0,)),
    "hiv": Experiment("molnet/hiv", ("HIV_active",), "random", (0,)),
    "qmof": Experiment("mof/qmof", ("bandgap_ev",), "random", (0, 1)),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"some of {', '.join(EXPERIMENTS)}; all by default"
    )
    parser.add_argument(
        "--data-dir", type=Path, help="local copies of the data sets; CATENANE_DATA by default"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(EXPERIMENTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(EXPERIMENTS)}")
    for name in arguments.names or EXPERIMENTS:
        rows = summarise(EXPERIMENTS[name], run(name, EXPERIMENTS[name], arguments.data_dir))
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
        print(as_markdown(rows))
    write_documents()


def run(name: str, experiment: Experiment, data_dir: Path | None) -> list[dict[str, Any]]:
    """Metrics of every seed."""
    metrics = []
    for seed in experiment.seeds:
        out = RUNS / f"{name}-{seed}"
        if not (out / "report.html").is_file():
            catenane.finetune(
                experiment.data,
                target=experiment.targets,
                split=experiment.split,
                seed=seed,
                out=out,
                resume=True,
                data_dir=data_dir,
                command=experiment.command.replace("--seed 0", f"--seed {seed}"),
            )
        metrics.append(json.loads((out / "metrics.json").read_text(encoding="utf-8")))
    return metrics


def summarise(experiment: Experiment, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over seeds of every test score, ours first."""
    tables = {}
    for target in experiment.targets:
        entries = [run["targets"][target] for run in metrics]
        contestants = {OURS: [entry["test"] for entry in entries]}
        for baseline in entries[0]["baselines"]:
            contestants[baseline] = [entry["baselines"][baseline] for entry in entries]
        tables[target] = {
            "unit": entries[0]["unit"],
            "n_test": [entry["test"]["n"] for entry in entries],
            "noise_floor": metrics[0]["noise_floor"][target]["mean_absolute_deviation"],
            "scores": {
                name: {score: spread([run[score] for run in runs]) for score in runs[0] if score != "n"}
                for name, runs in contestants.items()
            },
        }
    return {
        "command": experiment.command,
        "split": experiment.split,
        "seeds": list(experiment.seeds),
        "rows": {part: metrics[0]["split"][part] for part in ("train", "valid", "test")},
        "seconds": spread([run["seconds"] for run in metrics]),
        "coverage": {target: coverage(metrics, target) for target in experiment.targets},
        "n_parameters": metrics[0]["n_parameters"],
        "targets": tables,
    }


def coverage(metrics: list[dict[str, Any]], target: str) -> dict[str, float | None] | None:
    """Share of test labels within their intervals of 90 %; None for classes."""
    found = [run["intervals"].get("targets", {}).get(target, {}).get("overall", {}) for run in metrics]
    return (
        spread([entry["coverage"] for entry in found])
        if all("coverage" in entry for entry in found)
        else None
    )


def spread(values: list[float | None]) -> dict[str, float | None]:
    """Mean and standard deviation; None where a run has no score."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return {"mean": None, "std": None}
    return {"mean": statistics.fmean(known), "std": statistics.stdev(known) if len(known) > 1 else None}


if __name__ == "__main__":
    main()
