"""Hypothetical frameworks: every way to fill the nets of the library with nodes and linkers.

They form one list in a fixed order, any part of which can be made without the rest: it can be streamed,
sampled, and divided among machines.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, product
from typing import Any, TypeVar

from catenane.descriptors.nodes import read_node
from catenane.errors import ConfigError, suggestion
from catenane.notation import Mofid
from catenane.notation.building_blocks import (
    Blueprint,
    Linker,
    Node,
    Substituent,
    builtin_blueprints,
    builtin_linkers,
    builtin_nodes,
    builtin_substituents,
)
from catenane.screen.fillings import Fillings, fill
from catenane.screen.linkers import functionalise

__all__ = ["Framework", "Frameworks", "enumerate_mofs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework(Mofid):
    """A hypothetical framework: its MOFid, and the node and linkers of which it is made."""

    node: Node
    parts: tuple[Linker, ...]
    """The linkers, in the order of the places they take."""


class Frameworks:
    """All frameworks of a choice of building blocks, in a fixed order, each made when it is needed.

    Iterate over them, take the one at an index, or draw a sample; `size` is their number, and `left_out` how
    many combinations cannot exist, by reason (`fillings.UNEQUAL`, `fillings.CROWDED`).

    Args:
        nodes: Names of nodes of the library; all of them if None.
        linkers: Linkers, or names of linkers of the library; all of the library if None.
        topologies: Codes of nets of the library; all of them if None.
        substituents: Groups, or names of groups of the library, that replace aromatic hydrogens; linkers are
            taken with and without them.
        most_substituents: How many of one group a linker may carry.
        catenations: How many further nets may interpenetrate, as MOFid counts; 0 to 3 if None. A net is given
            those it is known for, where its linkers leave room for them.

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
        self._sectors, self.left_out = [], Counter[str]()
        self._chosen = chosen_linkers
        found: dict[tuple[str, Blueprint, int], Fillings] = {}
        for catenation, blueprint, node in product(
            sorted(set(range(4) if catenations is None else catenations)), blueprints, chosen_nodes
        ):
            if node.name not in blueprint.nodes or not 0 <= catenation <= blueprint.catenation:
                continue
            traits = next(read_node(block) for block in node.blocks if node.metal in block)
            alike = (traits.kind, blueprint, catenation)  # whatever the metal
            if alike not in found:
                found[alike] = fill(traits, blueprint, catenation, variants)
            self._sectors.append(_Sector(node, blueprint, catenation, found[alike]))
            self.left_out += found[alike].left_out
        self._ends = list(accumulate(sector.fillings.size for sector in self._sectors))
        if not self._ends or not self.size:
            reasons = "".join(f"; {count:,} left out: {reason}" for reason, count in self.left_out.items())
            choice = "these nodes, linkers, topologies and catenations"
            raise ConfigError(f"no framework can be built of {choice}{reasons}")

    @property
    def size(self) -> int:
        """Number of frameworks."""
        return self._ends[-1]

    @property
    def unused(self) -> list[Linker]:
        """The chosen linkers of which, without substituents, no framework is made."""
        rooms = chain.from_iterable(sector.fillings.rooms for sector in self._sectors)
        used = {linker.smiles for room in rooms for linkers, _ in room for linker in linkers}
        return [linker for linker in self._chosen if linker.smiles not in used]

    def __getitem__(self, index: int) -> Framework:
        """The framework at an index from 0 to `size` - 1."""
        if not 0 <= index < self.size:
            raise IndexError(f"index {index} is not within the {self.size:,} frameworks")
        place = bisect_right(self._ends, index)
        return self._sectors[place][index - (self._ends[place - 1] if place else 0)]

    def __iter__(self) -> Iterator[Framework]:
        """All frameworks in order; faster than by index."""
        for sector in self._sectors:
            yield from sector

    def sample(self, count: int, *, seed: int = 0) -> Iterator[Framework]:
        """Different frameworks, each as likely as any other, in random order; all if there are no more."""
        indices = random.Random(seed).sample(range(self.size), min(count, self.size))
        return map(self.__getitem__, indices)


def enumerate_mofs(**choice: Any) -> Iterator[Framework]:
    """Stream every hypothetical framework of a choice of building blocks, no two alike.

    Each is in normal form and named by what it is made of. The arguments, and the errors raised before the
    first framework, are those of `Frameworks`.

    Source: frameworks from blocks of known chemistry: C. E. Wilmer et al., Nat. Chem. 2012, 4, 83.
    """
    return iter(Frameworks(**choice))


@dataclass(frozen=True)
class _Sector:
    """The frameworks of one node in one net of one catenation."""

    node: Node
    blueprint: Blueprint
    catenation: int
    fillings: Fillings

    def __getitem__(self, index: int) -> Framework:
        return self._framework(self.fillings[index])

    def __iter__(self) -> Iterator[Framework]:
        return map(self._framework, self.fillings)

    def _framework(self, linkers: tuple[Linker, ...]) -> Framework:
        return Framework(
            blocks=tuple(sorted([*self.node.blocks, *(linker.smiles for linker in linkers)])),
            topologies=(self.blueprint.net,),
            catenation=self.catenation,
            name="_".join([self.node.name, *(linker.name for linker in linkers), self.blueprint.net]),
            node=self.node,
            parts=linkers,
        )


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
