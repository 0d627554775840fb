"""What a property model asks of the encoder under it.

Axes: B structures, L states of each, D width of the stream.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from torch import Tensor

from catenane.config import Pooling

__all__ = ["Encoded", "Encoder"]


class Encoded(NamedTuple):
    """What an encoder makes of a batch."""

    states_BLD: Tensor
    """A state for each token or atom."""
    pooled_BD: Tensor
    """One vector for each structure."""


class Encoder(Protocol):
    """Reads a batch of structures: a transformer over tokens is one, a graph network another.

    It is an `nn.Module`; `inputs` is whatever its own batches hold, for tokens the pair (ids_BL, keep_BL).
    """

    @property
    def d_model(self) -> int:
        """Width of the states and of the pooled vector."""
        ...

    def encode(self, inputs: Any, pooling: Pooling) -> Encoded:
        """States of a batch, and one vector for each structure."""
        ...
