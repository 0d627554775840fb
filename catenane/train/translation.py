"""From pairs of strings to a model that writes the second string of a pair from the first."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catenane.config import Recipe, load_recipe
from catenane.data import write_rejected
from catenane.data.languages import choose_languages
from catenane.data.pairs import read_pairs
from catenane.data.rejects import Rejection
from catenane.errors import DataError, UsageError
from catenane.files import csv_writer, replaced, write_json
from catenane.inference.translation import SEARCH
from catenane.models.bundle import load_bundle, save_bundle
from catenane.notation import get_notation, heed_interrupts
from catenane.progress import shows_progress
from catenane.tokenizers import load_tokenizer
from catenane.train.folder import RunFolder, bundle_files, source_files
from catenane.train.logs import LogFormat
from catenane.train.loop import seed_of
from catenane.train.pairs import StringPairs, fit_pairs
from catenane.train.preparing import data_stem

__all__ = ["TranslationResult", "finetune_pairs"]

FILES = ("predictions.csv", "rejected.csv")
SHARES = (0.8, 0.1, 0.1)
"""Of training, validation and test pairs."""
MOST_HELD_OUT = 2000
"""Validation, and test, pairs."""
FEWEST = 20


@dataclass(frozen=True)
class TranslationResult:
    """What `finetune_pairs` leaves behind."""

    folder: Path
    """The run's folder, with `bundle/` and `predictions.csv` in it."""
    metrics: dict[str, Any]
    """What `metrics.json` holds: rows, scores of the test pairs, run."""


@shows_progress
def finetune_pairs(
    data: str | Path | None = None,
    *,
    source: str,
    target: str,
    model: str | Path | None = None,
    tokenizer: str | Path | None = None,
    languages: Sequence[str] = (),
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

    Chemical strings are kept as they are spelled; text is read where the tokenizer is one of text. Pairs with
    one source stay together in the split, which is random.

    Args:
        data: A table, or the name of a registered data set; None where source and target are files of text.
        source: Column of the input strings, or a file of text.
        target: Column of what is to be written, or a file whose lines belong to those of the source.
        model: A bundle to start from: one that writes gives encoder and decoder, any other its encoder.
            The cross-attention of one that has only filled holes is learnt afresh.
            Tokens that are not in its vocabulary are added.
        tokenizer: A tokenizer.json, where there is no model and the strings are text.
        languages: Of texts, that of the source and that of the target; by default what their names end in.
        recipe: Name or file; by default that of a model that writes, or `mass-small`.
        settings: Changes to it by dotted name.
        out: Folder of the run; `runs/translate-DATA` by default, or `runs/translate-SOURCE` of a file.
        seed: Of split, weights, order and dropout.
        resume: Go on after a kill.
        overwrite: Delete an earlier run in `out`.
        log: "csv", or "tensorboard" beside it.
        device: "cpu", "cuda", ...; the fastest by default.
        data_dir: Local copies of data sets.
        verbose: Show progress on stderr; by default unless the logger `catenane` is set to warnings alone.

    Raises:
        DataError: The table cannot be read, or holds too few pairs.
        UsageError: Source and target are one column or file, a language is not one of the tokenizer's, or
            `out` holds an earlier run.
    """
    heed_interrupts()
    if source == target or (data is None and Path(source).resolve() == Path(target).resolve()):
        raise UsageError(
            f"--source and --target are both {source!r}: name two {'columns' if data else 'files'}"
        )
    if model is not None and tokenizer is not None:
        raise UsageError("--model has a tokenizer of its own: leave --tokenizer out")
    parent = None if model is None else load_bundle(model)
    if recipe is None:
        recipe = parent.config.recipe if parent is not None and parent.config.generates else "mass-small"
    chosen = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    chosen = chosen.with_settings(settings or {})
    base = parent.tokenizer if parent else load_tokenizer(tokenizer) if tokenizer else None
    is_text = base is not None and not get_notation(base.notation).is_chemical
    if data is None and not is_text:
        raise UsageError(
            "without DATA --source and --target are files of text: give --tokenizer, or --model of text"
        )
    spoken = choose_languages(base, (source, target), languages) if base and is_text else ("", "")
    folder = Path(out) if out is not None else Path("runs") / f"translate-{data_stem(data or source)}"
    arguments = {
        "verb": "translate",
        "source": source,
        "target": target,
        "recipe": chosen.used(),
        "seed": seed,
    }
    arguments |= {"languages": spoken} if any(spoken) else {}
    inputs = {
        "the data": source_files([source, target] if data is None else [data], data_dir),
        "the model": [] if model is None else bundle_files(model),
        "the tokenizer": [] if tokenizer is None else list(filter(Path.is_file, [Path(tokenizer)])),
    }
    opened = RunFolder(folder, arguments, inputs, FILES, resume=resume, overwrite=overwrite)
    rows, rejected = read_pairs(data, source, target, is_text=is_text, data_dir=data_dir)
    pairs = StringPairs.encode(
        [row.source for row in rows], [row.target for row in rows], tokenizer=base,
        languages=(spoken[0], spoken[1]),
    )  # fmt: skip
    longest = (parent.config.recipe if parent else chosen).encoder.max_length
    fits_N = pairs.lengths <= longest
    rejected += [
        Rejection(row.row, "", row.source, None, f"{length} tokens, of which {longest} are read")
        for row, length in zip(rows, pairs.lengths.tolist(), strict=True)
        if length > longest
    ]
    if fits_N.sum() < FEWEST:
        raise DataError(
            f"{data or source} holds {fits_N.sum()} pairs that can be used: at least {FEWEST} are needed"
        )
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
    names = spoken if any(spoken) else (source, target)
    card: dict[str, Any] = {
        "name": " to ".join(names),
        "translates": dict(zip(("source", "target"), names, strict=True)),
        "description": f"Writes {names[1]} from {names[0]}.",
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


def _split(sources: Sequence[str], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of the training, validation and test pairs; those of one source are together."""
    _, group_N = np.unique(np.array(sources, dtype=object).astype(str), return_inverse=True)
    rank_G = np.random.default_rng(seed_of(seed, 1)).permutation(group_N.max() + 1)
    n_valid, n_test = (min(math.ceil(share * len(rank_G)), MOST_HELD_OUT) for share in SHARES[1:])
    rank_N = rank_G[group_N]
    ends = (rank_N < n_valid, (rank_N >= n_valid) & (rank_N < n_valid + n_test), rank_N >= n_valid + n_test)
    valid, test, train = (np.flatnonzero(part) for part in ends)
    return train, valid, test
