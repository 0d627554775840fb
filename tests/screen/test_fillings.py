from __future__ import annotations

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenane.notation.building_blocks import builtin_linkers
from catenane.screen.fillings import Fillings

LINKERS = builtin_linkers()[:12]


@given(pools=st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3)), max_size=3), max_size=3))
def test_by_index_as_in_order(pools):
    rooms = []
    for room in pools:
        ends = [sum(size for size, _ in room[:place]) for place in range(len(room) + 1)]
        counts = [count for _, count in room]
        rooms.append(
            tuple((LINKERS[a:b], count) for (a, b), count in zip(pairwise(ends), counts, strict=True))
        )
    fillings = Fillings(rooms)
    listed = list(fillings)
    assert [fillings[index] for index in range(fillings.size)] == listed
    for room in rooms:
        these = list(Fillings([room]))
        assert len({frozenset(filling) for filling in these}) == len(these)
        assert all(len(filling) == sum(count for _, count in room) for filling in these)


def test_the_count_for_one_to_three_of_many():
    fillings = Fillings([((LINKERS, count),) for count in (1, 2, 3)])
    assert fillings.size == 12 + 66 + 220
    for index in (-1, fillings.size):
        with pytest.raises(IndexError):
            fillings[index]


def test_billions_are_counted_without_being_made():
    fillings = Fillings([((LINKERS * 200, 3), (LINKERS * 200, 1))])
    assert fillings.size > 10**12
    assert len(list(islice(fillings, 5))) == 5
    assert len(fillings[fillings.size - 1]) == 4
