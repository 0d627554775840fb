"""Whether what is proposed is sound: a molecule as another one, or linkers that bind as those before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from catenane.descriptors.linkers import read_linker
from catenane.errors import NotationError
from catenane.notation import Chem, NotationName, Record, Smiles, get_notation, pattern
from catenane.notation.building_blocks import Linker

__all__ = ["judge", "linkers_beyond", "span"]

UNSTABLE = "[$([O,N;!+]-[F,Cl,Br,I]),$([OX2]-[OX2])]"
"""Hypohalites, haloamines and peroxides, which RDKit builds as well as any other molecule."""


def judge(origin: Record, text: str) -> tuple[Record | None, str]:
    """What a draft is, where it can be read, and why it is no proposal in the place of another; "" if it is.

    Args:
        origin: The structure that a part of was written anew.
        text: The whole string with what was written.
    """
    try:
        record = get_notation(origin.notation).read(text)
    except NotationError:
        return None, "cannot be read"
    if record.text == origin.text:
        return record, "the string itself"
    return record, CHECKS[origin.notation](origin, record)


def _check_molecule(origin: Record, record: Record) -> str:
    """Why a molecule is no proposal in the place of another; "" where it is one."""
    if record.text.count(".") != origin.text.count("."):
        return "in another number of pieces"
    before, after = (_charges(item.text) for item in (origin, record))
    if before != after:
        return "with another charge or unpaired electrons"
    return "" if _n_unstable(record.text) <= _n_unstable(origin.text) else "with an unstable group"


def _check_framework(origin: Record, record: Record) -> str:
    """Why a framework is no proposal in the place of another; "" where it is one."""
    new, lost = linkers_beyond(record, origin), linkers_beyond(origin, record)
    if len(new) != len(lost) or len(record.parsed.blocks) != len(set(origin.parsed.canonical().blocks)):
        return "with another number of blocks"
    after = [_charges(linker) for linker in new]
    if None in after:
        return "with a linker that is no sound molecule"
    before = [_charges(linker) for linker in lost]
    if None not in before and Counter(after) != Counter(before):
        return "with another charge or unpaired electrons"
    if Counter(map(_sites, new)) != Counter(map(_sites, lost)):
        return "with other connection points"
    if sum(map(_n_unstable, new)) > sum(map(_n_unstable, lost)):
        return "with an unstable group"
    shapes = [*map(_shape, lost)]
    if None not in shapes and Counter(map(_shape, new)) != Counter(shapes):
        return "with connection points that point another way"
    return ""


CHECKS: Mapping[NotationName, Callable[[Record, Record], str]] = {
    "smiles": _check_molecule,
    "mofid": _check_framework,
}
"""By notation, why a second string is no proposal in the place of a first."""


def linkers_beyond(record: Record, other: Record) -> list[str]:
    """Linkers that the other framework does not have."""
    return sorted(set(record.parsed.linkers) - set(other.parsed.linkers))


def _charges(smiles: str) -> tuple[int, int] | None:
    """Formal charge and unpaired electrons; None where RDKit builds no molecule."""
    if (mol := _molecule(smiles)) is None:
        return None
    return Chem.GetFormalCharge(mol), sum(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())


def _sites(linker: str) -> tuple[str, int]:
    """What binds, and how many of these."""
    traits = read_linker(linker)
    return ("none", 0) if traits is None else (traits.binding, traits.n_sites)


def _n_unstable(smiles: str) -> int:
    """Unstable groups; none where RDKit builds no molecule, as of some linkers that data sets hold."""
    mol = _molecule(smiles)
    return 0 if mol is None else len(mol.GetSubstructMatches(pattern(UNSTABLE)))


def _molecule(smiles: str) -> Chem.Mol | None:
    """None where RDKit builds none."""
    try:
        return Smiles.parse(smiles).mol
    except NotationError:
        return None


@lru_cache(maxsize=10_000)
def _built(linker: str) -> Linker | None:
    """Shape and length of a linker; None where no 3D model of it shows how its connection points lie."""
    try:
        return Linker.from_smiles(linker, "")
    except NotationError:
        return None


def _shape(linker: str) -> str | None:
    """How the connection points of a linker point away."""
    return None if (built := _built(linker)) is None else built.shape


def span(linkers: Sequence[str]) -> str:
    """Bonds between the connection points of each linker that lie farthest apart, "?" where not known."""
    lengths = [None if (built := _built(linker)) is None else built.length for linker in linkers]
    return " + ".join("?" if length is None else str(length) for length in lengths)
