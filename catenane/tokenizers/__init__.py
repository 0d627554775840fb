"""Strings to token ids and back: SMILES by atom, MOFid by atom, topology and catenation."""

from catenane.tokenizers.alignment import SEPARATOR, Alignment, Piece, align
from catenane.tokenizers.encoded import EncodedStrings, Tokenization, TokenSlice
from catenane.tokenizers.grammar import SPECIAL_TOKENS
from catenane.tokenizers.tokenizer import (
    MofidTokenizer,
    SmilesTokenizer,
    StringTokenizer,
    build_tokenizer,
    load_tokenizer,
    summarise,
)

__all__ = [
    "SEPARATOR",
    "SPECIAL_TOKENS",
    "Alignment",
    "EncodedStrings",
    "MofidTokenizer",
    "Piece",
    "SmilesTokenizer",
    "StringTokenizer",
    "TokenSlice",
    "Tokenization",
    "align",
    "build_tokenizer",
    "load_tokenizer",
    "summarise",
]
