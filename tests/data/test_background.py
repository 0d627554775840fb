"""A thread makes ready what is asked for next, and ends when nobody asks."""

from __future__ import annotations

import threading

import pytest

from catenane.data.background import in_background


def test_gives_the_same_items_in_order_and_is_ahead_by_no_more_than_it_may():
    made = []

    def items():
        for number in range(20):
            made.append(number)
            yield number

    with in_background(items(), 3) as ready:
        for number, item in enumerate(ready):
            assert item == number
            assert len(made) <= number + 1 + 3 + 1  # taken, waiting, in the making
    assert made == list(range(20))


def test_is_ahead_while_nothing_is_asked_for():
    waiting = threading.Event()

    def items():
        yield 1
        waiting.set()
        yield 2

    with in_background(items(), 2):
        assert waiting.wait(10)


def test_an_error_comes_where_its_item_would_have_come():
    def items():
        yield 1
        raise ValueError("no more")

    with in_background(items(), 8) as ready:
        assert next(ready) == 1
        with pytest.raises(ValueError, match="no more"):
            next(ready)


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_the_thread_ends_with_the_block_whatever_was_taken(taken):
    before = threading.active_count()
    with in_background(iter(int, 1), 2) as ready:
        for _ in range(taken):
            next(ready)
    assert threading.active_count() == before
