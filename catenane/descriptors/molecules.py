"""Descriptors of a molecule, which RDKit computes in a fraction of a millisecond, and its Morgan fragments.

Fragments are the surroundings of every atom, hashed and counted: D. Rogers, M. Hahn, J. Chem. Inf. Model.
2010, 50, 742.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catenane.notation import Chem, NotationName, Record, Smiles, compute_all, pattern, rdkit_errors

__all__ = ["HAS_FRAGMENTS", "MOLECULE_DESCRIPTORS", "count_fragments", "describe_molecule", "fragments"]

_N_KINDS, _RADIUS = 2048, 2
"""Kinds that fragments are folded to, and how many bonds they reach from their centre."""
HAS_FRAGMENTS: frozenset[NotationName] = frozenset({"smiles"})
"""Notations whose strings are one molecule each."""

_PROPERTIES = {
    "amw": ("mass", "average mass, g/mol"),
    "tpsa": ("polar_area", "topological polar surface area, Å2"),
    "labuteASA": ("surface", "approximate surface area after Labute, Å2"),
    "NumHBD": ("n_donors", "hydrogen-bond donors"),
    "NumHBA": ("n_acceptors", "hydrogen-bond acceptors"),
    "NumRotatableBonds": ("n_rotatable", "rotatable bonds"),
    "NumAmideBonds": ("n_amides", "amide bonds"),
    "FractionCSP3": ("fraction_sp3", "share of carbons that are sp3"),
    "NumHeavyAtoms": ("n_heavy", "heavy atoms"),
    "NumHeteroatoms": ("n_heteroatoms", "atoms other than carbon and hydrogen"),
    "NumRings": ("n_rings", "rings"),
    "NumAromaticRings": ("n_aromatic_rings", "aromatic rings"),
    "NumAliphaticRings": ("n_aliphatic_rings", "rings with a bond that is not aromatic"),
    "NumSaturatedRings": ("n_saturated_rings", "saturated rings"),
    "NumAromaticHeterocycles": ("n_aromatic_heterocycles", "aromatic rings with a heteroatom"),
    "NumAliphaticHeterocycles": ("n_aliphatic_heterocycles", "aliphatic rings with a heteroatom"),
    "NumSpiroAtoms": ("n_spiro", "atoms that two rings share alone"),
    "NumBridgeheadAtoms": ("n_bridgeheads", "atoms at the ends of bridges"),
    "NumAtomStereoCenters": ("n_stereocentres", "tetrahedral stereocentres"),
    "chi0v": ("chi0v", "valence connectivity of order 0"),
    "chi1v": ("chi1v", "valence connectivity of order 1"),
    "hallKierAlpha": ("alpha", "size of atoms relative to sp3 carbon, after Hall and Kier"),
    "kappa1": ("kappa1", "shape index of order 1"),
    "kappa2": ("kappa2", "shape index of order 2"),
}
_ELEMENTS = ("C", "N", "O", "F", "Cl", "Br", "I", "S", "P", "B", "Si")
_GROUPS = {
    "carboxylic_acid": "[CX3](=O)[OX2H1,OX1-]",
    "ester": "[#6][CX3](=O)[OX2H0][#6]",
    "ketone": "[#6][CX3](=O)[#6]",
    "aldehyde": "[CX3H1](=O)",
    "alcohol": "[CX4][OX2H]",
    "phenol": "c[OX2H]",
    "ether": "[#6;!$(C=O)][OX2][#6;!$(C=O)]",
    "amine": "[NX3;!$(N~[!#6]);!$(N~[#6]~[O,N,S;X1])][CX4]",
    "aniline": "[NX3;!$(N~[!#6]);!$(NC=[O,N,S])]c",
    "nitrile": "C#N",
    "nitro": "[$([NX3](=O)=O),$([NX3+](=O)[O-])]",
    "sulfonyl": "S(=O)(=O)",
    "halide": "[CX4][F,Cl,Br,I]",
    "alkene": "[CX3]=[CX3]",
    "alkyne": "C#C",
}

MOLECULE_DESCRIPTORS: dict[str, str] = {
    **dict(_PROPERTIES.values()),
    "log_p": "octanol-water partition coefficient after Crippen",
    "refractivity": "molar refractivity after Crippen, cm3/mol",
    "charge": "formal charge",
    "n_charged": "atoms with a formal charge",
    "n_hydrogens": "hydrogen atoms",
    "n_parts": "parts that no bond connects",
    "aromatic_fraction": "share of heavy atoms that are aromatic",
    "largest_ring": "atoms in the largest ring",
    **{f"atoms_{symbol}": f"{symbol} atoms" for symbol in _ELEMENTS},
    **{f"groups_{name}": f"{name.replace('_', ' ')} groups" for name in _GROUPS},
}
"""What each descriptor of a molecule is, with its unit, in the order of the columns."""


def describe_molecule(smiles: Smiles) -> list[float]:
    """Values of `MOLECULE_DESCRIPTORS` for one molecule."""
    from rdkit.Chem.rdMolDescriptors import CalcCrippenDescriptors

    mol = smiles.mol
    atoms = [mol.GetAtomWithIdx(index) for index in range(mol.GetNumAtoms())]
    symbols = Counter(atom.GetSymbol() for atom in atoms)
    charges = [charge for atom in atoms if (charge := atom.GetFormalCharge())]
    return [
        *_calculator().ComputeProperties(mol),
        *CalcCrippenDescriptors(mol),
        sum(charges),
        len(charges),
        sum(atom.GetTotalNumHs() for atom in atoms) + symbols["H"],
        len(Chem.GetMolFrags(mol)),
        sum(atom.GetIsAromatic() for atom in atoms) / max(len(atoms), 1),
        max(map(len, mol.GetRingInfo().AtomRings()), default=0),
        *(symbols[symbol] for symbol in _ELEMENTS),
        *(len(mol.GetSubstructMatches(pattern(smarts))) for smarts in _GROUPS.values()),
    ]


def count_fragments(records: Sequence[Record], n_kinds: int = _N_KINDS) -> NDArray[np.uint8]:
    """Counts of fragments, folded to `n_kinds` columns: (N, n_kinds); zero where there is no molecule."""
    result = np.zeros((len(records), n_kinds), dtype=np.uint8)
    for row, (kinds, counts) in enumerate(compute_all(records, fragments)):
        np.add.at(result[row], kinds % n_kinds, counts)
    return result


def fragments(record: Record) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Kinds of fragments that occur in a molecule, and their counts; both empty for what is none.

    Raises:
        NotationError: RDKit fails on it.
    """
    if record.notation not in HAS_FRAGMENTS:
        return np.zeros(0, np.uint16), np.zeros(0, np.uint8)
    with rdkit_errors(record.text):
        found = _generator().GetCountFingerprint(record.parsed.mol).GetNonzeroElements()
    kinds = np.fromiter(found, np.uint16, len(found))
    return kinds, np.minimum(np.fromiter(found.values(), np.int64, len(found)), 255).astype(np.uint8)


@cache
def _calculator() -> Any:
    from rdkit.Chem.rdMolDescriptors import Properties

    return Properties(list(_PROPERTIES))


@cache
def _generator() -> Any:
    from rdkit.Chem import rdFingerprintGenerator

    return rdFingerprintGenerator.GetMorganGenerator(radius=_RADIUS, fpSize=_N_KINDS)
