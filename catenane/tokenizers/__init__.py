"""Strings to token ids and back: SMILES by atom, MOFid by atom, topology and catenation."""

from catenane.tokenizers.encoded import EncodedStrings, Tokenization
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
    "SPECIAL_TOKENS",
    "EncodedStrings",
    "MofidTokenizer",
    "SmilesTokenizer",
    "StringTokenizer",
    "Tokenization",
    "build_tokenizer",
    "load_tokenizer",
    "summarise",
]
