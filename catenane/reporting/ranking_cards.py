"""Linkers, node, net and catenation of a framework, or a molecule, by the names that chemists use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from markupsafe import Markup

from catenane.drawing import depict
from catenane.formatting import chemical
from catenane.notation import Mofid, NotationName, Smiles
from catenane.notation.building_blocks import Donor, Node, builtin_blueprints, builtin_nodes
from catenane.notation.building_blocks.linker_names import LinkerName, molecular_formula, name_linker

__all__ = ["Block", "Described", "describe"]


class Block(NamedTuple):
    """A linker or a molecule."""

    name: str
    full_name: str
    """Systematic name of the linker, or of its parent; empty where it is not known."""
    drawing: Markup | None
    """None where RDKit makes no molecule of it."""


Described = tuple[list[Block], dict[str, tuple[str, str]]]
"""Blocks, and by name of a fact, its value and a note on it, which may be empty."""


def describe(string: str, notation: NotationName) -> Described:
    """Read a framework's linkers, node, net and catenation, or a molecule.

    Raises:
        NotationError: The string is not of this notation.
    """
    return _DESCRIBED[notation](string)


def _describe_molecule(string: str) -> Described:
    molecule = Smiles.parse(string).text
    return [Block(chemical(molecular_formula(molecule)), "", depict(molecule))], {}


def _describe_framework(string: str) -> Described:
    mofid = Mofid.parse(string).canonical()
    # The order of blocks means nothing; the shorter ones first share a line of the card.
    names = {linker: name_linker(linker) for linker in sorted(mofid.linkers, key=len)}
    if mofid.catenation is None:
        nets = "catenation not known"
    else:
        nets = f"{mofid.catenation + 1} interpenetrated nets" if mofid.catenation else "single net"
    facts = {"net": (" or ".join(mofid.nets) or "not identified", nets), "node": _node(mofid, names.values())}
    blocks = [_block(linker, name) for linker, name in names.items()]
    return blocks, {name: fact for name, fact in facts.items() if fact[0]}


_DESCRIBED: dict[NotationName, Callable[[str], Described]] = {
    "smiles": _describe_molecule,
    "mofid": _describe_framework,
}


def _block(linker: str, name: LinkerName) -> Block:
    if name.parent is None:
        return Block(chemical(name.formula), "", depict(linker))
    groups = map(chemical, name.groups)
    return Block(", ".join([name.parent.name, *groups]), name.parent.full_name, depict(linker))


def _node(mofid: Mofid, linkers: Iterable[LinkerName]) -> tuple[str, str]:
    """The cluster in the crystal where net and linkers bear it out, else its short name or its SMILES."""
    rest = Counter(mofid.blocks) - Counter(mofid.linkers)
    node = next((node for node in builtin_nodes() if Counter(node.blocks) == rest), None)
    if node is None:
        return " + ".join(rest), ""
    donors = {name.parent.donor for name in linkers if name.parent is not None}
    if not donors or not _is_known_in(node, mofid.topologies, donors):
        return chemical(node.name), ""
    if node.cluster.startswith("rod"):
        return chemical(node.name), chemical(node.cluster)
    cluster, _, note = node.cluster.partition(", ")
    return chemical(cluster), note


def _is_known_in(node: Node, nets: tuple[str, ...], donors: set[Donor]) -> bool:
    return any(
        blueprint.net in nets
        and node.name in blueprint.nodes
        and donors <= {slot.donor for slot in blueprint.slots}
        for blueprint in builtin_blueprints()
    )
