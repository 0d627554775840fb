"""Proposals: what a model writes in the place of a linker, a side chain, or any other part of a string."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain, cycle, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from catenane.adsorption import Uptake
from catenane.descriptors.linkers import read_linker
from catenane.errors import NotationError, UsageError
from catenane.inference.model import Model
from catenane.inference.novelty import has_met
from catenane.inference.writing import Gap, encode_known, sequence_model, write_gaps
from catenane.models.decoding import Decoding
from catenane.notation import Chem, NotationName, Record, Smiles, get_notation, pattern
from catenane.notation.building_blocks import Linker
from catenane.screen.guide import Guide
from catenane.screen.regions import Region, Vary, find_regions, named_region

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LIKELIHOOD", "Proposals", "propose"]

LIKELIHOOD = "likelihood"
"""Column of the mean probability of a fragment's tokens, given how many they are."""
SHORTEST, LONGEST, MORE = 0.6, 1.5, 6
"""Lengths of fragments, as shares of what stood there, and how many tokens longer any may be."""
PASS, MOST_PASSES = 256, 12
"""Drafts that are written together, and how often at most."""
POOL = 3
"""Times the proposals wanted that are ranked by a property, and half as often by likelihood."""
UNSTABLE = "[$([O,N;!+]-[F,Cl,Br,I]),$([OX2]-[OX2])]"
"""Hypohalites, haloamines and peroxides, which RDKit builds as well as any other molecule."""
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


class _Draft(NamedTuple):
    record: Record
    fragment: str
    likelihood: float


def propose(
    writer: Model,
    string: str,
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
) -> Proposals:
    """Other fragments for a part of a string, written by a model and checked.

    Lengths around that of the part are tried in turn; fragments are drawn at random. Kept are molecules that
    RDKit builds, and frameworks whose new linker is a sound molecule with as many sites of the same kind to
    bind by as the one before, pointing away alike, and the same charge. Each is kept once. Whether its length
    closes the net is not judged: a net of several linkers needs them to fit each other, see the spans.

    Args:
        writer: A model that writes fragments.
        string: A SMILES or MOFid, as the writer's notation says, or what that includes.
        mask: First character of the part, from 0, and the one behind its last.
        vary: "linker" or "sidechain", each of them in turn, in the place of `mask`.
        n: Proposals wanted.
        ranker: A property model; by default the likeliest come first.
        target: What it predicts that ranks; uptakes at any pressure too, such as `co2_0.15bar`.
        lowest: The lowest first.
        share: Of the nucleus that tokens are drawn from.
        temperature: Of the draws.
        seed: Of the draws.

    Raises:
        UsageError: Neither or both of `mask` and `vary` are given, a part is not there, or the string cannot
            be written by this model, or the ranker predicts no such target.
        NotationError: The string cannot be read.
        BundleError: The writer cannot write.
    """
    sequence_model(writer)
    if not get_notation(writer.config.notation).is_chemical:
        raise UsageError(
            "proposals are for molecules and frameworks, and this is a model of text: use predict"
        )
    if (mask is None) == (vary is None):
        raise UsageError("say what to vary, by --mask FIRST:END or by --vary linker or sidechain")
    notation = get_notation("mofid" if "&&" in string or "MOFid-" in string else "smiles")
    for model in filter(None, (writer, ranker)):
        if not get_notation(model.config.notation).reads(notation.name):
            name = model.bundle.card.get("name", "the model")
            raise UsageError(f"{name} reads {model.config.notation}, and this string is {notation.name}")
    conditions = None if ranker is None else find_target(ranker, target)
    origin = notation.read(string)
    regions = [named_region(string, notation.name, mask)] if mask else find_regions(origin, vary or "linker")
    n_dots = regions[0][0].count(".")
    generator = torch.Generator().manual_seed(seed)
    gaps = islice(cycle(_gaps(writer, regions, seed)), PASS * MOST_PASSES)
    how = Decoding(method="nucleus", n=1, share=share, temperature=temperature)
    left_out: Counter[str] = Counter()
    found: dict[str, _Draft] = {}
    wanted, n_drafts = n * (POOL if ranker is not None else 2), 0
    while len(found) < wanted and (batch := list(islice(gaps, PASS))):
        n_drafts += len(batch)
        for gap, [written] in zip(batch, write_gaps(writer, batch, how, generator), strict=True):
            tokenizer = writer.bundle.tokenizer
            text, fragment = tokenizer.decode(gap.filled(written.ids)), tokenizer.decode(written.ids)
            if text.count(".") != n_dots:
                left_out["in another number of pieces"] += 1
                continue
            try:
                record = notation.read(text)
            except NotationError:
                left_out["cannot be read"] += 1
                continue
            if record.text == origin.text:
                reason = "the string itself"
            else:
                reason = "repeated" if record.text in found else CHECKS[notation.name](origin, record)
            if reason:
                left_out[reason] += 1
                continue
            likelihood = math.exp(written.log_probability / len(written.ids))
            found[record.text] = _Draft(record, fragment, likelihood)
    drafts = sorted(found.values(), key=lambda draft: -draft.likelihood)[:wanted]
    own = _Draft(origin, "", math.nan)  # predicted with the others, to be compared with
    table = _ranked([own, *drafts], ranker, target, conditions or {}, lowest=lowest)
    is_own = table["string"] == origin.text
    best = table[~is_own].head(n).reset_index(drop=True)
    records = [found[text].record for text in best["string"]]
    best.insert(3, "new", _are_new(writer, origin, records))
    start = table[is_own].to_dict("records") or [{"string": origin.text}]
    if vary == "linker":
        best["span"] = [_span(_linkers_beyond(record, origin)) for record in records]
        best["span_before"] = [_span(_linkers_beyond(origin, record)) for record in records]
    return Proposals(
        best,
        start[0],
        notation.name,
        target if ranker is not None else LIKELIHOOD,
        n_drafts,
        len(found),
        left_out,
    )


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


def _gaps(writer: Model, regions: Sequence[Region], seed: int) -> list[Gap]:
    """Every region with every length of what may stand in it, in random order."""
    tokenizer, longest = writer.bundle.tokenizer, writer.config.recipe.encoder.max_length
    gaps, guide = [], Guide(tokenizer)
    for text, first, end in regions:
        ids = encode_known(writer, text)
        places = list(accumulate(map(len, tokenizer.tokens(text)), initial=0))
        if first not in places or end not in places:
            raise UsageError(f"{first}:{end} of {text} is {text[first:end]!r}, which cuts a token in two")
        start, stop = (1 + places.index(place) for place in (first, end))
        size, room = stop - start, longest - len(ids) + stop - start
        lengths = range(max(1, int(SHORTEST * size)), 1 + min(room, max(int(LONGEST * size), size + MORE)))
        gaps += [guide.hide(ids, start, stop, length) for length in lengths]
    random.Random(seed).shuffle(gaps)
    return gaps


def _check_molecule(origin: Record, record: Record) -> str:
    """Why a molecule is no proposal in the place of another; "" where it is one."""
    before, after = (_charges(item.text) for item in (origin, record))
    if before != after:
        return "with another charge or unpaired electrons"
    return "" if _n_unstable(record.text) <= _n_unstable(origin.text) else "with an unstable group"


def _check_framework(origin: Record, record: Record) -> str:
    """Why a framework is no proposal in the place of another; "" where it is one."""
    new, lost = _linkers_beyond(record, origin), _linkers_beyond(origin, record)
    if len(new) != len(lost) or len(record.parsed.blocks) != len(set(origin.parsed.canonical().blocks)):
        return "with another number of blocks"
    after = [_charges(linker) for linker in new]
    if None in after:
        return "with a linker that is no sound molecule"
    before = [_charges(linker) for linker in lost]
    if None not in before and Counter(after) != Counter(before):
        return "with another charge or unpaired electrons"
    if Counter(map(_sites, new)) != Counter(map(_sites, lost)):
        return "with other connection points"
    if sum(map(_n_unstable, new)) > sum(map(_n_unstable, lost)):
        return "with an unstable group"
    shapes = [*map(_shape, lost)]
    if None not in shapes and Counter(map(_shape, new)) != Counter(shapes):
        return "with connection points that point another way"
    return ""


CHECKS: Mapping[NotationName, Callable[[Record, Record], str]] = {
    "smiles": _check_molecule,
    "mofid": _check_framework,
}
"""By notation, why a second string is no proposal in the place of a first."""


def _linkers_beyond(record: Record, other: Record) -> list[str]:
    """Linkers that the other framework does not have."""
    return sorted(set(record.parsed.linkers) - set(other.parsed.linkers))


def _charges(smiles: str) -> tuple[int, int] | None:
    """Formal charge and unpaired electrons; None where RDKit builds no molecule."""
    try:
        mol = Smiles.parse(smiles).mol
    except NotationError:
        return None
    return Chem.GetFormalCharge(mol), sum(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())


def _sites(linker: str) -> tuple[str, int]:
    """What binds, and how many of these."""
    traits = read_linker(linker)
    return ("none", 0) if traits is None else (traits.binding, traits.n_sites)


def _n_unstable(smiles: str) -> int:
    """Unstable groups."""
    return len(Smiles.parse(smiles).mol.GetSubstructMatches(pattern(UNSTABLE)))


@lru_cache(maxsize=10_000)
def _built(linker: str) -> Linker | None:
    """Shape and length of a linker; None where no 3D model of it shows how its connection points lie."""
    try:
        return Linker.from_smiles(linker, "")
    except NotationError:
        return None


def _shape(linker: str) -> str | None:
    """How the connection points of a linker point away."""
    return None if (built := _built(linker)) is None else built.shape


def _span(linkers: Sequence[str]) -> str:
    """Bonds between the connection points of each linker that lie farthest apart, "?" where not known."""
    lengths = [None if (built := _built(linker)) is None else built.length for linker in linkers]
    return " + ".join("?" if length is None else str(length) for length in lengths)


def _are_new(writer: Model, origin: Record, records: Sequence[Record]) -> list[bool | None]:
    """Whether the linkers, or where no linker is new the string, were not in the writer's training."""
    asked = [
        [*_linkers_beyond(record, origin)] or [record.text] if record.notation == "mofid" else [record.text]
        for record in records
    ]
    met = has_met(writer.bundle, chain.from_iterable(asked))
    if met is None:
        return [None] * len(records)
    known = dict(zip(chain.from_iterable(asked), met, strict=True))
    return [not all(known[text] for text in texts) for texts in asked]


def _ranked(
    drafts: Sequence[_Draft],
    ranker: Model | None,
    target: str,
    conditions: Mapping[str, Any],
    *,
    lowest: bool,
) -> pd.DataFrame:
    """The drafts as a table, best first; those that have no prediction are left out."""
    import pandas as pd

    table = pd.DataFrame(
        {
            "string": [draft.record.text for draft in drafts],
            "fragment": [draft.fragment for draft in drafts],
            LIKELIHOOD: [draft.likelihood for draft in drafts],
        }
    )
    if ranker is None or not len(table):
        return table
    found = ranker.predictions(table["string"].tolist(), conditions).named()
    chosen = {name: values for name, values in found.items() if name.startswith(target) or name in PREDICTED}
    table = table.assign(**chosen).dropna(subset=[target])
    return table.sort_values(target, ascending=lowest, kind="stable")
