"""What attention may read: which keys a query attends to, and what is kept of earlier tokens.

Axes: B strings, H heads, L queries, S keys (those in a cache first), D features of one head, M features after
the feature map.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

__all__ = ["AttentionCache", "AttentionMask"]


@dataclass(frozen=True)
class AttentionMask:
    """Which keys each query attends to: those that every part allows. A query needs at least one.

    >>> AttentionMask(causal=True).allowed(2, 3, torch.device("cpu")).int().tolist()
    [[[[1, 1, 0], [1, 1, 1]]]]
    """

    keep_BS: Tensor | None = None
    """bool, False on padding among the keys, those in a cache included; None where all are real."""
    pairs_BLS: Tensor | None = None
    """bool, True where query l may attend to key s; B may be 1."""
    causal: bool = False
    """A query attends to no later key; the queries stand at the end of the keys."""

    def allowed(self, n_queries: int, n_keys: int, device: torch.device) -> Tensor | None:
        """All parts in one, bool, of a shape that broadcasts to (B, H, L, S); None if nothing is masked."""
        parts = []
        if self.keep_BS is not None:
            parts.append(self.keep_BS[:, None, None, :])
        if self.pairs_BLS is not None:
            parts.append(self.pairs_BLS[:, None])
        if self.causal and n_queries > 1:
            square_LS = torch.ones(n_queries, n_keys, dtype=torch.bool, device=device)
            parts.append(square_LS.tril(n_keys - n_queries)[None, None])
        return reduce(torch.logical_and, parts) if parts else None


@dataclass
class AttentionCache:
    """What one attention module keeps of earlier tokens, so that decoding reads each token once.

    Full attention keeps rotated keys and values, (B, H, S, D) each; linear attention keeps their sums,
    (B, H, M, D) and (B, H, M), whose size does not grow with S.
    """

    kept: tuple[Tensor, Tensor] | None = None
    """None before the first step."""

    def select(self, rows_B: Tensor) -> None:
        """Go on with these strings, given by row, repeats allowed: the survivors of a beam."""
        if self.kept is not None:
            self.kept = self.kept[0][rows_B], self.kept[1][rows_B]
