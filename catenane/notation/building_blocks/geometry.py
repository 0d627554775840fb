"""The shape of a linker, from the directions in which its connecting groups point on a 3D model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from catenane.errors import NotationError

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["infer_shape"]

_SEED = 0x5EED
_MODELS = 8
_LINEAR, _ANGLED = 163.0, 135.0
"""Least angles in degrees between the directions of a linear and of an angled linker."""
_PLANAR = 0.25
"""Largest thickness of a square of connecting atoms, as a share of its width."""
_META = 4
"""Bonds between the carboxylate carbons of an isophthalate."""


def infer_shape(mol: Mol, atoms: tuple[int, ...]) -> str:
    """How the connecting groups of a linker point away.

    Args:
        mol: The linker, unsanitised or not.
        atoms: Its connecting atoms: carbons of carboxylates or donor nitrogens.

    Raises:
        NotationError: RDKit finds no 3D model, or the groups have no shape that has a name here.
    """
    from rdkit import Chem

    if len(atoms) == 3:
        return "triangular"
    apart_NN = Chem.GetDistanceMatrix(mol)[np.ix_(atoms, atoms)] + np.diag([_META + 1] * len(atoms))
    if len(atoms) in (4, 6) and ((apart_NN == _META).sum(axis=1) == 1).all() and apart_NN.min() == _META:
        return "h-shaped" if len(atoms) == 4 else "star"
    if len(atoms) not in (2, 4):
        raise NotationError(
            f"a linker with {len(atoms)} connecting groups has no shape here unless one is given"
        )
    models_MA3 = _models(mol)
    if len(atoms) == 4:
        return (
            "square"
            if min(_thickness(model_A3[list(atoms)]) for model_A3 in models_MA3) < _PLANAR
            else "tetrahedral"
        )
    angle = max(_angle(mol, model_A3, atoms) for model_A3 in models_MA3)
    return "linear" if angle >= _LINEAR else "angled" if angle >= _ANGLED else "bent"


def _models(mol: Mol) -> np.ndarray:
    """Positions of the heavy atoms in a few relaxed models, double bonds trans unless written otherwise."""
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    with rdBase.BlockLogs():
        model = Chem.Mol(mol)
        failed = Chem.SanitizeMol(model, catchErrors=True)
        Chem.FindPotentialStereoBonds(model)
        for bond in model.GetBonds():
            if bond.GetStereo() == Chem.BondStereo.STEREOANY:
                bond.SetStereo(Chem.BondStereo.STEREOTRANS)
        model = Chem.AddHs(model)
        if failed or not rdDistGeom.EmbedMultipleConfs(model, _MODELS, randomSeed=_SEED):
            raise NotationError("RDKit finds no 3D model of a linker to infer its shape from: give its shape")
        if rdForceFieldHelpers.MMFFHasAllMoleculeParams(model):
            rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(model)
    return np.stack([conformer.GetPositions()[: mol.GetNumAtoms()] for conformer in model.GetConformers()])


def _thickness(corners_43: np.ndarray) -> float:
    extents_3 = np.linalg.svd(corners_43 - corners_43.mean(axis=0), compute_uv=False)
    return float(extents_3[2] / extents_3[0])


def _angle(mol: Mol, model_A3: np.ndarray, atoms: tuple[int, ...]) -> float:
    """Degrees between the directions in which two connecting atoms point."""
    first_3, second_3 = (_direction(mol, model_A3, atom) for atom in atoms)
    return math.degrees(math.acos(np.clip(first_3 @ second_3, -1.0, 1.0)))


def _direction(mol: Mol, model_A3: np.ndarray, index: int) -> np.ndarray:
    """Unit vector to an atom from the middle of its heavy neighbours other than oxygen."""
    neighbours = [
        atom.GetIdx() for atom in mol.GetAtomWithIdx(index).GetNeighbors() if atom.GetSymbol() != "O"
    ]
    vector_3 = model_A3[index] - model_A3[neighbours].mean(axis=0)
    unit_3: np.ndarray = vector_3 / np.linalg.norm(vector_3)
    return unit_3
