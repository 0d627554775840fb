"""Pretrains `bert-chem-small` on ZINC, for the figures of the paper that it is named after; draws its curve.

    python benchmarks/bert_chem.py [--epochs N] [--out DIR]      # 25 minutes of one core

Left out are the rows that `reproduce bert-chem/multitask --rows 4000`, or 6000, draws, and the molecules of
Tox21. A run that is finished is drawn again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from catenane import pretrain
from catenane.data import read_table
from catenane.reporting.plots import ACCENT, SECOND, STYLE, settle

DOCS = Path(__file__).resolve().parents[1] / "docs" / "reproduction" / "bert-chem"
CORPUS, RECIPE, SCALES = "smiles/zinc250k_part", "bert-chem-small", (4000, 6000)


def main() -> None:
    parser = argparse.ArgumentParser(description="Pretrains bert-chem-small and draws its curve.")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--out", type=Path, default=Path("runs") / RECIPE)
    arguments = parser.parse_args()
    if not (arguments.out / "bundle").is_dir():
        excluded = arguments.out.with_name("excluded.csv")
        excluded.parent.mkdir(parents=True, exist_ok=True)
        strings = read_table(CORPUS).strings
        # The draw of `Workbench.table`.
        places = {
            place
            for n_rows in SCALES
            for place in np.random.default_rng(0).choice(len(strings), n_rows, replace=False).tolist()
        }
        pd.Series([strings[place] for place in sorted(places)], name="smiles").to_csv(excluded, index=False)
        pretrain(
            [CORPUS], recipe=RECIPE, settings={"pretraining.epochs": arguments.epochs}, out=arguments.out,
            exclude=[excluded, "molnet/tox21"], resume=True,
        )  # fmt: skip
    DOCS.mkdir(parents=True, exist_ok=True)
    history = pd.read_csv(arguments.out / "history.csv")
    history.round(4).to_csv(DOCS / "pretraining.csv", index=False)
    draw(history)


def draw(history: pd.DataFrame) -> None:
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context(["default", STYLE], after_reset=True):
        figure = Figure(figsize=(9, 3.2))
        left, right = figure.subplots(1, 2)
        for column, label, colour in (
            ("train_loss", "training strings", SECOND),
            ("valid_loss", "strings held out", ACCENT),
        ):
            left.plot(history["epoch"], history[column], ".-", color=colour, label=label)
        left.set(xlabel="epoch", ylabel="loss (nats a hidden token)", ylim=(0, None))
        left.legend()
        right.plot(history["epoch"], 100 * history["accuracy"], ".-", color=ACCENT)
        right.set(xlabel="epoch", ylabel="hidden tokens restored, %", ylim=(0, 100))
        settle(figure)
        figure.savefig(DOCS / "pretraining.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
