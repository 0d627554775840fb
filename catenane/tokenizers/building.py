"""Vocabularies: made from strings, or loaded by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from catenane.errors import ConfigError, DataError
from catenane.notation import NOTATIONS, NotationName, get_notation
from catenane.tokenizers.grammar import SPECIAL_TOKENS, TAIL_MARK, split
from catenane.tokenizers.tokenizer import KINDS, StringTokenizer

__all__ = ["SHIPPED", "build_tokenizer", "load_tokenizer"]

SHIPPED = Path(__file__).parent / "vocabularies"


def build_tokenizer(
    strings: Iterable[str], notation: NotationName, base: StringTokenizer | None = None, min_count: int = 1
) -> StringTokenizer:
    """A tokenizer whose vocabulary is the tokens of these strings.

    The order is always the same: the special tokens, or all of `base` with its ids; then the new tokens, the
    commonest first and equally common ones by their text.

    Args:
        strings: Strings as the model will read them; a generator is read once.
        notation: "smiles" or "mofid".
        base: A tokenizer to extend, so that one encoder serves both.
        min_count: How often a new token must occur to be known.

    Raises:
        ConfigError: A setting is not allowed, a token of `base` is none of this notation, or there are more
            tokens than fit.
        DataError: Something in `strings` is not text.
    """
    has_tail = get_notation(notation).has_tail
    if min_count < 1:
        raise ConfigError(f"min_count={min_count} must be at least 1")
    if isinstance(strings, str):
        raise DataError(f"many strings are needed, not one: write [{strings!r}]")
    counts: Counter[str] = Counter()
    for place, string in enumerate(strings):
        if not isinstance(string, str):
            raise DataError(f"string {place} is {string!r}, which is not text")
        counts.update(split(string, notation))
    if has_tail:
        counts[TAIL_MARK] += min_count
    known = list(base.vocabulary) if base else list(SPECIAL_TOKENS)
    common = {token for token, count in counts.items() if count >= min_count}
    new = sorted(common.difference(known), key=lambda token: (-counts[token], token))
    return KINDS[notation]({token: number for number, token in enumerate(known + new)})


def load_tokenizer(name_or_path: str | Path) -> StringTokenizer:
    """The tokenizer that comes with the package for a notation, or the one in a file or folder.

    Args:
        name_or_path: "smiles", "mofid", a tokenizer.json, or a folder that holds one.

    Raises:
        ConfigError: There is no such tokenizer, or its file is damaged or foreign.
    """
    if name_or_path in NOTATIONS:
        return StringTokenizer.load(SHIPPED / f"{name_or_path}.json")
    if not Path(name_or_path).exists():
        raise ConfigError(
            f"unknown tokenizer {str(name_or_path)!r}: known are {', '.join(NOTATIONS)}, "
            "a tokenizer.json, or a folder that holds one"
        )
    return StringTokenizer.load(name_or_path)
