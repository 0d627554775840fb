"""Which notation a column of strings is written in."""

from __future__ import annotations

from collections.abc import Sequence

from catenane.errors import NotationError
from catenane.notation.registry import NotationName
from catenane.notation.syntax import excerpt, well_formed

__all__ = ["detect_notation"]

_SAMPLE = 256
"""Strings looked at, spread evenly over the column."""


def detect_notation(strings: Sequence[str]) -> NotationName:
    """The notation of a sample of the strings: that of more than half of those not blank.

    A MOFid is known by its `&&` or `MOFid-`, SMILES by its grammar; no molecule is built.

    Raises:
        NotationError: Every string is blank, or most are neither SMILES nor MOFid (an example is shown).
    """
    every = max(1, len(strings) // _SAMPLE)
    sample = [text for text in (string.strip() for string in strings[::every]) if text]
    if not sample:
        raise NotationError("cannot tell SMILES from MOFid: every string is blank")
    if 2 * sum("&&" in text or "MOFid-" in text for text in sample) > len(sample):
        return "mofid"
    others = [text for text in sample if not well_formed(text)]
    if 2 * len(others) < len(sample):
        return "smiles"
    raise NotationError(f"most strings are neither SMILES nor MOFid, for example: {excerpt(others[0])}")
