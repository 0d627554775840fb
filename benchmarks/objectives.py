"""What pretraining is worth to a small frozen encoder of molecules, by what it was pretrained on.

    python benchmarks/objectives.py --data-dir DIR                   # mol-base beside no pretraining
    python benchmarks/objectives.py --data-dir DIR --judge BUNDLE... # other encoders of the recipe

An encoder is judged by the leave-one-out predictions of a Gaussian process, which reads its states alone,
within rows of eleven tasks that are not for testing. `no pretraining` has the weights that all start from.
Standard errors are those of the difference to it, over the same rows drawn with replacement. What is there
already is not made again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from documents import RESULTS
from models import RUNS

from catenane.config import Recipe, load_recipe
from catenane.data import Table, aggregate, read_table
from catenane.data.sources import find_source
from catenane.inference import Model
from catenane.metrics import score
from catenane.models.bundle import Bundle, BundleConfig, load_bundle, save_bundle
from catenane.models.gaussian_process import GaussianProcessHead
from catenane.tokenizers import load_tokenizer

RECIPE = "mol-base"
TASKS = {
    "esol": ("logS",),
    "freesolv": ("expt",),
    "lipophilicity": ("y",),
    "qm8": ("E1-CC2", "E2-CC2", "f1-CC2"),
    "qm9_subset": ("mu", "alpha", "gap"),
    "bbbp": ("p_np",),
    "bace": ("Class",),
    "clintox": ("CT_TOX",),
    "hiv": ("HIV_active",),
    "tox21": ("NR-AhR", "NR-ER", "SR-ARE", "SR-MMP"),
    "sider": ("Hepatobiliary disorders", "Eye disorders", "Vascular disorders", "Cardiac disorders"),
}
"""Sets of MoleculeNet, and the targets that are learnt."""
CLASSES = ("bbbp", "bace", "clintox", "hiv", "tox21", "sider")
MOST_ROWS, N_DRAWS = 1_500, 100
STATES_ALONE: dict[str, Any] = {"head.descriptors": False, "head.fragments": 0}
BASE = "no pretraining"
FOLDER = RUNS.parent / "objectives"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, help="local copies of the data sets")
    parser.add_argument("--judge", nargs="*", default=["mol-base"], help="finished encoders")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    tables = {name: rows_of(name, targets, arguments.data_dir) for name, targets in TASKS.items()}
    judge(BASE, fresh(FOLDER / "fresh"), tables)
    for bundle in arguments.judge:
        judge(Path(bundle).name, bundle, tables)
    summarise(tables)


def rows_of(name: str, targets: tuple[str, ...], data_dir: Path | None) -> Table:
    """Some rows of the predefined split, none of them for testing; of QM9, which has none here, any."""
    path = FOLDER / f"{name}.csv"
    if not path.is_file():
        source = f"molnet/{name}" if name == "qm9_subset" else f"molformer_splits/{name}"
        rows = pd.read_csv(find_source(source, data_dir).path)
        rows = rows if name == "qm9_subset" else rows[rows["split"] != "test"]
        rows = rows.sample(min(MOST_ROWS, len(rows)), random_state=0)
        rows[["smiles", *targets]].to_csv(path, index=False)
    return aggregate(read_table(path, targets=targets), "first" if name in CLASSES else "mean")


def fresh(folder: Path) -> Path:
    """The encoder with the weights that it starts from."""
    if not folder.is_dir():
        tokenizer = load_tokenizer("smiles")
        recipe = with_vocabulary(load_recipe(RECIPE), tokenizer.vocabulary_size)
        torch.manual_seed(0)
        config = BundleConfig(kind="encoder", notation="smiles", recipe=recipe)
        save_bundle(folder, Bundle(config=config, model=config.build_model(), tokenizer=tokenizer))
    return folder


def with_vocabulary(recipe: Recipe, size: int) -> Recipe:
    return dataclasses.replace(recipe, encoder=dataclasses.replace(recipe.encoder, vocabulary_size=size))


def judge(name: str, bundle: str | Path, tables: dict[str, Table]) -> None:
    """Predictions by a frozen encoder on every task, into its file."""
    path = FOLDER / f"{name.replace(' ', '-')}.npz"
    found = dict(np.load(path)) if path.is_file() else {}
    model = Model(load_bundle(bundle))
    for task, table in tables.items():
        if task not in found:
            found[task] = left_out(table, model)
        print(name, task, f"{score_of(table, found[task]):.4f}", flush=True)
        np.savez(path, **found)


def left_out(table: Table, model: Model) -> np.ndarray:
    """Each row predicted from the others, (N, T): standardised labels, or probabilities."""
    classes, pooled_ND = is_classes(table), model.embed_normalised(table.records)
    config = load_recipe(RECIPE).with_settings(STATES_ALONE | {"head.landmarks": len(table)}).head
    head = GaussianProcessHead(
        dataclasses.replace(config, kind="gaussian-process", target_scale="linear"),
        d_model=pooled_ND.shape[1], targets=table.target_names,
        task="classification" if classes else "regression",
    )  # fmt: skip
    scores_NT = head.fit(torch.from_numpy(table.targets), None, torch.from_numpy(pooled_ND))[0]
    return (scores_NT.sigmoid() if classes else scores_NT).numpy()


def score_of(table: Table, predicted_NT: np.ndarray, rows: np.ndarray | None = None) -> float:
    """RMSE in standard deviations of all labels, or ROC AUC, of some rows; mean over the targets."""
    labels_NT = table.targets
    if not is_classes(table):
        labels_NT = (labels_NT - np.nanmean(labels_NT, axis=0)) / np.nanstd(labels_NT, axis=0)
    rows = np.arange(len(table)) if rows is None else rows
    if not is_classes(table):
        return float(np.sqrt(np.nanmean((predicted_NT - labels_NT)[rows] ** 2, axis=0)).mean())
    found = score(labels_NT[rows], predicted_NT[rows], "classification", table.target_names, ["roc_auc"])
    return float(np.mean([found[target]["roc_auc"] for target in table.target_names]))


def is_classes(table: Table) -> bool:
    return bool(np.isin(table.targets[~np.isnan(table.targets)], (0, 1)).all())


def summarise(tables: dict[str, Table]) -> None:
    """Every encoder that was judged, beside the one without pretraining."""
    paths = sorted(FOLDER.glob("*.npz"), key=lambda path: (path.stem != BASE.replace(" ", "-"), path.stem))
    predicted = {
        path.stem.replace("-", " ") if path is paths[0] else path.stem: dict(np.load(path)) for path in paths
    }
    encoders = {
        name: {task: compared(table, found[task], predicted[BASE][task]) for task, table in tables.items()}
        for name, found in predicted.items()
    }
    result = {
        "command": "python benchmarks/objectives.py --data-dir DIR",
        "rows": {task: len(table) for task, table in tables.items()},
        "score": "RMSE in standard deviations of the labels; ROC AUC of " + ", ".join(CLASSES),
        "encoders": encoders,
    }
    (RESULTS / "objectives.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    lines = [
        f"At most {MOST_ROWS:,} rows of a task; {result['score']}. Leave-one-out predictions from the frozen "
        "states alone; in brackets the gain over no pretraining ± its standard error.",
        "",
        f"| task | {' | '.join(encoders)} |",
        f"|---|{'---:|' * len(encoders)}",
    ]
    for task in TASKS:
        cells = [
            f"{of_task[task]['score']:.3f}"
            + f" ({of_task[task]['gain']:+.3f} ± {of_task[task]['error']:.3f})" * (name != BASE)
            for name, of_task in encoders.items()
        ]
        lines.append(f"| {task} | {' | '.join(cells)} |")
    for label, sign, errors in (
        ("better", 1, 0),
        ("better by two errors", 1, 2),
        ("worse by two errors", -1, 2),
    ):
        counts = [
            sum(sign * found["gain"] > errors * found["error"] for found in of_task.values())
            for of_task in encoders.values()
        ]
        lines.append(f"| {label} | {' | '.join(f'{n} of {len(TASKS)}' for n in counts)} |")
    (RESULTS / "objectives.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def compared(table: Table, found_NT: np.ndarray, base_NT: np.ndarray) -> dict[str, float]:
    """Score, gain over the base (positive is better), and the standard error of the gain."""
    sign = 1 if is_classes(table) else -1

    def gain(rows: np.ndarray | None) -> float:
        return sign * (score_of(table, found_NT, rows) - score_of(table, base_NT, rows))

    rng = np.random.default_rng(0)
    draws = [gain(rng.integers(len(table), size=len(table))) for _ in range(N_DRAWS)]
    return {"score": score_of(table, found_NT), "gain": gain(None), "error": float(np.std(draws))}


if __name__ == "__main__":
    main()
