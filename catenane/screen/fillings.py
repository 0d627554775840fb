"""How the places of a net may be filled with linkers, and which of these ways cannot exist."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, chain, combinations, combinations_with_replacement, product
from typing import NamedTuple, TypeAlias

from catenane.descriptors.cells import arm_length, edge_length
from catenane.descriptors.interpenetration import wall_width, widest_wall
from catenane.descriptors.linkers import read_linker
from catenane.descriptors.nodes import NodeTraits
from catenane.notation.building_blocks import Blueprint, Linker

__all__ = ["CROWDED", "UNEQUAL", "Fillings", "fill"]

UNEQUAL = "linkers whose lengths do not close the net"
CROWDED = "interpenetrating nets without room for each other"

_GIVE = 1.05
"""By how much linkers on equal places may differ in length: nodes tilt and linkers bend by some percent."""
_STEP = 0.5
"""Linkers are taken together whose edges are within this length, in angstrom."""
_BOND = 1.1
"""Angstrom that a linker spans for each of its bonds, where it is too large for a model."""

Pool: TypeAlias = tuple[Sequence[Linker], int]
"""Linkers, and how many different ones of them are taken."""
Room: TypeAlias = tuple[Pool, ...]


@dataclass(frozen=True)
class Fillings:
    """Every choice of linkers from the pools of a room, room by room, in a fixed order."""

    rooms: Sequence[Room]
    left_out: Counter[str] = field(default_factory=Counter)
    """How many fillings cannot exist, by reason."""

    @cached_property
    def _ends(self) -> list[int]:
        """Number of fillings before each room, and of all."""
        return [0, *accumulate(map(_size, self.rooms))]

    @property
    def size(self) -> int:
        """Number of fillings."""
        return self._ends[-1]

    def __iter__(self) -> Iterator[tuple[Linker, ...]]:
        return chain.from_iterable(map(_choices, self.rooms))

    def __getitem__(self, index: int) -> tuple[Linker, ...]:
        """The filling at an index of that order, found without the others."""
        if not 0 <= index < self.size:
            raise IndexError(f"index {index} is out of the range of {self.size} fillings")
        place = bisect_right(self._ends, index) - 1
        index -= self._ends[place]
        chosen: tuple[Linker, ...] = ()
        for linkers, count in reversed(self.rooms[place]):
            index, rest = divmod(index, math.comb(len(linkers), count))
            chosen = _combination(linkers, count, rest) + chosen
        return chosen


def fill(node: NodeTraits, blueprint: Blueprint, catenation: int, linkers: Iterable[Linker]) -> Fillings:
    """The ways to fill a net with these linkers that can exist, judged by their lengths and widths.

    Linkers of one length are judged together, so that the ways are counted without being made.
    """
    offered = [[linker for linker in linkers if slot.takes(linker)] for slot in blueprint.slots]
    counts = list(product(*(range(slot.fewest, slot.most + 1) for slot in blueprint.slots)))
    if not (catenation or blueprint.ratio or any(slot.equal for slot in blueprint.slots)):
        whole = (tuple(zip(offered, count, strict=True)) for count in counts)
        return Fillings([room for room in whole if _size(room)])
    classes = [_classes(node, slot) for slot in offered]
    rooms, left_out = [], Counter[str]()
    for count in counts:
        ways = (combinations_with_replacement(c, n) for c, n in zip(classes, count, strict=True))
        for chosen in product(*ways):
            taken = Counter(chain.from_iterable(chosen))
            every = _size((one.linkers, n) for one, n in taken.items())
            edges = [[one.edge for one in slot] for slot in chosen]
            if not _closes(blueprint, edges):
                left_out[UNEQUAL] += every
                continue
            widest = widest_wall(node, blueprint.net, _all_edges(blueprint, edges), catenation + 1)
            room = tuple((one.within(widest), n) for one, n in taken.items())
            left_out[CROWDED] += every - _size(room)
            if _size(room):
                rooms.append(room)
    return Fillings(rooms, +left_out)


class _Class(NamedTuple):
    """Linkers of about one length, the thinnest first."""

    edge: float
    """Distance of nodes, or from a node to the middle, in angstrom: the mean over the linkers."""
    linkers: tuple[Linker, ...]
    widths: tuple[float, ...]

    def within(self, widest: float) -> tuple[Linker, ...]:
        return self.linkers[: bisect_right(self.widths, widest)]


def _classes(node: NodeTraits, linkers: Sequence[Linker]) -> list[_Class]:
    by_edge: dict[int, list[tuple[float, float, Linker]]] = defaultdict(list)
    for linker in linkers:
        traits = read_linker(linker.smiles)
        if traits is None:
            raise AssertionError("RDKit reads the linkers that it has written")
        if math.isnan(traits.reach):
            traits = traits._replace(reach=_BOND * linker.length, breadth=0.0, thickness=0.0)
        edge = (arm_length if linker.points == 3 else edge_length)(node, traits)
        by_edge[round(edge / _STEP)].append((wall_width(traits), edge, linker))
    found = []
    for _, alike in sorted(by_edge.items()):
        widths, edges, same = zip(*sorted(alike, key=lambda row: row[0]), strict=True)
        found.append(_Class(sum(edges) / len(edges), same, widths))
    return found


def _closes(blueprint: Blueprint, edges: Sequence[Sequence[float]]) -> bool:
    """Whether linkers on equal places are of one length, and those of two slots fit each other."""
    for slot, lengths in zip(blueprint.slots, edges, strict=True):
        if slot.equal and max(lengths) > _GIVE * min(lengths):
            return False
    if blueprint.ratio is None:
        return True
    ratio = edges[0][0] / edges[1][0]
    return blueprint.ratio[0] / _GIVE <= ratio <= blueprint.ratio[1] * _GIVE


def _all_edges(blueprint: Blueprint, edges: Sequence[Sequence[float]]) -> list[float]:
    """Of pcu, an edge for each of the three axes, the longest linker on those left; of others, as listed."""
    listed = list(chain.from_iterable(edges))
    return listed + [max(edges[0])] * (3 - len(listed)) if blueprint.net == "pcu" else listed


def _size(room: Iterable[Pool]) -> int:
    return math.prod(math.comb(len(linkers), count) for linkers, count in room)


def _choices(room: Room) -> Iterator[tuple[Linker, ...]]:
    """As `itertools.product` of combinations, which would hold the millions of a pool in memory."""
    if not room:
        yield ()
        return
    for first in combinations(*room[0]):
        for rest in _choices(room[1:]):
            yield first + rest


def _combination(items: Sequence[Linker], count: int, index: int) -> tuple[Linker, ...]:
    """The combination at an index of the order of `itertools.combinations`."""
    if not count:
        return ()
    every = math.comb(len(items), count)

    def before(place: int) -> int:
        """How many combinations start with an item before the place."""
        return every - math.comb(len(items) - place, count)

    place = bisect_right(range(len(items)), index, key=before) - 1
    return (items[place], *_combination(items[place + 1 :], count - 1, index - before(place)))
