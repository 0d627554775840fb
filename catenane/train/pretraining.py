"""Pretraining on a corpus of strings: the recipe's objective makes examples of them."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from catenane.config import Recipe, load_recipe
from catenane.data import (
    CorpusCounts,
    LengthGroupedBatches,
    TokenCorpus,
    collate,
    open_corpus,
    write_corpus,
)
from catenane.data.background import in_background
from catenane.data.sources import STDIN, find_sources
from catenane.errors import DataError
from catenane.files import write_json
from catenane.hardware import best_device
from catenane.inference.novelty import MOST_STRINGS, parts_met
from catenane.models.bundle import Bundle, BundleConfig, save_bundle
from catenane.notation import heed_interrupts
from catenane.objectives import OBJECTIVES, Examples, Learner, Objective, make_objective
from catenane.progress import shows_progress, verbosity
from catenane.settings import fingerprint
from catenane.tokenizers import StringTokenizer
from catenane.train.folder import RunFolder, source_files
from catenane.train.logs import LogFormat
from catenane.train.loop import Wanted, forked_generators, run, seed_of
from catenane.train.ranks import Sharing, joined, launch, must_launch
from catenane.train.start import choose_tokenizer
from catenane.version import __version__

__all__ = ["PretrainResult", "pretrain"]

logger = logging.getLogger(__name__)
VALID_SHARE, VALID_MOST = 0.05, 2000
AHEAD = 4
"""Micro-batches that wait for the step before them."""
FILES = tuple(
    f"corpus/{name}"
    for name in (
        "index.json", "progress.json", "rejected-*.csv", "excluded.txt", "*.u16", "begins.i64", "*.f16*",
    )
)  # fmt: skip


@dataclass(frozen=True)
class PretrainResult:
    """What `pretrain` leaves behind."""

    folder: Path
    """The run's folder, with `bundle/` in it."""
    metrics: dict[str, Any]
    """What `metrics.json` holds: corpus, loss and accuracy on strings held out, run."""


@shows_progress
def pretrain(
    corpora: Sequence[str | Path],
    *,
    out: str | Path | None = None,
    recipe: str | Path | Recipe = "small",
    settings: Mapping[str, Any] | None = None,
    column: str | None = None,
    exclude: Sequence[str | Path] = (),
    tokenizer: str | Path | None = None,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    log: LogFormat = "csv",
    device: str | None = None,
    devices: int | None = None,
    nodes: int = 1,
    sharing: Sharing = "ddp",
    workers: int | None = None,
    prepare: bool = False,
    data_dir: str | Path | None = None,
    verbose: bool | None = None,
) -> PretrainResult:
    """Train an encoder on a corpus, by the objective of the recipe: to restore hidden tokens, say.

    Args:
        corpora: Files of strings, folders of such, or names of registered data sets; SMILES and MOFids may be
            mixed.
        out: Folder of the run; `runs/pretrain-RECIPE` by default. `bundle/` in it is the encoder.
        recipe: Name or TOML file of a recipe, or the recipe itself.
        settings: Changes to it by dotted name: `{"pretraining.epochs": 2}`.
        column: Column of the strings, where its name or content does not show it.
        exclude: Files or data sets whose strings, in normal form, are left out and counted.
        tokenizer: Name or path; "corpus" for the shipped one with all further tokens of the corpora, or
            "scratch" for their own alone; by default the shipped one.
        seed: Of weights, order, masks and dropout.
        resume: Go on after a kill.
        overwrite: Delete an earlier run in `out`.
        log: "csv", or "tensorboard" beside it.
        device: "cpu", "cuda", ...; the fastest by default.
        devices: Processes of this node that share every step, each on a device; one by default, or as many as
            `torchrun` has started.
        nodes: Machines on which it is called; see `catenane.train.ranks.launch`.
        sharing: What the processes share: "ddp" gradients, "fsdp" weights and moments as well.
        workers: Processes that read the corpora; by default one per core.
        prepare: Read them and stop; with `resume` training follows, on another machine perhaps.
        data_dir: Local copies of data sets; see `catenane.data.sources.data_folder`.
        verbose: Show progress on stderr; by default unless the logger `catenane` is set to warnings alone.

    Raises:
        DataError: A corpus cannot be read, or holds too few strings.
        UsageError: `out` holds an earlier run and neither `resume` nor `overwrite` is given; or there are not
            so many devices.
        TrainingError: One of several processes was killed.
    """
    options = dict(locals())
    chosen = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    chosen = chosen.with_settings(settings or {})
    folder = Path(out) if out is not None else Path("runs") / f"pretrain-{chosen.name}"
    if not prepare and must_launch(devices, nodes):
        options |= {"out": folder, "verbose": logger.isEnabledFor(logging.INFO)}
        launch(pretrain, options, devices=devices or 1, nodes=nodes, device=device)
        return PretrainResult(folder, json.loads((folder / "metrics.json").read_text(encoding="utf-8")))
    heed_interrupts()
    target = best_device(device)
    with joined(sharing, target) as ranks, verbosity(None if ranks.first else False):
        found = [source for given in corpora for source in find_sources(given, data_dir)]
        corpora = [source.name if source.path else STDIN for source in found]
        inputs = {
            "the corpora": [source.path for source in found if source.path],
            "what is excluded": source_files(exclude, data_dir),
            "the tokenizer": list(filter(Path.is_file, [Path(tokenizer or "")])),
        }
        arguments = {
            "verb": "pretrain", "recipe": asdict(chosen), "column": column, "tokenizer": str(tokenizer),
            "seed": seed,
        }  # fmt: skip
        reader: Any = None
        if ranks.first:
            opened = RunFolder(folder, arguments, inputs, FILES, resume=resume, overwrite=overwrite)
            reader = choose_tokenizer(corpora, tokenizer, column, data_dir)
            opened.open()
            write_corpus(
                folder / "corpus", corpora, reader, max_length=chosen.encoder.max_length,
                drop_long=chosen.pretraining.drop_long, string_column=column, exclude=exclude,
                data_dir=data_dir, workers=workers, resume=resume,
            )  # fmt: skip
        reader = ranks.share(reader)
        corpus = open_corpus(folder / "corpus")
        logger.info("%s", _describe_counts(corpus.index.counts))
        if prepare:
            return PretrainResult(folder, {"corpus": asdict(corpus.index.counts)})
        shape = dataclasses.replace(chosen.encoder, vocabulary_size=reader.vocabulary_size)
        chosen = dataclasses.replace(chosen, encoder=shape)
        kind = OBJECTIVES[chosen.objective].kind
        config = BundleConfig(catenane=__version__, kind=kind, notation=reader.notation, recipe=chosen)
        with forked_generators(torch.device("cpu")):
            torch.default_generator.manual_seed(seed)
            model = config.build_model()
            objective = make_objective(chosen, reader)
        if not ranks.first:
            ranks.share(None)  # the first one may have descriptors to write, which the others read
        training = PretrainingTask(model, corpus, objective, seed)
        if ranks.first:
            ranks.share(None)
        progress = run(
            training, chosen.pretraining, folder, seed=seed, resume=resume, log=log, device=device,
            fingerprint=fingerprint(arguments, corpus.index.fingerprint.encode()), ranks=ranks,
        )  # fmt: skip
        best = progress.history[progress.best_epoch]
        metrics: dict[str, Any] = {
            "corpus": asdict(corpus.index.counts),
            "held_out": {"strings": len(training.valid)}
            | {_key(name): best[_key(name)] for name in objective.figures},
            "run": progress.figures(),
            "seed": seed,
        }
        if ranks.first:
            card = {
                "name": f"{chosen.name} {kind}",
                "description": f"{kind.capitalize()} pretrained by {chosen.objective} on "
                f"{len(corpus):,} strings.",
                "corpora": [Path(str(c)).name for c in corpora],
                "excluded": [Path(str(c)).name for c in exclude],
                "training": metrics["held_out"] | metrics["run"] | {"seed": seed},
            }
            keeps = config.generates and len(corpus) <= MOST_STRINGS
            met = parts_met(corpus_texts(corpus, reader)) if keeps else {}
            bundle = Bundle(config=config, model=model, tokenizer=reader, card=card, training=met)
            save_bundle(folder / "bundle", bundle)
            opened.add(folder / "bundle")
            write_json(folder / "metrics.json", metrics)
        ranks.share(None)  # what was written is there for all
    return PretrainResult(folder, metrics)


def corpus_texts(corpus: TokenCorpus, tokenizer: StringTokenizer) -> Iterator[str]:
    """The strings of a corpus, as far as they were not cut."""
    for row in range(len(corpus)):
        yield tokenizer.decode(corpus.take(np.array([row])).ids.tolist())


class PretrainingTask:
    """Learn the objective on a corpus; a few strings are held out to see how well.

    Args:
        network: The model of the bundle.
        corpus: Strings.
        objective: What is made of them.
        seed: Of everything random.
    """

    label = "pretrain"

    def __init__(self, network: nn.Module, corpus: TokenCorpus, objective: Objective, seed: int) -> None:
        self.model = Learner(network, objective)
        self._corpus, self._objective, self._seed = corpus, objective, seed
        self._descriptors = objective.describe(corpus)
        n_valid = min(VALID_MOST, math.ceil(VALID_SHARE * len(corpus)))
        if len(corpus) < 20:
            raise DataError(f"the corpus holds {len(corpus)} readable strings: pretraining needs at least 20")
        rng = np.random.default_rng(seed_of(seed, 1))
        self.valid = np.sort(rng.choice(len(corpus), n_valid, replace=False))
        budget = objective.recipe.pretraining.batch_tokens
        self._train_batches = LengthGroupedBatches(corpus.lengths, budget, seed=seed, without=self.valid)
        self._valid_batches = LengthGroupedBatches(corpus.lengths[self.valid], budget, shuffle=False)

    def n_batches(self) -> int:
        """Micro-batches of an epoch."""
        return len(self._train_batches)

    def batches(self, epoch: int, start: int, wanted: Wanted) -> Generator[Examples | None, None, None]:
        """The examples of the epoch's micro-batches from `start`, made while the step before runs."""
        with in_background(self._make(epoch, start, wanted), AHEAD) as ready:
            yield from ready

    def _make(self, epoch: int, start: int, wanted: Wanted) -> Iterator[Examples | None]:
        for number, rows in enumerate(self._train_batches.batches(epoch, start), start):
            yield self._examples(rows, seed_of(self._seed, epoch, number)) if wanted(number) else None

    def weight(self, batch: Examples) -> float:
        """What the loss is the mean over."""
        return batch.weight

    def loss(self, model: nn.Module, batch: Examples, device: torch.device) -> Tensor:
        """Mean loss of the examples."""
        loss: Tensor = model(batch.to(device))
        return loss

    def validate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Figures of the objective on the strings held out, of which it makes the same examples each time."""
        sums: Counter[str] = Counter()
        count = 0.0
        with torch.no_grad():
            for number, rows in enumerate(self._valid_batches.batches(0)):
                examples = self._examples(self.valid[rows], seed_of(self._seed, 2, number)).to(device)
                scores = model(examples, measure=True)
                sums.update({name: score.item() * examples.weight for name, score in scores.items()})
                count += examples.weight
        figures = self._objective.summarise({name: total / count for name, total in sums.items()})
        return {"valid_score": figures["loss"]} | {_key(name): value for name, value in figures.items()}

    def _examples(self, rows: np.ndarray, seed: int) -> Examples:
        """What the objective makes of these strings of the corpus."""
        batch = collate(
            self._corpus, rows, pad_id=self._objective.tokenizer.pad_id, descriptors=self._descriptors
        )
        examples: Examples = self._objective.examples(batch, torch.Generator().manual_seed(seed))
        return examples


def _key(figure: str) -> str:
    """Name of a figure in the history, which has the loss of two sets of strings."""
    return "valid_loss" if figure == "loss" else figure


def _describe_counts(counts: CorpusCounts) -> str:
    """One line on what became of the rows."""
    parts = [f"{counts.strings:,} strings, {counts.tokens:,} tokens"]
    if counts.unknown_tokens:
        parts.append(f"{counts.unknown_tokens:,} unknown in {counts.strings_with_unknown:,} strings")
    if counts.cut_strings:
        parts.append(f"{counts.cut_tokens:,} tokens cut from {counts.cut_strings:,} long strings")
    if counts.long_strings:
        parts.append(f"{counts.long_strings:,} long strings left out")
    if counts.excluded:
        parts.append(f"{counts.excluded:,} strings excluded")
    if counts.rejected:
        parts.append(f"{counts.rejected:,} rows rejected")
    return "corpus: " + "; ".join(parts)
