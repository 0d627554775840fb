"""Organic blocks of a framework: where they bind, how long they are, what hangs on them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

from catenane.descriptors.layout import backbone_atoms, measure, place_atoms
from catenane.notation import Chem, atoms_beyond, mend_block, pattern

__all__ = ["ELEMENTS", "LINKER_PROPERTIES", "SUBSTITUENTS", "LinkerTraits", "read_linker"]

Binding: TypeAlias = Literal["carboxylate", "nitrogen", "mixed", "oxygen", "none"]

ELEMENTS = ("H", "C", "N", "O", "F", "Cl", "Br", "S")
SUBSTITUENTS = (
    "fluoro", "chloro", "bromo", "methyl", "alkyl", "hydroxyl", "alkoxy", "amino", "cyano", "azo", "nitro",
    "oxo", "aryl",
)  # fmt: skip

# From a sound group to what bond perception may have left of it; the first found often enough counts.
_CARBOXYLATES = (
    "[#6;D3](~[#8;D1])~[#8;D1]",
    "[#6;D3;!R](~[#8;D1])~[#8]",
    "[#6;D2,D3;!R;!$(*~[!#6;!#8])]~[#8;D1]",
)
_RING_NITROGENS = ("[#7;r6;D2;!$(*~[!#6])]", "[#7;R;D2]")
_NITROGENS = (*_RING_NITROGENS, "[#7;D1]#[#6;D2]", "[#7;D1,D2;!R]=[#6]", "[#7;D3;x3]", "[#7;D1]")
_OXYGENS = ("[#8;D1;-,v1]",)
_SINGLE_ATOMS = {"F": "fluoro", "Cl": "chloro", "Br": "bromo", "C": "methyl", "N": "amino"}

# Volumes of atoms, and what bonds and rings take off, in Å3: Zhao et al. 2003, J. Org. Chem. 68, 7368.
_VOLUMES = {
    "H": 7.24, "C": 20.58, "N": 15.60, "O": 14.71, "F": 13.31, "Cl": 22.45, "Br": 26.52, "I": 32.52,
    "P": 24.43, "S": 24.43, "B": 40.48, "Si": 38.79, "Se": 28.73,
}  # fmt: skip
_BOND, _AROMATIC_RING, _OTHER_RING = 5.92, 14.7, 3.8
_LARGEST_PLACED = 300
"""Atoms of a backbone beyond which lengths stay unknown: such a block is a polymer, and slow to lay out."""

LINKER_PROPERTIES = {
    "mass": "mass, g/mol",
    "polar_area": "topological polar surface area, Å2",
    "log_p": "octanol-water partition coefficient after Crippen",
    "refractivity": "molar refractivity after Crippen, cm3/mol",
    "aromatic_fraction": "share of heavy atoms that are aromatic",
    "n_rings": "rings",
    "n_backbone": "heavy atoms of the backbone",
    "reach": "distance of the two farthest binding groups, Å",
    "breadth": "larger extent at right angles to the line through these groups, Å",
    "thickness": "smaller such extent, Å",
    "offset": "distance of the middle from that line, Å",
}


class LinkerTraits(NamedTuple):
    """One organic block; the last eleven are `LINKER_PROPERTIES`, lengths NaN where it bridges nothing."""

    binding: Binding
    """What binds metals; "none" for a block that bridges nothing, such as a lost substituent."""
    n_sites: int
    volume: float
    """Van der Waals volume, Å3."""
    elements: tuple[int, ...]
    """Atoms by `ELEMENTS`, with the hydrogens that bond perception lost."""
    substituents: tuple[int, ...]
    """Groups on the backbone by `SUBSTITUENTS`."""
    mass: float
    polar_area: float
    log_p: float
    refractivity: float
    aromatic_fraction: float
    n_rings: int
    n_backbone: int
    reach: float
    breadth: float
    thickness: float
    offset: float


@lru_cache(maxsize=100_000)
def read_linker(smiles: str) -> LinkerTraits | None:
    """The block that a SMILES describes, or None where RDKit cannot parse it."""
    mol = mend_block(smiles)
    if mol is None or not mol.GetNumAtoms():
        return None
    binding, sites = _sites(mol)
    backbone = backbone_atoms(mol, sites) if sites else set(range(mol.GetNumAtoms()))
    bound = (atom for site in sites for atom in mol.GetAtomWithIdx(site).GetNeighbors())
    core = backbone | {atom.GetIdx() for atom in bound if atom.GetAtomicNum() == 8}
    groups = Counter(_group_name(mol, group) for group in _groups(mol, core))
    placed = place_atoms(mol, core) if sites and len(core) <= _LARGEST_PLACED else {}
    atoms = [mol.GetAtomWithIdx(index) for index in range(mol.GetNumAtoms())]
    elements = Counter(atom.GetSymbol() for atom in atoms)
    elements["H"] += sum(atom.GetTotalNumHs() for atom in atoms)
    return LinkerTraits(
        binding,
        len(sites),
        _volume(mol, elements),
        tuple(elements[symbol] for symbol in ELEMENTS),
        tuple(groups[name] for name in SUBSTITUENTS),
        _mass(elements),
        *_surface(mol),
        sum(atom.GetIsAromatic() for atom in atoms) / len(atoms),
        mol.GetRingInfo().NumRings(),
        len(backbone),
        *(measure(placed, sites) if placed else (math.nan, math.nan, math.nan, math.nan)),
    )


def _sites(mol: Chem.Mol) -> tuple[Binding, list[int]]:
    if carboxylates := _first_match(mol, _CARBOXYLATES, 2):
        return "carboxylate", carboxylates
    if carboxylates := _first_match(mol, _CARBOXYLATES[:2], 1):
        nitrogens = _first_match(mol, _RING_NITROGENS, 1)
        return ("mixed" if nitrogens else "carboxylate"), carboxylates + nitrogens
    if nitrogens := _first_match(mol, _NITROGENS, 2):
        return "nitrogen", nitrogens
    if oxygens := _first_match(mol, _OXYGENS, 2):
        return "oxygen", oxygens
    return "none", []


def _first_match(mol: Chem.Mol, patterns: Sequence[str], at_least: int) -> list[int]:
    """First atoms of the matches of the first pattern that matches often enough."""
    for smarts in patterns:
        found = sorted({match[0] for match in mol.GetSubstructMatches(pattern(smarts))})
        if len(found) >= at_least:
            return found
    return []


def _groups(mol: Chem.Mol, core: set[int]) -> Iterator[list[int]]:
    """Connected groups of atoms outside the core."""
    seen = set(core)
    for anchor in core:
        for first in mol.GetAtomWithIdx(anchor).GetNeighbors():
            if first.GetIdx() not in seen:
                group = atoms_beyond(mol, first.GetIdx(), core)
                seen.update(group)
                yield group


def _group_name(mol: Chem.Mol, group: Sequence[int]) -> str:
    atoms = [mol.GetAtomWithIdx(index) for index in group]
    symbols = Counter(atom.GetSymbol() for atom in atoms)
    if any(atom.IsInRing() for atom in atoms):
        return "aryl"
    if len(atoms) == 1:
        if symbols["O"]:
            return "oxo" if atoms[0].GetBonds()[0].GetBondTypeAsDouble() == 2 else "hydroxyl"
        return _SINGLE_ATOMS.get(atoms[0].GetSymbol(), "other")
    if symbols["N"]:
        if symbols["O"] > 1:
            return "nitro"
        return "azo" if symbols["N"] > 1 else "cyano"
    if symbols["O"]:
        return "alkoxy"
    return "alkyl" if symbols["C"] == len(atoms) else "other"


def _surface(mol: Chem.Mol) -> tuple[float, float, float]:
    from rdkit.Chem import rdMolDescriptors

    try:
        log_p, refractivity = rdMolDescriptors.CalcCrippenDescriptors(mol)
        return rdMolDescriptors.CalcTPSA(mol), log_p, refractivity
    except (RuntimeError, ValueError):  # a block that could be sanitised in part only
        return math.nan, math.nan, math.nan


def _mass(elements: Counter[str]) -> float:
    weight = Chem.GetPeriodicTable().GetAtomicWeight
    return sum(n * weight(symbol) for symbol, n in elements.items() if symbol != "*")


def _volume(mol: Chem.Mol, elements: Counter[str]) -> float:
    rings = mol.GetRingInfo()
    aromatic = sum(all(mol.GetBondWithIdx(b).GetIsAromatic() for b in ring) for ring in rings.BondRings())
    n_bonds = mol.GetNumBonds() + elements["H"]
    atoms = sum(n * _VOLUMES.get(symbol, 20.0) for symbol, n in elements.items())
    return atoms - _BOND * n_bonds - _AROMATIC_RING * aromatic - _OTHER_RING * (rings.NumRings() - aromatic)
