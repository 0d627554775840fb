"""Translation learnt without pairs: sentences are restored from noise, and from their own translations.

Axes: B strings, L tokens of the longest, N tokens to be written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from math import exp, log
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from catenane.config import Recipe, TranslationConfig
from catenane.data import StringBatch
from catenane.data.corpus import TokenCorpus
from catenane.errors import ConfigError, DataError
from catenane.models.decoder import SequenceModel
from catenane.models.decoding import Decoding, Prompt, decode
from catenane.objectives.losses import masked_loss
from catenane.objectives.masking import HiddenTokens
from catenane.objectives.objective import Objective
from catenane.tokenizers import StringTokenizer

__all__ = ["Sentences", "Translation", "add_noise", "corpus_bleu", "ngram_counts", "to_write"]

SPACE = "Ġ"
"""How a tokenizer of bytes writes the space before a word."""
ORDERS = (1, 2, 3, 4)
"""Words of the n-grams of BLEU."""


class Tokens(NamedTuple):
    """As `StringBatch`, of strings alone."""

    ids_BL: Tensor
    keep_BL: Tensor

    def to(self, device: torch.device) -> Tokens:
        """The same on another device."""
        return Tokens(self.ids_BL.to(device), self.keep_BL.to(device))


def to_write(read: StringBatch | Tokens, written: StringBatch | Tokens) -> HiddenTokens:
    """Examples of one string written from another, the first token of which is given."""
    keep_BL = written.keep_BL[:, 1:]
    positions_BL = torch.arange(keep_BL.shape[1], device=keep_BL.device).expand(keep_BL.shape)
    inputs = (read.ids_BL, read.keep_BL, written.ids_BL[:, :-1], positions_BL, keep_BL)
    return HiddenTokens(inputs, written.ids_BL[:, 1:][keep_BL])


def add_noise(
    words: Sequence[Sequence[int]], config: TranslationConfig, rng: np.random.Generator, mask_id: int
) -> list[int]:
    """The tokens of a sentence with some words dropped, some masked, and the others moved a little.

    Each word but one may be dropped; a word moves by less than `config.shuffle` places.

    Source: Lample et al. 2018, arXiv:1711.00043, section 2.3; words are masked in XLM, arXiv:1901.07291.
    """
    kept_W = rng.random(len(words)) >= config.drop
    if not kept_W.any():
        kept_W[rng.integers(len(words))] = True
    order_W = np.argsort(np.arange(len(words)) + rng.uniform(0, config.shuffle, len(words)), kind="stable")
    masked_W = rng.random(len(words)) < config.mask
    return [
        mask_id if masked_W[place] else token for place in order_W if kept_W[place] for token in words[place]
    ]


class Sentences(NamedTuple):
    """Sentences of several languages, and what is to be made of them."""

    batch: Tokens
    """[language], tokens, [SEP]."""
    noisy: Tokens
    """The same with noise."""
    other_B: Tensor
    """int64, token of the language that each is translated to."""

    @property
    def weight(self) -> float:
        """Tokens to be written."""
        return float(self.batch.keep_BL[:, 1:].sum())

    def to(self, device: torch.device) -> Sentences:
        """The same on another device."""
        return Sentences(self.batch.to(device), self.noisy.to(device), self.other_B.to(device))


class Translation(Objective):
    """Restore sentences from noise, and from what the model itself makes of them in another language.

    The translations are made anew for every batch, greedily, and no gradient runs through them. The best
    epoch is that of the highest BLEU of sentences held out after a round trip to another language; a model
    that copies has a perfect one, so `copied`, the share of sentences that are left as they were, is beside.

    Raises:
        ConfigError: The tokenizer knows fewer than two languages.

    Source: Lample et al. 2018, arXiv:1804.07755 (on-the-fly back-translation) and arXiv:1711.00043, section
    3.2 (choice of a model); Song et al. 2019, arXiv:1905.02450.
    """

    kind = "generator"
    figures = ("loss", "round_trip_bleu", "copied")

    def __init__(self, recipe: Recipe, tokenizer: StringTokenizer) -> None:
        super().__init__(recipe, tokenizer)
        if len(tokenizer.languages) < 2:
            raise ConfigError(
                "the objective translation needs a tokenizer of two languages or more: "
                "catenane tokenizer train FILE.en FILE.de"
            )
        self._starts_V = np.array([text.startswith(SPACE) for text in tokenizer.vocabulary])
        self.allowed_V = torch.arange(tokenizer.vocabulary_size) >= tokenizer.n_special

    def describe(self, corpus: TokenCorpus) -> None:
        """Nothing; but a corpus of one language is refused."""
        if len(set(corpus.index.languages)) < 2:
            raise DataError("translation is learnt from files of two languages or more: give one of each")

    def examples(self, batch: StringBatch, generator: torch.Generator) -> Sentences:
        """Sentences with noise, and a language for each to be translated to."""
        tokenizer, config = self.tokenizer, self.recipe.translation
        rng = np.random.default_rng(int(torch.randint(1 << 62, (1,), generator=generator)))
        n, first = len(tokenizer.languages), tokenizer.n_special - len(tokenizer.languages)
        own_B = batch.ids_BL[:, 0] - first
        step_B = torch.from_numpy(rng.integers(1, n, len(own_B)))
        noisy = []
        for ids, length in zip(batch.ids_BL.tolist(), batch.keep_BL.sum(dim=1).tolist(), strict=True):
            words = self._words(ids[1 : length - 1])
            noisy.append([ids[0], *add_noise(words, config, rng, tokenizer.mask_id), ids[length - 1]])
        return Sentences(
            Tokens(*batch.inputs), _padded(noisy, tokenizer.pad_id), (own_B + step_B) % n + first
        )

    def loss(self, network: SequenceModel, examples: Sentences) -> Tensor:
        """Mean cross-entropy of the sentences, from noise and from their translations, by their weights."""
        config, losses = self.recipe.translation, []
        if config.back_translation:
            back = self.translate(network, examples.batch, examples.other_B)
            losses.append(config.back_translation * self._loss(network, back, examples.batch))
        if config.denoising:
            losses.append(config.denoising * self._loss(network, examples.noisy, examples.batch))
        return torch.stack(losses).sum()

    def measure(self, network: SequenceModel, examples: Sentences) -> dict[str, Tensor]:
        """The loss, and counts for the figures, each divided by the weight of the examples."""
        batch = examples.batch
        there = self.translate(network, batch, examples.other_B)
        back = self.translate(network, there, batch.ids_BL[:, 0])
        sides = [self._texts(side) for side in (batch, there, back)]
        counts = ngram_counts([text.split() for text in sides[2]], [text.split() for text in sides[0]])
        counts["sentences"] = float(len(sides[0]))
        counts["left"] = float(sum(text == other for text, other in zip(*sides[:2], strict=True)))
        scores = {name: torch.tensor(count / examples.weight) for name, count in counts.items()}
        read = there if self.recipe.translation.back_translation else examples.noisy
        return {"loss": self._loss(network, read, batch)} | scores

    def summarise(self, means: dict[str, float]) -> dict[str, float]:
        """Loss, BLEU of the round trip (0 to 100, of words), and share of the sentences that were copied."""
        bleu = corpus_bleu(means)
        return {"loss": means["loss"], "round_trip_bleu": bleu, "copied": means["left"] / means["sentences"]}

    def score(self, figures: dict[str, float]) -> float:
        """What chooses the best epoch: the BLEU of the round trip, negative; of noise alone the loss."""
        if not self.recipe.translation.back_translation:
            return figures["loss"]
        return -figures["round_trip_bleu"]

    def translate(self, network: SequenceModel, batch: Tokens, other_B: Tensor) -> Tokens:
        """What the network writes from sentences in other languages, greedily, without a gradient."""
        training = network.training
        network.eval()
        length_B = batch.keep_BL.sum(dim=1)
        longest = network.encoder.config.max_length
        most_B = (length_B * 1.3 + 5).long().clamp(max=longest - 2)
        prompt = Prompt(other_B, torch.zeros_like(other_B), most_B)
        found = decode(
            network, batch.ids_BL, batch.keep_BL, prompt, Decoding(),
            allowed_V=self.allowed_V.to(other_B.device), end_id=self.tokenizer.sep_id,
        )  # fmt: skip
        network.train(training)
        torch.clear_autocast_cache()  # which holds copies of the weights that know no gradient
        rows = zip(other_B.tolist(), found, strict=True)
        written = [[first, *options[0].ids, self.tokenizer.sep_id] for first, options in rows]
        return _padded(written, self.tokenizer.pad_id).to(other_B.device)

    def _loss(self, network: SequenceModel, read: Tokens, written: Tokens) -> Tensor:
        examples = to_write(read, written)
        return masked_loss(network(*examples.inputs), examples.labels_N)

    def _texts(self, batch: Tokens) -> list[str]:
        return [self.tokenizer.decode(ids) for ids in batch.ids_BL.tolist()]

    def _words(self, ids: Sequence[int]) -> list[list[int]]:
        """The tokens of each word: one begins at a token that has the space before it."""
        numbers = np.cumsum(self._starts_V[np.array(ids, dtype=int)]).tolist()
        pairs = groupby(zip(numbers, ids, strict=True), key=lambda pair: pair[0])
        return [[token for _, token in word] for _, word in pairs]


def corpus_bleu(counts: dict[str, float]) -> float:
    """BLEU, 0 to 100, from sums, or means, of matches and n-grams; 0 where no 4-gram matches.

    Source: Papineni et al. 2002.
    """
    if not all(counts[f"match_{n}"] for n in ORDERS):
        return 0.0
    precision = sum(log(counts[f"match_{n}"] / counts[f"total_{n}"]) for n in ORDERS) / len(ORDERS)
    return 100 * exp(precision + min(0.0, 1 - counts["wanted"] / counts["found"]))


def ngram_counts(found: Sequence[Sequence[str]], wanted: Sequence[Sequence[str]]) -> dict[str, float]:
    """n-grams of what was found, how many match, and words on both sides, summed over sentences."""
    counts = {f"{name}_{n}": 0.0 for name in ("match", "total") for n in ORDERS}
    for words, other in zip(found, wanted, strict=True):
        for n in ORDERS:
            grams, known = Counter(_ngrams(words, n)), Counter(_ngrams(other, n))
            counts[f"match_{n}"] += (grams & known).total()
            counts[f"total_{n}"] += grams.total()
    lengths = {"found": float(sum(map(len, found))), "wanted": float(sum(map(len, wanted)))}
    return counts | lengths


def _ngrams(words: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(n)), strict=False)


def _padded(rows: Sequence[Sequence[int]], pad_id: int) -> Tokens:
    ids_BL = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=pad_id)
    lengths_B = torch.tensor([len(row) for row in rows])
    return Tokens(ids_BL, torch.arange(ids_BL.shape[1]) < lengths_B[:, None])
