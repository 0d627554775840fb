"""From a table of string pairs to a model that writes the second string of a pair from the first."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from catenane.config import Recipe, load_recipe
from catenane.data import LengthGroupedBatches, collate, write_rejected
from catenane.data.columns import find_column
from catenane.data.numbers import cell_text
from catenane.data.rejects import Rejection
from catenane.data.sources import find_source
from catenane.data.table_files import open_table
from catenane.errors import DataError, UsageError
from catenane.files import csv_writer, replaced, write_json
from catenane.inference import Model
from catenane.inference.writing import write_strings
from catenane.models.bundle import Bundle, BundleConfig, load_bundle, save_bundle
from catenane.models.decoding import Decoding
from catenane.notation import NotationName, Record, detect_notation, heed_interrupts, read_mixed
from catenane.objectives import HiddenTokens, masked_loss
from catenane.progress import shows_progress
from catenane.settings import fingerprint
from catenane.tokenizers import EncodedStrings, build_tokenizer, load_tokenizer
from catenane.train.folder import RunFolder, bundle_files, source_files
from catenane.train.logs import LogFormat
from catenane.train.loop import Wanted, forked_generators, run, seed_of
from catenane.version import __version__

__all__ = ["TranslationResult", "finetune_pairs"]

logger = logging.getLogger(__name__)
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
    pairs, rejected = _read_pairs(data, source, target, data_dir)
    notation = parent.config.notation if parent else detect_notation([pair.source for pair in pairs])
    base = parent.tokenizer if parent else load_tokenizer(notation)
    texts = (text for pair in pairs for text in (pair.source, pair.target))
    tokenizer = build_tokenizer(texts, notation, base=base)
    shape = parent.config.recipe.encoder if parent else chosen.encoder
    shape = dataclasses.replace(shape, vocabulary_size=tokenizer.vocabulary_size)
    chosen = dataclasses.replace(chosen, encoder=shape)
    read, written = [pair.source for pair in pairs], [pair.target for pair in pairs]
    sides = [tokenizer.encode_flat(texts) for texts in (read, written)]
    lengths_N = np.maximum(sides[0].lengths, sides[1].lengths)
    fits_N = lengths_N <= shape.max_length
    rejected += [
        Rejection(pair.row, "", pair.source, None, f"{length} tokens, of which {shape.max_length} are read")
        for pair, length in zip(pairs, lengths_N.tolist(), strict=True)
        if length > shape.max_length
    ]
    pairs = [pair for pair, fits in zip(pairs, fits_N, strict=True) if fits]
    sides = [side.take(np.flatnonzero(fits_N)) for side in sides]
    if len(pairs) < FEWEST:
        raise DataError(f"{data} holds {len(pairs)} pairs that can be used: at least {FEWEST} are needed")
    opened.open()
    write_rejected(folder / "rejected.csv", sorted(rejected, key=lambda rejection: rejection.row))
    config = BundleConfig(catenane=__version__, kind="generator", notation=notation, recipe=chosen)
    with forked_generators(torch.device("cpu")):
        torch.default_generator.manual_seed(seed)
        network = config.build_model()
    if parent is not None:
        _take_over(network, parent)
    parts = _split([pair.source for pair in pairs], seed)
    logger.info("%s pairs to train on, %s and %s to validate and test", *(f"{len(part):,}" for part in parts))
    training = _Pairs(network, sides, parts, chosen.finetuning.batch_tokens, tokenizer.pad_id, seed)
    progress = run(
        training, chosen.finetuning, folder, seed=seed, resume=resume, log=log, device=device,
        fingerprint=fingerprint(arguments, *(side.ids.tobytes() for side in sides)),
    )  # fmt: skip
    card: dict[str, Any] = {
        "name": f"{source} to {target}",
        "translates": {"source": source, "target": target},
    }
    bundle = Bundle(config=config, model=network, tokenizer=tokenizer, card=card)
    tested = [pairs[place] for place in parts[2].tolist()]
    asked, wanted = [pair.source for pair in tested], [pair.target for pair in tested]
    answers = write_strings(Model(bundle, device=device), tokenizer.encode(asked), SEARCH)
    found = [tokenizer.decode(options[0].ids) for options in answers]
    exact = sum(text == other for text, other in zip(found, wanted, strict=True)) / len(wanted)
    test = {"exact_match": exact, **_bleu([map(tokenizer.tokens, texts) for texts in (found, wanted)])}
    test |= _validity(found, wanted, notation)
    metrics: dict[str, Any] = {
        "pairs": {name: len(part) for name, part in zip(("train", "valid", "test"), parts, strict=True)},
        "rejected": len(rejected), "test": test, "run": progress.figures(), "seed": seed,
        "pretrained_from": None if parent is None else parent.card.get("name", str(model)),
    }  # fmt: skip
    card |= {"description": f"Writes {target} from {source}.", "training": test | metrics["run"]}
    save_bundle(folder / "bundle", bundle)
    opened.add(folder / "bundle")
    with replaced(folder / "predictions.csv") as fresh, fresh.open("w", newline="", encoding="utf-8") as file:
        write = csv_writer(file)
        write(["row", source, target, "written", "exact"])
        for pair, text in zip(tested, found, strict=True):
            write([*pair, text, text == pair.target])
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


def _take_over(network: nn.Module, parent: Bundle) -> None:
    """Start from the weights of a pretrained model where shapes agree; its vocabulary may have grown."""
    own = network.state_dict()
    for name, tensor in parent.model.state_dict().items():
        if name not in own or (parent.config.targets and not name.startswith("encoder.")):
            continue
        if own[name].shape[1:] == tensor.shape[1:] and len(own[name]) >= len(tensor):
            own[name][: len(tensor)] = tensor


def _bleu(sides: Sequence[Iterable[Sequence[str]]]) -> dict[str, float]:
    """BLEU over our own tokens, 0 to 100; nothing, and a line that says so, without sacrebleu."""
    try:
        from sacrebleu import corpus_bleu
    except ImportError:
        logger.info("no BLEU: it needs pip install 'catenane[text]'")
        return {}
    found, wanted = ([" ".join(tokens) for tokens in side] for side in sides)
    return {"bleu": float(corpus_bleu(found, [wanted], tokenize="none", force=True).score)}


def _validity(found: Sequence[str], wanted: Sequence[str], notation: NotationName) -> dict[str, float]:
    """The share of what was written that can be read, where most of what was wanted can."""
    good, should = (
        sum(isinstance(item, Record) for item in read_mixed(texts, notation)) for texts in (found, wanted)
    )
    return {"valid": good / len(found)} if 2 * should > len(wanted) else {}


class _Pairs:
    """Write the second string of each pair."""

    label = "finetune"

    def __init__(
        self,
        model: nn.Module,
        sides: Sequence[EncodedStrings],
        parts: Sequence[np.ndarray],
        batch_tokens: int,
        pad_id: int,
        seed: int,
    ) -> None:
        self.model, self._sides, self._pad_id = model, sides, pad_id
        self._train, self._valid, _ = parts
        lengths_N = np.maximum(sides[0].lengths, sides[1].lengths)
        self._batches = LengthGroupedBatches(lengths_N[self._train], batch_tokens, seed=seed)
        self._valid_batches = LengthGroupedBatches(lengths_N[self._valid], batch_tokens, shuffle=False)

    def n_batches(self) -> int:
        """Micro-batches of an epoch."""
        return len(self._batches)

    def batches(self, epoch: int, start: int, wanted: Wanted) -> Generator[HiddenTokens | None, None, None]:
        """The epoch's micro-batches from `start`."""
        for number, rows in enumerate(self._batches.batches(epoch, start), start):
            yield self._examples(self._train[rows]) if wanted(number) else None

    def weight(self, batch: HiddenTokens) -> float:
        """Tokens to be written."""
        return batch.weight

    def loss(self, model: nn.Module, batch: HiddenTokens, device: torch.device) -> Tensor:
        """Mean cross-entropy of the tokens to be written, in nats."""
        batch = batch.to(device)
        return masked_loss(model(*batch.inputs), batch.labels_N)

    def validate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Loss, and share of the tokens that are right where those before them are given."""
        total, right, count = 0.0, 0, 0
        with torch.no_grad():
            for rows in self._valid_batches.batches(0):
                batch = self._examples(self._valid[rows]).to(device)
                logits_NV = model(*batch.inputs).float()
                total += masked_loss(logits_NV, batch.labels_N).item() * len(batch.labels_N)
                right += int((logits_NV.argmax(-1) == batch.labels_N).sum())
                count += len(batch.labels_N)
        return {"valid_loss": total / count, "valid_score": total / count, "accuracy": right / count}

    def _examples(self, rows: np.ndarray) -> HiddenTokens:
        """Both strings of pairs; the decoder's input is the second, shifted right by one, [CLS] first."""
        read, written = (collate(side, rows, pad_id=self._pad_id) for side in self._sides)
        keep_BL = written.keep_BL[:, 1:]
        positions_BL = torch.arange(keep_BL.shape[1]).expand(keep_BL.shape)
        inputs = (read.ids_BL, read.keep_BL, written.ids_BL[:, :-1], positions_BL, keep_BL)
        return HiddenTokens(inputs, written.ids_BL[:, 1:][keep_BL])
