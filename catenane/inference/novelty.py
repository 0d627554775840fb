"""Whether a model has met a string, or a part of one, in training: 64-bit digests that go with its bundle."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import torch

from catenane.models.bundle import Bundle

__all__ = ["MOST_STRINGS", "has_met", "parts_met"]

PARTS = "parts_met"
MOST_STRINGS = 2_000_000
"""Of a corpus whose digests are kept: some tens of megabytes."""


def parts_met(strings: Iterable[str]) -> dict[str, torch.Tensor]:
    """Digests of the strings and of their parts between dots, as a bundle keeps them.

    Two parts share a digest by chance about once in 10^7 questions put to a million of them.
    """
    texts = {text for string in strings for text in (string, *string.partition("&&")[0].split("."))}
    digests = np.array(sorted(map(_digest, texts)), dtype=np.int64)
    return {PARTS: torch.from_numpy(digests)}


def has_met(bundle: Bundle, texts: Iterable[str]) -> list[bool] | None:
    """Whether each text, in normal form, was a string or part in training; None where that is not kept."""
    known = bundle.training.get(PARTS)
    if known is None:
        return None
    digests = torch.tensor([_digest(text) for text in texts], dtype=torch.int64)
    return torch.isin(digests, known).tolist()


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
