"""From a table of string pairs to a model that writes the second string of a pair from the first."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from catenane.config import Recipe, load_recipe
from catenane.data import write_rejected
from catenane.data.columns import find_column
from catenane.data.numbers import cell_text
from catenane.data.rejects import Rejection
from catenane.data.sources import find_source
from catenane.data.table_files import open_table
from catenane.errors import DataError, UsageError
from catenane.files import csv_writer, replaced, write_json
from catenane.models.bundle import load_bundle, save_bundle
from catenane.models.decoding import Decoding
from catenane.notation import heed_interrupts
from catenane.progress import shows_progress
from catenane.train.folder import RunFolder, bundle_files, source_files
from catenane.train.logs import LogFormat
from catenane.train.loop import seed_of
from catenane.train.pairs import StringPairs, fit_pairs

__all__ = ["TranslationResult", "finetune_pairs"]

FILES = ("predictions.csv", "rejected.csv")
SHARES = (0.8, 0.1, 0.1)
"""Of training, validation and test pairs."""
MOST_HELD_OUT = 2000
"""Validation, and test, pairs."""
FEWEST = 20
SEARCH = Decoding(method="beam", beams=5, length_penalty=1.0)
"""How test strings are written."""


@dataclass(frozen=True)
class TranslationResult:
    """What `finetune_pairs` leaves behind."""

    folder: Path
    """The run's folder, with `bundle/` and `predictions.csv` in it."""
    metrics: dict[str, Any]
    """What `metrics.json` holds: rows, scores of the test pairs, run."""


@shows_progress
def finetune_pairs(
    data: str | Path,
    *,
    source: str,
    target: str,
    model: str | Path | None = None,
    recipe: str | Path | Recipe | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    log: LogFormat = "csv",
    device: str | None = None,
    data_dir: str | Path | None = None,
    verbose: bool | None = None,
) -> TranslationResult:
    """Train an encoder and decoder to write one column of a table from another.

    Strings are kept as they are spelled. Pairs with one source stay together in the split, which is random.

    Args:
        data: A table, or the name of a registered data set.
        source: Column of the input strings.
        target: Column of what is to be written.
        model: A bundle to start from: one that writes gives encoder and decoder, any other its encoder.
            Tokens that are not in its vocabulary are added.
        recipe: Name or file; by default that of a model that writes, or `mass-small`.
        settings: Changes to it by dotted name.
        out: Folder of the run; `runs/translate-DATA` by default.
        seed: Of split, weights, order and dropout.
        resume: Go on after a kill.
        overwrite: Delete an earlier run in `out`.
        log: "csv", or "tensorboard" beside it.
        device: "cpu", "cuda", ...; the fastest by default.
        data_dir: Local copies of data sets.
        verbose: Show progress on stderr; by default unless the logger `catenane` is set to warnings alone.

    Raises:
        DataError: The table cannot be read, or holds too few pairs.
        UsageError: Source and target are one column, or `out` holds an earlier run.
    """
    heed_interrupts()
    if source == target:
        raise UsageError(f"--source and --target are both {source!r}: name two columns")
    parent = None if model is None else load_bundle(model)
    if recipe is None:
        recipe = parent.config.recipe if parent is not None and parent.config.generates else "mass-small"
    chosen = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    chosen = chosen.with_settings(settings or {})
    folder = Path(out) if out is not None else Path("runs") / f"translate-{Path(data).name.split('.')[0]}"
    arguments = {
        "verb": "translate",
        "source": source,
        "target": target,
        "recipe": asdict(chosen),
        "seed": seed,
    }
    inputs = {
        "the data": source_files([data], data_dir),
        "the model": [] if model is None else bundle_files(model),
    }
    opened = RunFolder(folder, arguments, inputs, FILES, resume=resume, overwrite=overwrite)
    rows, rejected = _read_pairs(data, source, target, data_dir)
    pairs = StringPairs.encode([row.source for row in rows], [row.target for row in rows], parent)
    longest = (parent.config.recipe if parent else chosen).encoder.max_length
    fits_N = pairs.lengths <= longest
    rejected += [
        Rejection(row.row, "", row.source, None, f"{length} tokens, of which {longest} are read")
        for row, length in zip(rows, pairs.lengths.tolist(), strict=True)
        if length > longest
    ]
    if fits_N.sum() < FEWEST:
        raise DataError(f"{data} holds {fits_N.sum()} pairs that can be used: at least {FEWEST} are needed")
    rows, pairs = [rows[place] for place in np.flatnonzero(fits_N)], pairs.take(np.flatnonzero(fits_N))
    opened.open()
    write_rejected(folder / "rejected.csv", sorted(rejected, key=lambda rejection: rejection.row))
    parts = _split(pairs.sources, seed)
    fitted = fit_pairs(
        pairs, parts, chosen, parent=parent, how=SEARCH, seed=seed, folder=folder, settings=arguments,
        resume=resume, log=log, device=device,
    )  # fmt: skip
    figures = fitted.progress.figures()
    metrics: dict[str, Any] = {
        "pairs": {name: len(part) for name, part in zip(("train", "valid", "test"), parts, strict=True)},
        "rejected": len(rejected), "test": fitted.scores, "run": figures, "seed": seed,
        "pretrained_from": None if parent is None else parent.card.get("name", str(model)),
    }  # fmt: skip
    card: dict[str, Any] = {
        "name": f"{source} to {target}",
        "translates": {"source": source, "target": target},
        "description": f"Writes {target} from {source}.",
        "training": fitted.scores | figures,
    }
    save_bundle(folder / "bundle", dataclasses.replace(fitted.bundle, card=card))
    opened.add(folder / "bundle")
    with replaced(folder / "predictions.csv") as fresh, fresh.open("w", newline="", encoding="utf-8") as file:
        write = csv_writer(file)
        write(["row", source, target, "written", "exact"])
        for place, text in zip(parts[2].tolist(), fitted.written, strict=True):
            write([*rows[place], text, text == rows[place].target])
    write_json(folder / "metrics.json", metrics)
    return TranslationResult(folder, metrics)


class _Pair(NamedTuple):
    row: int
    source: str
    target: str


def _read_pairs(
    data: str | Path, source: str, target: str, data_dir: str | Path | None
) -> tuple[list[_Pair], list[Rejection]]:
    """Pairs of strings as they are spelled, and the rows of which one is missing."""
    table = open_table(find_source(data, data_dir))
    names = (source, target)
    places = [find_column(table.columns, name, table.name) for name in names]
    pairs: list[_Pair] = []
    rejected: list[Rejection] = []
    for item in table.rows(places):
        if isinstance(item, Rejection):
            rejected.append(item)
            continue
        row, cells = item
        texts = [cell_text(cell).strip() for cell in cells]
        empty = next((name for name, text in zip(names, texts, strict=True) if not text), None)
        if empty is None:
            pairs.append(_Pair(row, *texts))
        else:
            rejected.append(Rejection(row, empty, "", None, "it is empty"))
    if not pairs:
        raise DataError(f"{table.name}: no row has both {source!r} and {target!r}")
    return pairs, rejected


def _split(sources: Sequence[str], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of the training, validation and test pairs; those of one source are together."""
    _, group_N = np.unique(np.array(sources, dtype=object).astype(str), return_inverse=True)
    rank_G = np.random.default_rng(seed_of(seed, 1)).permutation(group_N.max() + 1)
    n_valid, n_test = (min(math.ceil(share * len(rank_G)), MOST_HELD_OUT) for share in SHARES[1:])
    rank_N = rank_G[group_N]
    ends = (rank_N < n_valid, (rank_N >= n_valid) & (rank_N < n_valid + n_test), rank_N >= n_valid + n_test)
    valid, test, train = (np.flatnonzero(part) for part in ends)
    return train, valid, test
