"""Metal blocks of a framework: which cluster, which metals, how far from its centre the linkers begin."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from catenane.notation import Chem

__all__ = ["CLUSTERS", "METALS", "NodeTraits", "read_node"]

_ATOM = re.compile(r"\[[0-9]*([A-Z][a-z]?|as|se|si|te|[a-z])[^\]]*\]|Cl|Br|[BCNOPSFI]|[bcnops]")


class Metal(NamedTuple):
    """Place of a metal in the periodic table, and its electronegativity on Pauling's scale."""

    atomic_number: int
    period: int
    group: int
    """3 for lanthanides and actinides."""
    electronegativity: float


_ROWS = """
Li 3 2 1 0.98; Be 4 2 2 1.57; Na 11 3 1 0.93; Mg 12 3 2 1.31; Al 13 3 13 1.61; K 19 4 1 0.82
Ca 20 4 2 1.00; Sc 21 4 3 1.36; Ti 22 4 4 1.54; V 23 4 5 1.63; Cr 24 4 6 1.66; Mn 25 4 7 1.55
Fe 26 4 8 1.83; Co 27 4 9 1.88; Ni 28 4 10 1.91; Cu 29 4 11 1.90; Zn 30 4 12 1.65; Ga 31 4 13 1.81
Ge 32 4 14 2.01; Rb 37 5 1 0.82; Sr 38 5 2 0.95; Y 39 5 3 1.22; Zr 40 5 4 1.33; Nb 41 5 5 1.6
Mo 42 5 6 2.16; Tc 43 5 7 1.9; Ru 44 5 8 2.2; Rh 45 5 9 2.28; Pd 46 5 10 2.20; Ag 47 5 11 1.93
Cd 48 5 12 1.69; In 49 5 13 1.78; Sn 50 5 14 1.96; Sb 51 5 15 2.05; Cs 55 6 1 0.79; Ba 56 6 2 0.89
La 57 6 3 1.10; Ce 58 6 3 1.12; Pr 59 6 3 1.13; Nd 60 6 3 1.14; Pm 61 6 3 1.13; Sm 62 6 3 1.17
Eu 63 6 3 1.2; Gd 64 6 3 1.20; Tb 65 6 3 1.1; Dy 66 6 3 1.22; Ho 67 6 3 1.23; Er 68 6 3 1.24
Tm 69 6 3 1.25; Yb 70 6 3 1.1; Lu 71 6 3 1.27; Hf 72 6 4 1.3; Ta 73 6 5 1.5; W 74 6 6 2.36
Re 75 6 7 1.9; Os 76 6 8 2.2; Ir 77 6 9 2.20; Pt 78 6 10 2.28; Au 79 6 11 2.54; Hg 80 6 12 2.00
Tl 81 6 13 1.62; Pb 82 6 14 2.33; Bi 83 6 15 2.02; Th 90 7 3 1.3; Pa 91 7 3 1.5; U 92 7 3 1.38
Np 93 7 3 1.36; Pu 94 7 3 1.28
"""


def _metal(row: str) -> tuple[str, Metal]:
    symbol, number, period, group, electronegativity = row.split()
    return symbol, Metal(int(number), int(period), int(group), float(electronegativity))


METALS = dict(map(_metal, _ROWS.strip().replace("\n", ";").split(";")))
"""Every metal that metal-organic frameworks are made of, by symbol."""


class Cluster(NamedTuple):
    """A kind of metal block, with the distances from its centre to what it binds in crystals, in angstrom."""

    meaning: str
    to_carboxylate: float
    """To the carbon of a carboxylate."""
    to_nitrogen: float


CLUSTERS = {
    "single": Cluster("one metal, also of a rod as in MIL-47", 2.4, 2.1),
    "paddlewheel": Cluster("two metals as in HKUST-1 and DMOF-1", 2.58, 3.52),
    "trimer": Cluster("three metals around an oxygen as in MIL-101", 3.3, 4.0),
    "tetrahedron": Cluster("four metals around an oxygen as in MOF-5", 3.57, 4.0),
    "hexamer": Cluster("six metals bridged by oxygens as in UiO-66", 4.43, 4.6),
    "other": Cluster("any other metal block", 3.0, 3.0),
}


class NodeTraits(NamedTuple):
    """One metal block."""

    kind: str
    """A key of `CLUSTERS`."""
    metals: tuple[str, ...]
    """Symbols of its metals, each as often as it occurs."""
    mass: float
    """Mass of its heavy atoms, in g/mol."""


@lru_cache(maxsize=50_000)
def read_node(smiles: str) -> NodeTraits:
    """The metal block that a SMILES describes, read from its atoms alone."""
    symbols = [(match[1] or match[0]).capitalize() for match in _ATOM.finditer(smiles)]
    metals = tuple(symbol for symbol in symbols if symbol in METALS)
    others = Counter(symbol for symbol in symbols if symbol not in METALS)
    table = Chem.GetPeriodicTable()
    mass = sum(table.GetAtomicWeight(symbol) for symbol in symbols if table.GetAtomicNumber(symbol) > 0)
    return NodeTraits(_kind(len(metals), others), metals, mass)


def _kind(n_metals: int, others: Counter[str]) -> str:
    if others["C"]:
        return "other"
    if n_metals in (1, 2):
        return "single" if n_metals == 1 else "paddlewheel"
    if n_metals in (3, 4) and others["O"] == 1:
        return "trimer" if n_metals == 3 else "tetrahedron"
    return "hexamer" if n_metals == 6 and others["O"] >= 6 else "other"
