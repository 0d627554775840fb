"""Descriptors of a molecule, which RDKit computes in a fraction of a millisecond, and its Morgan fragments.

Fragments are the surroundings of every atom, hashed and counted: D. Rogers, M. Hahn, J. Chem. Inf. Model.
2010, 50, 742. Atoms are told apart by what they are (ECFP), or by their roles alone (FCFP): donor, acceptor,
aromatic, halogen, base, acid.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from catenane.notation import Chem, NotationName, Record, Smiles, compute_all, pattern, rdkit_errors

__all__ = [
    "COMPUTED_LABELS", "HAS_FRAGMENTS", "MOLECULE_DESCRIPTORS", "Counts", "compute_labels", "count_fragments",
    "describe_molecule", "fragments", "roles",
]  # fmt: skip

Counts: TypeAlias = tuple[NDArray[np.uint16], NDArray[np.uint8]]
"""Kinds of fragments that occur in a molecule, and how often."""

_N_KINDS, _RADIUS = 2048, 2
"""Kinds that fragments are folded to, and how many bonds they reach from their centre."""
HAS_FRAGMENTS: frozenset[NotationName] = frozenset({"smiles"})
"""Notations whose strings are one molecule each."""

COMPUTED_LABELS = ("logP", "QED", "SAS")
"""Properties that models of molecules are often tried on, since RDKit computes them."""

_TABLES = tomllib.loads(files(__package__).joinpath("molecules.toml").read_text(encoding="utf-8"))
_PROPERTIES: dict[str, tuple[str, str]] = _TABLES["properties"]
_GROUPS: dict[str, str] = _TABLES["groups"]
_IN_FORMULA = re.compile(r"([A-Z][a-z]?)(\d*)")
_ELEMENTS = ("C", "N", "O", "F", "Cl", "Br", "I", "S", "P", "B", "Si")
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
    from rdkit.Chem.rdMolDescriptors import CalcCrippenDescriptors, CalcMolFormula

    mol = smiles.mol
    n_of = {symbol: int(count or 1) for symbol, count in _IN_FORMULA.findall(CalcMolFormula(mol))}
    return [
        *_calculator().ComputeProperties(mol),
        *CalcCrippenDescriptors(mol),
        Chem.GetFormalCharge(mol),
        len(mol.GetAtomsMatchingQuery(_charged())),
        n_of.get("H", 0),
        len(Chem.GetMolFrags(mol)),
        len(mol.GetAromaticAtoms()) / max(mol.GetNumAtoms(), 1),
        max(map(len, mol.GetRingInfo().AtomRings()), default=0),
        *(n_of.get(symbol, 0) for symbol in _ELEMENTS),
        *(len(mol.GetSubstructMatches(pattern(smarts))) for smarts in _GROUPS.values()),
    ]


def compute_labels(record: Record) -> tuple[float, float, float]:
    """Crippen's logP, drug-likeness and synthetic accessibility of a molecule, see `COMPUTED_LABELS`.

    Sources: S. A. Wildman, G. M. Crippen 1999, doi:10.1021/ci990307l; G. R. Bickerton et al. 2012,
    doi:10.1038/nchem.1243; P. Ertl, A. Schuffenhauer 2009, doi:10.1186/1758-2946-1-8.
    """
    from rdkit.Chem import QED
    from rdkit.Chem.rdMolDescriptors import CalcCrippenDescriptors
    from rdkit.Contrib.SA_Score import sascorer

    with rdkit_errors(record.text):
        mol = record.parsed.mol
        return CalcCrippenDescriptors(mol)[0], QED.qed(mol), sascorer.calculateScore(mol)


def fragments(record: Record) -> Counts:
    """Kinds and counts of the fragments of a molecule; both empty for what is none.

    The kinds of the second of several strings are numbered from 2,048 on, and so forth.
    """
    return _counts(record, fragments, by_role=False)


def roles(record: Record) -> Counts:
    """As `fragments`, atoms told apart by their roles."""
    return _counts(record, roles, by_role=True)


def count_fragments(
    records: Sequence[Record],
    n_kinds: int = _N_KINDS,
    n_strings: int = 1,
    kind: Callable[[Record], Counts] = fragments,
) -> NDArray[np.uint8]:
    """Counts of fragments, folded to `n_kinds` columns: (N, n_kinds); zero where there is no molecule.

    Of several strings each has an equal share of the columns. `kind` is `fragments` or `roles`.
    """
    width = n_kinds // n_strings
    result = np.zeros((len(records), n_kinds), dtype=np.uint8)
    if found := compute_all(records, kind):
        kinds, counts = map(np.concatenate, zip(*found, strict=True))
        place, own = np.divmod(kinds, _N_KINDS)
        rows = np.repeat(np.arange(len(found)), [len(of_row) for of_row, _ in found])
        np.add.at(result, (rows, place * width + own % width), counts)
    return result


def _counts(record: Record, kind: Callable[[Record], Counts], *, by_role: bool) -> Counts:
    if len(record.parts) > 1:
        found_of = [part.compute(kind) for part in record.parts]
        shifted = [kinds + np.uint16(place * _N_KINDS) for place, (kinds, _) in enumerate(found_of)]
        return np.concatenate(shifted), np.concatenate([counts for _, counts in found_of])
    if record.notation not in HAS_FRAGMENTS:
        return np.zeros(0, np.uint16), np.zeros(0, np.uint8)
    with rdkit_errors(record.text):
        found = _generator(by_role).GetCountFingerprint(record.parsed.mol).GetNonzeroElements()
    kinds = np.fromiter(found, np.uint16, len(found))
    return kinds, np.minimum(np.fromiter(found.values(), np.int64, len(found)), 255).astype(np.uint8)


@cache
def _calculator() -> Any:
    from rdkit.Chem.rdMolDescriptors import Properties

    return Properties(list(_PROPERTIES))


@cache
def _charged() -> Any:
    from rdkit.Chem.rdqueries import FormalChargeEqualsQueryAtom

    return FormalChargeEqualsQueryAtom(0, negate=True)


@cache
def _generator(by_role: bool) -> Any:
    from rdkit.Chem import rdFingerprintGenerator

    atoms = rdFingerprintGenerator.GetMorganFeatureAtomInvGen() if by_role else None
    return rdFingerprintGenerator.GetMorganGenerator(
        radius=_RADIUS, fpSize=_N_KINDS, atomInvariantsGenerator=atoms
    )
