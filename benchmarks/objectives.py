"""What pretraining is worth to a small frozen encoder of molecules, by what it was pretrained on.

    python benchmarks/objectives.py --data-dir DIR                   # mol-small beside no pretraining
    python benchmarks/objectives.py --data-dir DIR --judge BUNDLE... # other encoders of the recipe

An encoder is judged by the leave-one-out predictions of a Gaussian process within training rows of eleven
tasks: one that reads states, descriptors and fragments, as `finetune` does by default, and one that reads
states alone. `no pretraining` has the weights that all start from. What is there already is not made again.
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
from catenane.descriptors import head_inputs
from catenane.inference import Model
from catenane.metrics import score
from catenane.models.bundle import Bundle, BundleConfig, load_bundle, save_bundle
from catenane.models.gaussian_process import GaussianProcessHead
from catenane.tokenizers import load_tokenizer

RECIPE = "mol-small"
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
MOST_ROWS = 400
HEADS: dict[str, dict[str, Any]] = {
    "default head": {},
    "states alone": {"head.descriptors": False, "head.fragments": 0},
}
FOLDER = RUNS.parent / "objectives"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, help="local copies of the data sets")
    parser.add_argument("--judge", nargs="*", default=["mol-small"], help="finished encoders")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    tables = {name: rows_of(name, targets, arguments.data_dir) for name, targets in TASKS.items()}
    judge("no pretraining", fresh(FOLDER / "fresh"), tables, {})
    for bundle in arguments.judge:
        judge(Path(bundle).name, bundle, tables, {"pretraining": load_bundle(bundle).card["training"]})
    summarise()


def rows_of(name: str, targets: tuple[str, ...], data_dir: Path | None) -> Table:
    """Some training rows of the predefined split; of QM9, whose training part is not there, any."""
    path = FOLDER / f"{name}.csv"
    if not path.is_file():
        source = f"molnet/{name}" if name == "qm9_subset" else f"molformer_splits/{name}"
        rows = pd.read_csv(find_source(source, data_dir).path)
        rows = rows if name == "qm9_subset" else rows[rows["split"] == "train"]
        rows.sample(MOST_ROWS, random_state=0)[["smiles", *targets]].to_csv(path, index=False)
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


def judge(name: str, bundle: str | Path, tables: dict[str, Table], note: dict[str, Any]) -> None:
    """Scores of a frozen encoder on every task and under every head, into its file."""
    path = FOLDER / f"{name.replace(' ', '-')}.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"name": name, **note}
    model = Model(load_bundle(bundle))
    for task, table in tables.items():
        for head, settings in HEADS.items():
            if task not in found.setdefault(head, {}):
                found[head][task] = left_out(table, model, settings)
        path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        print(name, task, *(f"{found[head][task]:.4f}" for head in HEADS), flush=True)


def left_out(table: Table, model: Model, settings: dict[str, Any]) -> float:
    """RMSE in standard deviations, or ROC AUC, of rows predicted from the others; mean over the targets."""
    classes, pooled_ND = is_classes(table), model.embed_normalised(table.records)
    config = load_recipe(RECIPE).with_settings(settings | {"head.landmarks": len(table)}).head
    config = dataclasses.replace(config, kind="gaussian-process", target_scale="linear")
    inputs = head_inputs(
        table.records, "smiles", {}, described=config.descriptors, n_fragments=config.fragments
    )
    head = GaussianProcessHead(
        config, d_model=pooled_ND.shape[1], targets=table.target_names,
        n_descriptors=0 if inputs is None else inputs.values.shape[1],
        task="classification" if classes else "regression",
    )  # fmt: skip
    labels_NT = torch.from_numpy(table.targets)
    described_NF = None if inputs is None else torch.from_numpy(inputs.values)
    scores_NT = head.fit(labels_NT, described_NF, torch.from_numpy(pooled_ND))
    if not classes:
        errors_NT = (scores_NT - head.standardise(labels_NT)).numpy()
        return float(np.sqrt(np.nanmean(errors_NT**2, axis=0)).mean())
    found = score(table.targets, scores_NT.sigmoid().numpy(), "classification", table.target_names)
    return float(np.mean([found[target]["roc_auc"] for target in table.target_names]))


def is_classes(table: Table) -> bool:
    return bool(np.isin(table.targets[~np.isnan(table.targets)], (0, 1)).all())


def summarise() -> None:
    """Every encoder that was judged, with the tasks on which it is better than without pretraining."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]
    base = next(entry for entry in found if entry["name"] == "no pretraining")
    for entry in found:
        for head in HEADS:
            better = [
                value > base[head][task] if task in CLASSES else value < base[head][task]
                for task, value in entry[head].items()
            ]
            entry[f"better with {head}"] = f"{sum(better)} of {len(better)}"
    result = {
        "command": "python benchmarks/objectives.py --data-dir DIR",
        "rows": f"at most {MOST_ROWS} of each task",
        "score": "RMSE in standard deviations of the labels; ROC AUC of " + ", ".join(CLASSES),
        "encoders": found,
    }
    (RESULTS / "objectives.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    lines = [f"{result['rows']}; {result['score']}. Leave-one-out predictions over the frozen encoder."]
    for head in HEADS:
        lines += ["", f"**{head}**", "", f"| | {' | '.join(TASKS)} | better than without pretraining |"]
        lines += [f"|---|{'---:|' * (len(TASKS) + 1)}"]
        for entry in found:
            cells = [f"{entry[head][task]:.3f}" for task in TASKS]
            lines.append(f"| {entry['name']} | {' | '.join(cells)} | {entry[f'better with {head}']} |")
    (RESULTS / "objectives.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
