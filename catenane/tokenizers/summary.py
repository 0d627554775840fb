"""Unknown and cut tokens of a set of strings, counted before anything is trained on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catenane.tokenizers.encoded import EncodedStrings
from catenane.tokenizers.tokenizer import StringTokenizer

__all__ = ["Tokenization", "summarise"]

_SHOWN = 5


@dataclass(frozen=True)
class Tokenization:
    """Counts over a set of strings; `str` of it is one line to read."""

    n_strings: int
    n_tokens: int
    """Ids kept, [CLS] and [SEP] included."""
    longest: int
    """Ids of the longest string before truncation."""
    n_unknown: int
    """Ids that are [UNK]."""
    n_strings_unknown: int
    """Strings with an [UNK]."""
    unknown: tuple[tuple[str, int], ...]
    """Every unknown token and how often it occurs, the commonest first; counted before truncation."""
    n_cut: int
    """Tokens dropped by truncation."""
    n_strings_cut: int
    """Strings that were truncated."""

    def __str__(self) -> str:
        parts = [f"{self.n_strings:,} strings, {self.n_tokens:,} tokens, longest {self.longest:,}"]
        if self.n_unknown:
            shown = ", ".join(f"{token!r} ({count:,})" for token, count in self.unknown[:_SHOWN])
            more = ", ..." if len(self.unknown) > _SHOWN else ""
            parts.append(
                f"{self.n_unknown:,} unknown tokens in {self.n_strings_unknown:,} strings: {shown}{more}"
            )
        else:
            parts.append("no unknown tokens")
        if self.n_cut:
            parts.append(f"{self.n_cut:,} tokens cut from {self.n_strings_cut:,} strings")
        else:
            parts.append("nothing cut")
        return "; ".join(parts)


def summarise(tokenizer: StringTokenizer, strings: Sequence[str], encoded: EncodedStrings) -> Tokenization:
    """Count what became of these strings.

    Args:
        tokenizer: The tokenizer that encoded them.
        strings: What was encoded; looked at again only where a token is unknown.
        encoded: What it was encoded to.
    """
    with_unknown = np.flatnonzero(encoded.n_unknown)
    unknown: Counter[str] = Counter()
    for place in with_unknown.tolist():
        unknown.update(
            token for token in tokenizer.tokens(strings[place]) if token not in tokenizer.vocabulary
        )
    full_lengths = encoded.lengths + encoded.n_cut
    return Tokenization(
        n_strings=len(encoded),
        n_tokens=len(encoded.ids),
        longest=int(full_lengths.max(initial=0)),
        n_unknown=int(encoded.n_unknown.sum()),
        n_strings_unknown=len(with_unknown),
        unknown=tuple(sorted(unknown.items(), key=lambda item: (-item[1], item[0]))),
        n_cut=int(encoded.n_cut.sum()),
        n_strings_cut=int(np.count_nonzero(encoded.n_cut)),
    )
