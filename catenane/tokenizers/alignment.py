"""Which characters and which atom each token of a string is.

Axes: L tokens, C characters, A atoms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catenane.errors import UsageError
from catenane.notation import Record, atom_positions, get_notation
from catenane.tokenizers.grammar import SPECIAL_TOKENS, TAIL_MARK
from catenane.tokenizers.tokenizer import StringTokenizer

__all__ = ["SEPARATOR", "Alignment", "Piece", "align"]

SEPARATOR = SPECIAL_TOKENS[3]
Places = NDArray[np.int64]


class Piece(NamedTuple):
    """A molecule, or one building block of a framework, within the text."""

    smiles: str
    string: int
    """Which of the joined strings it belongs to."""
    start: int
    """Place of its first character in the text."""
    atoms: range
    """Its atoms, counted over the whole text; `smiles` has them in this order."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """The tokens of a text as a model reads them, what they stand for, and what it left out."""

    text: str
    tokens: tuple[str, ...]
    """The L tokens as they are written, [CLS] first and [SEP] last."""
    spans_L2: Places
    """First character of each token and the one after its last; (-1, -1) for [CLS] and the last [SEP]."""
    atom_of_token_L: Places
    """The atom that a token is, in the order written; -1 for bonds, branches, ring bonds and marks."""
    symbols: tuple[str, ...]
    """The A atoms as they are written, hydrogens in brackets of their own among them."""
    pieces: tuple[Piece, ...]
    """What can be drawn, in order."""

    @property
    def token_of_atom(self) -> Places:
        """The token of each atom, (A,); -1 where the string was cut before it."""
        return _inverse(self.atom_of_token_L, len(self.symbols))

    @property
    def token_of_character(self) -> Places:
        """The token that each character of the text is in, (C,); -1 where it was cut."""
        found = np.full(len(self.text), -1)
        for token, (start, end) in enumerate(self.spans_L2.tolist()):
            found[start:end] = token
        return found

    @property
    def piece_of_token(self) -> Places:
        """The piece that each token is in, (L,); -1 for what is between pieces and behind them."""
        found = np.full(len(self.tokens), -1)
        for number, piece in enumerate(self.pieces):
            starts = self.spans_L2[:, 0]
            found[(starts >= piece.start) & (starts < piece.start + len(piece.smiles))] = number
        return found

    @property
    def piece_of_atom(self) -> Places:
        """The piece that each atom belongs to, (A,)."""
        return np.repeat(np.arange(len(self.pieces)), [len(piece.atoms) for piece in self.pieces])


def align(
    tokenizer: StringTokenizer,
    records: Sequence[Record],
    max_length: int | None = None,
    *,
    join: str = SEPARATOR,
) -> tuple[NDArray[np.uint16], Alignment]:
    """Ids of a string (L,), or of several joined by `join`, and what each is.

    Raises:
        UsageError: Several strings are longer than `max_length` together: none of them is cut. Or a record is
            of several strings, which models read one by one.
    """
    if any(len(record.parts) > 1 for record in records):
        raise UsageError("a row of several strings is not read as one text: ask for one string")
    text = join.join(record.text for record in records)
    ids_L, places_L = tokenizer.encode_placed(text, max_length)
    written = tokenizer.tokens(text)
    if len(records) > 1 and len(ids_L) < len(written) + 2:
        raise UsageError(
            f"{len(records)} strings are {len(written) + 2} tokens together, and the model reads "
            f"{max_length}: give fewer or shorter ones"
        )
    sizes = np.array([len(token) for token in written])
    ends = np.cumsum(sizes)
    spans_L2 = np.stack([ends - sizes, ends], axis=1)[places_L]
    spans_L2[places_L < 0] = -1
    tokens = [written[place] if place >= 0 else SPECIAL_TOKENS[2] for place in places_L.tolist()]
    tokens[-1] = SEPARATOR

    pieces: list[Piece] = []
    atom_at: dict[int, int] = {}
    start = 0
    for number, record in enumerate(records):
        blocks = [record.text]
        if get_notation(record.notation).has_tail:
            blocks = record.text.partition(TAIL_MARK)[0].split(".")
        place = start
        for block in blocks:
            first = len(atom_at)
            for position in atom_positions(block):
                atom_at[place + position] = len(atom_at)
            pieces.append(Piece(block, number, place, range(first, len(atom_at))))
            place += len(block) + 1
        start += len(record.text) + len(join)
    atom_of_token_L = np.array([atom_at.get(place, -1) for place in spans_L2[:, 0].tolist()])
    token_at = dict(zip((ends - sizes).tolist(), written, strict=True))
    symbols = tuple(token_at[place] for place in atom_at)
    return ids_L, Alignment(text, tuple(tokens), spans_L2, atom_of_token_L, symbols, tuple(pieces))


def _inverse(places_L: Places, size: int) -> Places:
    found = np.full(size, -1)
    known = np.flatnonzero(places_L >= 0)
    found[places_L[known]] = known
    return found
