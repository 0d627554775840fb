"""Long tables predicted piece by piece, each read while the one before it is predicted."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from numpy.typing import NDArray

from catenane.data.background import in_background
from catenane.inference.rows import Features, Predictions, read_features
from catenane.notation import Record

if TYPE_CHECKING:
    from catenane.inference.model import Model
    from catenane.models.head import Conditions

__all__ = ["predict_pieces"]

T = TypeVar("T")


def predict_pieces(
    model: Model,
    pieces: Iterable[tuple[T, Sequence[str], Features | None]],
    conditions: Conditions | None = None,
    **options: Any,
) -> Generator[tuple[T, Predictions], None, None]:
    """`Model.predictions` of one piece after the other, in order.

    Reading keeps the cores busy where the model does not, so that a long table takes less time in pieces.
    From the second on they are made and read by a thread; an error comes in the place of its piece.

    Args:
        model: Predicts.
        pieces: Of each a name, which comes back with its predictions, its strings and their features.
        conditions: As in `Model.predict`.
        options: Those of `Model.predict_normalised`.
    """
    read = ((name, *_read(model, strings, features)) for name, strings, features in pieces)
    first = list(islice(read, 1))
    with in_background(read, ahead=1) as others:
        for name, records, errors, numbers in chain(first, others):
            found = model.predict_normalised(records, features=numbers, conditions=conditions, **options)
            yield name, found.among(errors)


def _read(
    model: Model, strings: Sequence[str], features: Features | None
) -> tuple[list[Record], list[str], dict[str, NDArray]]:
    """Records of what can be read, for every string why it cannot, and the features of the records."""
    numbers, wrong = read_features(model.config.features, features, len(strings))
    records, errors = model.read(strings, wrong)
    read_N = [not error for error in errors]
    return records, errors, {name: values_N[read_N] for name, values_N in numbers.items()}
