"""Strings to token ids and back: SMILES by atom, MOFid by atom, topology and catenation, text by pieces."""

from catenane.tokenizers.alignment import SEPARATOR, Alignment, Piece, align
from catenane.tokenizers.encoded import EncodedStrings, Tokenization, TokenSlice
from catenane.tokenizers.grammar import SPECIAL_TOKENS
from catenane.tokenizers.text import TextKind, TextTokenizer, train_tokenizer
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
    "TextKind",
    "TextTokenizer",
    "TokenSlice",
    "Tokenization",
    "align",
    "build_tokenizer",
    "load_tokenizer",
    "summarise",
    "train_tokenizer",
]
