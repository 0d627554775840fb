"""Finished runs and a ranking, made by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from catenane.data import Rejection, Split, Table, noise_floor
from catenane.metrics import score
from catenane.notation import as_records
from catenane.reporting import FinetuneResult, Isotherms, chemistry_groups, write_ranking_page
from catenane.screen import Frameworks
from catenane.tokenizers import Tokenization

RunMaker = Callable[..., FinetuneResult]

NETS = ["pcu", "pcu", "pcu", "rna", "dia", "fcu", "tbo", "nbo", "hex", "sql", "fse", "bcu,fcu", "UNKNOWN"]


@pytest.fixture(scope="session")
def mofs() -> list[str]:
    """Frameworks of a few linkers on many nets."""
    linkers = [f"[O-]C(=O)c1ccc({side})cc1C(=O)[O-]" for side in ("C", "N", "F", "Cl", "Br", "CC")]
    return [
        f"{linker}.[Zn][O]([Zn])([Zn])[Zn]&&{net}.cat{k % 3}"
        for k, net in enumerate(NETS)
        for linker in linkers
    ]


@pytest.fixture(scope="session")
def make_run() -> RunMaker:
    """A function that makes a run from strings and labels; predictions are the labels and some noise."""

    def make(
        strings: list[str],
        targets: np.ndarray,
        *,
        notation: str = "smiles",
        task: str = "regression",
        noise: float = 0.3,
        rival_noise: float = 0.6,
        names: tuple[str, ...] | None = None,
        unit: str = "log10 mol/L",
        rejected: tuple[Rejection, ...] = (),
        command: str | None = "catenane finetune data.csv --target y",
        source: str = "data.csv",
        n_epochs: int = 4,
        baselines: tuple[str, ...] = ("median", "ngram-ridge"),
        test_share: float = 0.5,
        change: Callable[[np.ndarray], None] | None = None,
    ) -> FinetuneResult:
        rng = np.random.default_rng(0)
        names = names or tuple(f"y{t}" for t in range(targets.shape[1]))
        table = Table(
            records=as_records(strings, notation),
            notation=notation,
            targets=targets,
            target_names=names,
            rows=np.arange(1, len(strings) + 1),
            columns={},
            rejected=list(rejected),
            source=source,
            string_column="string",
            units=dict.fromkeys(names, unit),
        )
        test, rest = np.split(rng.permutation(len(strings)), [round(test_share * len(strings))])
        valid, train = np.split(rest, [len(rest) // 4])
        split = Split(np.sort(train), np.sort(valid), np.sort(test), "random", 0, None)

        def answers(scale: float) -> np.ndarray:
            noisy = np.nan_to_num(targets) + scale * rng.normal(size=targets.shape)
            return noisy if task == "regression" else np.clip(noisy, 0, 1)

        predictions = answers(noise)
        if change is not None:
            change(predictions)
        rivals = {name: answers(rival_noise)[split.test] for name in baselines}
        entries = {name: {"unit": unit, "baselines": {}} for name in names}
        for part, rows in (("train", split.train), ("valid", split.valid), ("test", split.test)):
            for name, scores in score(targets[rows], predictions[rows], task, names).items():
                entries[name][part] = scores
        for rival, values in rivals.items():
            for name, scores in score(targets[split.test], values, task, names).items():
                entries[name]["baselines"][rival] = scores
        floors = {
            name: {key: None if value != value else value for key, value in floor.items()}
            for name, floor in noise_floor(table).items()
        }
        tokenization = Tokenization(len(strings), 9 * len(strings), 20, 3, 2, (("[Xe]", 3),), 5, 1)
        return FinetuneResult(
            table=table,
            split=split,
            task=task,
            predictions=predictions,
            baselines=rivals,
            history=[
                {
                    "epoch": k + 1,
                    "step": 10 * k,
                    "seconds": 1.0 * k,
                    "learning_rate": 1e-3 / (k + 1),
                    "train_loss": 1 / (k + 1),
                    "valid_loss": 1.2 / (k + 1),
                    "valid_score": 1.1 / (k + 1),
                }
                for k in range(n_epochs)
            ],
            groupings=chemistry_groups(table, split),
            metrics={
                "targets": entries,
                "task": task,
                "split": {
                    "method": "random",
                    "seed": 0,
                    "train": len(train),
                    "valid": len(valid),
                    "test": len(test),
                    "n_groups": None,
                },
                "seed": 0,
                "noise_floor": floors,
                "duplicates": {"strings": 3, "rows": 7, "conflicting": 2, "handling": "mean"},
                "rejected": len(rejected),
                "tokenization": dataclasses.asdict(tokenization),
                "recipe": "small",
                "pretrained_from": None,
                "n_parameters": 1_234_567,
                "seconds": 75.0,
                "best_epoch": n_epochs,
                "versions": {"catenane": "0.1.0"},
            },
            model_name="data: y",
            command=command,
        )

    return make


@pytest.fixture(scope="session")
def molecule_run(make_run: RunMaker, molecules: list[str]) -> FinetuneResult:
    """A regression on molecules that the model wins."""
    lengths = np.array([[float(len(text))] for text in molecules])
    return make_run(molecules, lengths)


@pytest.fixture(scope="session")
def class_run(make_run: RunMaker, molecules: list[str]) -> FinetuneResult:
    """A classification of molecules that the model wins."""
    classes = np.array([[float("c1" in text)] for text in molecules])
    return make_run(molecules, classes, task="classification", unit="")


@pytest.fixture(scope="session")
def mof_run(make_run: RunMaker, mofs: list[str]) -> FinetuneResult:
    """A regression of two properties of frameworks; a baseline wins the second."""
    rng = np.random.default_rng(1)
    targets = rng.gamma(1.0, size=(len(mofs), 2))
    run = make_run(mofs, targets, notation="mofid", names=("uptake", "gap"), unit="mol/kg")
    rival = run.table.targets[run.split.test] + [5.0, 0.01]
    scores = score(run.table.targets[run.split.test], rival, "regression", ["uptake", "gap"])
    for name in scores:
        run.metrics["targets"][name]["baselines"]["median"] = scores[name]
    run.baselines["median"] = rival
    return run


CARD = {
    "name": "mof-test",
    "description": "made up",
    "targets": {
        "co2_0.1bar": {
            "unit": "mol/kg",
            "test": {"mae": 0.189, "n": 1867},
            "baselines": {"median": {"mae": 0.424}},
            "extremes": {
                "highest": [
                    {"share": 0.01, "n": 186, "predicted": 3.4, "label": 3.1, "mae": 0.6},
                    {"share": 0.1, "n": 1866, "predicted": 2.0, "label": 1.95, "mae": 0.4},
                ],
                "lowest": [{"share": 0.1, "n": 1866, "predicted": 0.1, "label": 0.12, "mae": 0.05}],
            },
        }
    },
    "training": {"split": "random, 14936 / 1867 / 1867 rows"},
}


@pytest.fixture(scope="session")
def ranking() -> Callable[..., dict[str, Any]]:
    """A function that gives the arguments of a page of so many frameworks."""

    def make(n_shown: int = 20, **changes: Any) -> dict[str, Any]:
        library = Frameworks(
            linkers=["BDC", "BPDC", "BTC", "BPY", "QPDC", "mIM", "TCPP"], substituents=["NH2", "F"]
        )
        strings = [str(mofid) for mofid in library.sample(n_shown, seed=1)]
        uptake = np.sort(np.random.default_rng(0).gamma(2.0, 0.5, size=10 * n_shown))[::-1]
        shown, pressures_P = uptake[:n_shown], np.geomspace(0.01, 2.5, 40)
        return {
            "strings": strings,
            "columns": {"co2_0.1bar": shown, "co2_0.5bar": 2 * shown},
            "units": {"co2_0.1bar": "mol/kg", "co2_0.5bar": "mol/kg"},
            "ranked_by": "co2_0.1bar",
            "notation": "mofid",
            "card": CARD,
            "n_candidates": 10 * n_shown,
            "n_rejected": 3,
            "command": "catenane predict candidates.csv --rank co2_0.1bar",
            "distribution": uptake,
            "isotherms": Isotherms(
                "CO2",
                pressures_P,
                shown[:, None] * 5 * pressures_P / (0.4 + pressures_P),
                marked=0.1,
                measured_P=(0.01, 0.1, 0.5, 2.5),
            ),
            **changes,
        }

    return make


@pytest.fixture
def page_of(ranking: Callable[..., dict[str, Any]], tmp_path: Path) -> Callable[..., Path]:
    """A function that writes the page of so many frameworks, with some arguments changed."""

    def write(n_shown: int = 20, **changes: Any) -> Path:
        path = tmp_path / "ranking.html"
        values = ranking(n_shown, **changes)
        by, columns, nan = values["ranked_by"], values.pop("columns"), [np.nan] * len(values["strings"])
        best = {"string": values.pop("strings"), **columns, "note": values.pop("notes", "")}
        best["in_domain"] = values.pop("in_domain", True)
        best |= {f"{by}_{end}": values.pop(end, nan) for end in ("low", "high")}
        write_ranking_page(path, pd.DataFrame(best), **values)
        return path

    return write
