"""Descriptors of a metal-organic framework, from its MOFid alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import attrgetter

from catenane.descriptors.cells import Unit, read_units
from catenane.descriptors.linkers import (
    ELEMENTS,
    LINKER_PROPERTIES,
    SUBSTITUENTS,
    LinkerTraits,
    read_linker,
)
from catenane.descriptors.nodes import CLUSTERS, METALS, NodeTraits, read_node
from catenane.notation import Mofid

__all__ = ["FRAMEWORK_DESCRIPTORS", "describe_framework"]

_COMMON_METALS = ("Zn", "Cu", "V", "Zr", "Cd", "Co", "Ni", "Mn", "Fe", "Al", "Ag")
_COMMON_NETS = ("pcu", "rna", "dia", "sql", "hcb", "tbo", "hex", "fcu", "nbo", "bcu", "acs")
_TO_GRAMS = 1.66053907
"""g/cm3 in one g/mol per cubic angstrom."""
_NODE_ATOM_VOLUME = 12.0
"""Volume that a metal of a node with its share of oxygens takes, in cubic angstrom."""

_BOUND_PROPERTIES = ("reach", "breadth", "thickness")
_properties = attrgetter(*LINKER_PROPERTIES)
_bound_properties = attrgetter(*_BOUND_PROPERTIES)

FRAMEWORK_DESCRIPTORS: dict[str, str] = {
    "node_blocks": "metal blocks listed",
    "node_metals": "metals in them",
    "node_elements": "distinct metals in them",
    "node_mass": "mass of the heaviest metal block, g/mol",
    "node_lone_atoms": "blocks of one atom: oxide, hydroxide, water, halides",
    **{f"node_is_{kind}": f"1 where a metal block is {c.meaning}" for kind, c in CLUSTERS.items()},
    "metal_atomic_number": "atomic number, mean over the metals",
    "metal_period": "period, mean over the metals",
    "metal_group": "group, mean over the metals",
    "metal_electronegativity": "electronegativity on Pauling's scale, mean over the metals",
    **{f"metal_is_{symbol}": f"1 where {symbol} is among the metals" for symbol in _COMMON_METALS},
    "metal_is_f_block": "1 where a lanthanide or actinide is among the metals",
    "metal_is_s_block": "1 where a metal of groups 1 or 2 is among the metals",
    "net_catenation": "interpenetrating nets besides the first; NaN where not counted",
    "net_catenation_known": "1 where it was counted",
    "net_codes": "topology codes given",
    "net_unknown": "1 where no topology was found",
    **{f"net_is_{code}": f"1 where {code} is the first topology" for code in _COMMON_NETS},
    "linker_blocks": "organic blocks of two or more atoms",
    "linker_carboxylates": "those that bind by two or more carboxylates",
    "linker_nitrogens": "those that bind by nitrogen, or by nitrogen and carboxylate",
    "linker_fragments": "those that bridge nothing",
    "linker_most_sites": "binding groups of the linker with most",
    **{
        f"linker_{name}_{statistic}": f"{meaning}; {statistic} over the linkers"
        for name, meaning in LINKER_PROPERTIES.items()
        for statistic in ("min", "mean", "max")
    },
    **{
        f"{binding}_{name}": f"{LINKER_PROPERTIES[name]}; mean over the linkers that bind by {binding}"
        for binding in ("carboxylate", "nitrogen")
        for name in _BOUND_PROPERTIES
    },
    **{f"atoms_{symbol}": f"{symbol} atoms of the listed linkers" for symbol in ELEMENTS},
    **{f"groups_{name}": f"{name} groups on the listed linkers" for name in SUBSTITUENTS},
    "cell_known": "1 where net and linkers imply the cell; the descriptors below are NaN elsewhere",
    "cell_readings": "ways to set the linkers on the edges; the descriptors below are means over them",
    "cell_edge_min": "shortest distance of connected nodes, Å",
    "cell_edge_mean": "mean distance of connected nodes, Å",
    "cell_edge_max": "longest distance of connected nodes, Å",
    "cell_window": "area between the two shortest edges, shared among the nets, Å2",
    "cell_spacing": "distance of neighbouring nodes of different nets along the body diagonal, Å",
    "cell_lateral_spacing": "the same seen along the longest edge, Å",
    "cell_gap": "spacing less the mean breadth of the linkers, Å",
    "cell_lateral_gap": "lateral spacing less the mean half sum of their breadth and thickness, Å",
    "cell_opening_min": "narrowest gap between parallel linkers, Å",
    "cell_opening_mean": "mean gap between parallel linkers, Å",
    "cell_opening_max": "widest gap between parallel linkers, Å",
    **{
        f"cell_{edge}_{name}": f"of the linker on the {edge}est edge: {meaning}"
        for edge in ("short", "long")
        for name, meaning in {
            "breadth": "breadth, Å",
            "thickness": "thickness, Å",
            "aromatic_fraction": "share of heavy atoms that are aromatic",
            "polarity": "polar surface area per length of the edge, Å",
            "crowding": "substituents per length of the edge, 1/Å",
        }.items()
    },
    "cell_linker_section": "van der Waals volume of the linkers per length of the edges, Å2",
    "cell_volume": "volume per node, Å3",
    "cell_log_volume": "its logarithm",
    "cell_mass": "mass per node, g/mol",
    "cell_density": "density, g/cm3",
    "cell_log_density": "its logarithm",
    "cell_free_fraction": "share of the volume that no atom takes",
    "cell_pore_volume": "free volume, cm3/g",
    "cell_metal_density": "metals per nm3",
    "cell_polar_density": "polar surface area per volume, 1/Å",
    "cell_refractivity_density": "molar refractivity per volume, cm3/mol per Å3",
    **{f"cell_atoms_{symbol}": f"{symbol} atoms of linkers per nm3" for symbol in ELEMENTS},
    **{f"cell_groups_{name}": f"{name} groups per nm3" for name in SUBSTITUENTS},
}
"""What each descriptor of a framework is, with its unit, in the order of the columns."""


def describe_framework(mofid: Mofid) -> list[float]:
    """Values of `FRAMEWORK_DESCRIPTORS` for one framework; NaN where undefined."""
    nodes = [read_node(block) for block in mofid.nodes]
    blocks = [linker for linker in map(read_linker, mofid.linkers) if linker is not None]
    linkers = [linker for linker in blocks if linker.binding != "none"]
    n_lone = len(mofid.blocks) - len(mofid.nodes) - len(mofid.linkers)
    listed = (*_node_values(nodes, n_lone), *_net_values(mofid), *_linker_values(blocks, linkers))
    cell = list(_cell_values(mofid, nodes, linkers))
    return [*listed, *cell, *[math.nan] * (len(FRAMEWORK_DESCRIPTORS) - len(listed) - len(cell))]


def _node_values(nodes: Sequence[NodeTraits], n_lone: int) -> Iterable[float]:
    metals = [symbol for node in nodes for symbol in node.metals]
    kinds = {node.kind for node in nodes}
    numbers = [METALS[symbol] for symbol in metals]
    yield from (len(nodes), len(metals), len(set(metals)))
    yield from (max((node.mass for node in nodes), default=math.nan), n_lone)
    yield from (kind in kinds for kind in CLUSTERS)
    yield from map(_mean, _columns(numbers, 4))
    yield from (symbol in metals for symbol in _COMMON_METALS)
    yield any(metal.group == 3 and metal.period > 5 for metal in numbers)
    yield any(metal.group <= 2 for metal in numbers)


def _net_values(mofid: Mofid) -> Iterable[float]:
    topology = next(iter(mofid.nets), "")
    yield math.nan if mofid.catenation is None else mofid.catenation
    yield mofid.catenation is not None
    yield len(mofid.topologies)
    yield not topology
    yield from (topology == code for code in _COMMON_NETS)


def _linker_values(blocks: Sequence[LinkerTraits], linkers: Sequence[LinkerTraits]) -> Iterable[float]:
    by_binding = {
        "carboxylate": [x for x in linkers if x.binding == "carboxylate"],
        "nitrogen": [x for x in linkers if x.binding in ("nitrogen", "mixed")],
    }
    yield len(blocks)
    yield from (len(bound) for bound in by_binding.values())
    yield len(blocks) - len(linkers)
    yield max((linker.n_sites for linker in linkers), default=0)
    for column in _columns(map(_properties, linkers), len(LINKER_PROPERTIES)):
        yield from (min(column), _mean(column), max(column))
    for bound in by_binding.values():
        yield from map(_mean, _columns(map(_bound_properties, bound), len(_BOUND_PROPERTIES)))
    yield from _counts([(1.0, linker) for linker in blocks])


def _cell_values(mofid: Mofid, nodes: Sequence[NodeTraits], linkers: list[LinkerTraits]) -> Iterable[float]:
    known = [node for node in nodes if node.kind != "other"]
    units = read_units(known[0], linkers, next(iter(mofid.nets), "")) if known else []
    yield bool(units)
    yield len(units)
    if not units:
        return
    n_nets = 1 + (mofid.catenation or 0)
    total = sum(unit.weight for unit in units)
    rows = [[unit.weight / total * value for value in _unit_values(unit, known[0], n_nets)] for unit in units]
    yield from map(math.fsum, zip(*rows, strict=True))


def _unit_values(unit: Unit, node: NodeTraits, n_nets: int) -> Iterable[float]:
    edges = sorted(unit.edges)
    linkers = [linker for _, linker in unit.linkers]
    spacing, lateral = math.hypot(*edges) / n_nets, math.hypot(*edges[:2]) / n_nets
    breadth, thickness = _mean([x.breadth for x in linkers]), _mean([x.thickness for x in linkers])
    yield from (edges[0], _mean(edges), edges[-1])
    yield edges[0] * edges[min(1, len(edges) - 1)] / n_nets**2
    yield from (spacing, lateral, spacing - breadth, lateral - (breadth + thickness) / 2)
    # Of every class of edges, the length less the mean breadth of the linkers on the others.
    breadths = [linker.breadth for linker in linkers]
    others = [breadths[:i] + breadths[i + 1 :] or breadths for i in range(len(unit.edges))]
    openings = [edge / n_nets - _mean(other) for edge, other in zip(unit.edges, others, strict=True)]
    yield from (min(openings), _mean(openings), max(openings))
    borne = sorted(zip(unit.edges, linkers, strict=False), key=lambda pair: pair[0])
    for edge, linker in (borne[0], borne[-1]):
        yield from (linker.breadth, linker.thickness, linker.aromatic_fraction)
        yield from (linker.polar_area / edge, sum(linker.substituents) / edge)
    yield sum(linker.volume for linker in linkers) / sum(edges)

    volume = unit.volume / n_nets
    mass = node.mass + sum(n * linker.mass for n, linker in unit.linkers)
    density = _TO_GRAMS * mass / volume
    taken = _NODE_ATOM_VOLUME * len(node.metals) + sum(n * linker.volume for n, linker in unit.linkers)
    free = 1 - taken / volume
    yield from (volume, math.log(volume), mass, density, math.log(density), free, free / density)
    yield 1000 * len(node.metals) / volume
    yield sum(n * linker.polar_area for n, linker in unit.linkers) / volume
    yield sum(n * linker.refractivity for n, linker in unit.linkers) / volume
    yield from _counts([(1000 * n / volume, linker) for n, linker in unit.linkers])


def _columns(rows: Iterable[Sequence[float]], width: int) -> list[list[float]]:
    """The columns of a table without their NaN; one NaN where nothing is left."""
    columns = list(zip(*rows, strict=True)) or [()] * width
    return [[value for value in column if value == value] or [math.nan] for column in columns]


def _counts(weighted: Sequence[tuple[float, LinkerTraits]]) -> list[float]:
    """Atoms by `ELEMENTS` and groups by `SUBSTITUENTS` of so many of each linker."""
    totals = [0.0] * (len(ELEMENTS) + len(SUBSTITUENTS))
    for weight, linker in weighted:
        for place, count in enumerate(linker.elements + linker.substituents):
            if count:
                totals[place] += weight * count
    return totals


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
