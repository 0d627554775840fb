"""What frameworks are made of: metal nodes, linkers, substituents, and the nets they form."""

from catenane.notation.building_blocks.library import (
    Blueprint,
    Node,
    Slot,
    Substituent,
    builtin_blueprints,
    builtin_linkers,
    builtin_nodes,
    builtin_substituents,
)
from catenane.notation.building_blocks.linkers import Donor, Linker, deprotonate

__all__ = [
    "Blueprint",
    "Donor",
    "Linker",
    "Node",
    "Slot",
    "Substituent",
    "builtin_blueprints",
    "builtin_linkers",
    "builtin_nodes",
    "builtin_substituents",
    "deprotonate",
]
