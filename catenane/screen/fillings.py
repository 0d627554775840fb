"""Ways to choose linkers for one slot of a net, counted, listed, and found by index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
    for place, item in enumerate(items):
        with_item = comb(len(items) - place - 1, count - len(chosen) - 1)
        if index >= with_item:
            index -= with_item
            continue
        chosen.append(item)
        if len(chosen) == count:
            break
    return tuple(chosen)
