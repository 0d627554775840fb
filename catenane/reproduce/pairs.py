"""Pairs of strings that are computed from structures, so that there are as many as there are structures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from catenane.notation import Record

__all__ = ["PAIRS"]

Sides = tuple[list[str], list[str]]
"""What is read, and what is to be written."""


def canonical(records: Sequence[Record], seed: int) -> Sides:
    """From any spelling, that of a MOFid being its blocks in any order, to the normal form."""
    return [record.respelled(seed).text for record in records], [record.text for record in records]


def formula(records: Sequence[Record], seed: int) -> Sides:
    """From a molecule to its molecular formula, in the order of Hill."""
    from rdkit.Chem.rdMolDescriptors import CalcMolFormula

    return [record.text for record in records], [CalcMolFormula(record.parsed.mol) for record in records]


PAIRS: Mapping[str, Callable[[Sequence[Record], int], Sides]] = {
    each.__name__: each for each in (canonical, formula)
}
"""Every kind of pairs by name."""
