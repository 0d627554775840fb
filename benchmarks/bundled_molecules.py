"""Makes the models of molecules that come with the package, as `catenane finetune` does, from all rows.

    python benchmarks/bundled_molecules.py --data-dir DIR mol-base     # the encoder, first: hours of one core
    python benchmarks/bundled_molecules.py --data-dir DIR              # every model on it
    python benchmarks/bundled_molecules.py --data-dir DIR solubility   # one

The encoder is pretrained on all strings of `smiles/` but the molecules of MoleculeNet. The heads learn on it,
frozen, as tables of molecules do by default. Cards carry the figures that `benchmarks/models.py` measured of
the same procedure on test rows: mean over its random splits.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from bundled import BUNDLED
from documents import OURS, RESULTS
from models import EXPERIMENTS, RUNS

from catenane.data import Split, aggregate, make_split, read_table
from catenane.data.sources import DATASETS, find_source
from catenane.inference import Model
from catenane.models.bundle import load_bundle, save_bundle
from catenane.train import fit_property_model, pretrain
from catenane.train.start import DEFAULT_MODELS

ENCODER = DEFAULT_MODELS["smiles"]
LABELLED = [
    name for name in DATASETS if name.startswith(("molnet/", "molformer_splits/")) and DATASETS[name].targets
]
"""Sets of MoleculeNet, whose molecules are not pretrained on."""


@dataclass(frozen=True)
class Shipped:
    """A model that comes with the package."""

    experiment: str
    """Of `benchmarks/models.py`, whose table it learns and whose figures it carries."""
    description: str
    task: str = "regression"


SHIPPED = {
    "solubility": Shipped(
        "esol", "Solubility of molecules in water, log10 of mol/L (ESOL, Delaney 2004), from the SMILES."
    ),
    "lipophilicity": Shipped(
        "lipophilicity", "Octanol-water logD of molecules at pH 7.4 (ChEMBL, Hersey 2015), from the SMILES."
    ),
    "bbb": Shipped(
        "bbbp",
        "Probability that a molecule passes the blood-brain barrier (Martins et al. 2012), from the SMILES.",
        task="classification",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"{ENCODER}, or of {', '.join(SHIPPED)}; all these by default",
    )
    parser.add_argument("--data-dir", type=Path, help="local copies of the data sets")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in arguments.names or SHIPPED:
        if name == ENCODER:
            ship_encoder(arguments.data_dir)
        else:
            ship(name, SHIPPED[name], arguments.data_dir)


def ship_encoder(data_dir: Path | None) -> None:
    """Pretrain the encoder, or go on, and write it with its card into the package."""
    folder = find_source("smiles/chembl_mix", data_dir).path.parent
    run = pretrain(
        [folder], recipe=ENCODER, exclude=LABELLED, out=RUNS.parent / ENCODER, data_dir=data_dir, resume=True
    )
    bundle = load_bundle(run.folder / "bundle")
    counts = run.metrics["corpus"]
    card = bundle.card | {
        "name": ENCODER,
        "description": "Encoder of molecules, pretrained to predict masked tokens and RDKit descriptors. "
        "Property models are heads on its frozen states.",
        "corpora": sorted(path.name for path in folder.iterdir()),
        "training": {
            "pretrained_on": f"{counts['strings']:,} strings; {counts['excluded']:,} more, of molecules of "
            "MoleculeNet, are left out",
            **bundle.card["training"],
        },
    }
    save_bundle(BUNDLED / ENCODER, dataclasses.replace(bundle, card=card))


def ship(name: str, shipped: Shipped, data_dir: Path | None) -> None:
    """Train on all rows, and write the model with its card into the package."""
    experiment = EXPERIMENTS[shipped.experiment]
    read = read_table(experiment.data, targets=experiment.targets, data_dir=data_dir)
    table = aggregate(read)
    if shipped.task == "classification":  # strings whose rows name both classes
        table = table.take(np.flatnonzero(np.isin(table.targets, (0, 1)).all(axis=1)))
    parent = load_bundle(ENCODER)
    none = np.array([], dtype=np.int64)
    rows = Split(np.arange(len(table)), none, none, "all rows", seed=0, n_groups=None)
    bundle = fit_property_model(table, rows, parent.config.recipe, task=shipped.task, parent=parent).bundle
    measured = json.loads((RESULTS / f"{shipped.experiment}.json").read_text(encoding="utf-8"))
    covered = measured["coverage"][experiment.targets[0]]
    shown = make_split(table, "random", seed=0, fractions=(0.9, 0.0, 0.1)).test[:3]
    values = Model(bundle).predict_normalised([table.records[row] for row in shown]).values
    card = {
        "name": name,
        "description": shipped.description,
        "data": experiment.data,
        "targets": {
            target: bundle.card["targets"][target] | _card_target(measured["targets"][target])
            for target in experiment.targets
        },
        "training": {
            "split": f"random, mean over {len(experiment.seeds)} draws; the model learnt from all rows",
            "rows": len(table),
            **({} if covered is None else {"coverage_of_the_90_%_intervals": round(covered["mean"], 3)}),
            "pretrained_from": parent.card["name"],
        },
        "examples": {
            table.strings[row]: [float(f"{value:.6g}") for value in of_row]
            for row, of_row in zip(shown, values, strict=True)
        },
    }
    save_bundle(BUNDLED / name, dataclasses.replace(bundle, card=card))


def _card_target(measured: dict[str, Any]) -> dict[str, Any]:
    """Unit, and means over the draws of what was measured of a target, the baselines' beside."""
    means = {
        rival: {score: spread["mean"] for score, spread in scores.items()}
        for rival, scores in measured["scores"].items()
    }
    test = means.pop(OURS)
    return {"unit": measured["unit"], "test": test | {"n": sum(measured["n_test"])}, "baselines": means}


if __name__ == "__main__":
    main()
