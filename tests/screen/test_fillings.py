from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenane.notation.building_blocks import builtin_linkers
from catenane.screen.enumeration import Fillings

LINKERS = builtin_linkers()[:12]


@given(
    sizes=st.lists(st.integers(0, 4), max_size=3),
    fewest=st.integers(1, 2),
    more=st.integers(0, 2),
)
def test_by_index_as_in_order(sizes, fewest, more):
    ends = [sum(sizes[:place]) for place in range(len(sizes) + 1)]
    groups = tuple(LINKERS[start:end] for start, end in pairwise(ends))
    fillings = Fillings(groups, fewest, fewest + more)
    listed = list(fillings)
    assert [fillings[index] for index in range(fillings.size)] == listed
    assert len({frozenset(filling) for filling in listed}) == len(listed)
    assert all(fewest <= len(filling) <= fewest + more for filling in listed)
    assert all(any(set(filling) <= set(group) for group in groups) for filling in listed)


def test_the_count_for_one_to_three_of_many():
    fillings = Fillings((LINKERS,), 1, 3)
    assert fillings.size == 12 + 66 + 220
    with pytest.raises(IndexError):
        fillings[fillings.size]
