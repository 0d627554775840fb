"""Pieces of a long table are predicted in order, each read while the one before it is predicted."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import catenane
from catenane.errors import DataError
from catenane.inference import predict_pieces


@pytest.fixture(scope="module")
def model() -> catenane.Model:
    return catenane.load("solubility", device="cpu")


def named_pieces(molecules, size):
    return [(start, molecules[start : start + size], {}) for start in range(0, len(molecules), size)]


def test_pieces_come_back_in_order_with_their_names_and_the_same_predictions(model, molecules):
    strings = [*molecules[:25], "C1CC", *molecules[25:50]]
    whole = model.predictions(strings)
    found = list(predict_pieces(model, named_pieces(strings, 20), coverage=0.9))
    assert [name for name, _ in found] == [0, 20, 40]
    np.testing.assert_allclose(np.concatenate([each.values for _, each in found]), whole.values, atol=1e-3)
    assert [error for _, each in found for error in each.errors] == whole.errors
    assert sum(map(bool, whole.errors)) == 1


def test_the_next_piece_is_read_while_one_is_predicted(model, molecules):
    asked_for = threading.Event()

    def pieces():
        yield "first", molecules[:5], {}
        asked_for.set()
        yield "second", molecules[5:10], {}

    found = predict_pieces(model, pieces())
    assert next(found)[0] == "first"
    assert asked_for.wait(10)
    assert next(found)[0] == "second"


def test_an_error_comes_in_the_place_of_its_piece(model, molecules):
    def pieces():
        yield from named_pieces(molecules[:10], 5)
        raise DataError("the table ends here")

    found = predict_pieces(model, pieces())
    assert [next(found)[0], next(found)[0]] == [0, 5]
    with pytest.raises(DataError, match="ends here"):
        next(found)


def test_nothing_is_left_running_where_pieces_are_left(model, molecules):
    before = threading.active_count()
    found = predict_pieces(model, ((None, molecules[:3], {}) for _ in iter(int, 1)))
    next(found)
    found.close()
    assert threading.active_count() == before
