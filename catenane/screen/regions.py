"""Parts of a string that proposals are made for: a linker, a side chain, or what a user names."""

from __future__ import annotations

from typing import Literal

from catenane.errors import UsageError
from catenane.notation import Chem, Mofid, NotationName, Record, Smiles, atoms_beyond, normalise
from catenane.notation.smiles import side_chain_atoms
from catenane.notation.syntax import atom_positions

__all__ = ["Region", "Vary", "find_regions", "named_region"]

Vary = Literal["linker", "sidechain"]
Region = tuple[str, int, int]
"""A string, and the first character of the run and the one behind its last."""


def find_regions(record: Record, vary: Vary) -> list[Region]:
    """Every linker of a framework, or every side chain of a molecule, each as a run of some spelling of it.

    A side chain is what hangs on the rings and the chains between them by one bond.

    Raises:
        UsageError: There is none.
    """
    parsed = record.parsed
    if vary == "linker" and isinstance(parsed, Mofid):
        found = _linkers(Mofid.parse(record.text))
    elif vary == "sidechain" and isinstance(parsed, Smiles):
        found = _side_chains(record.text)
    else:
        what = "a molecule has no linkers" if vary == "linker" else "side chains are varied in molecules"
        raise UsageError(f"--vary {vary}: {what}; --mask FIRST:END varies any part of a string")
    if not found:
        raise UsageError(
            f"--vary {vary}: there is none in {record.text}; --mask FIRST:END varies any part of a string"
        )
    return found


def _linkers(mofid: Mofid) -> list[Region]:
    found, place = [], 0
    for block in mofid.blocks:
        if block in mofid.linkers:
            found.append((str(mofid), place, place + len(block)))
        place += len(block) + 1
    return found


def _side_chains(text: str) -> list[Region]:
    mol = Smiles.parse(text).mol
    loose, found = side_chain_atoms(mol), []
    scaffold = set(range(mol.GetNumAtoms())) - loose
    while loose and scaffold:
        chain = set(atoms_beyond(mol, min(loose), scaffold))
        loose -= chain
        found.append(_as_run(text, chain) or _as_run(*_rerooted(mol, chain, scaffold)))
    return [region for region in dict.fromkeys(found) if region is not None]


def _rerooted(mol: Chem.Mol, chain: set[int], scaffold: set[int]) -> tuple[str, set[int]]:
    """The molecule written from the atom that bears the chain, and the chain's atoms in that spelling."""
    bearer = next(
        other.GetIdx()
        for index in chain
        for other in mol.GetAtomWithIdx(index).GetNeighbors()
        if other.GetIdx() in scaffold
    )
    text = Chem.MolToSmiles(mol, rootedAtAtom=bearer)
    order = [int(index) for index in mol.GetPropsAsDict(True, True)["_smilesAtomOutputOrder"]]
    return text, {place for place, index in enumerate(order) if index in chain}


def _as_run(text: str, chain: set[int]) -> Region | None:
    """The characters of these atoms and of their bonds and brackets; None where other atoms lie between."""
    first, last = min(chain), max(chain)
    if len(chain) != last - first + 1:
        return None
    places = [*atom_positions(text), len(text)]
    start, depth = places[first], 0
    while start and text[start - 1] in "=#/\\-":
        start -= 1
    end = start
    while end < places[last + 1]:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if depth < 0:  # the bracket that the chain stands in
            break
        end += 1
    return text, start, end


def named_region(text: str, notation: NotationName, mask: tuple[int, int]) -> Region:
    """The region that a user names by characters of the string, from 0.

    Raises:
        UsageError: It lies outside the string or is empty.
        NotationError: The string cannot be read.
    """
    normalise(text, notation)
    text = str(Mofid.parse(text)) if notation == "mofid" else text.strip()
    first, end = mask
    if not 0 <= first < end <= len(text):
        raise UsageError(
            f"--mask {first}:{end} must name characters of the string, of which there are {len(text)}"
        )
    return text, first, end
