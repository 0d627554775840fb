"""Fragments belong to the molecule, not to its spelling."""

from __future__ import annotations

import numpy as np

from catenane.descriptors import count_fragments, roles
from catenane.notation import as_records


def test_counts_are_those_of_the_molecule_and_not_of_its_spelling():
    first, second, other = count_fragments(as_records(["OCC", "C(C)O", "CCN"], "smiles"))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_roles_tell_a_base_from_an_amide_and_not_chlorine_from_bromine():
    chloride, bromide, base, amide = count_fragments(
        as_records(["CCCl", "CCBr", "CCN", "CC(N)=O"], "smiles"), kind=roles
    )
    assert np.array_equal(chloride, bromide)
    assert not np.array_equal(base, amide)


def test_folding_keeps_the_number_of_fragments():
    records = as_records(["CC(=O)Nc1ccc(O)cc1"], "smiles")
    assert count_fragments(records, 64).shape == (1, 64)
    assert count_fragments(records, 64).sum() == count_fragments(records).sum()


def test_a_framework_has_none():
    assert not count_fragments(as_records(["[Zn].c1ccncc1&&pcu.cat0"], "mofid")).any()
