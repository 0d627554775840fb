r"""The definition of a token, for Python's `re` and for the `tokenizers` library.

The SMILES part follows the atom-wise expression of Schwaller et al. 2019 (ACS Cent. Sci. 5, 1572): a bracket
atom, `Br`, `Cl` and a two-digit ring bond are one token, and so is any other character. The tail of a MOFid,
everything after its first `&&`, is read by another expression: a run of letters and digits is one topology
code, and `.cat0` is one token. So the `pcu` of a tail is not three atoms, and the `cc` of a ring is not a
code.

We part from the source in two points. A bracket that is never closed does not swallow what follows (a bracket
atom holds no `[`, `&` or line break), and a character that no rule matches is a token of its own instead of
being dropped: every string is the concatenation of its tokens.
"""

from __future__ import annotations

import re
from typing import Any

from catenane.notation import NotationName, get_notation

__all__ = ["SPECIAL_TOKENS", "TAIL_MARK", "is_token", "pre_tokenizer", "split"]

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
TAIL_MARK = "&&"

# `[\s\S]` is "any character" in every regular-expression dialect; `.` is not.
_BRACKET = r"\[[^\[\]&\n]+\]"
_SMILES = rf"{_BRACKET}|Br|Cl|%[0-9]{{2}}|[\s\S]"
_TAIL = rf"{_BRACKET}|\.cat[0-9][A-Za-z0-9*+_-]*|[A-Za-z0-9*+_-]+|[\s\S]"

_SMILES_TOKEN = re.compile(_SMILES)
_TAIL_TOKEN = re.compile(_TAIL)
_SPECIAL_TOKEN = re.compile("(" + "|".join(map(re.escape, SPECIAL_TOKENS)) + ")")


def split(text: str, notation: NotationName) -> list[str]:
    """The tokens of a string, without special tokens around them; joined they are the string again."""
    if not get_notation(notation).has_tail:
        return _SMILES_TOKEN.findall(text)
    # A special token written out in the text ends a tail, because `tokenizers` cuts the text at special
    # tokens before it looks at anything else.
    tokens: list[str] = []
    for section in _SPECIAL_TOKEN.split(text):
        blocks, mark, tail = section.partition(TAIL_MARK)
        tokens += _SMILES_TOKEN.findall(blocks)
        if mark:
            tokens += [mark, *_TAIL_TOKEN.findall(tail)]
    return tokens


def is_token(text: str, notation: NotationName) -> bool:
    """Whether some string of the notation has `text` as one token."""
    in_tail = text == TAIL_MARK or _TAIL_TOKEN.fullmatch(text)
    return bool(_SMILES_TOKEN.fullmatch(text) or (in_tail and get_notation(notation).has_tail))


def pre_tokenizer(notation: NotationName) -> dict[str, Any]:
    r"""The same rules as the `pre_tokenizer` of a tokenizer.json.

    A MOFid is split in three steps: off comes the tail; then the SMILES part, which is every piece that does
    not begin with `&&`, falls into tokens; then the tail, the piece that does. `\G` holds a match to the end
    of the one before, so an expression that may not match at the start of a piece leaves that whole piece
    alone.
    """
    if not get_notation(notation).has_tail:
        return _isolate(_SMILES)
    steps = (
        rf"{TAIL_MARK}[\s\S]*",
        rf"\G(?!\A{TAIL_MARK})(?:{_SMILES})",
        rf"\A{TAIL_MARK}|\G(?!\A)(?:{_TAIL})",
    )
    return {"type": "Sequence", "pretokenizers": [_isolate(step) for step in steps]}


def _isolate(expression: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}
