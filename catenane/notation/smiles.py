"""SMILES of molecules that RDKit can build. RDKit is imported when the first one is parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from catenane.errors import NotationError
from catenane.notation.syntax import (
    SPACE,
    atom_positions,
    find_fault,
    find_ring_fault,
    notation_error,
    well_formed,
)

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["Smiles"]

_LONGEST = 5_000
"""RDKit walks chains by recursion: several times as many atoms overflow the stack and end the process."""


@dataclass(frozen=True)
class Smiles:
    """One molecule: the text it was written as, and what RDKit made of it."""

    text: str
    """SMILES as given, without white space around it."""
    mol: Mol = field(repr=False, compare=False)
    """The sanitised RDKit molecule, hydrogens implicit."""

    @classmethod
    def parse(cls, text: str) -> Smiles:
        """Check the grammar, then let RDKit build the molecule; RDKit itself prints nothing.

        Raises:
            NotationError: The string is not SMILES, or no molecule: the message says why in one line, and
                `.position` tells where, counted in the text without the white space around it.
        """
        from rdkit import Chem, rdBase

        text = text.strip(SPACE)
        if not text:
            raise NotationError("the SMILES string is empty")
        if len(text) > _LONGEST:
            raise notation_error(f"{len(text):,} characters are more than the {_LONGEST:,} allowed", text)
        if not well_formed(text):
            fault = find_fault(text)
            assert fault is not None, "well_formed and find_fault agree"
            raise notation_error(fault.reason, text, fault.position)
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(text)
        if mol is None:
            raise _refusal(text)
        return cls(text, mol)

    def canonical(self, *, isomeric: bool = True) -> str:
        """RDKit's canonical SMILES, with stereochemistry and isotopes or without."""
        from rdkit import Chem

        return str(Chem.MolToSmiles(self.mol, isomericSmiles=isomeric))

    def randomised(self, seed: int) -> str:
        """The same molecule written from another atom and along other branches; the same for the same seed.

        Args:
            seed: An integer from 0 to 2**31 - 1.
        """
        from rdkit import Chem

        # RDKit takes a seed of 0 for none, and would answer differently each time.
        return str(Chem.MolToRandomSmilesVect(self.mol, 1, randomSeed=seed + 1)[0])

    def scaffold(self) -> str:
        """Ring systems and the chains between them, without stereochemistry; empty where there is no ring.

        Source: G. W. Bemis, M. A. Murcko, J. Med. Chem. 1996, 39, 2887.
        """
        from rdkit import Chem

        if not self.mol.GetRingInfo().NumRings():  # RDKit would take minutes over the longest chains
            return ""
        return str(Chem.MolToSmiles(Chem.MurckoDecompose(self.mol), isomericSmiles=False))


def _refusal(text: str) -> NotationError:
    """Why RDKit builds no molecule from a string that follows the grammar."""
    from rdkit import Chem, rdBase

    fault = find_ring_fault(text)
    if fault is not None:
        return notation_error(fault.reason, text, fault.position)
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(text, sanitize=False)
        problems = Chem.DetectChemistryProblems(mol) if mol is not None else ()
    if not problems:
        return notation_error("RDKit cannot read this SMILES", text)
    problem, places = problems[0], atom_positions(text)
    if problem.GetType() == "KekulizeException":
        atoms = [places[index] for index in problem.GetAtomIndices()]
        listed = ", ".join(map(str, atoms[:8])) + ", …" * (len(atoms) > 8)
        reason = f"the aromatic atoms at positions {listed} cannot be given alternating bonds"
        return notation_error(reason, text, atoms[0])
    if problem.GetType() not in ("AtomKekulizeException", "AtomValenceException"):
        return notation_error(str(problem.Message()), text)
    symbol, place = mol.GetAtomWithIdx(problem.GetAtomIdx()).GetSymbol(), places[problem.GetAtomIdx()]
    if problem.GetType() == "AtomKekulizeException":
        return notation_error(f"{symbol} at position {place} is aromatic and in no ring", text, place)
    valence = re.search(r", (\d+),", problem.Message())
    bonds = f"valence {valence[1]}" if valence else "a valence"
    return notation_error(f"{symbol} at position {place} has {bonds}, more than permitted", text, place)
