"""What a linker offers a framework: which atoms bind, how many, how they point, how far they are apart."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal, cast, get_args

from catenane.errors import ConfigError, NotationError
from catenane.notation.blocks import canonical_block, read_block, write_block
from catenane.notation.building_blocks.geometry import infer_shape

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["Donor", "Linker", "Shape", "deprotonate"]

Donor = Literal["carboxylate", "nitrogen", "imidazolate"]
Shape = Literal["linear", "angled", "bent", "triangular", "h-shaped", "square", "tetrahedral", "star"]

_CARBOXYLATE = "[#6](=O)[O-;D1]"
_ACID_HYDROXYL = "[OX2H1;$(O[CX3]=O)]"
_IMIDAZOLATE = "[Nv2]1[#6]=[N][#6]~[#6]1"
_NITROGENS = "[$([nX2]),$([NX1]#C),$([NX3;R2]([CX4])([CX4])[CX4])]"
"""Pyridine-like, of a nitrile, or at the head of a cage such as DABCO."""


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

    @classmethod
    def from_smiles(cls, smiles: str, name: str, *, shape: str | None = None, full_name: str = "") -> Linker:
        """Read a linker, with its carboxylic acids deprotonated.

        Args:
            smiles: One block. An imidazolate is written as MOFid does,
                without its charge: `C1=C[N]C=N1`.
            name: Trivial name.
            shape: How its groups point, if known; else it is found on a 3D model.
            full_name: Systematic name.

        Raises:
            NotationError: Not SMILES of one block, nothing to bind with, or no 3D model.
            ConfigError: The shape is unknown.
        """
        if shape is not None and shape not in get_args(Shape):
            raise ConfigError(f"shape {shape!r} of linker {name} must be one of {', '.join(get_args(Shape))}")
        mol = deprotonate(read_block(canonical_block(smiles)))
        donor, atoms = _connecting_atoms(mol)
        if len(atoms) < 2:
            reason = (
                "fewer than two carboxylates, donor nitrogens or nitrogens of an imidazolate to bind with"
            )
            raise NotationError(f"linker {name}: {reason}: {smiles}")
        return cls(
            name=name,
            smiles=write_block(mol),
            donor=donor,
            points=len(atoms),
            shape=cast(Shape, shape or ("angled" if donor == "imidazolate" else infer_shape(mol, atoms))),
            length=max(_distances(mol, atoms).values()),
            full_name=full_name,
        )


def deprotonate(mol: Mol) -> Mol:
    """Make carboxylates of the carboxylic acids of a molecule, in place, and return it."""
    from rdkit import Chem

    for (index,) in mol.GetSubstructMatches(Chem.MolFromSmarts(_ACID_HYDROXYL)):
        oxygen = mol.GetAtomWithIdx(index)
        oxygen.SetFormalCharge(-1)
        oxygen.SetNumExplicitHs(0)
        oxygen.SetNoImplicit(True)
    mol.UpdatePropertyCache(strict=False)
    return mol


def _connecting_atoms(mol: Mol) -> tuple[Donor, tuple[int, ...]]:
    from rdkit import Chem

    carboxylates = mol.GetSubstructMatches(Chem.MolFromSmarts(_CARBOXYLATE))
    if len(carboxylates) > 1:
        return "carboxylate", tuple(match[0] for match in carboxylates)
    imidazolates = mol.GetSubstructMatches(Chem.MolFromSmarts(_IMIDAZOLATE))
    if imidazolates:
        return "imidazolate", tuple(match[place] for match in imidazolates for place in (0, 2))
    nitrogens = tuple(match[0] for match in mol.GetSubstructMatches(Chem.MolFromSmarts(_NITROGENS)))
    distances = _distances(mol, nitrogens)
    # Nitrogens inside, such as those of a tetrazine between two pyridines, do not reach a node.
    outermost = {pair for pair, distance in distances.items() if distance == max(distances.values())}
    return "nitrogen", tuple(sorted({atom for pair in outermost for atom in pair}))


def _distances(mol: Mol, atoms: tuple[int, ...]) -> dict[tuple[int, int], int]:
    from rdkit import Chem

    matrix = Chem.GetDistanceMatrix(mol)
    return {(first, second): int(matrix[first, second]) for first, second in combinations(atoms, 2)}
