"""The repeating unit that a MOFid implies: from net, node and linker lengths to edges and volume.

Linkers of a MOFid are listed once each, however often they occur. Where that leaves the unit open, every
reading is made, with a weight, and the descriptors average over them.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from catenane.descriptors.linkers import LinkerTraits
from catenane.descriptors.nodes import CLUSTERS, NodeTraits

__all__ = ["Net", "Unit", "arm_length", "edge_length", "read_units"]

_MOST_READINGS = 8
_BARE_PILLAR = 9.6
"""Edge through the axis of a paddlewheel where no pillar is listed, in angstrom: that of DMOF-1."""
_ROD_STEP = 3.4
"""Distance of neighbouring metals along the rods of MIL-47 and MIL-53, in angstrom."""


class Net(NamedTuple):
    """A net whose edges are all alike, at its most symmetric."""

    volume: float
    """Volume per node in cubed edges."""
    n_linkers: float
    """Linkers per node."""
    n_sites: int = 2
    """Sites of a linker; with three, an edge runs from a node to the middle of a linker."""


_NETS = {
    "fcu": Net(math.sqrt(0.5), 6),
    "bcu": Net(math.sqrt(16 / 27), 4),
    "nbo": Net(4 / 3, 2),
    "dia": Net(math.sqrt(64 / 27), 2),
    "tbo": Net(math.sqrt(24), 4 / 3, n_sites=3),
}
_TWELVEFOLD = {"fcu", "pcu", "hex", "bct"}
"""What hexamers that bind twelve linkers are taken for where linkers of unequal length distort fcu."""


class Unit(NamedTuple):
    """One reading of a MOFid: what belongs to one node."""

    weight: float
    """Probability of this reading."""
    edges: tuple[float, ...]
    """Distances of connected nodes in angstrom, one for each class of edges."""
    volume: float
    """Volume per node of one net, in cubic angstrom."""
    linkers: tuple[tuple[float, LinkerTraits], ...]
    """Linkers with how many of each belong to one node."""


def read_units(node: NodeTraits, linkers: Sequence[LinkerTraits], topology: str) -> list[Unit]:
    """The units that these blocks may form on a net; none where the net or a linker's length is not known."""
    bridging = [x for x in linkers if not math.isnan(x.reach)]
    carboxylates = [x for x in bridging if x.binding == "carboxylate"]
    edging = carboxylates or bridging
    if node.kind == "hexamer" and topology in _TWELVEFOLD:
        topology = "fcu"
    if topology == "pcu" and node.kind == "paddlewheel" and carboxylates:
        return _pillared(node, carboxylates, [x for x in bridging if x.binding != "carboxylate"])
    if topology == "pcu":
        return _on_axes(node, edging, 3, share=1.0)
    if topology == "rna" and node.kind == "single":
        return _on_axes(node, edging, 2, share=0.5, height=_ROD_STEP)
    net = _NETS.get(topology)
    edging = [x for x in edging if net and x.n_sites == net.n_sites]
    return [_regular(node, edging, net)] if net and edging else []


def _on_axes(
    node: NodeTraits, linkers: Sequence[LinkerTraits], n_axes: int, *, share: float, height: float = 1.0
) -> list[Unit]:
    """Edges at right angles, of one linker each, of which `share` belongs to a node."""
    units = []
    for weight, chosen in _assignments(linkers, n_axes):
        edges = tuple(edge_length(node, x) for x in chosen)
        units.append(Unit(weight, edges, math.prod(edges) * height, tuple((share, x) for x in chosen)))
    return units


def _pillared(node: NodeTraits, sheet: Sequence[LinkerTraits], pillars: Sequence[LinkerTraits]) -> list[Unit]:
    """Square sheets of paddlewheels and carboxylates, stacked by pillars."""
    units = []
    for weight, chosen in _assignments(sheet, 2):
        for pillar in pillars or (None,):
            linkers = (*chosen, pillar) if pillar else chosen
            axis = edge_length(node, pillar) if pillar else _BARE_PILLAR
            edges = (*(edge_length(node, x) for x in chosen), axis)
            share = weight / max(len(pillars), 1)
            units.append(Unit(share, edges, math.prod(edges), tuple((1.0, x) for x in linkers)))
    return sorted(units, key=lambda unit: -unit.weight)[:_MOST_READINGS]


def _regular(node: NodeTraits, linkers: Sequence[LinkerTraits], net: Net) -> Unit:
    edges = tuple(edge_length(node, linker) for linker in linkers)
    if net.n_sites == 3:
        edges = tuple(arm_length(node, linker) for linker in linkers)
    mean = sum(edges) / len(edges)
    share = net.n_linkers / len(linkers)
    return Unit(1.0, edges, net.volume * mean**3, tuple((share, linker) for linker in linkers))


def edge_length(node: NodeTraits, linker: LinkerTraits) -> float:
    """Distance in angstrom of the centres of two nodes that a linker joins."""
    cluster = CLUSTERS[node.kind]
    end = cluster.to_carboxylate if linker.binding == "carboxylate" else cluster.to_nitrogen
    return linker.reach + 2 * end


def arm_length(node: NodeTraits, linker: LinkerTraits) -> float:
    """Distance in angstrom from the centre of a node to the middle of a linker with three carboxylates."""
    return linker.reach / math.sqrt(3) + CLUSTERS[node.kind].to_carboxylate


def _assignments(
    linkers: Sequence[LinkerTraits], n_places: int
) -> list[tuple[float, Sequence[LinkerTraits]]]:
    """Ways to set the listed linkers on so many classes of edges, with their probabilities.

    Two linkers a, b on three classes read aab or abb. More linkers than classes are variants of fewer
    backbones, by a substituent more or less; a backbone with more variants is likelier to hold more classes.
    """
    families: dict[tuple[int, int], list[LinkerTraits]] = defaultdict(list)
    for number, linker in enumerate(linkers):
        alike = (linker.n_backbone, round(2 * linker.reach))
        families[alike if len(linkers) > n_places else (-1, number)].append(linker)
    kept = sorted(families.values(), key=len, reverse=True)[:n_places]
    if not kept:
        return []
    ways = []
    for counts in itertools.product(range(1, n_places + 1), repeat=len(kept)):
        if sum(counts) == n_places:
            pairs = list(zip(kept, counts, strict=True))
            chosen = tuple(family[i % len(family)] for family, count in pairs for i in range(count))
            ways.append((float(math.prod(len(family) ** (count - 1) for family, count in pairs)), chosen))
    total = sum(weight for weight, _ in ways)
    return [(weight / total, chosen) for weight, chosen in ways]
