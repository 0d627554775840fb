"""What is written in the place of a side chain, or a linker, of held-out structures: models and baselines."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import wasserstein_distance

from catenane.data import find_dataset
from catenane.descriptors.molecules import COMPUTED_LABELS, compute_labels
from catenane.errors import UsageError
from catenane.inference import Model
from catenane.inference.novelty import has_met
from catenane.inference.writing import write_gaps
from catenane.models.bundle import load_bundle
from catenane.models.decoding import Decoding
from catenane.models.folder import bundled_names
from catenane.notation import Record, get_notation, read_mixed
from catenane.reproduce.training import Case, Values
from catenane.screen.checks import judge
from catenane.screen.drafts import ALIKE, find_gaps
from catenane.screen.regions import Region, Vary, find_regions
from catenane.tokenizers import StringTokenizer, load_tokenizer

__all__ = ["NGrams", "generation"]

N_HELD_OUT, N_DRAFTS = 40, ALIKE
"""Structures, and fragments that are written for each, by a model all of one length."""
MOST_TRAINING = 20_000
"""Training strings that the baselines read."""
LONGEST_GRAM = 6
"""Tokens of the longest n-gram."""
PROPERTIES = (*COMPUTED_LABELS, "MW")


class Hole(NamedTuple):
    """A held-out structure and the part of it that is written anew."""

    record: Record
    region: Region

    def filled(self, fragment: str) -> str:
        """The string with another fragment in the part."""
        text, first, end = self.region
        return text[:first] + fragment + text[end:]


Writer = Callable[[Sequence[Hole]], list[str | None]]
"""Writes a fragment for each, or none."""


def generation(case: Case) -> Values:
    """Validity, uniqueness, novelty and properties of molecules, or of linkers, with new fragments.

    `valid` is the share that can be read, `sound` the share that `catenane generate` would accept; `unique`
    the share of different ones among the sound, and `novel` the share of these that are in no training row
    nor, of a model, in its own training. `yield` is their share of all drafts, and `yield_of_others` of those
    that do not restore what stood there. `distance` is the Wasserstein distance of a property of the sound
    ones from that of the held-out ones, in standard deviations of the latter; `mean` is over properties.
    Nothing where the model's corpus is of another notation.
    """
    table, notation = case.table, get_notation(case.table.notation)
    vary: Vary = "linker" if notation.name == "mofid" else "sidechain"
    rng = random.Random(case.seed)
    training = table.take(case.split.train[:MOST_TRAINING]).records
    if find_dataset(next(iter(case.variant.corpus), case.data.name)).notation != notation.name:
        return {}
    model = None if case.variant.baseline else Model(case.start, device=case.bench.device)
    tested = list(table.take(case.split.test).records)
    rng.shuffle(tested)
    holes = []
    for record in _unmet(case, tested):
        try:
            holes.append(Hole(record, rng.choice(find_regions(record, vary))))
        except UsageError:
            continue  # it has none
        if len(holes) == N_HELD_OUT:
            break
    asked = [hole for hole in holes for _ in range(N_DRAFTS)]
    writer: Writer
    if model is not None:
        writer = _by_model(model, case.seed)
    elif case.variant.baseline == "drawn":
        writer = _drawn(training, vary, rng)
    else:
        writer = _by_ngrams(training, load_tokenizer(notation.name), rng)
    n_read = n_restored = 0
    sound = []
    for hole, fragment in zip(asked, writer(asked), strict=True):
        draft, reason = (None, "") if fragment is None else judge(hole.record, hole.filled(fragment))
        n_read += draft is not None
        n_restored += draft is not None and draft.text == hole.record.text
        if draft is not None and not reason:
            sound.append((hole, draft))
    parts = [_part(record, hole.record) for hole, record in sound]
    known = {text for record in training for text in (record.text, *_linkers(record))}
    unique = sorted(set(parts))
    met = (has_met(model.bundle, unique) if model is not None else None) or [False] * len(unique)
    novel = [text for text, seen in zip(unique, met, strict=True) if not seen and text not in known]
    before = [
        text[first:end] if vary == "linker" else hole.record.text
        for hole in holes
        for text, first, end in [hole.region]
    ]
    found_P, original_P = _properties(parts), _properties(before)
    distances = (
        {
            name: wasserstein_distance(found, own) / np.std(own)
            for name, found, own in zip(PROPERTIES, found_P, original_P, strict=True)
        }
        if sound
        else {}
    )
    return {
        "generation": {
            "held_out": len(holes), "drafts": len(asked), "valid": n_read / len(asked),
            "sound": len(sound) / len(asked), "unique": len(unique) / max(len(parts), 1),
            "novel": len(novel) / max(len(unique), 1), "yield": len(novel) / len(asked),
            "restored": n_restored / len(asked),
            "yield_of_others": len(novel) / max(len(asked) - n_restored, 1),
            "distance": {"mean": float(np.mean([*distances.values()]))} | distances if distances else {},
        }
    }  # fmt: skip


def _unmet(case: Case, records: Sequence[Record]) -> list[Record]:
    """Those that no model of the protocol has met in its training, so that all write for the same ones."""
    starts = {variant.start for variant in case.bench.protocol.variants} & set(bundled_names())
    met = [has_met(load_bundle(start), [record.text for record in records]) for start in sorted(starts)]
    known = [any(seen) for seen in zip(*filter(None, met), strict=True)]
    return [record for record, seen in zip(records, known or [False] * len(records), strict=True) if not seen]


def _linkers(record: Record) -> Sequence[str]:
    return record.parsed.linkers if record.notation == "mofid" else ()


def _part(record: Record, origin: Record) -> str:
    """The new linker of a framework; a molecule as a whole."""
    return min(set(_linkers(record)) - set(_linkers(origin)), default=record.text)


def _properties(texts: Sequence[str]) -> np.ndarray:
    """`PROPERTIES` of the N texts that are sound molecules, which not all linkers of hMOF are, (P, N)."""
    from rdkit.Chem.rdMolDescriptors import CalcExactMolWt

    records = [item for item in read_mixed(texts, "smiles") if isinstance(item, Record)]
    return np.array([(*compute_labels(record), CalcExactMolWt(record.parsed.mol)) for record in records]).T


def _by_model(model: Model, seed: int) -> Writer:
    """What a trained model writes as by `catenane generate`, where a length is drawn for each hole."""

    def write(holes: Sequence[Hole]) -> list[str | None]:
        gaps = {}
        for place, hole in enumerate(holes[::N_DRAFTS]):
            with suppress(UsageError):  # a string may be too long for the model
                gaps[place] = find_gaps(model, [hole.region], seed + place)[0]
        found: list[str | None] = [None] * len(holes)
        how = Decoding(method="nucleus", n=N_DRAFTS)
        written = write_gaps(model, [*gaps.values()], how, torch.Generator().manual_seed(seed))
        for place, options in zip(gaps, written, strict=True):
            for which, option in enumerate(options):
                found[place * N_DRAFTS + which] = model.bundle.tokenizer.decode(option.ids)
        return found

    return write


def _lengths(hole: Hole, tokenizer: StringTokenizer) -> tuple[int, int]:
    """Tokens before the part, and in it."""
    text, first, end = hole.region
    return len(tokenizer.tokens(text[:first])), len(tokenizer.tokens(text[first:end]))


def _drawn(training: Sequence[Record], vary: Vary, rng: random.Random) -> Writer:
    """A part of the same kind of a training structure that is drawn at random."""

    def part() -> str:
        while True:
            try:
                text, first, end = rng.choice(find_regions(rng.choice(training), vary))
            except UsageError:
                continue
            return text[first:end]

    return lambda holes: [part() for _ in holes]


class NGrams:
    """A model of tokens that draws each as often as it followed the longest run before it that is known."""

    def __init__(self, strings: Sequence[Sequence[str]], longest: int = LONGEST_GRAM) -> None:
        self.counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        self.longest = longest
        for tokens in strings:
            for place, token in enumerate(tokens):
                for size in range(min(place, longest - 1) + 1):
                    self.counts[tuple(tokens[place - size : place])][token] += 1

    def draw(self, before: Sequence[str], n: int, rng: random.Random) -> list[str]:
        """So many tokens that follow these."""
        tokens = list(before)
        for _ in range(n):
            sizes = range(min(len(tokens), self.longest - 1), -1, -1)
            found = next(
                self.counts[key]
                for size in sizes
                if (key := tuple(tokens[len(tokens) - size :])) in self.counts
            )
            tokens += rng.choices([*found], [*found.values()])
        return tokens[len(before) :]


def _by_ngrams(training: Sequence[Record], tokenizer: StringTokenizer, rng: random.Random) -> Writer:
    """As many tokens as were hidden, of a model of n-grams of the training strings."""
    grams = NGrams([tokenizer.tokens(record.text) for record in training])

    def write(hole: Hole) -> str:
        text, first, _ = hole.region
        return "".join(grams.draw(tokenizer.tokens(text[:first]), _lengths(hole, tokenizer)[1], rng))

    return lambda holes: [write(hole) for hole in holes]
