"""Trains the models of frameworks that come with the package, and measures them beside the baselines.

    python benchmarks/bundled.py --data-dir DIR              # every model
    python benchmarks/bundled.py --data-dir DIR mof-uptake   # one
    python benchmarks/bundled.py --data-dir DIR --calibrate  # those shipped once more, without training

The encoder is that of the bundled `mof-uptake`, pretrained on strings alone and frozen; heads are trained on
what it reads. Every figure is of rows that the head was not trained on; the model that is shipped is trained
on all rows, in the same way. What is measured already is not measured again: the script may be interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from documents import OURS, RESULTS, write_documents
from models import RUNS, spread
from sklearn.model_selection import KFold

import catenane
from catenane.baselines import fit_predict_baselines
from catenane.config import load_recipe
from catenane.data import Split, Table, aggregate, make_split, noise_floor, read_table
from catenane.descriptors import Descriptors
from catenane.inference import Model, calibrate, plan_calibration
from catenane.metrics import score
from catenane.models.bundle import Bundle, load_bundle, save_bundle
from catenane.train import FittedModel, fit_property_model

ENCODER = "mof-uptake"
PRETRAINING = (
    "masked pretraining (recipe small, 4 epochs) on 59,464 MOFids of mof/hmof, mof/hmof_metal_subsets, "
    "mof/coremof2024, mof/qmof and 10,000 enumerated ones, spelled as MOFid writes them"
)
BUNDLED = Path(catenane.__file__).parent / "models" / "bundled"
N_FOLDS, SEEDS = 5, (0, 1)
PROTOCOLS = {
    "folds": (f"{N_FOLDS} folds", "folds", N_FOLDS),
    "linker": (f"unseen linkers, {len(SEEDS)} draws", "draws", len(SEEDS)),
    "framework": (f"unseen frameworks (linkers, nodes and net), {len(SEEDS)} draws", "draws", len(SEEDS)),
}
"""How test rows are chosen: method, what the spread is over, and how many of these."""


@dataclass(frozen=True)
class Shipped:
    """A model that comes with the package."""

    description: str
    data: str
    targets: tuple[str, ...]
    compared: tuple[str, ...]
    """Targets that the baselines are fitted to as well."""


SHIPPED = {
    "mof-uptake": Shipped(
        "Simulated uptake of CO2 and CH4 by metal-organic frameworks (298 K as far as known) at any "
        "pressure, from the MOFid; learnt between 0.01 and 2.5 bar of CO2 and 0.05 and 4.5 bar of CH4.",
        "mof/hmof",
        tuple(f"co2_{bar}bar" for bar in (0.01, 0.05, 0.1, 0.5, 2.5))
        + tuple(f"ch4_{bar}bar" for bar in (0.05, 0.5, 0.9, 2.5, 4.5)),
        compared=("co2_0.1bar", "co2_0.5bar", "ch4_0.9bar"),
    ),
    "mof-bandgap": Shipped(
        "PBE band gap of metal-organic frameworks as found in crystals, from the MOFid.",
        "mof/qmof",
        ("bandgap_ev",),
        compared=("bandgap_ev",),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SHIPPED)}; all by default")
    parser.add_argument("--calibrate", action="store_true", help="only calibrate what is shipped once more")
    parser.add_argument("--data-dir", type=Path, help="local copies of the data sets")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in arguments.names or SHIPPED:
        bench = Bench(name, SHIPPED[name], arguments.data_dir)
        if arguments.calibrate:
            bench.calibrate()
            continue
        bundle = bench.train()
        result = bench.measure()
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"bundled-{name}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        bench.ship(bundle, result)
    write_documents()


class Bench:
    """One model on all the rows, its strings read once by the frozen encoder."""

    def __init__(self, name: str, shipped: Shipped, data_dir: Path | None) -> None:
        self.name, self.shipped = name, shipped
        self.recipe = load_recipe(name)
        self.parent: Bundle = load_bundle(ENCODER)
        read = read_table(shipped.data, targets=shipped.targets, data_dir=data_dir)
        self.floor = noise_floor(read)
        self.table: Table = aggregate(read, "mean")
        self.folder = RUNS / f"bundled-{name}"
        self.folder.mkdir(parents=True, exist_ok=True)
        encode = Model(self.parent).embed_normalised
        self.pooled_ND = self.once("pooled", lambda: {"pooled": encode(self.table.strings)})["pooled"]

    def once(self, name: str, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Arrays of a step, from its file where it was done before."""
        path = self.folder / f"{name}.npz"
        if not path.is_file():
            arrays = compute()
            np.savez(path.with_suffix(".partial.npz"), **arrays)
            path.with_suffix(".partial.npz").replace(path)
        with np.load(path) as file:
            return dict(file)

    def splits(self, protocol: str) -> list[Split]:
        """Training and test rows of a protocol; no row chooses an epoch, the last one counts."""
        if protocol != "folds":
            fractions = (0.9, 0.0, 0.1)
            return [make_split(self.table, protocol, seed=seed, fractions=fractions) for seed in SEEDS]
        folds = KFold(N_FOLDS, shuffle=True, random_state=0).split(np.arange(len(self.table)))
        none = np.array([], dtype=np.int64)
        return [Split(train, none, test, protocol, seed=0, n_groups=None) for train, test in folds]

    def fit(self, split: Split) -> FittedModel:
        """A fresh head on these training rows."""
        return fit_property_model(
            self.table, split, self.recipe, task="regression", parent=self.parent, pooled_ND=self.pooled_ND
        )

    def predictions(self, split: Split) -> dict[str, np.ndarray]:
        """Values of the test rows and the ends of their intervals, (rows, targets) each."""
        fitted = self.fit(split)
        assert fitted.descriptors is not None
        found = Model(fitted.bundle).predict_normalised(
            [self.table.records[row] for row in split.test],
            Descriptors(fitted.descriptors.values[split.test], fitted.descriptors.names),
            pooled_ND=self.pooled_ND[split.test],
        )
        return {"values": found.values, "low": found.low, "high": found.high}

    def baselines(self, split: Split) -> dict[str, np.ndarray]:
        """What the baselines say of the test rows, of the targets that are compared."""
        places = [self.table.target_names.index(name) for name in self.shipped.compared]
        strings = self.table.strings
        return fit_predict_baselines(
            [strings[row] for row in split.train],
            self.table.targets[np.ix_(split.train, places)],
            [strings[row] for row in split.test],
            notation=self.table.notation,
            task="regression",
        )

    def measure(self) -> dict[str, Any]:
        """Scores of every protocol: mean over its test parts, and their standard deviation."""
        protocols: dict[str, Any] = {}
        names, compared = self.table.target_names, self.shipped.compared
        places = [names.index(name) for name in compared]
        for protocol, (method, over, repeats) in PROTOCOLS.items():
            splits, rounds, covered = self.splits(protocol), [], []
            for number, split in enumerate(splits):
                ours = self.once(f"{protocol}-{number}", lambda s=split: self.predictions(s))
                rivals = self.once(f"{protocol}-{number}-baselines", lambda s=split: self.baselines(s))
                labels = self.table.targets[split.test]
                scores = {name: {} for name in names}
                for target, found in score(labels, ours["values"], "regression", names).items():
                    scores[target][OURS] = found["mae"]
                for rival, values in rivals.items():
                    for target, found in score(labels[:, places], values, "regression", compared).items():
                        scores[target][rival] = found["mae"]
                rounds.append(scores)
                covered.append(((ours["low"] <= labels) & (labels <= ours["high"])).mean(axis=0))
            protocols[protocol] = {
                "method": method,
                "over": over,
                "repeats": repeats,
                "train": [len(split.train) for split in splits],
                "test": [len(split.test) for split in splits],
                "targets": {
                    target: {
                        name: spread([scores[target][name] for scores in rounds])
                        for name in rounds[0][target]
                    }
                    for target in names
                },
                "coverage": {
                    target: spread([float(shares[place]) for shares in covered])
                    for place, target in enumerate(names)
                },
            }
        return {
            "command": f"python benchmarks/bundled.py --data-dir DIR {self.name}",
            "pretraining": PRETRAINING,
            "recipe": self.recipe.name,
            "data": self.shipped.data,
            "rows": len(self.table),
            "noise_floor": {
                name: floor["mean_absolute_deviation"]
                for name, floor in self.floor.items()
                if math.isfinite(floor["mean_absolute_deviation"])
            },
            "units": {name: self.table.units.get(name, "") for name in names},
            "protocols": protocols,
        }

    def train(self) -> Bundle:
        """The model that is shipped, trained on all rows; from its folder where it was trained before."""
        folder = self.folder / "bundle"
        if not folder.is_dir():
            save_bundle(folder, self.fit(self.everything()).bundle)
        return load_bundle(folder)

    def everything(self) -> Split:
        """All rows to learn from."""
        none = np.array([], dtype=np.int64)
        return Split(np.arange(len(self.table)), none, none, "all rows", seed=0, n_groups=None)

    def calibrate(self) -> None:
        """Calibrate the model that is shipped on the rows that its members had left out, as training does."""
        bundle, rows = load_bundle(self.name), self.everything()
        _, learns_MN, _ = plan_calibration(rows, self.table, bundle.config.recipe.head.members, seed=0)
        bundle = calibrate(bundle, self.table, rows.train, pooled_ND=self.pooled_ND, learns_MN=learns_MN)
        save_bundle(BUNDLED / self.name, bundle)

    def ship(self, bundle: Bundle, result: dict[str, Any]) -> None:
        """Put the model into the package, with the figures of every protocol on its card."""
        places = np.random.default_rng(0).choice(len(self.table), 3, replace=False)
        examples = [self.table.strings[row] for row in places]
        values = Model(bundle).predict_normalised([self.table.records[row] for row in places]).values
        card = {
            "name": self.name,
            "description": self.shipped.description,
            "data": self.shipped.data,
            "targets": {
                name: bundle.card["targets"][name] | _card_target(name, result)
                for name in self.table.target_names
            },
            "training": {
                "split": f"{PROTOCOLS['folds'][0]}, each MOFid in one; the model learnt from all rows",
                "rows": result["rows"],
                "pretrained_from": PRETRAINING,
                "epochs": self.recipe.finetuning.epochs,
            },
            "noise_floor": result["noise_floor"],
            "examples": {
                string: [float(f"{value:.6g}") for value in row]
                for string, row in zip(examples, values, strict=True)
            },
        }
        save_bundle(BUNDLED / self.name, dataclasses.replace(bundle, card=card))


def _card_target(name: str, result: dict[str, Any]) -> dict[str, Any]:
    """Figures of a target as `catenane.reporting.ranking.error_grid` reads them."""
    protocols = {}
    for protocol, found in result["protocols"].items():
        scores = {
            rival: {"mean": values["mean"], "sd": values["std"]}
            for rival, values in found["targets"][name].items()
        }
        protocols[protocol] = {
            "method": found["method"],
            "n": sum(found["test"]),
            "over": found["over"],
            "repeats": found["repeats"],
            "mae": scores.pop(OURS),
            "baselines": scores,
        }
    folds = protocols["folds"]
    return {
        "unit": result["units"][name],
        "test": {"mae": folds["mae"]["mean"], "n": folds["n"]},
        "baselines": {rival: {"mae": values["mean"]} for rival, values in folds["baselines"].items()},
        "protocols": protocols,
    }


if __name__ == "__main__":
    main()
