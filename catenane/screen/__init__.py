"""Candidates: frameworks from building blocks."""

from catenane.screen.enumeration import Framework, Frameworks, enumerate_mofs
from catenane.screen.linkers import functionalise, read_linkers

__all__ = ["Framework", "Frameworks", "enumerate_mofs", "functionalise", "read_linkers"]
