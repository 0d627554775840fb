"""Pretraining on a corpus of strings: the recipe's objective makes examples of them."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from catenane.config import Recipe, load_recipe
from catenane.data import CorpusCounts, TokenCorpus, collate, open_corpus, write_corpus
from catenane.data.languages import choose_languages
from catenane.data.sources import STDIN, find_sources
from catenane.errors import DataError, UsageError
from catenane.files import write_json
from catenane.hardware import best_device
from catenane.inference.novelty import MOST_STRINGS, parts_met
from catenane.models.bundle import Bundle, BundleConfig, load_bundle, save_bundle
from catenane.notation import get_notation, heed_interrupts
from catenane.objectives import OBJECTIVES, Examples, Objective, Translation, make_objective
from catenane.progress import shows_progress, verbosity
from catenane.settings import fingerprint
from catenane.tokenizers import StringTokenizer
from catenane.train.folder import RunFolder, bundle_files, source_files
from catenane.train.learning import LearningTask, figure_key
from catenane.train.logs import LogFormat
from catenane.train.loop import forked_generators, run, seed_of
from catenane.train.ranks import Sharing, joined, launch, must_launch
from catenane.train.start import choose_tokenizer, start_from, with_shapes_of
from catenane.version import __version__

__all__ = ["PretrainResult", "pretrain"]

logger = logging.getLogger(__name__)
VALID_SHARE, VALID_MOST = 0.05, 2000
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
    model: str | Path | None = None,
    languages: Sequence[str] = (),
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
            mixed. Files of text are read where the tokenizer is one of text.
        out: Folder of the run; `runs/pretrain-RECIPE` by default. `bundle/` in it is the encoder.
        recipe: Name or TOML file of a recipe, or the recipe itself.
        settings: Changes to it by dotted name: `{"pretraining.epochs": 2}`.
        column: Column of the strings, where its name or content does not show it.
        exclude: Files or data sets whose strings, in normal form, are left out and counted.
        tokenizer: Name or path; "corpus" for the shipped one with all further tokens of the corpora, or
            "scratch" for their own alone; by default that of the model, or the shipped one.
        model: A bundle to go on from, with its tokenizer and shapes.
        languages: Of files of text, one for each; by default what their names end in, see
            `catenane.data.languages.named_language`.
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
            so many devices; or a language is not one of the tokenizer's.
        TrainingError: One of several processes was killed.
    """
    options = dict(locals())
    chosen = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    chosen = chosen.with_settings(settings or {})
    parent = None if model is None else load_bundle(model)
    if parent is not None and tokenizer is not None:
        raise UsageError("--model has a tokenizer of its own: leave --tokenizer out")
    if parent is not None:
        chosen = with_shapes_of(parent, chosen, settings or {})
    if sharing == "fsdp" and OBJECTIVES[chosen.objective] is Translation:
        raise UsageError("the objective translation writes while it trains: say --sharing ddp")
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
            "the model": [] if model is None else bundle_files(model),
        }
        arguments = {
            "verb": "pretrain", "recipe": chosen.used(), "column": column, "tokenizer": str(tokenizer),
            "seed": seed, **({"languages": list(languages)} if languages else {}),
        }  # fmt: skip
        reader: Any = None
        if ranks.first:
            opened = RunFolder(folder, arguments, inputs, FILES, resume=resume, overwrite=overwrite)
            reader = parent.tokenizer if parent else choose_tokenizer(corpora, tokenizer, column, data_dir)
            languages = choose_languages(reader, [str(corpus) for corpus in corpora], languages)
            opened.open()
            write_corpus(
                folder / "corpus", corpora, reader, max_length=chosen.encoder.max_length,
                drop_long=chosen.pretraining.drop_long, string_column=column,
                languages=languages if any(languages) else (), exclude=exclude, data_dir=data_dir,
                workers=workers, resume=resume,
            )  # fmt: skip
        reader = ranks.share(reader)
        corpus = open_corpus(folder / "corpus")
        logger.info("%s", _describe_counts(corpus.index.counts))
        if prepare:
            return PretrainResult(folder, {"corpus": asdict(corpus.index.counts)})
        shape = dataclasses.replace(chosen.encoder, vocabulary_size=reader.vocabulary_size)
        chosen = dataclasses.replace(chosen, encoder=shape)
        kind = OBJECTIVES[chosen.objective].kind
        config = BundleConfig(
            catenane=__version__, kind=kind, notation=reader.notation, recipe=chosen,
            languages=reader.languages,
        )  # fmt: skip
        with forked_generators(torch.device("cpu")):
            torch.default_generator.manual_seed(seed)
            network = config.build_model()
            objective = make_objective(chosen, reader)
        if parent is not None:
            start_from(network, parent)
        if not ranks.first:
            ranks.share(None)  # the first one may have descriptors to write, which the others read
        training = PretrainingTask(network, corpus, objective, seed)
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
            | {figure_key(name): best[figure_key(name)] for name in objective.figures},
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
            if chosen.objective == "translation":
                one, other = list(dict.fromkeys(corpus.index.languages))[:2]
                card["translates"] = {"source": one, "target": other, "both": True}
            is_chemical = get_notation(reader.notation).is_chemical
            keeps = config.generates and is_chemical and len(corpus) <= MOST_STRINGS
            met = parts_met(corpus_texts(corpus, reader)) if keeps else {}
            bundle = Bundle(config=config, model=network, tokenizer=reader, card=card, training=met)
            save_bundle(folder / "bundle", bundle)
            opened.add(folder / "bundle")
            write_json(folder / "metrics.json", metrics)
        ranks.share(None)  # what was written is there for all
    return PretrainResult(folder, metrics)


def corpus_texts(corpus: TokenCorpus, tokenizer: StringTokenizer) -> Iterator[str]:
    """The strings of a corpus, as far as they were not cut."""
    for row in range(len(corpus)):
        yield tokenizer.decode(corpus.take(np.array([row])).ids.tolist())


class PretrainingTask(LearningTask):
    """Learn the objective on a corpus.

    Args:
        network: The model of the bundle.
        corpus: Strings.
        objective: What is made of them.
        seed: Of everything random.
    """

    label = "pretrain"

    def __init__(self, network: nn.Module, corpus: TokenCorpus, objective: Objective, seed: int) -> None:
        self._corpus, self._descriptors = corpus, objective.describe(corpus)
        n_valid = min(VALID_MOST, math.ceil(VALID_SHARE * len(corpus)))
        if len(corpus) < 20:
            raise DataError(f"the corpus holds {len(corpus)} readable strings: pretraining needs at least 20")
        rng = np.random.default_rng(seed_of(seed, 1))
        valid = np.sort(rng.choice(len(corpus), n_valid, replace=False))
        budget = objective.recipe.pretraining.batch_tokens
        super().__init__(network, objective, corpus.lengths, budget, seed, valid=valid, without=valid)

    def examples(self, rows: np.ndarray, seed: int) -> Examples:
        """What the objective makes of these strings of the corpus."""
        batch = collate(self._corpus, rows, descriptors=self._descriptors)
        examples: Examples = self.objective.examples(batch, torch.Generator().manual_seed(seed))
        return examples


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
