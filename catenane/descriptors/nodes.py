"""Metal blocks of a framework: which cluster, which metals, how far from its centre the linkers begin."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

from catenane.notation import Chem

__all__ = ["CLUSTERS", "METALS", "NodeTraits", "read_node"]

_ATOM = re.compile(r"\[[0-9]*([A-Z][a-z]?|as|se|si|te|[a-z])[^\]]*\]|Cl|Br|[BCNOPSFI]|[bcnops]")


class Metal(NamedTuple):
    """Place of a metal in the periodic table, and its electronegativity on Pauling's scale."""

    atomic_number: int
    period: int
    group: int
    electronegativity: float


_TABLE = tomllib.loads(files(__package__).joinpath("metals.toml").read_text(encoding="utf-8"))
METALS = {symbol: Metal(*row) for symbol, row in _TABLE.items()}
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
