"""The learning rate over a run."""

from __future__ import annotations

import math

__all__ = ["warmup_cosine"]


def warmup_cosine(progress: float, *, warmup: float, final: float) -> float:
    """Factor on the peak learning rate: a straight rise, then half a cosine (Loshchilov & Hutter, eq. 5).

    Args:
        progress: Share of the run that is done, 0 to 1; so a run may end a little early or late unharmed.
        warmup: Share of the run over which the factor rises from 0 to 1.
        final: Factor at the end.
    """
    if progress < warmup:
        return progress / warmup
    done = min(1.0, (progress - warmup) / (1 - warmup))
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * done))
