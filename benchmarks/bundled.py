"""Trains the models that come with the package, and measures them by cross-validation beside the baselines.

    python benchmarks/bundled.py --data-dir DIR              # every model
    python benchmarks/bundled.py --data-dir DIR mof-uptake   # one

The encoder is pretrained once on all strings, without a label; it stays frozen, and heads are trained on what
it reads. Every figure is of rows that the head was not trained on; the model that is shipped is then trained
on all rows, in the same way. What is measured already is not measured again: the script may be interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from documents import BASELINES, OURS, RESULTS, write_documents
from models import RUNS, spread
from sklearn.model_selection import KFold

import catenane
from catenane.adsorption import as_uptakes
from catenane.baselines import fit_predict_baselines
from catenane.config import load_recipe
from catenane.data import Split, Table, aggregate, make_split, noise_floor, read_table
from catenane.descriptors import Descriptors
from catenane.inference import Model
from catenane.metrics import score
from catenane.models import Bundle, load_bundle, save_bundle
from catenane.screen import Frameworks
from catenane.train import fit_property_model

ENCODER = RUNS / "mof-encoder"
CANDIDATES = RUNS / "enumerated.csv"
CORPUS = ("mof/hmof", "mof/hmof_metal_subsets", "mof/coremof2024", "mof/qmof", str(CANDIDATES))
PRETRAINING = f"catenane pretrain {' '.join(CORPUS)} --recipe small --epochs 4 --out {ENCODER}"
ENUMERATION = f"catenane enumerate mofs --sample 10000 --seed 0 --out {CANDIDATES}"
BUNDLED = Path(catenane.__file__).parent / "models" / "bundled"
N_FOLDS, LINKER_SEEDS = 5, (0, 1, 2)
METHODS = {
    "folds": f"{N_FOLDS}-fold cross-validation",
    "linker": f"unseen linkers, {len(LINKER_SEEDS)} draws",
}


@dataclass(frozen=True)
class Shipped:
    """A model that comes with the package."""

    description: str
    data: str
    targets: tuple[str, ...]
    compared: tuple[str, ...]
    """Targets that the baselines are fitted to as well."""
    left_out: tuple[str, ...] = ()
    """Targets that are left out of training in turn, to see what the isotherm says there."""


SHIPPED = {
    "mof-uptake": Shipped(
        "Simulated uptake of CO2 and CH4 by metal-organic frameworks (298 K as far as known) at any "
        "pressure, from the MOFid; learnt between 0.01 and 2.5 bar of CO2 and 0.05 and 4.5 bar of CH4.",
        "mof/hmof",
        tuple(f"co2_{bar}bar" for bar in (0.01, 0.05, 0.1, 0.5, 2.5))
        + tuple(f"ch4_{bar}bar" for bar in (0.05, 0.5, 0.9, 2.5, 4.5)),
        compared=("co2_0.1bar", "co2_0.5bar", "ch4_0.9bar"),
        left_out=("co2_0.1bar", "co2_0.5bar", "ch4_0.9bar"),
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
    parser.add_argument("--data-dir", type=Path, help="local copies of the data sets")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if not (ENCODER / "metrics.json").is_file():
        CANDIDATES.parent.mkdir(parents=True, exist_ok=True)
        candidates = pd.DataFrame({"mofid": [str(mofid) for mofid in Frameworks().sample(10_000, seed=0)]})
        candidates.to_csv(CANDIDATES, index=False)
        catenane.pretrain(
            CORPUS,
            recipe="small",
            settings={"pretraining.epochs": 4},
            out=ENCODER,
            resume=True,
            data_dir=arguments.data_dir,
        )
    for name in arguments.names or SHIPPED:
        bench = Bench(name, SHIPPED[name], arguments.data_dir)
        result = bench.measure()
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"bundled-{name}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        bench.ship(result)
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
        digest = hashlib.sha256((ENCODER / "bundle" / "model.safetensors").read_bytes()).hexdigest()[:12]
        self.folder = RUNS / f"bundled-{name}-{digest}"
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

    def splits(self) -> dict[str, list[Split]]:
        """Every protocol's pairs of training and test rows; no row chooses an epoch, the last one counts."""
        folds = KFold(N_FOLDS, shuffle=True, random_state=0).split(np.arange(len(self.table)))
        none = np.array([], dtype=np.int64)
        return {
            "folds": [
                Split(train, none, test, METHODS["folds"], seed=0, n_groups=None) for train, test in folds
            ],
            "linker": [
                make_split(self.table, "linker", seed=seed, fractions=(0.9, 0.0, 0.1))
                for seed in LINKER_SEEDS
            ],
        }

    def answers(self, split: Split, *, seed: int = 0, without: str = "", direct: bool = False) -> np.ndarray:
        """What a fresh head says of the test rows, (rows, targets).

        Args:
            split: Rows to train on and to answer.
            seed: Of weights and order.
            without: A target that is left out of training.
            direct: Score each target by itself instead of reading it off an isotherm.
        """
        names = [name for name in self.table.target_names if name != without]
        places = [self.table.target_names.index(name) for name in names]
        table = dataclasses.replace(
            self.table, target_names=tuple(names), targets=self.table.targets[:, places]
        )
        recipe = self.recipe.with_settings({"head.isotherm_sites": 0} if direct else {})
        fitted = fit_property_model(
            table, split, recipe, task="regression", parent=self.parent, pooled_ND=self.pooled_ND, seed=seed
        )
        assert fitted.descriptors is not None
        wanted: list[dict[str, Any]] = [{}]
        if without:
            uptakes = as_uptakes(self.table.target_names)
            wanted = [{"gas": uptake.gas, "pressure": uptake.pressure} for uptake in uptakes]
        predicted = [
            Model(fitted.bundle)
            .predict_normalised(
                [table.strings[row] for row in split.test],
                Descriptors(fitted.descriptors.values[split.test], fitted.descriptors.names),
                pooled_ND=self.pooled_ND[split.test],
                conditions=conditions,
            )
            .values
            for conditions in wanted
        ]
        return np.concatenate(predicted, axis=1)

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
        for protocol, splits in self.splits().items():
            rounds: list[dict[str, dict[str, Any]]] = []
            for number, split in enumerate(splits):
                contestants = {OURS: self.step(f"{protocol}-{number}", lambda s=split: self.answers(s))}
                if self.recipe.head.isotherm_sites and protocol == "folds":
                    contestants["a score for each pressure"] = self.step(
                        f"{protocol}-{number}-direct", lambda s=split: self.answers(s, direct=True)
                    )
                rivals = self.once(f"{protocol}-{number}-baselines", lambda s=split: self.baselines(s))
                rounds.append(self.scores(split, contestants, rivals))
                if protocol == "folds":
                    for target in self.shipped.left_out:
                        found = self.step(
                            f"{protocol}-{number}-without-{target}",
                            lambda s=split, t=target: self.answers(s, without=t),
                        )
                        place = self.table.target_names.index(target)
                        error = np.abs(found - self.table.targets[split.test])[:, place].mean()
                        rounds[-1][target]["left out of training"] = {"mae": float(error)}
            protocols[protocol] = {
                "method": METHODS[protocol],
                "train": [len(split.train) for split in splits],
                "test": [len(split.test) for split in splits],
                "targets": {
                    target: {
                        name: spread([r[target][name]["mae"] for r in rounds]) for name in rounds[0][target]
                    }
                    for target in self.table.target_names
                },
            }
        return {
            "command": f"python benchmarks/bundled.py --data-dir DIR {self.name}",
            "pretraining": [ENUMERATION, PRETRAINING],
            "recipe": self.recipe.name,
            "data": self.shipped.data,
            "rows": len(self.table),
            "noise_floor": {
                name: floor["mean_absolute_deviation"]
                for name, floor in self.floor.items()
                if math.isfinite(floor["mean_absolute_deviation"])
            },
            "units": {name: self.table.units.get(name, "") for name in self.table.target_names},
            "protocols": protocols,
        }

    def step(self, name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """One array that is computed once."""
        return self.once(name, lambda: {"answers": compute()})["answers"]

    def scores(
        self, split: Split, contestants: dict[str, np.ndarray], rivals: dict[str, np.ndarray]
    ) -> dict[str, dict[str, Any]]:
        """By target and contestant, the scores on one test part."""
        names, labels = self.table.target_names, self.table.targets[split.test]
        result: dict[str, dict[str, Any]] = {name: {} for name in names}
        for contestant, answers in contestants.items():
            for target, found in score(labels, answers, "regression", names).items():
                result[target][contestant] = found
        places = [names.index(name) for name in self.shipped.compared]
        for rival, answers in rivals.items():
            for target, found in score(
                labels[:, places], answers, "regression", self.shipped.compared
            ).items():
                result[target][rival] = found
        return result

    def ship(self, result: dict[str, Any]) -> None:
        """Train on all rows and put the model into the package, with the figures of the folds on its card."""
        none = np.array([], dtype=np.int64)
        everything = Split(np.arange(len(self.table)), none, none, "all rows", seed=0, n_groups=None)
        fitted = fit_property_model(
            self.table, everything, self.recipe, task="regression", parent=self.parent,
            pooled_ND=self.pooled_ND,
        )  # fmt: skip
        examples = np.random.default_rng(0).choice(len(self.table), 3, replace=False)
        strings = [self.table.strings[row] for row in examples]
        folds = result["protocols"]["folds"]
        card = {
            "name": self.name,
            "description": self.shipped.description,
            "data": self.shipped.data,
            "targets": {
                name: {
                    "unit": result["units"][name],
                    "test": {"mae": scores[OURS]["mean"], "n": result["rows"]},
                    "baselines": {
                        rival: {"mae": scores[rival]["mean"]} for rival in BASELINES if rival in scores
                    },
                }
                for name, scores in folds["targets"].items()
            },
            "training": {
                "split": f"{folds['method']}, each MOFid in one fold; the model itself learnt from all rows",
                "rows": result["rows"],
                "pretrained_from": f"{PRETRAINING} (strings alone)",
                "epochs": fitted.progress.epoch,
            },
            "noise_floor": result["noise_floor"],
            "examples": {
                string: [float(f"{value:.6g}") for value in values]
                for string, values in zip(
                    strings, Model(fitted.bundle).predict_normalised(strings).values, strict=True
                )
            },
        }
        save_bundle(BUNDLED / self.name, dataclasses.replace(fitted.bundle, card=card))


if __name__ == "__main__":
    main()
