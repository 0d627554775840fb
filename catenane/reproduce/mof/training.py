"""What the protocols share: the cleaned data, and one training with everything that is told of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from catenane.config import EncoderConfig, Recipe
from catenane.data import Split, Table, aggregate, make_split, read_table
from catenane.inference import Model
from catenane.metrics import FloatArray, Score, score
from catenane.models import Bundle, TransformerEncoder, load_bundle
from catenane.notation import Mofid
from catenane.reproduce.result import NOT_IN_PAPER, Comparison
from catenane.reproduce.run import Run
from catenane.train import FittedModel, fit_property_model, pretrain

__all__ = [
    "FEWEST_CHARACTERS_TOO_MANY",
    "FULL_TRAINING",
    "NO_VALIDATION",
    "clean",
    "labelled",
    "median_error",
    "median_row",
    "of_seeds",
    "pretrained",
    "split_of",
    "topologies",
    "train",
    "with_one_label",
    "without_topology",
]

FEWEST_CHARACTERS_TOO_MANY = 512
"""MOFids of so many characters or more are left out."""
FULL_TRAINING = 72_000
"""Training rows of both papers: 70 % of hMOF."""
NO_VALIDATION = (0.7, 0.0, 0.3)
"""Shares of the first paper: nothing chooses an epoch, so the last one counts."""
STRINGS_PER_ROW = 10
"""Strings that pretraining reads for each row that is drawn, as far as there are so many."""
NO_NET = {"ERROR", "UNKNOWN", "NA", ""}


def topologies(table: Table) -> list[str]:
    """Net of each row: its RCSR codes, "" where there are none."""
    return [",".join(Mofid.parse(string).topologies) for string in table.strings]


def without_topology(table: Table) -> np.ndarray:
    """Which rows name no net, bool (N,)."""
    return np.array([NO_NET.issuperset(net.split(",")) for net in topologies(table)], dtype=bool)


def clean(table: Table) -> Table:
    """The rows that the paper keeps: short enough, with a net, and one of each MOFid (labels averaged)."""
    short = np.array([len(string) < FEWEST_CHARACTERS_TOO_MANY for string in table.strings])
    return aggregate(table.take(np.flatnonzero(short & ~without_topology(table))), "mean")


def labelled(run: Run, *targets: str, dataset: str = "mof/hmof") -> Table:
    """The cleaned rows of this run with these labels."""
    return run.sample(clean(read_table(dataset, targets=targets, data_dir=run.data_dir)))


def with_one_label(table: Table, target: str) -> Table:
    """The rows that have this label, with it alone."""
    place = table.target_names.index(target)
    one = dataclasses.replace(table, targets=table.targets[:, [place]], target_names=(target,))
    return one.take(np.flatnonzero(np.isfinite(one.targets[:, 0])))


def split_of(table: Table, seed: int, fractions: Sequence[float] = NO_VALIDATION) -> Split:
    """A random split; every seed draws its own."""
    return make_split(table, "random", seed=seed, fractions=fractions)


def median_error(table: Table, split: Split) -> float:
    """Test MAE of who always answers the median of the training rows: the error to beat."""
    return float(np.abs(table.targets[split.test, 0] - np.median(table.targets[split.train, 0])).mean())


def of_seeds(stages: Sequence[Mapping[str, Any]], name: str, part: str = "test") -> list[float]:
    """One score of every seed: what `train` told under `scores`."""
    return [stage["scores"][part][name] for stage in stages]


def median_row(stages: Sequence[Mapping[str, Any]], unit: str) -> Comparison:
    """The row of a table that holds the models against the median predictor."""
    medians = [stage["median"] for stage in stages]
    return Comparison(quantity="median predictor: test MAE", unit=unit, paper=NOT_IN_PAPER, ours=medians)


def train(
    run: Run,
    table: Table,
    split: Split,
    recipe: Recipe,
    *,
    seed: int,
    parent: Bundle | None = None,
    curves: bool = False,
    make_encoder: Callable[[EncoderConfig], TransformerEncoder] = TransformerEncoder,
) -> tuple[FittedModel, dict[str, Any]]:
    """Train on one label and score all parts with the model in evaluation mode.

    Args:
        run: Tells the device.
        table: N rows with one label.
        split: Its parts.
        recipe: Shape and training.
        seed: Of weights, order and dropout.
        parent: Pretrained encoder to start from.
        curves: Measure train and test MAE after every epoch too.
        make_encoder: For ablations.

    Returns:
        The model, and as JSON values: `scores` by part (mae, rmse, r2, pearson, n), `median` (MAE of the
        median predictor), `history`, and `labels` and `answers` of the test rows, in their order.
    """
    parts = {name: rows for name in ("train", "valid", "test") if len(rows := getattr(split, name))}

    def answers(bundle: Bundle) -> dict[str, FloatArray]:
        model = Model(bundle, device=run.device)
        return {
            name: model.predict_normalised([table.strings[i] for i in rows]) for name, rows in parts.items()
        }

    def scores(found: Mapping[str, FloatArray]) -> dict[str, dict[str, Score]]:
        (target,) = table.target_names
        return {
            name: score(table.targets[rows], found[name], "regression", (target,))[target]
            for name, rows in parts.items()
        }

    def watch(bundle: Bundle) -> dict[str, float]:
        return {f"{name}_mae": float(s["mae"] or 0.0) for name, s in scores(answers(bundle)).items()}

    fitted = fit_property_model(
        table,
        split,
        recipe,
        task="regression",
        parent=parent,
        seed=seed,
        device=run.device,
        watch=watch if curves else None,
        make_encoder=make_encoder,
    )
    found = answers(fitted.bundle)
    return fitted, {
        "scores": scores(found),
        "median": median_error(table, split),
        "history": fitted.progress.history,
        "best_epoch": fitted.progress.best_epoch + 1,
        "labels": _rounded(table.targets[split.test, 0]),
        "answers": _rounded(found["test"][:, 0]),
    }


def pretrained(run: Run, table: Table, split: Split, recipe: Recipe, *, seed: int) -> Bundle:
    """An encoder that has learnt to restore hidden tokens of frameworks, none of them a test row.

    Strings need no label, so a scaled run reads more of them than it has rows; the whole protocol reads all
    that are not tested on.

    Returns:
        The encoder; its card is the `metrics.json` of its training.
    """
    tested = {table.strings[row] for row in split.test}
    strings = [string for string in _all_strings(run) if string not in tested]
    if run.scale.rows is not None:
        most = min(len(strings), STRINGS_PER_ROW * run.scale.rows)
        chosen = np.random.default_rng(seed).choice(len(strings), most, replace=False)
        strings = [strings[place] for place in np.sort(chosen)]
    folder = run.folder / "stages" / f"encoder-{seed}"
    corpus = run.folder / "stages" / f"strings-{seed}.csv"
    corpus.parent.mkdir(parents=True, exist_ok=True)
    corpus.write_text("\n".join(["mofid", *strings, ""]), encoding="utf-8")
    result = pretrain([corpus], out=folder, recipe=recipe, seed=seed, overwrite=True, device=run.device)
    return dataclasses.replace(load_bundle(result.folder), card=result.metrics)


def _all_strings(run: Run) -> list[str]:
    return clean(read_table("mof/hmof", data_dir=run.data_dir)).strings


def _rounded(values_N: FloatArray) -> list[float]:
    return [float(f"{value:.5g}") for value in values_N]
