"""The nodes, linkers, nets and substituents of the package, from the TOML files beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from catenane.notation.blocks import canonical_block
from catenane.notation.building_blocks.linkers import Donor, Linker, Shape
from catenane.notation.smiles import Smiles

__all__ = [
    "Blueprint",
    "Node",
    "Slot",
    "Substituent",
    "builtin_blueprints",
    "builtin_linkers",
    "builtin_nodes",
    "builtin_substituents",
]


@dataclass(frozen=True)
class Node:
    """A metal node."""

    name: str
    """Short name, such as Zn4O."""
    blocks: tuple[str, ...]
    """What MOFid has for it, in normal form: one block, or a metal and its bridge."""
    metal: str
    cluster: str
    """What it is in a crystal."""


@dataclass(frozen=True)
class Slot:
    """One kind of place for linkers in a net."""

    donor: Donor
    shape: Shape
    fewest: int
    """Least number of different linkers that share the places."""
    most: int
    """Greatest such number."""
    equal: bool = False
    """Whether linkers that share the places must be of one length: the net makes the places equal."""

    def takes(self, linker: Linker) -> bool:
        """Whether the linker fits."""
        return linker.donor == self.donor and linker.shape == self.shape


@dataclass(frozen=True)
class Blueprint:
    """A net, the nodes it is known with, and the linkers that join them."""

    net: str
    """RCSR code."""
    nodes: tuple[str, ...]
    """Names of nodes."""
    slots: tuple[Slot, ...]
    connectivity: int
    """How many connecting groups a node binds in this net."""
    example: str
    """Known frameworks of this kind."""
    source: str
    """Where they are described."""
    catenation: int = 0
    """Most further nets that interpenetrate it."""
    ratio: tuple[float, float] | None = None
    """Least and greatest edge of the first slot, in arms of the second, with which the net closes."""


@dataclass(frozen=True)
class Substituent:
    """A group in the place of a hydrogen."""

    name: str
    smiles: str
    """Its first atom is attached."""


@cache
def builtin_nodes() -> tuple[Node, ...]:
    """Every node of the library."""
    return tuple(
        Node(name, tuple(sorted(map(canonical_block, node["blocks"]))), node["metal"], node["cluster"])
        for name, node in _read("nodes").items()
    )


@cache
def builtin_linkers() -> tuple[Linker, ...]:
    """Every linker of the library."""
    return tuple(
        _linker(name, shape=shape, **entry)
        for shape, linkers in _read("linkers").items()
        for name, entry in linkers.items()
    )


@cache
def builtin_blueprints() -> tuple[Blueprint, ...]:
    """Every net of the library with what may occupy it."""
    return tuple(_blueprint(**table) for table in _read("blueprints")["blueprint"])


@cache
def builtin_substituents() -> tuple[Substituent, ...]:
    """Every substituent of the library."""
    return tuple(Substituent(name, smiles) for name, smiles in _read("substituents").items())


def _linker(key: str, *, shape: str, name: str, smiles: str, locants: str) -> Linker:
    linker = Linker.from_smiles(smiles, key, shape=shape, full_name=name)
    written, read = Smiles.parse(smiles).mol, Smiles.parse(linker.smiles).mol
    labels = iter(locants.split())
    numbers = [""] * read.GetNumAtoms()
    for atom, place in zip(written.GetAtoms(), read.GetSubstructMatch(written), strict=True):
        if atom.GetSymbol() == "C" and atom.GetTotalNumHs():
            numbers[place] = next(labels)
    return replace(linker, locants=tuple(numbers))


def _blueprint(
    *, nodes: list[str], slots: list[dict[str, Any]], ratio: list[float] | None = None, **rest: Any
) -> Blueprint:
    ends = (ratio[0], ratio[-1]) if ratio else None
    return Blueprint(nodes=tuple(nodes), slots=tuple(_slot(**slot) for slot in slots), ratio=ends, **rest)


def _slot(*, linkers: Sequence[int] = (1, 1), **rest: Any) -> Slot:
    return Slot(fewest=linkers[0], most=linkers[1], **rest)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))
