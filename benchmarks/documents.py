"""Puts what was measured into `docs/results.md` and the README: every table is made from a file of results.

    python benchmarks/documents.py

`models.py` and `bundled.py` do this when they have measured something.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- results: written by benchmarks/documents.py -->", "<!-- end of results -->"
FINETUNED = (
    "esol",
    "esol-scaffold",
    "freesolv",
    "lipophilicity",
    "bbbp",
    "bbbp-scaffold",
    "qm8",
    "hiv",
    "qmof",
)
BUNDLED = ("mof-uptake", "mof-bandgap")
INTRODUCTION = """# Results

The tables are written by `python benchmarks/documents.py` from the JSON files in `benchmarks/results/`, which
`benchmarks/bundled.py` and `benchmarks/models.py` made. The baselines are fitted to the same training rows
and tested on the same test rows. Intervals are asked to hold 90 % of new labels.
"""
OURS = "this model"
BASELINES = ("median", "ngram-ridge", "descriptor-gbm")
"""Of the bundled models; their other columns are our own, trained otherwise."""


def as_markdown(result: dict[str, Any]) -> str:
    """The tables of one fine-tuning, with all that is needed to make them again."""
    rows = result["rows"]
    parts = f"{rows['train']:,} / {rows['valid']:,} / {rows['test']:,} rows"
    seeds = "seed " + ", ".join(map(str, result["seeds"]))
    if len(result["seeds"]) > 1:
        seeds += " (mean ± standard deviation over seeds)"
    lines = [
        f"`{result['command']}`",
        "",
        f"Split {result['split']}, {parts} to train, validate and test; {seeds}; "
        f"{result['seconds']['mean']:.0f} s a run, baselines and report included, on two busy cores.",
    ]
    for target, table in result["targets"].items():
        scores = list(table["scores"][OURS])
        unit = f", {table['unit']}" if table["unit"] else ""
        lines += ["", f"| {target}{unit} | {' | '.join(scores)} |", f"|---|{'---:|' * len(scores)}"]
        lines += [
            f"| {name} | {' | '.join(shown(values[score]) for score in scores)} |"
            for name, values in table["scores"].items()
        ]
        if (covered := result["coverage"][target]) is not None:
            lines += ["", f"Coverage of the 90 % intervals: {shown(covered)}."]
        if table["noise_floor"] is not None:
            floor = shown({"mean": table["noise_floor"], "std": None})
            lines += ["", f"Noise floor of repeated strings: {floor}{unit.replace(',', '')}."]
    return "\n".join(lines) + "\n"


def bundled_as_markdown(result: dict[str, Any]) -> str:
    """The tables of a model that comes with the package."""
    lines = [
        f"`{result['command']}`",
        "",
        f"{result['rows']:,} rows of `{result['data']}`, repeated MOFids averaged to one. Encoder: "
        f"{result['pretraining']}; frozen. Heads are trained for a fixed number of epochs, which no row "
        "chooses. Mean absolute error, mean ± standard deviation over the parts that are named; baselines of "
        "some of the targets; in the last column the coverage of the 90 % intervals.",
    ]
    for protocol in result["protocols"].values():
        sizes = f"about {protocol['train'][0]:,} rows to train and {protocol['test'][0]:,} to test"
        names = list(dict.fromkeys(name for scores in protocol["targets"].values() for name in scores))
        lines += ["", f"**{protocol['method']}**, {sizes}:", ""]
        lines += [f"| target | {' | '.join(names)} | coverage |", f"|---|{'---:|' * (len(names) + 1)}"]
        for target, scores in protocol["targets"].items():
            unit = result["units"][target]
            cells = [shown(scores[name]) if name in scores else "" for name in names]
            cells.append(shown(protocol["coverage"][target]))
            lines.append(f"| {target}{f', {unit}' if unit else ''} | {' | '.join(cells)} |")
    floors = result["noise_floor"]
    if floors:
        listed = ", ".join(f"{name} {floor:.3f} {result['units'][name]}" for name, floor in floors.items())
        lines += ["", f"Noise floor of repeated MOFids: {listed}."]
    return "\n".join(lines) + "\n"


def write_documents() -> None:
    """Put every table that was measured into `docs/results.md`, and the errors into the README."""
    bundled, finetuned = _read("bundled-", BUNDLED), _read("", FINETUNED)
    sections = [f"## {name}\n\n{bundled_as_markdown(result)}" for name, result in bundled.items()]
    sections += [f"## {name}\n\n{as_markdown(result)}" for name, result in finetuned.items()]
    (DOCS / "results.md").write_text(INTRODUCTION + "\n" + "\n".join(sections), encoding="utf-8")
    readme = DOCS.parent / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(before + BEGIN + "\n" + overview(bundled, finetuned) + END + after, encoding="utf-8")


def overview(bundled: dict[str, dict[str, Any]], finetuned: dict[str, dict[str, Any]]) -> str:
    """One row a target and protocol: our main score beside that of the best baseline."""
    lines = ["| | target | protocol | score | this model | best baseline |", "|---|---|---|---|---:|---:|"]
    for model, result in bundled.items():
        for protocol in result["protocols"].values():
            for target, scores in protocol["targets"].items():
                rivals = {name: found for name, found in scores.items() if name in BASELINES}
                if rivals:
                    label = f"MAE, {result['units'][target]}"
                    lines.append(_row(model, target, protocol["method"], label, scores[OURS], rivals, min))
    for name, result in finetuned.items():
        data = name.removesuffix("-scaffold")
        for target, table in result["targets"].items():
            main, best = ("mae", min) if "mae" in table["scores"][OURS] else ("roc_auc", max)
            rivals = {name: values[main] for name, values in table["scores"].items() if name != OURS}
            label = f"MAE, {table['unit']}" if main == "mae" else "ROC AUC"
            lines.append(
                _row(
                    data, target, f"{result['split']} split", label, table["scores"][OURS][main], rivals, best
                )
            )
    return "\n".join(lines) + "\n"


def shown(value: dict[str, float | None]) -> str:
    """Mean and spread, in three decimals or to three digits of the mean."""
    if value["mean"] is None:
        return "-"
    places = max(3, 2 - math.floor(math.log10(abs(value["mean"]) or 1)))
    return f"{value['mean']:.{places}f}" + ("" if value["std"] is None else f" ± {value['std']:.{places}f}")


def _row(
    name: str,
    target: str,
    protocol: str,
    label: str,
    ours: dict[str, Any],
    rivals: dict[str, Any],
    best: Any,
) -> str:
    rival = best(rivals, key=lambda name: rivals[name]["mean"])
    return f"| {name} | {target} | {protocol} | {label} | {shown(ours)} | {shown(rivals[rival])} ({rival}) |"


def _read(prefix: str, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    paths = {name: RESULTS / f"{prefix}{name}.json" for name in names}
    return {
        name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.is_file()
    }


if __name__ == "__main__":
    write_documents()
