"""Hypothetical frameworks: every way to fill the nets of the library with nodes and linkers.

They form one list in a fixed order, any part of which can be made without the rest: it can be streamed,
sampled, and divided among machines.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, combinations
from math import comb, prod
from typing import Any, TypeVar

from catenane.errors import ConfigError, suggestion
from catenane.notation import Mofid
from catenane.notation.building_blocks import (
    Blueprint,
    Linker,
    Node,
    Slot,
    Substituent,
    builtin_blueprints,
    builtin_linkers,
    builtin_nodes,
    builtin_substituents,
)
from catenane.screen.linkers import functionalise

__all__ = ["Frameworks", "enumerate_mofs"]


class Frameworks:
    """All frameworks of a choice of building blocks, in a fixed order, each made when it is needed.

    Iterate over them, take the one at an index, or draw a sample; `size` is their number.

    Args:
        nodes: Names of nodes of the library; all of them if None.
        linkers: Linkers, or names of linkers of the library; all of the library if None.
        topologies: Codes of nets of the library; all of them if None.
        substituents: Groups, or names of groups of the library, that replace aromatic hydrogens; linkers are
            taken with and without them.
        most_substituents: How many of one group a linker may carry.
        catenations: How many further nets may interpenetrate, as MOFid counts; 0 to 3 if None. A net is given
            those it is known for, with linkers long enough to leave room for them.

    Raises:
        ConfigError: A name is unknown (the nearest is shown), or nothing can be built of these.
    """

    def __init__(
        self,
        *,
        nodes: Iterable[str] | None = None,
        linkers: Iterable[Linker | str] | None = None,
        topologies: Iterable[str] | None = None,
        substituents: Iterable[Substituent | str] = (),
        most_substituents: int = 1,
        catenations: Iterable[int] | None = None,
    ) -> None:
        chosen_nodes = _select("node", nodes, {node.name: node for node in builtin_nodes()})
        chosen_linkers = _select("linker", linkers, {linker.name: linker for linker in builtin_linkers()})
        groups = _select("substituent", substituents, {group.name: group for group in builtin_substituents()})
        nets = set(_select("topology", topologies, {plan.net: plan.net for plan in builtin_blueprints()}))
        blueprints = [blueprint for blueprint in builtin_blueprints() if blueprint.net in nets]
        slots = [slot for blueprint in blueprints for slot in blueprint.slots]
        usable = [linker for linker in chosen_linkers if any(slot.takes(linker) for slot in slots)]
        variants = _with_substituents(usable, groups, most_substituents)
        sectors = [
            _Sector(
                node,
                blueprint,
                catenation,
                [_fillings(slot, variants, catenation) for slot in blueprint.slots],
            )
            for catenation in sorted(set(range(4) if catenations is None else catenations))
            for blueprint in blueprints
            for node in chosen_nodes
            if node.name in blueprint.nodes and 0 <= catenation <= blueprint.catenation
        ]
        self._sectors = [sector for sector in sectors if sector.size]
        self._ends = list(accumulate(sector.size for sector in self._sectors))
        if not self._sectors:
            raise ConfigError("no framework can be built of these nodes, linkers, topologies and catenations")

    @property
    def size(self) -> int:
        """Number of frameworks."""
        return self._ends[-1]

    def __getitem__(self, index: int) -> Mofid:
        """The framework at an index from 0 to `size` - 1."""
        if not 0 <= index < self.size:
            raise IndexError(f"index {index} is not within the {self.size:,} frameworks")
        place = bisect_right(self._ends, index)
        return self._sectors[place][index - (self._ends[place - 1] if place else 0)]

    def __iter__(self) -> Iterator[Mofid]:
        """All frameworks in order; faster than by index."""
        for sector in self._sectors:
            yield from sector

    def sample(self, count: int, *, seed: int = 0) -> Iterator[Mofid]:
        """Different frameworks, each as likely as any other, in random order; all if there are no more."""
        indices = random.Random(seed).sample(range(self.size), min(count, self.size))
        return map(self.__getitem__, indices)


def enumerate_mofs(**choice: Any) -> Iterator[Mofid]:
    """Stream every hypothetical framework of a choice of building blocks, no two alike.

    Each is in normal form and named by what it is made of. The arguments, and the errors raised before the
    first framework, are those of `Frameworks`.

    Source: frameworks from blocks of known chemistry: C. E. Wilmer et al., Nat. Chem. 2012, 4, 83.
    """
    return iter(Frameworks(**choice))


@dataclass(frozen=True)
class Fillings:
    """Every set of `fewest` to `most` different linkers of one group, group by group, smaller sets first."""

    groups: Sequence[Sequence[Linker]]
    fewest: int
    most: int

    @property
    def size(self) -> int:
        """Number of fillings."""
        return sum(comb(len(group), count) for group, count in self._kinds())

    def __iter__(self) -> Iterator[tuple[Linker, ...]]:
        for group, count in self._kinds():
            yield from combinations(group, count)

    def __getitem__(self, index: int) -> tuple[Linker, ...]:
        """The filling at an index of that order, found without the others."""
        for group, count in self._kinds():
            size = comb(len(group), count)
            if index < size:
                return _combination(group, count, index)
            index -= size
        raise IndexError(f"index out of the range of {self.size} fillings")

    def _kinds(self) -> Iterator[tuple[Sequence[Linker], int]]:
        return ((group, count) for group in self.groups for count in range(self.fewest, self.most + 1))


def _combination(items: Sequence[Linker], count: int, index: int) -> tuple[Linker, ...]:
    """The combination at an index of the order of `itertools.combinations`."""
    if not count:
        return ()
    every = comb(len(items), count)

    def before(place: int) -> int:
        """How many combinations start with an item before the place."""
        return every - comb(len(items) - place, count)

    place = bisect_right(range(len(items)), index, key=before) - 1
    return (items[place], *_combination(items[place + 1 :], count - 1, index - before(place)))


@dataclass(frozen=True)
class _Sector:
    """The frameworks of one node in one net of one catenation; the last slot changes fastest."""

    node: Node
    blueprint: Blueprint
    catenation: int
    fillings: Sequence[Fillings]

    @property
    def size(self) -> int:
        return prod(fillings.size for fillings in self.fillings)

    def __getitem__(self, index: int) -> Mofid:
        linkers: tuple[Linker, ...] = ()
        for fillings in reversed(self.fillings):
            index, place = divmod(index, fillings.size)
            linkers = fillings[place] + linkers
        return self._framework(linkers)

    def __iter__(self) -> Iterator[Mofid]:
        return map(self._framework, _product(self.fillings))

    def _framework(self, linkers: Sequence[Linker]) -> Mofid:
        return Mofid(
            blocks=tuple(sorted([*self.node.blocks, *(linker.smiles for linker in linkers)])),
            topologies=(self.blueprint.net,),
            catenation=self.catenation,
            name="_".join([self.node.name, *(linker.name for linker in linkers), self.blueprint.net]),
        )


def _product(fillings: Sequence[Fillings]) -> Iterator[tuple[Linker, ...]]:
    """As `itertools.product`, which would hold the millions of fillings of a slot in memory."""
    if not fillings:
        yield ()
        return
    for first in fillings[0]:
        for rest in _product(fillings[1:]):
            yield first + rest


def _fillings(slot: Slot, linkers: Iterable[Linker], catenation: int) -> Fillings:
    # A rule of thumb: a second net needs linkers as long as terephthalate (5 bonds), each further net for
    # two bonds more.
    shortest = 2 * catenation + 3 if catenation else 0
    groups: dict[int, list[Linker]] = defaultdict(list)
    for linker in linkers:
        if slot.takes(linker) and linker.length >= shortest:
            groups[linker.length if slot.equal else 0].append(linker)
    return Fillings(list(groups.values()), slot.fewest, slot.most)


def _with_substituents(linkers: Sequence[Linker], groups: Sequence[Substituent], most: int) -> list[Linker]:
    """The linkers, then their substituted forms; of two with one structure the first stays."""
    forms = (functionalise(linker, group, most=most) for linker in linkers for group in groups)
    different: dict[str, Linker] = {}
    for linker in chain(linkers, *forms):
        different.setdefault(linker.smiles, linker)
    return list(different.values())


Block = TypeVar("Block")


def _select(kind: str, chosen: Iterable[Block | str] | None, known: Mapping[str, Block]) -> list[Block]:
    """What is chosen, names replaced by what they name, each once."""
    selected: dict[Block, None] = {}
    for block in known if chosen is None else chosen:
        if not isinstance(block, str):
            selected[block] = None
        elif block in known:
            selected[known[block]] = None
        else:
            raise ConfigError(f"unknown {kind} {block!r}: {suggestion(block, known)}")
    return list(selected)
