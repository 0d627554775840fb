"""Where the atoms of a linker are, estimated from its string.

Only the backbone, what remains when the substituents are cut off, is embedded in space: a few hundred
backbones make up tens of thousands of linkers, so that one embedding serves many. Substituents are then set
outward from the atom that carries them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from typing import TypeAlias

from catenane.notation import Chem, mend_block

__all__ = ["Point", "backbone_atoms", "measure", "place_atoms"]

Point: TypeAlias = tuple[float, float, float]

_SEED = 61453
_LARGEST_EMBEDDED = 90
"""Atoms beyond which a backbone is drawn flat: to embed a larger one takes seconds."""
_LEAN = 1.7
"""How far two atoms on one carrier lean from its outward direction: the tangent of half their angle."""
_ASKEW: Point = (0.3, 0.5, 0.8)


def backbone_atoms(mol: Chem.Mol, sites: Sequence[int]) -> set[int]:
    """Atoms on the shortest paths from the first site to the others, and the rings that these paths touch."""
    kept = set(sites)
    for site in sites[1:]:
        kept.update(Chem.GetShortestPath(mol, sites[0], site))
    rings = [set(ring) for ring in mol.GetRingInfo().AtomRings()]
    while grown := [ring for ring in rings if ring & kept and not ring <= kept]:
        kept.update(*grown)
    return kept


def place_atoms(mol: Chem.Mol, backbone: Iterable[int]) -> dict[int, Point]:
    """Positions in angstrom of the heavy atoms that bonds connect to the backbone, by index."""
    smiles = Chem.MolFragmentToSmiles(mol, sorted(backbone))
    order = mol.GetProp("_smilesAtomOutputOrder").strip("[],").split(",")
    placed = {int(atom): point for atom, point in zip(order, _embed(smiles), strict=True)}
    if len(placed) < mol.GetNumAtoms():
        _grow(mol, placed)
    return placed


def measure(placed: dict[int, Point], sites: Sequence[int]) -> tuple[float, float, float, float]:
    """Size of a linker in angstrom: reach, breadth, thickness and offset, as `LINKER_PROPERTIES` has them.

    With fewer than two sites there is no reach (NaN).
    """
    ends = [(math.dist(placed[a], placed[b]), a, b) for i, a in enumerate(sites) for b in sites[:i]]
    reach, first, last = max(ends) if ends else (math.nan, next(iter(placed)), next(reversed(placed)))
    origin = placed[first]
    along = _unit(_sum(placed[last], origin, -1.0)) if first != last else _unit(_ASKEW)
    across = _unit(_cross(along, _ASKEW if abs(_dot(along, _ASKEW)) < 0.9 else (0.8, -0.5, 0.3)))
    upward = _cross(along, across)
    arms = [_sum(point, origin, -1.0) for point in placed.values()]
    flat = [(_dot(arm, across), _dot(arm, upward)) for arm in arms]
    middle = (sum(u for u, _ in flat) / len(flat), sum(v for _, v in flat) / len(flat))
    flat = [(u - middle[0], v - middle[1]) for u, v in flat]
    turn = 0.5 * math.atan2(2 * sum(u * v for u, v in flat), sum(u * u - v * v for u, v in flat))
    cosine, sine = math.cos(turn), math.sin(turn)
    broad = [cosine * u + sine * v for u, v in flat]
    thin = [cosine * v - sine * u for u, v in flat]
    extents = sorted((max(broad) - min(broad), max(thin) - min(thin)), reverse=True)
    return reach, extents[0], extents[1], math.hypot(*middle)


@lru_cache(maxsize=20_000)
def _embed(smiles: str) -> list[Point]:
    """Positions of the heavy atoms of a backbone, in the order of its SMILES."""
    from rdkit import rdBase
    from rdkit.Chem.rdDepictor import Compute2DCoords
    from rdkit.Chem.rdDistGeom import EmbedMolecule

    with rdBase.BlockLogs():
        mol = mend_block(smiles)
        assert mol is not None, "RDKit reads what it has written"
        _stretch(mol)
        embed = partial(EmbedMolecule, mol, maxAttempts=2, randomSeed=_SEED)
        try:
            flat = mol.GetNumAtoms() > _LARGEST_EMBEDDED or embed(useSmallRingTorsions=True, ETversion=2) < 0
        except (RuntimeError, ValueError):  # distances that contradict each other
            flat = True
        if flat:
            Compute2DCoords(mol)
        return [(x, y, z) for x, y, z in mol.GetConformer().GetPositions().tolist()]


def _stretch(mol: Chem.Mol) -> None:
    """Make open-chain double bonds trans: linkers span, they do not fold back."""
    for bond in mol.GetBonds():
        if bond.GetBondType() != Chem.BondType.DOUBLE or bond.IsInRing():
            continue
        first, last = bond.GetBeginAtom(), bond.GetEndAtom()
        ends = []
        for atom, other in ((first, last), (last, first)):
            around = [a for a in atom.GetNeighbors() if a.GetIdx() != other.GetIdx()]
            if around:
                ends.append(max(around, key=lambda a: (a.GetDegree(), -a.GetIdx())).GetIdx())
        if len(ends) == 2:
            bond.SetStereoAtoms(*ends)
            bond.SetStereo(Chem.BondStereo.STEREOTRANS)


def _grow(mol: Chem.Mol, placed: dict[int, Point]) -> None:
    """Place the remaining atoms outward from their placed neighbours, level by level."""
    radius = Chem.GetPeriodicTable().GetRcovalent
    front = list(placed)
    while front:
        reached: list[int] = []
        for index in front:
            atom = mol.GetAtomWithIdx(index)
            around = [(a.GetIdx(), a.GetAtomicNum()) for a in atom.GetNeighbors()]
            children = [(i, number) for i, number in around if i not in placed]
            if not children:
                continue
            here = placed[index]
            outward, sideways = _directions(here, [placed[i] for i, _ in around if i in placed])
            for rank, (child, number) in enumerate(children):
                lean = _LEAN * (2 * rank / (len(children) - 1) - 1) if len(children) > 1 else 0.0
                length = radius(atom.GetAtomicNum()) + radius(number)
                placed[child] = _sum(here, _unit(_sum(outward, sideways, lean)), length)
                reached.append(child)
        front = reached


def _directions(here: Point, anchors: Sequence[Point]) -> tuple[Point, Point]:
    """Unit vectors away from the neighbours, and at right angles to that, out of the plane of two."""
    arms = [_unit(_sum(point, here, -1.0)) for point in anchors] or [_ASKEW]
    away = (-sum(a[0] for a in arms), -sum(a[1] for a in arms), -sum(a[2] for a in arms))
    if math.hypot(*away) < 0.2:  # the neighbours cancel
        away = _cross(arms[0], _ASKEW)
    outward = _unit(away)
    sideways = _cross(arms[0], arms[1]) if len(arms) > 1 else _cross(outward, _ASKEW)
    if math.hypot(*sideways) < 0.1:
        sideways = _cross(outward, _ASKEW)
    return outward, _unit(sideways)


def _sum(first: Point, second: Point, factor: float) -> Point:
    return (first[0] + factor * second[0], first[1] + factor * second[1], first[2] + factor * second[2])


def _dot(a: Point, b: Point) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _unit(vector: Point) -> Point:
    norm = math.hypot(*vector) + 1e-9
    return (vector[0] / norm, vector[1] / norm, vector[2] / norm)


def _cross(a: Point, b: Point) -> Point:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
