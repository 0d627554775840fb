"""The canonical SMILES of a MOFid block, as the MOFid program has Open Babel write it.

RDKit's canonical SMILES of terephthalate is `O=C([O-])c1ccc(C(=O)[O-])cc1`; every MOFid writes it
`[O-]C(=O)c1ccc(cc1)C(=O)[O-]`. A model that has read MOFids knows the second spelling, so frameworks that
we make are spelled so. All but 19 of the 33,995 distinct blocks of the public MOFid sets come out letter by
letter as they stand there, metal clusters included.

Stereochemistry and isotopes are not written, and aromatic rings are taken as they were drawn.

Source: the canonical coding algorithm as Open Babel documents it (N. M. O'Boyle et al., J. Cheminform. 2011,
3, 33), with the extended invariants of D. Weininger et al., J. Chem. Inf. Comput. Sci. 1989, 29, 97.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice, permutations, product
from typing import TYPE_CHECKING, NamedTuple

from catenane.notation.syntax import find_fault, find_ring_fault, notation_error

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["canonical_block", "read_block", "write_block"]

_AROMATIC = 5
"""Order of an aromatic bond in the code of a numbering."""
_AROMATIC_HETEROATOMS = frozenset({"N", "O", "S", "P"})
_NUMBERINGS = 20
"""Complete numberings compared at most: where classes are orbits, as they nearly always are, any will do."""
_VALENCES = {"B": (3,), "C": (4,), "N": (3, 5), "O": (2,), "P": (3, 5), "S": (2, 4, 6)}
_VALENCES |= dict.fromkeys(("F", "Cl", "Br", "I"), (1,))


class _Atom(NamedTuple):
    symbol: str
    number: int
    charge: int
    hydrogens: int
    aromatic: bool
    in_ring: bool


class _Graph(NamedTuple):
    atoms: list[_Atom]
    bonds: list[dict[int, int]]
    """Order of the bond to each neighbour of each atom."""
    ring_bonds: set[frozenset[int]]


def canonical_block(smiles: str) -> str:
    """The one spelling that MOFid has for this block.

    Raises:
        NotationError: The string is not SMILES of one connected block.
    """
    return write_block(read_block(smiles))


def read_block(smiles: str) -> Mol:
    """The block as an unsanitised molecule: metals, radicals and aromatic rings stay as they are written.

    Raises:
        NotationError: The string is not SMILES of one connected block.
    """
    from rdkit import Chem, rdBase

    fault = find_fault(smiles, apart=True) or find_ring_fault(smiles)
    if fault is not None:
        raise notation_error(fault.reason, smiles, fault.position)
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles, sanitize=False)
    if mol is None or "." in smiles:
        raise notation_error("not SMILES of one connected block", smiles)
    mol.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(mol)
    return mol


def write_block(mol: Mol) -> str:
    """The canonical spelling of one connected molecule, sanitised or not."""
    graph = _graph(mol)
    return _write(graph, _number(graph, _classes(graph)))


def _graph(mol: Mol) -> _Graph:
    from rdkit import Chem

    mol = Chem.RWMol(mol)
    mol.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(mol)
    for nitro in mol.GetSubstructMatches(Chem.MolFromSmarts("[N+](=O)[O-;D1]")):
        nitrogen, _, oxygen = nitro
        mol.GetAtomWithIdx(nitrogen).SetFormalCharge(0)
        mol.GetAtomWithIdx(oxygen).SetFormalCharge(0)
        mol.GetBondBetweenAtoms(nitrogen, oxygen).SetBondType(Chem.BondType.DOUBLE)
    atoms = [
        _Atom(
            atom.GetSymbol(),
            atom.GetAtomicNum(),
            atom.GetFormalCharge(),
            atom.GetTotalNumHs(),
            atom.GetIsAromatic(),
            atom.IsInRing(),
        )
        for atom in mol.GetAtoms()
    ]
    bonds: list[dict[int, int]] = [{} for _ in atoms]
    ring_bonds = set()
    for bond in mol.GetBonds():
        begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        order = int(bond.GetBondTypeAsDouble())  # unsanitised biaryl bonds are of order 1.5
        if bond.IsInRing():
            ring_bonds.add(frozenset((begin, end)))
            order = _AROMATIC if bond.GetIsAromatic() else order
        bonds[begin][end] = bonds[end][begin] = order
    return _Graph(atoms, bonds, ring_bonds)


def _classes(graph: _Graph) -> list[int]:
    """Symmetry class of each atom, from 1; classes of neighbours are summed until none splits further."""
    classes, n_classes = _renumbered([_invariant(graph, atom) for atom in range(len(graph.atoms))])
    # A sum also reorders the classes, so taking it once more after the last split is part of the rule.
    settled = n_classes == len(classes)
    while not settled:
        classes, n_more = _renumbered(_spread(graph, classes))
        settled, n_classes = n_more == n_classes, n_more
    return classes


def _invariant(graph: _Graph, index: int) -> int:
    atom, bonds = graph.atoms[index], graph.bonds[index]
    bond_sum = sum(1.6 if order == _AROMATIC else order for order in bonds.values())
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


def _reach(graph: _Graph, start: int) -> int:
    """Shells of atoms around the start, itself included."""
    seen, shell, n_shells = {start}, [start], 0
    while shell:
        shell = list({neighbour for atom in shell for neighbour in graph.bonds[atom]} - seen)
        seen.update(shell)
        n_shells += 1
    return n_shells


def _spread(graph: _Graph, classes: list[int]) -> list[int]:
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

    def __init__(self, graph: _Graph, classes: list[int]) -> None:
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


def _number(graph: _Graph, classes: list[int]) -> list[int]:
    """Number of each atom in the order that the string follows where it may choose."""
    ranks = [
        10_000 * rank + 10 * (atom.charge + 7) + atom.hydrogens
        for rank, atom in zip(classes, graph.atoms, strict=True)
    ]
    search = _Numbering(graph, classes)
    for atom, rank in enumerate(ranks):
        if rank == min(ranks):
            search.extend([atom], [], 0)
    return [search.best.index(atom) for atom in range(len(graph.atoms))]


def _write(graph: _Graph, numbers: list[int]) -> str:
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


def _tree(graph: _Graph, numbers: list[int], root: int) -> dict[int, list[int]]:
    """Children of each atom, bonds that need a symbol first."""

    def neighbours(atom: int) -> Iterator[int]:
        return iter(
            sorted(graph.bonds[atom], key=lambda other: (not _bond_text(graph, atom, other), numbers[other]))
        )

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


def _bond_text(graph: _Graph, atom: int, other: int) -> str:
    order = graph.bonds[atom][other]
    if order == 1 and frozenset((atom, other)) in graph.ring_bonds:
        return "-" if graph.atoms[atom].aromatic and graph.atoms[other].aromatic else ""
    return {2: "=", 3: "#"}.get(order, "")


def _atom_text(graph: _Graph, index: int) -> str:
    atom = graph.atoms[index]
    symbol = atom.symbol.lower() if atom.aromatic else atom.symbol
    if not atom.charge and atom.hydrogens == _usual_hydrogens(graph, index):
        return symbol
    hydrogens = f"H{atom.hydrogens if atom.hydrogens > 1 else ''}" if atom.hydrogens else ""
    sign = "+" if atom.charge > 0 else "-"
    charge = f"{sign}{abs(atom.charge) if abs(atom.charge) > 1 else ''}" if atom.charge else ""
    return f"[{symbol}{hydrogens}{charge}]"


def _usual_hydrogens(graph: _Graph, index: int) -> int | None:
    """Hydrogens that an atom without brackets has; None where it needs brackets."""
    atom, bonds = graph.atoms[index], graph.bonds[index]
    if atom.aromatic:
        return (
            max(0, 3 - len(bonds))
            if atom.symbol == "C"
            else 0
            if atom.symbol in _AROMATIC_HETEROATOMS
            else None
        )
    valence = sum(bonds.values())
    return next((usual - valence for usual in _VALENCES.get(atom.symbol, ()) if usual >= valence), None)


def _digit(digit: int) -> str:
    return str(digit) if digit < 10 else f"%{digit}"
