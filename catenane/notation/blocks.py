"""Building blocks of a MOFid, read and written by RDKit as far as it accepts them.

Most blocks are molecules to RDKit; metal clusters and what bond perception left of some linkers have valences
that it refuses. Those are sanitised but for the check of valences, or, where even that fails, only searched
for rings. The spelling that RDKit writes of either is the normal form of the block.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from catenane.notation.syntax import find_fault, notation_error
from catenane.notation.toolkit import LONGEST, Chem, rdkit_errors

__all__ = ["atoms_beyond", "canonical_block", "mend_block", "read_block", "write_block", "written_molecule"]

_MOST_PASSES = 8
"""Times that a block is read and written in search of a spelling that no longer changes."""


def read_block(smiles: str) -> Chem.Mol:
    """The block as an unsanitised molecule: metals, radicals and aromatic rings stay as they are written.

    Raises:
        NotationError: The string is not SMILES of one connected block, or too long.
    """
    if len(smiles) > LONGEST:
        raise notation_error(f"a block of {len(smiles):,} characters, {LONGEST:,} are allowed", smiles)
    if fault := find_fault(smiles, apart=True, bonds=True):
        raise fault.error(smiles)
    with rdkit_errors(smiles):
        mol = _unsanitised(smiles)
        if mol is None or "." in smiles:
            raise notation_error("not SMILES of one connected block", smiles)
        Chem.FastFindRings(mol)
    return mol


def mend_block(smiles: str) -> Chem.Mol | None:
    """The molecule that was meant, sanitised as far as RDKit agrees; None where it cannot be parsed.

    MOFid cuts a framework at its metals and perceives bonds from distances, so that hydrogens go missing
    (`[C]=C`), a nitrile appears as `[C][N]` and a carboxylate as `[C]([O])[O]`. Two neighbours with unpaired
    electrons share them in their bond, and a carbon that still has some gets hydrogens.
    """
    from rdkit import rdBase

    if len(smiles) > LONGEST:
        return None
    with rdBase.BlockLogs():
        mol = _unsanitised(smiles)
        if mol is None:
            return None
        _pair_electrons(mol)
        if Chem.SanitizeMol(mol, catchErrors=True):
            flags = Chem.SanitizeFlags
            mol.UpdatePropertyCache(strict=False)
            demands = flags.SANITIZE_PROPERTIES | flags.SANITIZE_KEKULIZE
            Chem.SanitizeMol(mol, flags.SANITIZE_ALL ^ demands, catchErrors=True)
            Chem.GetSymmSSSR(mol)
        return mol


def written_molecule(smiles: str) -> Chem.Mol | None:
    """The molecule whose atoms are those of the text, one for each and in its order, hydrogens among them.

    It is sanitised as far as RDKit agrees, and bonds to metals are single ones, as in MOFid; None where it
    cannot be parsed.
    """
    from rdkit import rdBase

    parameters: Any = Chem.SmilesParserParams()
    parameters.removeHs = False
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles, parameters) if len(smiles) <= LONGEST else None
    mol = mend_block(smiles) if mol is None else mol
    if mol is not None:
        _single_for_dative(mol)
    return mol


def write_block(mol: Chem.Mol) -> str:
    """The normal form of one connected molecule, sanitised or not."""
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


def atoms_beyond(mol: Chem.Mol, first: int, inside: set[int]) -> list[int]:
    """The atoms that hang together with the first one without those inside, in ascending order."""
    found, todo = {first}, [first]
    while todo:
        neighbours = {other.GetIdx() for other in mol.GetAtomWithIdx(todo.pop()).GetNeighbors()}
        todo += neighbours - inside - found
        found |= neighbours - inside
    return sorted(found)


def _unsanitised(smiles: str) -> Chem.Mol | None:
    mol = Chem.MolFromSmiles(smiles, sanitize=False)
    if mol is not None:
        mol.UpdatePropertyCache(strict=False)
        Chem.AssignRadicals(mol)
    return mol


def _rewritten(smiles: str) -> str:
    if not 0 < len(smiles) <= LONGEST:
        read_block(smiles)  # which refuses it
    with rdkit_errors(smiles):
        mol = Chem.MolFromSmiles(smiles) or _partly_sanitised(smiles)
        text = str(Chem.MolToSmiles(mol))
        if "->" in text or "<-" in text:
            _single_for_dative(mol)
            text = str(Chem.MolToSmiles(mol))
    return text


def _single_for_dative(mol: Chem.Mol) -> None:
    for bond in mol.GetBonds():
        if bond.GetBondType() == Chem.BondType.DATIVE:
            bond.SetBondType(Chem.BondType.SINGLE)


def _partly_sanitised(smiles: str) -> Chem.Mol:
    flags = Chem.SanitizeFlags
    mol = read_block(smiles)
    demands = flags.SANITIZE_PROPERTIES | flags.SANITIZE_CLEANUP_ORGANOMETALLICS
    if Chem.SanitizeMol(mol, flags.SANITIZE_ALL ^ demands, catchErrors=True):
        return read_block(smiles)
    return mol


def _pair_electrons(mol: Chem.Mol) -> None:
    electrons = [mol.GetAtomWithIdx(index).GetNumRadicalElectrons() for index in range(mol.GetNumAtoms())]
    unpaired = {index: n for index, n in enumerate(electrons) if n}
    if not unpaired:
        return
    kinds = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
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
