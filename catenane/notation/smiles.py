"""SMILES of molecules that RDKit can build."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from catenane.errors import NotationError
from catenane.notation.syntax import SPACE, atom_positions, check_grammar, find_fault, notation_error
from catenane.notation.toolkit import LONGEST, Chem, rdkit_errors

__all__ = ["Smiles", "side_chain_atoms"]

_USUAL_ATOMS = re.compile(r"\[(?:C@@?H?|N(?:H[1-3]?)?\+|nH?\+?|nH|[OSN]-|n-|S@@?|Cl-|Br-|Na\+)\]")
"""Bracket atoms of ordinary molecules; RDKit reads every canonical SMILES that holds no others."""


@dataclass(frozen=True)
class Smiles:
    """One molecule: the text it was written as, and what RDKit made of it."""

    text: str
    """SMILES as given, without white space around it."""
    mol: Chem.Mol = field(repr=False, compare=False)
    """The sanitised RDKit molecule, hydrogens implicit."""

    @classmethod
    def parse(cls, text: str) -> Smiles:
        """Check the grammar, then let RDKit build the molecule; RDKit itself prints nothing.

        Raises:
            NotationError: The string is not SMILES, or no molecule; `.position`, if there is one, counts in
                the text without the white space around it.
        """
        text = text.strip(SPACE)
        if not text:
            raise NotationError("the SMILES string is empty")
        if len(text) > LONGEST:
            raise notation_error(f"{len(text):,} characters are more than the {LONGEST:,} allowed", text)
        check_grammar(text)
        with rdkit_errors(text):
            mol = Chem.MolFromSmiles(text)
            if mol is None:
                raise _refusal(text)
        return cls(text, mol)

    def normal(self) -> tuple[str, Smiles]:
        """The normal form, which is canonical isomeric SMILES, and the molecule as it is."""
        return self.canonical(), self

    def canonical(self, *, isomeric: bool = True) -> str:
        """RDKit's canonical SMILES, with stereochemistry and isotopes or without.

        RDKit refuses to read a few of its own SMILES of unusual atoms: then the text stays as it is.
        """
        with rdkit_errors(self.text):
            text = str(Chem.MolToSmiles(self.mol, isomericSmiles=isomeric))
            readable = "[" not in _USUAL_ATOMS.sub("", text) or Chem.MolFromSmiles(text) is not None
        return text if readable else self.text

    def randomised(self, seed: int) -> str:
        """The same molecule written from another atom and along other branches, by a seed below 2**31."""
        # RDKit takes a seed of 0 for none, and would write another spelling each time.
        with rdkit_errors(self.text):
            return str(Chem.MolToRandomSmilesVect(self.mol, 1, randomSeed=seed + 1)[0])

    def scaffold(self) -> str:
        """Ring systems and the chains between them, without stereochemistry; empty where there is no ring.

        Atoms bound to these by a double bond stay, as in RDKit's scaffolds; the time is linear in the length,
        where RDKit's own search is cubic.

        Source: G. W. Bemis, M. A. Murcko, J. Med. Chem. 1996, 39, 2887.
        """
        if not self.mol.GetRingInfo().NumRings():
            return ""
        with rdkit_errors(self.text):
            scaffold = Chem.RWMol(self.mol)
            scaffold.BeginBatchEdit()
            for index in side_chain_atoms(self.mol):
                scaffold.RemoveAtom(index)
                for neighbour in self.mol.GetAtomWithIdx(index).GetNeighbors():
                    aromatic_hetero = neighbour.GetIsAromatic() and neighbour.GetAtomicNum() != 6
                    # n-C becomes [nH], and an atom in brackets, such as a stereocentre, gets its hydrogen.
                    if neighbour.GetNoImplicit() or aromatic_hetero:
                        bearer = scaffold.GetAtomWithIdx(neighbour.GetIdx())
                        bearer.SetNumExplicitHs(bearer.GetNumExplicitHs() + 1)
            scaffold.CommitBatchEdit()
            return str(Chem.MolToSmiles(scaffold, isomericSmiles=False))

    def groups(self) -> dict[str, tuple[str, ...]]:
        """What molecules may share: `scaffold`, if they have a ring, and all `without stereochemistry`."""
        scaffold = self.scaffold()
        return {
            "without stereochemistry": (self.canonical(isomeric=False),),
            "scaffold": (scaffold,) if scaffold else (),
        }


def side_chain_atoms(mol: Chem.Mol) -> set[int]:
    """Atoms that lie neither in a ring nor between two, nor at the end of a double bond from there."""
    neighbours = [[other.GetIdx() for other in atom.GetNeighbors()] for atom in mol.GetAtoms()]
    degrees = list(map(len, neighbours))
    ends = [index for index, degree in enumerate(degrees) if degree < 2]
    pruned = set(ends)
    for index in ends:
        for other in neighbours[index]:
            degrees[other] -= 1
            if degrees[other] < 2 and other not in pruned:
                pruned.add(other)
                ends.append(other)
    double = Chem.BondType.DOUBLE
    kept = {
        index
        for index in pruned
        for bond in mol.GetAtomWithIdx(index).GetBonds()
        if bond.GetBondType() == double and bond.GetOtherAtomIdx(index) not in pruned
    }
    return pruned - kept


def _refusal(text: str) -> NotationError:
    """Why RDKit builds no molecule from a string that follows the grammar."""
    if fault := find_fault(text, bonds=True):
        return fault.error(text)
    mol = Chem.MolFromSmiles(text, sanitize=False)
    problems = Chem.DetectChemistryProblems(mol) if mol is not None else ()
    if not problems:
        return notation_error("RDKit cannot read this SMILES", text)
    problem, places = problems[0], atom_positions(text)
    kind = problem.GetType()
    if kind == "KekulizeException":
        atoms = [places[index] for index in problem.GetAtomIndices()]
        listed = ", ".join(map(str, atoms[:8])) + ", …" * (len(atoms) > 8)
        reason = f"the aromatic atoms at positions {listed} cannot be given alternating bonds"
        return notation_error(reason, text, atoms[0])
    if kind not in ("AtomKekulizeException", "AtomValenceException"):
        return notation_error(str(problem.Message()), text)
    symbol, place = mol.GetAtomWithIdx(problem.GetAtomIdx()).GetSymbol(), places[problem.GetAtomIdx()]
    if kind == "AtomKekulizeException":
        return notation_error(f"{symbol} at position {place} is aromatic and in no ring", text, place)
    valence = re.search(r", (\d+),", problem.Message())
    bonds = f"valence {valence[1]}" if valence else "a valence"
    return notation_error(f"{symbol} at position {place} has {bonds}, more than permitted", text, place)
