"""Masked pretraining on a corpus of strings (Devlin et al. 2019, section 3.1)."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from catenane.config import Recipe, load_recipe
from catenane.data import LengthGroupedBatches, collate
from catenane.data.corpus import CorpusCounts, TokenCorpus, open_corpus, write_corpus
from catenane.errors import DataError
from catenane.files import write_json
from catenane.models.bundle import Bundle, BundleConfig, save_bundle
from catenane.notation import heed_interrupts
from catenane.objectives import OBJECTIVES, HiddenTokens, masked_loss
from catenane.progress import shows_progress
from catenane.settings import fingerprint
from catenane.tokenizers import StringTokenizer
from catenane.train.folder import RunFolder, source_files
from catenane.train.logs import LogFormat
from catenane.train.loop import forked_generators, run, seed_of
from catenane.train.start import choose_tokenizer
from catenane.version import __version__

__all__ = ["PretrainResult", "pretrain"]

logger = logging.getLogger(__name__)
VALID_SHARE, VALID_MOST = 0.05, 2000
FILES = tuple(
    f"corpus/{name}"
    for name in ("index.json", "index.json.part", "rejected-*.csv", "*.ids.u16", "*.offsets.i64")
)


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
    tokenizer: str | Path | None = None,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    log: LogFormat = "csv",
    device: str | None = None,
    data_dir: str | Path | None = None,
    verbose: bool | None = None,
) -> PretrainResult:
    """Train an encoder to restore hidden tokens of a corpus.

    Args:
        corpora: Files of strings, or names of registered data sets; SMILES and MOFids may be mixed.
        out: Folder of the run; `runs/pretrain-RECIPE` by default. `bundle/` in it is the encoder.
        recipe: Name or TOML file of a recipe, or the recipe itself.
        settings: Changes to it by dotted name: `{"pretraining.epochs": 2}`.
        column: Column of the strings, where its name or content does not show it.
        tokenizer: Name or path, or "corpus" to learn the corpora's own tokens; by default the shipped one.
        seed: Of weights, order, masks and dropout.
        resume: Go on after a kill.
        overwrite: Delete an earlier run in `out`.
        log: "csv", or "tensorboard" beside it.
        device: "cpu", "cuda", ...; the fastest by default.
        data_dir: Local copies of data sets; see `catenane.data.sources.data_folder`.
        verbose: Show progress on stderr; by default unless the logger `catenane` is set to warnings alone.

    Raises:
        DataError: A corpus cannot be read, or holds too few strings.
        UsageError: `out` holds an earlier run and neither `resume` nor `overwrite` is given.
    """
    heed_interrupts()
    chosen = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    chosen = chosen.with_settings(settings or {})
    folder = Path(out) if out is not None else Path("runs") / f"pretrain-{chosen.name}"
    inputs = {
        "the corpora": source_files(corpora, data_dir),
        "the tokenizer": list(filter(Path.is_file, [Path(tokenizer or "")])),
    }
    arguments = {
        "verb": "pretrain", "recipe": asdict(chosen), "column": column, "tokenizer": str(tokenizer),
        "seed": seed,
    }  # fmt: skip
    opened = RunFolder(folder, arguments, inputs, FILES, resume=resume, overwrite=overwrite)
    reader = choose_tokenizer(corpora, tokenizer, column, data_dir)
    shape = dataclasses.replace(chosen.encoder, vocabulary_size=reader.vocabulary_size)
    chosen = dataclasses.replace(chosen, encoder=shape)
    opened.open()
    if resume and (folder / "corpus" / "index.json").is_file():
        corpus = open_corpus(folder / "corpus")
        corpus.check_tokenizer(reader)
    else:
        corpus = write_corpus(
            folder / "corpus", corpora, reader, max_length=chosen.encoder.max_length, string_column=column,
            data_dir=data_dir,
        )  # fmt: skip
    logger.info("%s", _describe_counts(corpus.index.counts))
    kind = OBJECTIVES[chosen.objective].kind
    config = BundleConfig(catenane=__version__, kind=kind, notation=reader.notation, recipe=chosen)
    with forked_generators(torch.device("cpu")):
        torch.default_generator.manual_seed(seed)
        model = config.build_model()
    training = PretrainingTask(model, corpus, reader, chosen, seed)
    progress = run(
        training, chosen.pretraining, folder, seed=seed, resume=resume, log=log, device=device,
        fingerprint=fingerprint(arguments, corpus.lengths.tobytes()),
    )  # fmt: skip
    best = progress.history[progress.best_epoch]
    metrics: dict[str, Any] = {
        "corpus": asdict(corpus.index.counts),
        "held_out": {"strings": len(training.valid)}
        | {key: best[key] for key in ("valid_loss", "accuracy", "perplexity")},
        "run": progress.figures(),
        "seed": seed,
    }
    card = {
        "name": f"{chosen.name} encoder",
        "description": f"Encoder pretrained by masking on {len(corpus):,} strings.",
        "corpora": [Path(str(c)).name for c in corpora],
        "training": metrics["held_out"] | metrics["run"] | {"seed": seed},
    }
    save_bundle(folder / "bundle", Bundle(config=config, model=model, tokenizer=reader, card=card))
    opened.add(folder / "bundle")
    write_json(folder / "metrics.json", metrics)
    return PretrainResult(folder, metrics)


class PretrainingTask:
    """Restore hidden tokens of a corpus; a few strings are held out to see how well."""

    label = "pretrain"

    def __init__(
        self, model: nn.Module, corpus: TokenCorpus, tokenizer: StringTokenizer, recipe: Recipe, seed: int
    ) -> None:
        self.model = model
        self._corpus, self._tokenizer, self._recipe, self._seed = corpus, tokenizer, recipe, seed
        self._objective = OBJECTIVES[recipe.objective]
        order = np.random.default_rng(seed_of(seed, 1)).permutation(len(corpus))
        n_valid = min(VALID_MOST, math.ceil(VALID_SHARE * len(corpus)))
        if len(corpus) < 20:
            raise DataError(f"the corpus holds {len(corpus)} readable strings: pretraining needs at least 20")
        self.valid, self.train = np.sort(order[:n_valid]), np.sort(order[n_valid:])
        budget = recipe.pretraining.batch_tokens
        self._train_batches = LengthGroupedBatches(corpus.lengths[self.train], budget, seed=seed)
        self._valid_batches = LengthGroupedBatches(corpus.lengths[self.valid], budget, shuffle=False)

    def n_batches(self) -> int:
        """Micro-batches of an epoch."""
        return len(self._train_batches)

    def batches(self, epoch: int, start: int) -> Iterator[HiddenTokens]:
        """The epoch's micro-batches from `start`, tokens hidden."""
        for number, rows in enumerate(self._train_batches.batches(epoch, start), start):
            yield self._hide(self.train[rows], seed_of(self._seed, epoch, number))

    def weight(self, batch: HiddenTokens) -> float:
        """Hidden tokens."""
        return len(batch.labels_N)

    def loss(self, model: nn.Module, batch: HiddenTokens, device: torch.device) -> Tensor:
        """Mean cross-entropy of the hidden tokens, in nats."""
        batch = batch.to(device)
        return masked_loss(model(*batch.inputs), batch.labels_N)

    def validate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Loss, accuracy and perplexity on the strings held out, under masks that never change."""
        total, right, count = 0.0, 0, 0
        with torch.no_grad():
            for number, rows in enumerate(self._valid_batches.batches(0)):
                batch = self._hide(self.valid[rows], seed_of(self._seed, 2, number)).to(device)
                logits_NV = model(*batch.inputs).float()
                total += masked_loss(logits_NV, batch.labels_N).item() * len(batch.labels_N)
                right += int((logits_NV.argmax(-1) == batch.labels_N).sum())
                count += len(batch.labels_N)
        loss = total / count
        perplexity = math.exp(min(loss, 50.0))
        return {
            "valid_loss": loss, "valid_score": loss, "accuracy": right / count, "perplexity": perplexity
        }  # fmt: skip

    def _hide(self, rows: np.ndarray, seed: int) -> HiddenTokens:
        """A batch of these strings of the corpus with some tokens hidden."""
        batch = collate(self._corpus, rows, pad_id=self._tokenizer.pad_id)
        generator = torch.Generator().manual_seed(seed)
        return self._objective.hide(batch, self._recipe, self._tokenizer, generator)


def _describe_counts(counts: CorpusCounts) -> str:
    """One line on what became of the rows."""
    parts = [f"{counts.strings:,} strings, {counts.tokens:,} tokens"]
    if counts.unknown_tokens:
        parts.append(f"{counts.unknown_tokens:,} unknown in {counts.strings_with_unknown:,} strings")
    if counts.cut_strings:
        parts.append(f"{counts.cut_tokens:,} tokens cut from {counts.cut_strings:,} long strings")
    if counts.rejected:
        parts.append(f"{counts.rejected:,} rows rejected")
    return "corpus: " + "; ".join(parts)
