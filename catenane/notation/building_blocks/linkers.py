"""What a linker offers a framework: which atoms bind, how many, how they point, how far they are apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, cast, get_args

import numpy as np

from catenane.errors import ConfigError, NotationError
from catenane.notation.blocks import canonical_block, read_block, write_block
from catenane.notation.toolkit import Chem, pattern

__all__ = ["Donor", "Linker", "Shape", "deprotonate"]

Donor = Literal["carboxylate", "nitrogen", "imidazolate"]
Shape = Literal["linear", "angled", "bent", "triangular", "h-shaped", "square", "tetrahedral", "star"]

_CARBOXYLATE = "[#6](=O)[O-;D1]"
_ACID_HYDROXYL = "[OX2H1;$(O[CX3]=O)]"
_IMIDAZOLATE = "[Nv2]1[#6,#7]=[N][#6,#7]~[#6,#7]1"
"""Or a triazolate, with two nitrogens that have one atom between them, as MOFid spells it."""
_NEUTRAL_AZOLE = "[nH]1[c,n][nX2][c,n][c,n]1"
_NITROGENS = "[$([nX2]),$([NX1]#C),$([NX3;R2]([CX4])([CX4])[CX4])]"
"""Pyridine-like, of a nitrile, or at the head of a cage such as DABCO."""

_SEED = 0x5EED
_MODELS = 8
_LINEAR, _ANGLED = 163.0, 135.0
"""Least angles in degrees between the directions of a linear and of an angled linker."""
_PLANAR = 0.25
"""Largest thickness of a square of connecting atoms, as a share of its width."""
_META = 4
"""Bonds between the carboxylate carbons of an isophthalate."""


@dataclass(frozen=True)
class Linker:
    """An organic building block that joins nodes."""

    name: str
    """Trivial name, such as BDC."""
    smiles: str
    """In the normal form of a block."""
    donor: Donor
    """What binds: carboxylates, neutral nitrogens, or the nitrogens of an imidazolate."""
    points: int
    """Connectivity: how many nodes it joins."""
    shape: Shape
    """How its connecting groups point away."""
    length: int
    """Bonds between the connecting atoms that are farthest apart (carbons of carboxylates, or nitrogens)."""
    full_name: str = ""
    """Systematic name."""
    locants: tuple[str, ...] = ()
    """Of the atoms of `smiles`, "" where it is no carbon with hydrogen; none at all where not known."""

    @classmethod
    def from_smiles(cls, smiles: str, name: str, *, shape: str | None = None, full_name: str = "") -> Linker:
        """Read a linker, with its acids or azole deprotonated, its shape found on a 3D model unless given.

        An imidazolate is written as MOFid does, without its charge: `C1=C[N]C=N1`.

        Raises:
            NotationError: Not SMILES of one block, nothing to bind with, or no 3D model.
            ConfigError: The shape is unknown.
        """
        if shape is not None and shape not in get_args(Shape):
            raise ConfigError(f"shape {shape!r} of linker {name} must be one of {', '.join(get_args(Shape))}")
        mol = deprotonate(read_block(canonical_block(smiles)))
        donor, atoms = _connecting_atoms(mol)
        if len(atoms) < 2:
            reason = "fewer than two carboxylates, donor nitrogens or nitrogens of an imidazolate"
            raise NotationError(f"linker {name}: {reason} to bind with: {smiles}")
        return cls(
            name=name,
            smiles=write_block(mol),
            donor=donor,
            points=len(atoms),
            shape=cast(Shape, shape or _infer_shape(mol, atoms, donor)),
            length=max(_distances(mol, atoms).values()),
            full_name=full_name,
        )


def deprotonate(mol: Chem.Mol) -> Chem.Mol:
    """The molecule with carboxylates for its acids (made in place), or an imidazolate for its imidazole.

    A triazole counts as an imidazole if two of its nitrogens have an atom between them. One that has company,
    of a carboxylate or another azole, keeps its hydrogen.
    """
    for (index,) in mol.GetSubstructMatches(pattern(_ACID_HYDROXYL)):
        oxygen = mol.GetAtomWithIdx(index)
        oxygen.SetFormalCharge(-1)
        oxygen.SetNumExplicitHs(0)
        oxygen.SetNoImplicit(True)
    mol.UpdatePropertyCache(strict=False)
    azoles = mol.GetSubstructMatches(pattern(_NEUTRAL_AZOLE))
    if len(azoles) != 1 or mol.HasSubstructMatch(pattern(_CARBOXYLATE)):
        return mol
    from catenane.notation.building_blocks.library import builtin_linkers  # which are read here

    # Of an unsymmetric azolate, the spelling does not depend on which nitrogen bore the hydrogen.
    known = {linker.smiles for linker in builtin_linkers()}
    spellings = {_azolate(mol, nitrogen, azoles[0]) for nitrogen in (azoles[0][0], azoles[0][2])}
    return read_block(min(spellings, key=lambda smiles: (smiles not in known, smiles)))


def _azolate(mol: Chem.Mol, nitrogen: int, ring: tuple[int, ...]) -> str:
    """The azolate as MOFid spells it: with double bonds, and an open valence at this nitrogen, no charge."""
    azolate = Chem.RWMol(mol)
    for place in (ring[0], ring[2]):
        azolate.GetAtomWithIdx(place).SetNumExplicitHs(int(place == nitrogen))
    Chem.Kekulize(azolate, clearAromaticFlags=True)
    bare = azolate.GetAtomWithIdx(nitrogen)
    bare.SetNumExplicitHs(0)
    bare.SetNoImplicit(True)
    bare.SetNumRadicalElectrons(1)
    return write_block(azolate)


def _connecting_atoms(mol: Chem.Mol) -> tuple[Donor, tuple[int, ...]]:
    carboxylates = mol.GetSubstructMatches(pattern(_CARBOXYLATE))
    if len(carboxylates) > 1:
        return "carboxylate", tuple(match[0] for match in carboxylates)
    imidazolates = mol.GetSubstructMatches(pattern(_IMIDAZOLATE))
    if imidazolates:
        return "imidazolate", tuple(match[place] for match in imidazolates for place in (0, 2))
    nitrogens = tuple(match[0] for match in mol.GetSubstructMatches(pattern(_NITROGENS)))
    distances = _distances(mol, nitrogens)
    # Nitrogens inside, such as those of a tetrazine between two pyridines, do not reach a node.
    outermost = {pair for pair, distance in distances.items() if distance == max(distances.values())}
    return "nitrogen", tuple(sorted({atom for pair in outermost for atom in pair}))


def _distances(mol: Chem.Mol, atoms: tuple[int, ...]) -> dict[tuple[int, int], int]:
    matrix = Chem.GetDistanceMatrix(mol)
    return {(first, second): int(matrix[first, second]) for first, second in combinations(atoms, 2)}


def _infer_shape(mol: Chem.Mol, atoms: tuple[int, ...], donor: Donor) -> str:
    """How the connecting atoms of a linker point away, on a 3D model where their number leaves that open."""
    if donor == "imidazolate" and len(atoms) == 2:
        return "angled"
    if len(atoms) == 3:
        return "triangular"
    apart_NN = Chem.GetDistanceMatrix(mol)[np.ix_(atoms, atoms)] + np.diag([_META + 1] * len(atoms))
    if len(atoms) in (4, 6) and ((apart_NN == _META).sum(axis=1) == 1).all() and apart_NN.min() == _META:
        return "h-shaped" if len(atoms) == 4 else "star"
    if len(atoms) not in (2, 4):
        reason = f"a linker with {len(atoms)} connecting groups has no shape here unless one is given"
        raise NotationError(reason)
    models_MA3 = _models(mol)
    if len(atoms) == 4:
        corners_M43 = models_MA3[:, atoms]
        extents_M3 = np.linalg.svd(corners_M43 - corners_M43.mean(axis=1, keepdims=True), compute_uv=False)
        return "square" if (extents_M3[:, 2] / extents_M3[:, 0]).min() < _PLANAR else "tetrahedral"
    first_M3, second_M3 = (_directions(mol, models_MA3, atom) for atom in atoms)
    cosine = (first_M3 * second_M3).sum(axis=1).min()
    angle = math.degrees(math.acos(np.clip(cosine, -1.0, 1.0)))
    return "linear" if angle >= _LINEAR else "angled" if angle >= _ANGLED else "bent"


def _models(mol: Chem.Mol) -> np.ndarray:
    """Positions of the heavy atoms in a few relaxed models, double bonds trans unless written otherwise."""
    from rdkit import rdBase
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    with rdBase.BlockLogs():
        model = Chem.Mol(mol)
        if Chem.SanitizeMol(model, catchErrors=True):
            raise NotationError("RDKit builds no molecule of a linker to infer a shape from: give its shape")
        Chem.FindPotentialStereoBonds(model)
        for bond in model.GetBonds():
            if bond.GetStereo() == Chem.BondStereo.STEREOANY:
                bond.SetStereo(Chem.BondStereo.STEREOTRANS)
        model = Chem.AddHs(model)
        if not rdDistGeom.EmbedMultipleConfs(model, _MODELS, randomSeed=_SEED, numThreads=0):
            raise NotationError("RDKit finds no 3D model of a linker to infer its shape from: give its shape")
        if rdForceFieldHelpers.MMFFHasAllMoleculeParams(model):
            rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(model, numThreads=0)
    return np.stack([conformer.GetPositions()[: mol.GetNumAtoms()] for conformer in model.GetConformers()])


def _directions(mol: Chem.Mol, models_MA3: np.ndarray, index: int) -> np.ndarray:
    """Unit vectors (M, 3) to an atom from the middle of its heavy neighbours, oxygens at an end left out."""
    neighbours = mol.GetAtomWithIdx(index).GetNeighbors()
    carriers = [atom.GetIdx() for atom in neighbours if atom.GetSymbol() != "O" or atom.GetDegree() > 1]
    vectors_M3 = models_MA3[:, index] - models_MA3[:, carriers].mean(axis=1)
    units_M3: np.ndarray = vectors_M3 / np.linalg.norm(vectors_M3, axis=1, keepdims=True)
    return units_M3
