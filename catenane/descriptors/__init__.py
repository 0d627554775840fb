"""Numbers that chemistry attaches to a string: descriptors of molecules and of metal-organic frameworks."""

from catenane.descriptors.atoms import HAS_GRAPH, N_CANONICAL, N_ELEMENTS, AtomGraph, atom_graph
from catenane.descriptors.molecules import HAS_FRAGMENTS, count_fragments, fragments, roles
from catenane.descriptors.table import (
    Descriptors,
    compute_descriptors,
    describe,
    descriptor_meanings,
    descriptor_names,
    head_inputs,
)

__all__ = [
    "HAS_FRAGMENTS",
    "HAS_GRAPH",
    "N_CANONICAL",
    "N_ELEMENTS",
    "AtomGraph",
    "Descriptors",
    "atom_graph",
    "compute_descriptors",
    "count_fragments",
    "describe",
    "descriptor_meanings",
    "descriptor_names",
    "fragments",
    "head_inputs",
    "roles",
]
