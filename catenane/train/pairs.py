"""A model that writes one string from another, from pairs in memory: assembled, trained and scored."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from catenane.config import Recipe
from catenane.data import collate
from catenane.inference import Model
from catenane.inference.translation import bleu
from catenane.inference.writing import write_strings
from catenane.models.bundle import Bundle, BundleConfig
from catenane.models.decoding import Decoding
from catenane.notation import NotationName, Record, detect_notation, get_notation, read_mixed
from catenane.objectives import HiddenTokens, MaskedTokens, to_write
from catenane.settings import fingerprint
from catenane.tokenizers import EncodedStrings, StringTokenizer, load_tokenizer
from catenane.train.checkpoint import Progress
from catenane.train.learning import LearningTask
from catenane.train.logs import LogFormat
from catenane.train.loop import forked_generators, run
from catenane.train.start import start_from
from catenane.version import __version__

__all__ = ["FittedPairs", "StringPairs", "fit_pairs", "score_strings"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StringPairs:
    """Strings, and what is to be written from each, with a tokenizer that knows all of their tokens."""

    sources: Sequence[str]
    targets: Sequence[str]
    notation: NotationName
    tokenizer: StringTokenizer
    sides: tuple[EncodedStrings, EncodedStrings]
    """Tokens of both."""
    languages: tuple[str, str] = ("", "")
    """Of both, where they are texts."""

    @classmethod
    def encode(
        cls,
        sources: Sequence[str],
        targets: Sequence[str],
        parent: Bundle | None = None,
        *,
        tokenizer: StringTokenizer | None = None,
        languages: tuple[str, str] = ("", ""),
    ) -> Self:
        """Pairs as they are; further tokens follow those of the tokenizer, by default the parent's.

        Without either it is the one that is shipped for their notation.
        """
        base = tokenizer or (parent.tokenizer if parent else load_tokenizer(detect_notation(sources)))
        tokenizer = base.extended(text for pair in zip(sources, targets, strict=True) for text in pair)
        sides = zip(languages, (sources, targets), strict=True)
        source, target = (tokenizer.speaking(language).encode_flat(texts) for language, texts in sides)
        return cls(sources, targets, tokenizer.notation, tokenizer, (source, target), languages)

    def speaking(self, side: int) -> StringTokenizer:
        """The tokenizer for the sources, 0, or the targets, 1."""
        return self.tokenizer.speaking(self.languages[side])

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of the longer one of each pair, (N,)."""
        return np.maximum(self.sides[0].lengths, self.sides[1].lengths)

    def take(self, rows: np.ndarray) -> Self:
        """These pairs, in this order."""
        sources, targets = ([texts[row] for row in rows] for texts in (self.sources, self.targets))
        sides = (self.sides[0].take(rows), self.sides[1].take(rows))
        return dataclasses.replace(self, sources=sources, targets=targets, sides=sides)


@dataclass(frozen=True)
class FittedPairs:
    """A trained model, and what it writes from the test strings."""

    bundle: Bundle
    progress: Progress
    written: list[str]
    scores: dict[str, float]
    """See `score_strings`."""


def fit_pairs(
    pairs: StringPairs,
    parts: Sequence[np.ndarray],
    recipe: Recipe,
    *,
    parent: Bundle | None = None,
    how: Decoding,
    seed: int = 0,
    folder: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    resume: bool = False,
    log: LogFormat = "csv",
    device: str | None = None,
) -> FittedPairs:
    """Train an encoder and decoder on pairs.

    Args:
        pairs: Strings, none longer than the encoder reads.
        parts: Places of the training, validation and test pairs.
        recipe: Settings; the shape of the encoder is the parent's where there is one.
        parent: A bundle to start from: one that writes gives encoder and decoder, any other its encoder.
            The cross-attention of one that has only filled holes is learnt afresh.
        how: How test strings are written.
        seed: Of weights, order and dropout.
        folder: Of history and checkpoints.
        settings: What the run is resumed with alone.
        resume: Go on after a kill.
        log: "csv", or "tensorboard" beside it.
        device: "cpu", "cuda", ...; the fastest by default.
    """
    shape = parent.config.recipe.encoder if parent else recipe.encoder
    shape = dataclasses.replace(shape, vocabulary_size=pairs.tokenizer.vocabulary_size)
    recipe = dataclasses.replace(recipe, encoder=shape)
    config = BundleConfig(
        catenane=__version__, kind="generator", notation=pairs.notation, recipe=recipe,
        languages=pairs.tokenizer.languages,
    )  # fmt: skip
    with forked_generators(torch.device("cpu")):
        torch.default_generator.manual_seed(seed)
        network = config.build_model()
    if parent is not None:
        start_from(network, parent, reads_whole=True)
    logger.info("%s pairs to train on, %s and %s to validate and test", *(f"{len(part):,}" for part in parts))
    task = PairsTask(network, pairs, parts, recipe, seed)
    progress = run(
        task, recipe.finetuning, folder, seed=seed, resume=resume, log=log, device=device,
        fingerprint=fingerprint(dict(settings or {}), *(side.ids.tobytes() for side in pairs.sides)),
    )  # fmt: skip
    bundle = Bundle(config=config, model=network, tokenizer=pairs.tokenizer)
    tested = pairs.take(parts[2])
    answers = write_strings(
        Model(bundle, device=device), pairs.speaking(0).encode(tested.sources), how,
        first_id=pairs.speaking(1).cls_id,
    )  # fmt: skip
    written = [pairs.tokenizer.decode(options[0].ids) for options in answers]
    return FittedPairs(bundle, progress, written, score_strings(written, tested))


def score_strings(written: Sequence[str], pairs: StringPairs) -> dict[str, float]:
    """`exact_match`, a share; `bleu`, see `bleu`; and `valid`, the share that can be read.

    The last is given of chemical strings where most of what was wanted can be read.
    """
    wanted = pairs.targets
    exact = sum(text == other for text, other in zip(written, wanted, strict=True)) / len(wanted)
    scores = {"exact_match": exact, **bleu(written, wanted, pairs.tokenizer)}
    return scores | (
        _validity(written, wanted, pairs.notation) if get_notation(pairs.notation).is_chemical else {}
    )


def _validity(found: Sequence[str], wanted: Sequence[str], notation: NotationName) -> dict[str, float]:
    """The share of what was written that can be read, where most of what was wanted can."""
    good, should = (
        sum(isinstance(item, Record) for item in read_mixed(texts, notation)) for texts in (found, wanted)
    )
    return {"valid": good / len(found)} if 2 * should > len(wanted) else {}


class PairsTask(LearningTask):
    """Write the second string of each pair, each token given those before it.

    Args:
        network: Encoder and decoder.
        pairs: Strings.
        parts: Places of the training, validation and test pairs.
        recipe: Its table `finetuning` says how large batches are.
        seed: Of everything random.
    """

    label = "finetune"

    def __init__(
        self, network: nn.Module, pairs: StringPairs, parts: Sequence[np.ndarray], recipe: Recipe, seed: int
    ) -> None:
        self._pairs = pairs
        train, valid, _ = parts
        left_out = np.setdiff1d(np.arange(len(pairs.sources)), train)
        super().__init__(
            network, MaskedTokens(recipe, pairs.tokenizer), pairs.lengths,
            recipe.finetuning.batch_tokens, seed, valid=valid, without=left_out,
        )  # fmt: skip

    def examples(self, rows: np.ndarray, seed: int) -> HiddenTokens:
        """Both strings of pairs; the decoder's input is the second, shifted right by one."""
        read, written = (collate(side, rows) for side in self._pairs.sides)
        return to_write(read, written)
