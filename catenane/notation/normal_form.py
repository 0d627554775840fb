"""The one spelling of each string that the model reads."""

from __future__ import annotations

from typing import Literal

from catenane.notation.mofid import Mofid
from catenane.notation.smiles import Smiles

__all__ = ["Notation", "normalise"]

Notation = Literal["smiles", "mofid"]


def normalise(text: str, notation: Notation) -> str:
    """The canonical isomeric SMILES, or the compact MOFid of canonical, sorted blocks, of a string.

    Raises:
        NotationError: The string is not of that notation; the message says why and, if possible, where.
    """
    if notation == "mofid":
        return str(Mofid.parse(text).canonical())
    return Smiles.parse(text).canonical()
