"""Named functional groups and rings, found in molecules and in the blocks of frameworks."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from catenane.notation import Chem, pattern, rdkit_errors

__all__ = ["functional_groups", "group_atoms", "whole_group"]


@cache
def functional_groups() -> dict[str, str]:
    """The SMARTS of every group by its name, from `functional_groups.toml`."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return {name: smarts for family in tomllib.loads(text).values() for name, smarts in family.items()}


def group_atoms(molecule: Chem.Mol) -> dict[str, frozenset[int]]:
    """The atoms of all occurrences of each group that a molecule has."""
    found = {}
    with rdkit_errors("a functional group", silent=False):
        for name, smarts in functional_groups().items():
            if matches := molecule.GetSubstructMatches(pattern(smarts)):
                found[name] = frozenset(atom for match in matches for atom in match)
    return found


def whole_group(molecule: Chem.Mol) -> str | None:
    """The group of which a molecule is one occurrence and nothing else."""
    n_atoms = molecule.GetNumAtoms()
    queries = {name: pattern(smarts) for name, smarts in functional_groups().items()}
    with rdkit_errors("a functional group", silent=False):
        alike = (name for name, query in queries.items() if query.GetNumAtoms() == n_atoms)
        return next((name for name in alike if molecule.HasSubstructMatch(queries[name])), None)
