"""Catenane beside chemprop: errors on the same test rows, and the wall time of the two programs, as ratios.

    python benchmarks/beside_chemprop.py --chemprop PROGRAM --data-dir DIR [--out FOLDER]

PROGRAM is chemprop's command in an environment of its own (`pip install chemprop`). Both run with their
defaults, chemprop for 50 epochs, one after the other, from file to file. Test rows, a tenth drawn at random,
are the same; of the others chemprop validates on a ninth. The models then predict 20,000 molecules. Runs that
are there already are not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.metrics import roc_auc_score, root_mean_squared_error

from catenane.data import Table, make_split, read_table

HERE = Path(__file__).resolve().parent
SCREENED, N_SCREENED = "smiles/zinc250k_part", 20_000
SCREENED_BY = ("molnet/esol", "molnet/lipophilicity")
"""Of these the Gaussian process compares each molecule with few and with many training rows."""
CATENANE = (sys.executable, "-m", "catenane")


@dataclass(frozen=True)
class Pairing:
    """One table, trained on by both with several draws of test rows."""

    data: str
    target: str
    n_draws: int
    task: str = "regression"

    @property
    def score(self) -> str:
        """Name of the score: an error for numbers."""
        return "RMSE" if self.task == "regression" else "ROC AUC"


PAIRINGS = (
    Pairing("molnet/esol", "logS", 5),
    Pairing("molnet/freesolv", "expt", 5),
    Pairing("molnet/lipophilicity", "logD", 3),
    Pairing("molnet/bbbp", "p_np", 2, "classification"),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chemprop", type=Path, required=True, help="the program of chemprop")
    parser.add_argument("--data-dir", type=Path, help="local copies of the data; CATENANE_DATA by default")
    parser.add_argument(
        "--out", type=Path, default=Path("runs") / "beside_chemprop", help="folder of the runs"
    )
    arguments = parser.parse_args()
    found: dict[str, Any] = {"trained": {}}
    for pairing in PAIRINGS:
        table = read_table(pairing.data, targets=(pairing.target,), data_dir=arguments.data_dir)
        draws = [
            train(pairing, table, seed, arguments.out, arguments.chemprop) for seed in range(pairing.n_draws)
        ]
        found["trained"][pairing.data] = {
            "target": pairing.target, "score": pairing.score, "rows": len(table), "draws": draws,
        }  # fmt: skip
    found["screened"] = screen(arguments.out, arguments.chemprop, arguments.data_dir)
    version = subprocess.run([arguments.chemprop, "--version"], capture_output=True, text=True, check=True)
    found |= {"chemprop": version.stdout.split()[-1], "cores": os.cpu_count(), "machine": platform.machine()}
    (HERE / "results" / "chemprop.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (HERE / "results" / "chemprop.md").write_text(as_markdown(found), encoding="utf-8")
    print(as_markdown(found))


def train(pairing: Pairing, table: Table, seed: int, out: Path, chemprop: Path) -> dict[str, Any]:
    """Train both on one draw and score them: by program, `seconds` and `score`."""
    folder = out / f"{Path(pairing.data).name}-{seed}"
    kept = folder / "found.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return found
    folder.mkdir(parents=True, exist_ok=True)
    split = make_split(table, "random", seed=seed)
    rows = pd.DataFrame({"smiles": table.strings, pairing.target: table.targets[:, 0]})
    for name, part in (("train", split.train), ("val", split.valid), ("test", split.test)):
        rows.loc[part, "split"] = name
    rows["part"] = rows["split"].replace("val", "train")
    rows.to_csv(folder / "table.csv", index=False)
    test = rows[rows["split"] == "test"]
    test[["smiles"]].to_csv(folder / "test.csv", index=False)
    models = folder / "chemprop" / "model_0" / "best.pt"
    seconds = {
        "chemprop": timed(
            chemprop, "train", "-i", folder / "table.csv", "-s", "smiles", "--target-columns", pairing.target,
            "--task-type", pairing.task, "--splits-column", "split", "--epochs", 50, "--pytorch-seed", seed,
            "-o", folder / "chemprop",
        ),
        "catenane": timed(
            *CATENANE, "finetune", folder / "table.csv", "--column", "smiles", "--target", pairing.target,
            "--split", "column:part", "--seed", seed, "--out", folder / "catenane",
        ),
    }  # fmt: skip
    predict(chemprop, models, folder / "catenane", folder / "test.csv", folder)
    score = root_mean_squared_error if pairing.task == "regression" else roc_auc_score
    labels = test[pairing.target]
    found = {
        program: {
            "seconds": taken,
            "score": float(score(labels, pd.read_csv(folder / f"test-{program}.csv")[pairing.target])),
        }
        for program, taken in seconds.items()
    }
    kept.write_text(json.dumps(found), encoding="utf-8")
    return found


def screen(out: Path, chemprop: Path, data_dir: Path | None) -> dict[str, dict[str, list[float]]]:
    """Seconds of each program for 20,000 molecules, three times in turn, by data of its model, draw 0."""
    strings = read_table(SCREENED, targets=(), data_dir=data_dir).strings[:N_SCREENED]
    path = out / "screened.csv"
    pd.DataFrame({"smiles": strings}).to_csv(path, index=False)
    found = {}
    for data in SCREENED_BY:
        folder = out / f"{Path(data).name}-0"
        models = folder / "chemprop" / "model_0" / "best.pt"
        repeats = [predict(chemprop, models, folder / "catenane", path, out) for _ in range(3)]
        found[data] = {program: [repeat[program] for repeat in repeats] for program in repeats[0]}
    return found


def predict(chemprop: Path, theirs: Path, ours: Path, path: Path, out: Path) -> dict[str, float]:
    """Seconds of each program for a file of molecules; predictions go to NAME-PROGRAM.csv in a folder."""
    written = {program: out / f"{path.stem}-{program}.csv" for program in ("chemprop", "catenane")}
    return {
        "chemprop": timed(
            chemprop, "predict", "-i", path, "-s", "smiles", "--model-paths", theirs,
            "-o", written["chemprop"],
        ),
        "catenane": timed(
            *CATENANE, "predict", path, "--model", ours, "--out", written["catenane"], "--overwrite"
        ),
    }  # fmt: skip


def timed(*command: object) -> float:
    """Wall time of a command."""
    began = time.monotonic()
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    return time.monotonic() - began


def as_markdown(found: dict[str, Any]) -> str:
    lines = [
        f"chemprop {found['chemprop']}, 50 epochs; {found['cores']} cores; mean ± standard deviation over "
        "draws of the test rows; medians of wall times, report and baselines included.",
        "",
        "| data | rows | draws | score | Catenane | chemprop | seconds | chemprop's | ratio |",
        "|---|---:|---:|---|---:|---:|---:|---:|---:|",
    ]
    for data, result in found["trained"].items():
        draws, cells, seconds = result["draws"], [], []
        for program in ("catenane", "chemprop"):
            scores = [draw[program]["score"] for draw in draws]
            cells.append(f"{statistics.mean(scores):.3f} ± {statistics.stdev(scores):.3f}")
            seconds.append(statistics.median(draw[program]["seconds"] for draw in draws))
        cells += [*(f"{taken:.0f}" for taken in seconds), f"{seconds[0] / seconds[1]:.2f}"]
        head = f"| {data} | {result['rows']:,} | {len(draws)} | {result['score']} |"
        lines.append(f"{head} {' | '.join(cells)} |")
    lines += [
        "",
        f"Prediction of {N_SCREENED:,} molecules of `{SCREENED}`, file to file, three runs of each in turn:",
        "",
        "| models of | rows | seconds | chemprop's | ratio |",
        "|---|---:|---:|---:|---:|",
    ]
    for data, taken in found["screened"].items():
        ours, theirs = (statistics.median(taken[program]) for program in ("catenane", "chemprop"))
        rows = found["trained"][data]["rows"]
        lines.append(f"| {data} | {rows:,} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
