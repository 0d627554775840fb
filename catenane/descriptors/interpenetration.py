"""Whether nets leave room for each other: the free space between them against their walls and nodes.

The walls of a net are its linkers. Of nets that lie as far apart as they can, three distances count: where
their walls cross, where a wall passes a node, and between the centres of their nodes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from catenane.descriptors.linkers import LinkerTraits
from catenane.descriptors.nodes import CLUSTERS, NodeTraits

__all__ = ["wall_width", "widest_wall"]

CONTACT = 3.1
"""Least distance in angstrom of atoms of two nets: nine tenths of that of stacked aromatic rings, 3.4 Å."""

_TWO_NETS = {
    "fcu": (0.204, 0.354, 0.612),
    "tbo": (0.707, 1.118, 1.225),
    "pyr": (0.548, 0.707, 1.225),
    "pto": (math.inf, 0.866, 1.0),
}
"""The three distances of two nets, in lengths of an edge (of an arm where linkers have three).

In fcu, tbo and pyr the second net is displaced to where lines along the edges are farthest apart, as in
PIZOF-1. In pto such lines would meet, and as in MOF-14 the linkers bend out of each other's way."""


def wall_width(linker: LinkerTraits) -> float:
    """How wide a linker is as the wall of a net, in angstrom: the mean of its breadth and its thickness.

    One with three arms lies in its wall, so that its thickness alone counts.
    """
    return linker.thickness if linker.n_sites == 3 else (linker.breadth + linker.thickness) / 2


def widest_wall(node: NodeTraits, topology: str, edges: Sequence[float], n_nets: int) -> float:
    """Width in angstrom of the widest walls that so many interpenetrating nets leave room for.

    It is infinite for a single net, and minus infinity where lines would be too wide already, or where it is
    not known how the nets lie.

    Args:
        node: The node of the nets.
        topology: Code of the net.
        edges: Distances of connected nodes in angstrom: of `pcu`, one for each of the three axes.
        n_nets: How many nets there are.
    """
    if n_nets == 1:
        return math.inf
    shortest = sorted(edges)
    if topology == "pcu":  # nets that follow each other at equal distances along the body diagonal
        lengths = (shortest[0], math.hypot(*shortest[:2]), math.hypot(*shortest))
        crossing, passing, apart = (length / n_nets for length in lengths)
    elif topology in _TWO_NETS and n_nets == 2:
        crossing, passing, apart = (share * shortest[0] for share in _TWO_NETS[topology])
    else:
        return -math.inf
    radius = CLUSTERS[node.kind].to_carboxylate
    # The carboxylates of a node point past the walls of the other net, at 45° to the nearest way there.
    fits = crossing >= CONTACT and passing >= radius / math.sqrt(2) + CONTACT and apart >= 2 * radius
    return apart - CONTACT if fits else -math.inf
