"""Proposals: what a model writes in the place of a linker, a side chain, or any other part of a string."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, islice, pairwise
from typing import TYPE_CHECKING, Any

import torch

from catenane.adsorption import Uptake
from catenane.errors import NotationError, UsageError
from catenane.inference.model import Model
from catenane.inference.novelty import has_met
from catenane.inference.writing import sequence_model
from catenane.models.decoding import Decoding
from catenane.notation import NotationName, Record, get_notation
from catenane.screen.checks import linkers_beyond, span
from catenane.screen.drafts import ALIKE, Draft, Drafts, write_drafts
from catenane.screen.regions import Vary, find_regions, named_region

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LIKELIHOOD", "Proposals", "propose", "propose_each"]

LIKELIHOOD = "likelihood"
"""Column of the mean probability of a fragment's tokens, given how many they are."""
POOL = 6
"""Times the proposals wanted that are ranked by a property, and half as often by likelihood."""
TOGETHER = 16
"""Strings that are written for side by side."""
PREDICTED = ("in_domain", "note")
"""Columns of a prediction beside those of its target."""


@dataclass(frozen=True)
class Proposals:
    """What `propose` found."""

    table: pd.DataFrame
    """The best, best first: `string`, `fragment`, `likelihood`, `new` (whether the linker, or the molecule,
    was not in the training of the model that wrote it; None where that is not known) and, where a property
    ranks, its value, interval, `in_domain` and `note`; where linkers are varied `span` and `span_before`, the
    bonds between the connection points of the new linker and of the one it replaces."""
    origin: dict[str, Any]
    """The string that was varied, with the same columns as far as it has them."""
    notation: NotationName
    """Of the strings."""
    ranked_by: str
    """Column that sets the order."""
    n_drafts: int
    """Fragments that were written."""
    n_valid: int
    """Different strings among them that are sound."""
    left_out: Counter[str]
    """The others by reason."""


def propose(writer: Model, string: str, **how: Any) -> Proposals:
    """The proposals for one string, by `propose_each`.

    Raises:
        UsageError: Also where it has no such part, or this model cannot write there.
        NotationError: The string cannot be read.
    """
    [found] = propose_each(writer, [string], **how)
    if isinstance(found, Exception):
        raise found
    return found


def propose_each(
    writer: Model,
    strings: Iterable[str],
    *,
    mask: tuple[int, int] | None = None,
    vary: Vary | None = None,
    n: int = 20,
    ranker: Model | None = None,
    target: str = "",
    lowest: bool = False,
    share: float = 0.95,
    temperature: float = 1.0,
    seed: int = 0,
) -> Iterator[Proposals | NotationError | UsageError]:
    """Other fragments for a part of each string, written by a model and checked; or why there are none.

    Lengths around that of the part are tried in turn; fragments are drawn at random. Kept are molecules that
    RDKit builds, and frameworks whose new linker is a sound molecule with as many sites of the same kind to
    bind by as the one before, pointing away alike, and the same charge. Each is kept once. Whether its length
    closes the net is not judged: a net of several linkers needs them to fit each other, see the spans.

    Args:
        writer: A model that writes fragments.
        strings: SMILES or MOFids, as the writer's notation says, or what that includes; few are held at once.
        mask: First character of the part, from 0, and the one behind its last.
        vary: "linker" or "sidechain", each of them in turn, in the place of `mask`.
        n: Proposals wanted of each.
        ranker: A property model; by default the likeliest come first.
        target: What it predicts that ranks; uptakes at any pressure too, such as `co2_0.15bar`.
        lowest: The lowest first.
        share: Of the nucleus that tokens are drawn from.
        temperature: Of the draws.
        seed: Of the draws.

    Raises:
        UsageError: Neither or both of `mask` and `vary` are given, or the ranker predicts no such target.
        BundleError: The writer cannot write.
    """
    sequence_model(writer)
    if not get_notation(writer.config.notation).is_chemical:
        raise UsageError(
            "proposals are for molecules and frameworks, and this is a model of text: use predict"
        )
    if (mask is None) == (vary is None):
        raise UsageError("say what to vary, by --mask FIRST:END or by --vary linker or sidechain")
    conditions = None if ranker is None else find_target(ranker, target)
    generator = torch.Generator().manual_seed(seed)
    how = Decoding(method="nucleus", n=ALIKE, share=share, temperature=temperature)
    by, wanted = (LIKELIHOOD, 2 * n) if ranker is None else (target, POOL * n)

    def begin(string: str) -> Drafts | NotationError | UsageError:
        try:
            origin = _read(string, filter(None, (writer, ranker)))
            if vary is not None:
                return Drafts(writer, origin, find_regions(origin, vary), seed)
            return Drafts(writer, origin, [named_region(string, origin.notation, mask or (0, 0))], seed)
        except (NotationError, UsageError) as error:
            return error

    def find() -> Iterator[Proposals | NotationError | UsageError]:
        remaining = iter(strings)
        while piece := list(islice(remaining, TOGETHER)):
            begun = [*map(begin, piece)]
            drafts = [item for item in begun if isinstance(item, Drafts)]
            write_drafts(writer, drafts, wanted, how, generator)
            tables = iter(_tables(drafts, wanted, ranker, target, conditions or {}))
            for item in begun:
                if not isinstance(item, Drafts):
                    yield item
                    continue
                table = next(tables).sort_values(by, ascending=ranker is not None and lowest, kind="stable")
                yield _proposals(writer, item, table, n, by, spans=vary == "linker")

    return find()


def find_target(ranker: Model, target: str) -> Mapping[str, Any]:
    """The conditions under which a model predicts a target; none where it is one of its own.

    Raises:
        UsageError: It predicts no such target.
    """
    if target in ranker.columns():
        return {}
    uptake = Uptake.parse(target)
    if uptake is not None:
        conditions = {"gas": uptake.gas, "pressure": [uptake.pressure]}
        if target in ranker.columns(conditions):
            return conditions
    raise UsageError(f"--rank-by {target!r}: the model predicts {', '.join(ranker.columns())}")


def _read(string: str, models: Iterable[Model]) -> Record:
    """The record of a string, of a notation that all models read."""
    notation = get_notation("mofid" if "&&" in string or "MOFid-" in string else "smiles")
    for model in models:
        if not get_notation(model.config.notation).reads(notation.name):
            name = model.bundle.card.get("name", "the model")
            raise UsageError(f"{name} reads {model.config.notation}, and this string is {notation.name}")
    return notation.read(string)


def _tables(
    all_drafts: Sequence[Drafts],
    wanted: int,
    ranker: Model | None,
    target: str,
    conditions: Mapping[str, Any],
) -> list[pd.DataFrame]:
    """The likeliest drafts of each string with their predictions, itself before them.

    Those that have no prediction are left out.
    """
    import pandas as pd

    pieces = []
    for drafts in all_drafts:
        own = Draft(drafts.origin, "", math.nan)  # predicted with the others, to be compared with
        likeliest = sorted(drafts.kept.values(), key=lambda draft: -draft.likelihood)[:wanted]
        pieces.append([own, *likeliest])
    everything = [*chain.from_iterable(pieces)]
    table = pd.DataFrame(
        {
            "string": [draft.record.text for draft in everything],
            "fragment": [draft.fragment for draft in everything],
            LIKELIHOOD: [draft.likelihood for draft in everything],
        }
    )
    if ranker is not None and everything:
        found = ranker.predictions(table["string"].tolist(), conditions).named()
        table = table.assign(
            **{name: values for name, values in found.items() if name.startswith(target) or name in PREDICTED}
        )
    ends = [*accumulate(map(len, pieces), initial=0)]
    tables = [table.iloc[start:end] for start, end in pairwise(ends)]
    return tables if ranker is None else [piece.dropna(subset=[target]) for piece in tables]


def _proposals(
    writer: Model, drafts: Drafts, table: pd.DataFrame, n: int, ranked_by: str, *, spans: bool
) -> Proposals:
    """The first of a table that is in order, with what is known of each."""
    origin = drafts.origin
    is_own = table["string"] == origin.text
    best = table[~is_own].head(n).reset_index(drop=True)
    records = [drafts.kept[text].record for text in best["string"]]
    best.insert(3, "new", _are_new(writer, origin, records))
    start = table[is_own].to_dict("records") or [{"string": origin.text}]
    if spans:
        best["span"] = [span(linkers_beyond(record, origin)) for record in records]
        best["span_before"] = [span(linkers_beyond(origin, record)) for record in records]
    return Proposals(
        best, start[0], origin.notation, ranked_by, drafts.n_written, len(drafts.kept), drafts.left_out
    )


def _are_new(writer: Model, origin: Record, records: Sequence[Record]) -> list[bool | None]:
    """Whether the linkers, or where no linker is new the string, were not in the writer's training."""
    asked = [
        [*linkers_beyond(record, origin)] or [record.text] if record.notation == "mofid" else [record.text]
        for record in records
    ]
    met = has_met(writer.bundle, chain.from_iterable(asked))
    if met is None:
        return [None] * len(records)
    known = dict(zip(chain.from_iterable(asked), met, strict=True))
    return [not all(known[text] for text in texts) for texts in asked]
