"""Linkers, node, net and catenation of a framework, or a molecule, by the names that chemists use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from markupsafe import Markup

from catenane.drawing import depict
from catenane.formatting import chemical
from catenane.notation import Mofid, NotationName, Smiles
from catenane.notation.building_blocks import Donor, Node, builtin_blueprints, builtin_nodes
from catenane.notation.building_blocks.linker_names import LinkerName, molecular_formula, name_linker

__all__ = ["Block", "Description", "Fact", "describe"]

NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

Fact = tuple[str, str, str]
"""Name, value, and a note on it, which may be empty."""


@dataclass(frozen=True)
class Block:
    """A linker or a molecule."""

    name: str
    full_name: str
    """Systematic name of the linker, or of its parent; empty where it is not known."""
    drawing: Markup | None
    """None where RDKit makes no molecule of it."""


@dataclass(frozen=True)
class Description:
    """What a card shows of a string."""

    blocks: tuple[Block, ...]
    facts: tuple[Fact, ...]


def describe(string: str, notation: NotationName) -> Description:
    """Read a framework's linkers, node, net and catenation, or a molecule.

    Raises:
        NotationError: The string is not of this notation.
    """
    return _DESCRIBED[notation](string)


def _describe_molecule(string: str) -> Description:
    molecule = Smiles.parse(string).text
    return Description((Block(chemical(molecular_formula(molecule)), "", depict(molecule)),), ())


def _describe_framework(string: str) -> Description:
    mofid = Mofid.parse(string).canonical()
    # The order of blocks means nothing; the shorter ones first share a line of the card.
    names = {linker: name_linker(linker) for linker in sorted(mofid.linkers, key=len)}
    facts = [("net", *_net(mofid)), ("node", *_node(mofid, names.values()))]
    return Description(
        blocks=tuple(_block(linker, name) for linker, name in names.items()),
        facts=tuple(fact for fact in facts if fact[1]),
    )


_DESCRIBED: dict[NotationName, Callable[[str], Description]] = {
    "smiles": _describe_molecule,
    "mofid": _describe_framework,
}


def _block(linker: str, name: LinkerName) -> Block:
    if name.parent is None:
        return Block(chemical(name.formula), "", depict(linker))
    groups = map(chemical, name.groups)
    return Block(", ".join([name.parent.name, *groups]), name.parent.full_name, depict(linker))


def _net(mofid: Mofid) -> tuple[str, str]:
    codes = mofid.nets
    nets = mofid.catenation
    if nets is None:
        words = "catenation not known"
    elif nets == 0:
        words = "single net"
    else:
        number = NUMBERS[nets - 1] if nets <= len(NUMBERS) else f"{nets + 1:,}"
        words = f"{number} interpenetrated nets"
    return " or ".join(codes) or "not identified", words


def _node(mofid: Mofid, linkers: Iterable[LinkerName]) -> tuple[str, str]:
    """The cluster in the crystal where net and linkers bear it out, else its short name or its SMILES."""
    rest = Counter(mofid.blocks) - Counter(mofid.linkers)
    known = [node for node in builtin_nodes() if Counter(node.blocks) == rest]
    if not known:
        return " + ".join(rest), ""
    (node,) = known
    donors = {name.parent.donor for name in linkers if name.parent is not None}
    if not _is_known_in(node, mofid.topologies, donors):
        return chemical(node.name), ""
    if node.cluster.startswith("rod"):
        return chemical(node.name), chemical(node.cluster)
    cluster, _, note = node.cluster.partition(", ")
    return chemical(cluster), note


def _is_known_in(node: Node, nets: tuple[str, ...], donors: set[Donor]) -> bool:
    return bool(donors) and any(
        blueprint.net in nets
        and node.name in blueprint.nodes
        and donors <= {slot.donor for slot in blueprint.slots}
        for blueprint in builtin_blueprints()
    )
