"""RDKit kept within bounds: its log silent, its errors ours, and strings no longer than it can walk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from catenane.errors import NotationError
from catenane.notation.syntax import notation_error

__all__ = ["LONGEST", "rdkit_errors"]

LONGEST = 5_000
"""Characters; RDKit walks chains by recursion, and several times as many overflow the stack."""


@contextmanager
def rdkit_errors(text: str, *, silent: bool = True) -> Iterator[None]:
    """Make what RDKit raises about a string a `NotationError` of one line.

    Args:
        text: The string, for the message.
        silent: Whether RDKit's log is silenced; not where it searches substructures, for its log is the only
            trace of an interrupt there (see `interrupts`).
    """
    from rdkit import rdBase

    try:
        with rdBase.BlockLogs() if silent else nullcontext():
            yield
    except NotationError:
        raise
    except (RuntimeError, ValueError, LookupError, ArithmeticError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        reason = lines[1] if len(lines) > 1 and lines[0].endswith("Violation") else lines[0]
        raise notation_error(f"RDKit fails on this string ({reason})", text) from None
