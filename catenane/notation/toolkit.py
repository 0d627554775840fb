"""RDKit kept within bounds: late to load, its log silent, its errors and interrupts ours."""

from __future__ import annotations

import _thread
import importlib
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from catenane.errors import NotationError
from catenane.notation.syntax import notation_error

__all__ = ["LONGEST", "Chem", "heed_interrupts", "pattern", "rdkit_errors"]

LONGEST = 5_000
"""Characters; RDKit walks chains by recursion, and several times as many overflow the stack."""
_DELAY = 0.05
"""Seconds until an interrupt is raised: not within RDKit's own call of Python."""


class _Late(ModuleType):
    """A module that is imported when one of its names is first used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_imported(self.__name__), name)


_imported = cache(importlib.import_module)


if TYPE_CHECKING:
    from rdkit import Chem
else:
    Chem = _Late("rdkit.Chem")


@cache
def pattern(smarts: str) -> Chem.Mol:
    """The query that a SMARTS describes."""
    return Chem.MolFromSmarts(smarts)


@contextmanager
def rdkit_errors(text: str, *, silent: bool = True) -> Iterator[None]:
    """Make what RDKit raises about a string a `NotationError` of one line, and silence its log.

    It is not to be `silent` where it searches substructures: its log is the only trace of an interrupt there.
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


@cache
def heed_interrupts() -> None:
    """Raise KeyboardInterrupt where RDKit would swallow it, from now on in this process.

    Its substructure search takes the signal for itself, returns what it has found so far, and leaves a
    warning as the only trace. So its messages go through Python's logger `rdkit`, which writes them to stderr
    as before, and that warning becomes the interrupt.
    """
    from rdkit import rdBase

    logging.getLogger("rdkit").addFilter(_pass_on)
    rdBase.LogToPythonLogger()


def _pass_on(record: logging.LogRecord) -> bool:
    if "interrupted" not in record.getMessage().lower():
        return True
    threading.Timer(_DELAY, _thread.interrupt_main).start()
    return False
