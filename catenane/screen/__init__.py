"""Candidates and their ranking: frameworks from building blocks."""

from catenane.screen.enumeration import Frameworks, enumerate_mofs
from catenane.screen.linker_files import read_linkers
from catenane.screen.ranking_page import Isotherms, write_ranking_page
from catenane.screen.substitution import functionalise

__all__ = [
    "Frameworks",
    "Isotherms",
    "enumerate_mofs",
    "functionalise",
    "read_linkers",
    "write_ranking_page",
]
