"""Candidates: frameworks from building blocks."""

from catenane.screen.enumeration import Frameworks, enumerate_mofs
from catenane.screen.linker_files import read_linkers
from catenane.screen.substitution import functionalise

__all__ = [
    "Frameworks",
    "enumerate_mofs",
    "functionalise",
    "read_linkers",
]
