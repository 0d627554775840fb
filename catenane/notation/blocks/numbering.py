"""The canonical numbering of the atoms of a block, by the rules of Open Babel."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice, permutations, product

from catenane.notation.blocks.graph import AROMATIC, BlockGraph

__all__ = ["number_atoms"]

_NUMBERINGS = 20
"""Complete numberings compared at most: where classes are orbits, as they nearly always are, any will do."""


def number_atoms(graph: BlockGraph) -> list[int]:
    """Number of each atom in the order that the string follows where it may choose."""
    classes = _classes(graph)
    ranks = [
        10_000 * rank + 10 * (atom.charge + 7) + atom.hydrogens
        for rank, atom in zip(classes, graph.atoms, strict=True)
    ]
    search = _Numbering(graph, classes)
    for atom, rank in enumerate(ranks):
        if rank == min(ranks):
            search.extend([atom], [], 0)
    return [search.best.index(atom) for atom in range(len(graph.atoms))]


def _classes(graph: BlockGraph) -> list[int]:
    """Symmetry class of each atom, from 1; classes of neighbours are summed until none splits further."""
    classes, n_classes = _renumbered([_invariant(graph, atom) for atom in range(len(graph.atoms))])
    # A sum also reorders the classes, so taking it once more after the last split is part of the rule.
    settled = n_classes == len(classes)
    while not settled:
        classes, n_more = _renumbered(_spread(graph, classes))
        settled, n_classes = n_more == n_classes, n_more
    return classes


def _invariant(graph: BlockGraph, index: int) -> int:
    atom, bonds = graph.atoms[index], graph.bonds[index]
    bond_sum = sum(1.6 if order == AROMATIC else order for order in bonds.values())
    if atom.number == 7 and atom.aromatic and atom.hydrogens + len(bonds) == 3:
        bond_sum += 1
    fields = (
        (atom.charge + 7, 27),
        (int(bond_sum + 0.5), 23),
        (atom.number, 16),
        (atom.in_ring, 15),
        (atom.aromatic, 14),
        (len(bonds), 10),
        (_reach(graph, index), 0),
    )
    value = 0
    for field, shift in fields:
        value |= field << shift
    return value


def _reach(graph: BlockGraph, start: int) -> int:
    """Shells of atoms around the start, itself included."""
    seen, shell, n_shells = {start}, [start], 0
    while shell:
        shell = list({neighbour for atom in shell for neighbour in graph.bonds[atom]} - seen)
        seen.update(shell)
        n_shells += 1
    return n_shells


def _spread(graph: BlockGraph, classes: list[int]) -> list[int]:
    sums = []
    for own, bonds in zip(classes, graph.bonds, strict=True):
        total, weight = own, 1
        for neighbour in sorted(classes[atom] for atom in bonds):
            weight *= 100
            total += neighbour * weight
        sums.append(total & 0xFFFFFFFF)  # the sums of Open Babel wrap at 32 bits, which decides some orders
    return sums


def _renumbered(values: list[int]) -> tuple[list[int], int]:
    ranks = {value: rank for rank, value in enumerate(sorted(set(values)), start=1)}
    return [ranks[value] for value in values], len(ranks)


class _Numbering:
    """Search for the numbering of the atoms whose code is greatest.

    Atoms are numbered outwards from a start: the neighbours of atom 1, then those of atom 2, and so on, by
    class. The neighbours of a ring atom that share a class are tried in every order.
    """

    def __init__(self, graph: BlockGraph, classes: list[int]) -> None:
        self.graph = graph
        self.classes = classes
        self.n_complete = 0
        self.best_code: list[int] = []
        self.best: list[int] = []

    def extend(self, order: list[int], sources: list[int], position: int) -> None:
        """Number the neighbours of `order[position]`, and so on to the end.

        Args:
            order: The atoms numbered so far.
            sources: For each of them but the first, the number it was reached from.
            position: Where in `order` to go on.
        """
        while len(order) < len(self.graph.atoms):
            if sources < self.best_code[: len(sources)] or self.n_complete >= _NUMBERINGS:
                return
            choices = self._choices(order, position)
            position += 1
            if len(choices) > 1:
                for choice in choices:
                    self.extend(order + choice, sources + [position] * len(choice), position)
                return
            order, sources = order + choices[0], sources + [position] * len(choices[0])
        self.n_complete += 1
        code = self._code(order, sources)
        if code > self.best_code:
            self.best_code, self.best = code, order

    def _choices(self, order: list[int], position: int) -> list[list[int]]:
        """Orders in which the neighbours still without a number may get theirs."""
        atom = order[position]
        in_ring = self.graph.atoms[atom].in_ring
        groups = defaultdict(list)
        for neighbour in self.graph.bonds[atom]:
            if neighbour not in order:
                groups[self.classes[neighbour]].append(neighbour)
        ranked = [groups[key] for key in sorted(groups, reverse=not in_ring)]
        if not in_ring:
            return [[neighbour for group in ranked for neighbour in group]]
        choices = islice(product(*map(permutations, ranked)), _NUMBERINGS)
        return [[neighbour for group in choice for neighbour in group] for choice in choices]

    def _code(self, order: list[int], sources: list[int]) -> list[int]:
        """The tree, the ring closures, the atoms and the bonds, as one comparable list."""
        atoms, bonds = self.graph.atoms, self.graph.bonds
        number = {atom: place for place, atom in enumerate(order, start=1)}
        tree = [(order[source - 1], atom) for source, atom in zip(sources, order[1:], strict=True)]
        joined = {frozenset(pair) for pair in tree}
        closures = []
        for atom in order:
            for other in sorted(bonds[atom], key=number.__getitem__):
                if frozenset((atom, other)) not in joined:
                    joined.add(frozenset((atom, other)))
                    closures.append((atom, other))
        charges = [atoms[atom].charge + 7 for atom in order]
        return [
            *sources,
            *(number[atom] for closure in closures for atom in closure),
            *(1000 * atoms[atom].hydrogens + atoms[atom].number for atom in order),
            *(charges if any(atom.charge for atom in atoms) else ()),
            *(bonds[atom][other] for atom, other in tree + closures),
        ]
