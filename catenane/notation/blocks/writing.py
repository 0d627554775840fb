"""SMILES of a block along the tree that the numbers of its atoms prescribe."""

from __future__ import annotations

from collections.abc import Iterator

from catenane.notation.blocks.graph import BlockGraph

__all__ = ["write_graph"]

_VALENCES = {"B": (3,), "C": (4,), "N": (3, 5), "O": (2,), "P": (3, 5), "S": (2, 4, 6)}
_VALENCES |= dict.fromkeys(("F", "Cl", "Br", "I"), (1,))
_AROMATIC_HETEROATOMS = frozenset({"N", "O", "S", "P"})


def write_graph(graph: BlockGraph, numbers: list[int]) -> str:
    """The string that starts at atom 0 and, where it may choose, goes on with the lower number."""
    root = numbers.index(0)
    children = _tree(graph, numbers, root)
    joined = {frozenset((atom, child)) for atom in children for child in children[atom]}
    opened: list[tuple[int, int, int]] = []  # digit, atom that opened it, atom that closes it
    text = []
    todo: list[str | int] = [root]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            text.append(item)
            continue
        text.append(_atom_text(graph, item))
        closing = [mark for mark in opened if mark[2] == item]
        for other in sorted(graph.bonds[item], key=numbers.__getitem__):
            if frozenset((item, other)) not in joined:
                joined.add(frozenset((item, other)))
                digit = next(d for d in range(1, len(opened) + 2) if all(d != mark[0] for mark in opened))
                opened.append((digit, item, other))
                text.append(_digit(digit))
        for mark in closing:
            opened.remove(mark)
            text.append(_bond_text(graph, item, mark[1]) + _digit(mark[0]))
        for place, child in enumerate(reversed(children[item])):
            bond = _bond_text(graph, item, child)
            todo += [")", child, "(" + bond] if place else [child, bond]
    return "".join(text)


def _tree(graph: BlockGraph, numbers: list[int], root: int) -> dict[int, list[int]]:
    """Children of each atom, bonds that need a symbol first."""

    def neighbours(atom: int) -> Iterator[int]:
        others = graph.bonds[atom]
        return iter(sorted(others, key=lambda other: (not _bond_text(graph, atom, other), numbers[other])))

    children: dict[int, list[int]] = {root: []}
    path = [(root, neighbours(root))]
    while path:
        atom, others = path[-1]
        child = next((other for other in others if other not in children), None)
        if child is None:
            path.pop()
        else:
            children[atom].append(child)
            children[child] = []
            path.append((child, neighbours(child)))
    return children


def _bond_text(graph: BlockGraph, atom: int, other: int) -> str:
    order = graph.bonds[atom][other]
    if order == 1 and frozenset((atom, other)) in graph.ring_bonds:
        return "-" if graph.atoms[atom].aromatic and graph.atoms[other].aromatic else ""
    return {2: "=", 3: "#"}.get(order, "")


def _atom_text(graph: BlockGraph, index: int) -> str:
    atom = graph.atoms[index]
    symbol = atom.symbol.lower() if atom.aromatic else atom.symbol
    if not atom.charge and atom.hydrogens == _usual_hydrogens(graph, index):
        return symbol
    hydrogens = f"H{atom.hydrogens if atom.hydrogens > 1 else ''}" if atom.hydrogens else ""
    sign = "+" if atom.charge > 0 else "-"
    charge = f"{sign}{abs(atom.charge) if abs(atom.charge) > 1 else ''}" if atom.charge else ""
    return f"[{symbol}{hydrogens}{charge}]"


def _usual_hydrogens(graph: BlockGraph, index: int) -> int | None:
    """Hydrogens that an atom without brackets has; None where it needs brackets."""
    atom, bonds = graph.atoms[index], graph.bonds[index]
    if atom.aromatic and atom.symbol == "C":
        return max(0, 3 - len(bonds))
    if atom.aromatic:
        return 0 if atom.symbol in _AROMATIC_HETEROATOMS else None
    valence = sum(bonds.values())
    return next((usual - valence for usual in _VALENCES.get(atom.symbol, ()) if usual >= valence), None)


def _digit(digit: int) -> str:
    return str(digit) if digit < 10 else f"%{digit}"
