"""Molecules from block strings that hold radicals, broken aromatic rings and other traces of bond perception.

MOFid cuts a framework at its metals and perceives bonds from distances, so that hydrogens go missing
(`[C]=C`), a nitrile appears as `[C][N]` and a carboxylate as `[C]([O])[O]`. Such strings are mended where it
is plain what was meant: two neighbours with unpaired electrons share them in their bond, and a carbon that
still has some gets hydrogens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catenane.notation import LONGEST

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["mend"]


def mend(smiles: str) -> Mol | None:
    """The molecule of a block, mended, and sanitised as far as RDKit agrees; None if it cannot be parsed."""
    from rdkit import Chem, rdBase

    if len(smiles) > LONGEST:
        return None
    with rdBase.BlockLogs():
        mol: Mol | None = Chem.MolFromSmiles(smiles, sanitize=False)
        if mol is None:
            return None
        mol.UpdatePropertyCache(strict=False)
        Chem.AssignRadicals(mol)
        _pair_electrons(mol)
        if Chem.SanitizeMol(mol, catchErrors=True):
            mol.UpdatePropertyCache(strict=False)
            demands = Chem.SanitizeFlags.SANITIZE_PROPERTIES | Chem.SanitizeFlags.SANITIZE_KEKULIZE
            Chem.SanitizeMol(mol, Chem.SanitizeFlags.SANITIZE_ALL ^ demands, catchErrors=True)
            Chem.GetSymmSSSR(mol)
        return mol


def _pair_electrons(mol: Mol) -> None:
    from rdkit.Chem import BondType

    electrons = [mol.GetAtomWithIdx(index).GetNumRadicalElectrons() for index in range(mol.GetNumAtoms())]
    unpaired = {index: n for index, n in enumerate(electrons) if n}
    if not unpaired:
        return
    kinds = {1: BondType.SINGLE, 2: BondType.DOUBLE, 3: BondType.TRIPLE}
    for bond in mol.GetBonds():
        first, last = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        order = bond.GetBondTypeAsDouble()
        raised = min(unpaired.get(first, 0), unpaired.get(last, 0), 3 - int(order))
        if raised > 0 and order in kinds:
            bond.SetBondType(kinds[int(order) + raised])
            unpaired[first] -= raised
            unpaired[last] -= raised
    for index, left in unpaired.items():
        atom = mol.GetAtomWithIdx(index)
        takes_hydrogen = atom.GetAtomicNum() == 6 and atom.GetDegree() > 0
        atom.SetNumRadicalElectrons(0 if takes_hydrogen else left)
        if takes_hydrogen:
            atom.SetNoImplicit(False)
