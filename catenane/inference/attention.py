"""What the tokens of a string attend to, and the states of its atoms.

Axes: Y layers, H heads, L tokens, A atoms, D width of the states.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from catenane.errors import BundleError, NotationError
from catenane.inference.rows import join, texts_of
from catenane.notation import Record, Smiles, get_notation
from catenane.tokenizers import SEPARATOR, Alignment, align

if TYPE_CHECKING:
    from catenane.inference.model import Model

__all__ = [
    "Attention", "attend", "read_all", "read_attention", "read_states", "require_chemical",
    "token_inputs",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Attention:
    """Attention weights of every layer and head, and what the tokens stand for."""

    alignment: Alignment
    """Tokens, characters and atoms."""
    weights_YHLL: NDArray[np.float32]
    """Row l holds the weights of the tokens that token l attends to. Rows of softmax attention add up to one;
    those of linear attention with `feature_order="rotate-mapped"` need not, and may be negative."""
    records: tuple[Record, ...]
    """The strings, as they were read."""

    @property
    def of_atoms(self) -> NDArray[np.float32]:
        """The weights between atoms alone, (Y, H, A, A); zero for atoms that the model did not read."""
        token_A = self.alignment.token_of_atom
        known_AA = (token_A[:, None] >= 0) & (token_A >= 0)
        found: NDArray[np.float32] = self.weights_YHLL[:, :, token_A[:, None], token_A] * known_AA
        return found

    def named(self) -> dict[str, NDArray[Any]]:
        """The arrays by the names that a .npz file gives them."""
        alignment = self.alignment
        return {
            "attention": self.weights_YHLL,
            "tokens": np.array(alignment.tokens),
            "token_spans": alignment.spans_L2,
            "token_of_character": alignment.token_of_character,
            "atom_of_token": alignment.atom_of_token_L,
            "token_of_atom": alignment.token_of_atom,
            "atoms": np.array(alignment.symbols),
            "piece_of_atom": alignment.piece_of_atom,
            "pieces": np.array([piece.smiles for piece in alignment.pieces]),
            "string_of_piece": np.array([piece.string for piece in alignment.pieces]),
            "strings": np.array([record.text for record in self.records]),
        }


def read_attention(
    model: Model, strings: str | Sequence[str], *, join: str = SEPARATOR, as_written: bool = False
) -> Attention:
    """The attention weights of a string, or of several that are encoded as one sequence.

    Args:
        model: With an encoder that attends.
        strings: One, or several to be read together.
        join: What stands between several: the separator token, or "." as between the parts of a salt.
        as_written: Read the spelling that is given, in place of the normal form that models predict from.

    Raises:
        NotationError: A string cannot be read.
        UsageError: Several are longer together than the model can read.
        BundleError: The encoder has no attention weights, or there are several models.
    """
    records = read_all(model, strings)
    if as_written:
        records = [_as_written(text, r) for text, r in zip(texts_of(strings), records, strict=True)]
    return attend(model, records, join=join)


def require_chemical(model: Model) -> None:
    """Refuse a model of text by a `BundleError`."""
    if not get_notation(model.config.notation).is_chemical:
        raise BundleError("this is a model of text: it translates (predict) and fills gaps, and no more")


def attend(model: Model, records: Sequence[Record], *, join: str = SEPARATOR) -> Attention:
    """As `read_attention`, of records."""
    encoder = model.encoder
    if not hasattr(encoder, "attend"):
        raise BundleError(f"the encoder of this model ({type(encoder).__name__}) has no attention weights")
    require_chemical(model)
    longest = model.config.recipe.encoder.max_length
    ids_L, alignment = align(model.bundle.tokenizer, records, longest, join=join)
    with torch.inference_mode():
        _, weights = encoder.attend(*token_inputs(model, ids_L))
    weights_YHLL = torch.cat(weights).float().cpu().numpy()
    return Attention(alignment, weights_YHLL, tuple(records))


def read_states(model: Model, record: Record) -> tuple[NDArray[np.float32], Alignment]:
    """States of the last layer at the atoms of a string, (A, D), and what its tokens are.

    Atoms beyond the maximum length of the model have NaN.
    """
    tokenizer = model.bundle.tokenizer
    _, alignment = align(tokenizer, [record], model.config.recipe.encoder.max_length)
    return model.encoder.atom_states([record], tokenizer), alignment


def read_all(model: Model, strings: str | Iterable[str]) -> list[Record]:
    """Records of strings all of which can be read; `NotationError` says which cannot."""
    records, errors = model.read(join(strings, model.config.strings))
    for row, error in enumerate(errors, start=1):
        if error:
            raise NotationError(f"row {row} of {len(errors)}: {error}")
    return records


def _as_written(text: str, record: Record) -> Record:
    parsed = get_notation(record.notation).kind.parse(text)
    return Record(parsed.text if isinstance(parsed, Smiles) else str(parsed), record.notation)


def token_inputs(model: Model, ids_L: NDArray[np.uint16]) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs of an encoder for one text."""
    ids_BL = torch.from_numpy(ids_L.astype(np.int64))[None].to(model.device)
    return ids_BL, torch.ones_like(ids_BL, dtype=torch.bool)
