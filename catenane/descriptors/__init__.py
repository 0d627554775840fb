"""Numbers that chemistry attaches to a string: descriptors of molecules and of metal-organic frameworks."""

from catenane.descriptors.molecules import HAS_FRAGMENTS, count_fragments, fragments
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
    "Descriptors",
    "compute_descriptors",
    "count_fragments",
    "describe",
    "descriptor_meanings",
    "descriptor_names",
    "fragments",
    "head_inputs",
]
