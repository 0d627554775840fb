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

import catenane

RESULTS = Path(__file__).parent / "results"
RUNS = Path("runs") / "benchmark"
ENCODER = RUNS / "encoder"
DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- results: written by benchmarks/models.py -->", "<!-- end of results -->"
INTRODUCTION = """# Results

Every table is written by `python benchmarks/models.py --data-dir DIR` from the files of its runs, and lies as
JSON in `benchmarks/results/`. The best epoch is chosen on the validation rows; test rows are seen once. The
baselines are fitted on the same training rows and answer the same test rows.
"""


@dataclass(frozen=True)
class Experiment:
    """One fine-tuning, repeated over seeds that draw split, weights and order anew."""

    data: str
    targets: tuple[str, ...]
    split: str
    seeds: tuple[int, ...]
    pretraining: tuple[str, ...] = ()

    @property
    def pretraining_command(self) -> str | None:
        """What a user types before, where there is an encoder to pretrain."""
        return f"catenane pretrain {' '.join(self.pretraining)} --out {ENCODER}" if self.pretraining else None

    @property
    def command(self) -> str:
        """What a user types for the first seed."""
        model = f" --model {ENCODER}" if self.pretraining else ""
        targets = ",".join(self.targets)
        options = f"--target {targets} --split {self.split}{model} --seed {self.seeds[0]}"
        return f"catenane finetune {self.data} {options}"


EXPERIMENTS = {
    "mof-uptake": Experiment(
        "mof/hmof", ("co2_0.1bar", "co2_0.5bar"), "random", (0,), pretraining=("mof/hmof", "mof/coremof2024")
    ),
    "esol": Experiment("molnet/esol", ("logS",), "scaffold", (0, 1, 2)),
    "bbbp": Experiment("molnet/bbbp", ("p_np",), "scaffold", (0,)),
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
        (RESULTS / f"{name}.md").write_text(as_markdown(rows), encoding="utf-8")
        print(as_markdown(rows))
    write_documents()


def run(name: str, experiment: Experiment, data_dir: Path | None) -> list[dict[str, Any]]:
    """Metrics of every seed."""
    encoder = ENCODER if experiment.pretraining else None
    if encoder is not None and not (encoder / "metrics.json").is_file():
        catenane.pretrain(experiment.pretraining, out=encoder, resume=True, data_dir=data_dir)
    metrics = []
    for seed in experiment.seeds:
        out = RUNS / f"{name}-{seed}"
        if not (out / "report.html").is_file():
            catenane.finetune(
                experiment.data,
                target=experiment.targets,
                split=experiment.split,
                model=encoder,
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
        contestants = {"this model": [entry["test"] for entry in entries]}
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
        "pretraining": experiment.pretraining_command,
        "command": experiment.command,
        "split": experiment.split,
        "seeds": list(experiment.seeds),
        "rows": {part: metrics[0]["split"][part] for part in ("train", "valid", "test")},
        "minutes": [round(run["seconds"] / 60, 1) for run in metrics],
        "n_parameters": metrics[0]["n_parameters"],
        "targets": tables,
    }


def spread(values: list[float | None]) -> dict[str, float | None]:
    """Mean and standard deviation; None where a run has no score."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return {"mean": None, "std": None}
    return {"mean": statistics.fmean(known), "std": statistics.stdev(known) if len(known) > 1 else None}


def as_markdown(result: dict[str, Any]) -> str:
    """The tables of one experiment, with all that is needed to make them again."""
    rows = result["rows"]
    parts = f"{rows['train']:,} / {rows['valid']:,} / {rows['test']:,} rows"
    seeds = "seed " + ", ".join(map(str, result["seeds"]))
    if len(result["seeds"]) > 1:
        seeds += " (mean ± standard deviation)"
    lines = [
        " then ".join(f"`{command}`" for command in (result["pretraining"], result["command"]) if command),
        "",
        f"Split {result['split']}, {parts} to train, validate and test; {seeds}; "
        f"{result['n_parameters']:,} weights.",
    ]
    for target, table in result["targets"].items():
        scores = list(table["scores"]["this model"])
        unit = f", {table['unit']}" if table["unit"] else ""
        lines += ["", f"| {target}{unit} | {' | '.join(scores)} |", f"|---|{'---:|' * len(scores)}"]
        lines += [
            f"| {name} | {' | '.join(shown(values[score]) for score in scores)} |"
            for name, values in table["scores"].items()
        ]
        if table["noise_floor"] is not None:
            lines += [
                "",
                f"Noise floor of repeated strings: {table['noise_floor']:.3f}{unit.replace(',', '')}.",
            ]
    return "\n".join(lines) + "\n"


def write_documents() -> None:
    """Put every table that was measured into `docs/results.md`, and the errors into the README."""
    known = {
        name: json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        for name in EXPERIMENTS
        if (RESULTS / f"{name}.json").is_file()
    }
    sections = [f"## {name}\n\n{as_markdown(result)}" for name, result in known.items()]
    (DOCS / "results.md").write_text(INTRODUCTION + "\n" + "\n".join(sections), encoding="utf-8")
    readme = DOCS.parent / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(before + BEGIN + "\n" + overview(known) + END + after, encoding="utf-8")


def overview(known: dict[str, dict[str, Any]]) -> str:
    """One row a target: our main score beside that of the best baseline."""
    lines = ["| target | split | score | this model | best baseline |", "|---|---|---|---:|---:|"]
    for result in known.values():
        for target, table in result["targets"].items():
            main, best = ("mae", min) if "mae" in table["scores"]["this model"] else ("roc_auc", max)
            means = {name: values[main]["mean"] for name, values in table["scores"].items()}
            rival = best((name for name in means if name != "this model"), key=means.__getitem__)
            score = f"MAE, {table['unit']}" if main == "mae" else "ROC AUC"
            ours, theirs = (shown(table["scores"][name][main]) for name in ("this model", rival))
            lines.append(f"| {target} | {result['split']} | {score} | {ours} | {theirs} ({rival}) |")
    return "\n".join(lines) + "\n"


def shown(value: dict[str, float | None]) -> str:
    if value["mean"] is None:
        return "-"
    return f"{value['mean']:.3f}" + ("" if value["std"] is None else f" ± {value['std']:.3f}")


if __name__ == "__main__":
    main()
