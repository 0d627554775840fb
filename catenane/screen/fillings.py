"""Ways to choose linkers for one slot of a net, counted, listed, and found by index."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from math import comb

from catenane.notation.building_blocks import Linker

__all__ = ["Fillings"]


@dataclass(frozen=True)
class Fillings:
    """Every set of `fewest` to `most` different linkers of one group, group by group, smaller sets first."""

    groups: tuple[tuple[Linker, ...], ...]
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

    def _kinds(self) -> Iterator[tuple[tuple[Linker, ...], int]]:
        for group in self.groups:
            for count in range(self.fewest, self.most + 1):
                yield group, count


def _combination(items: Sequence[Linker], count: int, index: int) -> tuple[Linker, ...]:
    """The combination at an index of the order of `itertools.combinations`."""
    chosen: list[Linker] = []
    places = range(len(items))
    for n_left in range(count, 0, -1):
        # So many combinations of the items left have their first one before a place.
        every = comb(len(places), n_left)
        before = partial(_n_before, len(items), n_left, every)
        place = places[bisect_right(places, index, key=before) - 1]
        index -= before(place)
        chosen.append(items[place])
        places = range(place + 1, len(items))
    return tuple(chosen)


def _n_before(n_items: int, count: int, every: int, place: int) -> int:
    return every - comb(n_items - place, count)
