"""Strings to token ids and back: SMILES by atom, MOFid by atom, topology and catenation."""

from catenane.tokenizers.building import build_tokenizer, load_tokenizer
from catenane.tokenizers.encoded import EncodedStrings
from catenane.tokenizers.grammar import SPECIAL_TOKENS
from catenane.tokenizers.summary import Tokenization, summarise
from catenane.tokenizers.tokenizer import MofidTokenizer, SmilesTokenizer, StringTokenizer

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
