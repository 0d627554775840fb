"""Building blocks of a MOFid, read and written by RDKit as far as it accepts them.

Most blocks are molecules to RDKit; metal clusters and what bond perception left of some linkers have valences
that it refuses. Those are sanitised but for the check of valences, or, where even that fails, only searched
for rings. The spelling that RDKit writes of either is the normal form of the block.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from catenane.notation.syntax import find_fault, find_ring_fault, notation_error
from catenane.notation.toolkit import LONGEST, rdkit_errors

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["canonical_block", "read_block", "write_block"]

_MOST_PASSES = 8
"""Times that a block is read and written in search of a spelling that no longer changes."""


def read_block(smiles: str) -> Mol:
    """The block as an unsanitised molecule: metals, radicals and aromatic rings stay as they are written.

    Raises:
        NotationError: The string is not SMILES of one connected block, or longer than `toolkit.LONGEST`.
    """
    from rdkit import Chem

    if len(smiles) > LONGEST:
        raise notation_error(f"a block of {len(smiles):,} characters, {LONGEST:,} are allowed", smiles)
    fault = find_fault(smiles, apart=True) or find_ring_fault(smiles)
    if fault is not None:
        raise notation_error(fault.reason, smiles, fault.position)
    with rdkit_errors(smiles):
        mol = Chem.MolFromSmiles(smiles, sanitize=False)
        if mol is None or "." in smiles:
            raise notation_error("not SMILES of one connected block", smiles)
        mol.UpdatePropertyCache(strict=False)
        Chem.AssignRadicals(mol)
        Chem.FastFindRings(mol)
    return mol


def write_block(mol: Mol) -> str:
    """The normal form of one connected molecule, sanitised or not."""
    from rdkit import Chem

    return canonical_block(Chem.MolToSmiles(mol))


@lru_cache(maxsize=1 << 17)
def canonical_block(smiles: str) -> str:
    """The normal form of a block: RDKit's canonical SMILES, which it reads back as the same.

    RDKit's spelling of a few large cages changes each time that it is read; of the spellings that recur, the
    first in alphabetical order is taken. Dative bonds to metals are written as single ones, as in MOFid.

    Raises:
        NotationError: As for `read_block`.
    """
    passes: list[str] = []
    while smiles not in passes and len(passes) < _MOST_PASSES:
        passes.append(smiles)
        smiles = _rewritten(smiles)
    return min(passes[passes.index(smiles) :]) if smiles in passes else passes[0]


def _rewritten(smiles: str) -> str:
    from rdkit import Chem

    if not 0 < len(smiles) <= LONGEST:
        read_block(smiles)  # which refuses it
    with rdkit_errors(smiles):
        mol = Chem.MolFromSmiles(smiles) or _partly_sanitised(smiles)
        text = str(Chem.MolToSmiles(mol))
        if "->" in text or "<-" in text:
            for bond in mol.GetBonds():
                if bond.GetBondType() == Chem.BondType.DATIVE:
                    bond.SetBondType(Chem.BondType.SINGLE)
            text = str(Chem.MolToSmiles(mol))
    return text


def _partly_sanitised(smiles: str) -> Mol:
    from rdkit import Chem

    flags = Chem.SanitizeFlags
    mol = read_block(smiles)
    demands = flags.SANITIZE_PROPERTIES | flags.SANITIZE_CLEANUP_ORGANOMETALLICS
    if Chem.SanitizeMol(mol, flags.SANITIZE_ALL ^ demands, catchErrors=True):
        return read_block(smiles)
    return mol
