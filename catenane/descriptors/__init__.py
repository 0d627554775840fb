"""Numbers that chemistry attaches to a string: descriptors of molecules and of metal-organic frameworks."""

from catenane.descriptors.table import (
    Descriptors,
    compute_descriptors,
    describe,
    descriptor_meanings,
    descriptor_names,
)

__all__ = ["Descriptors", "compute_descriptors", "describe", "descriptor_meanings", "descriptor_names"]
