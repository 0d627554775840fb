"""Ctrl-C while RDKit searches."""

from __future__ import annotations

import _thread
import logging
import threading
from functools import cache

__all__ = ["heed_interrupts"]

DELAY = 0.05
"""Seconds until the interrupt is raised: not within RDKit's own call of Python."""


@cache
def heed_interrupts() -> None:
    """Raise KeyboardInterrupt where RDKit would swallow it, from now on in this process.

    RDKit's substructure search takes the signal for itself, returns what it has found so far, and leaves a
    warning as the only trace. So its messages are sent through Python's logger `rdkit`, which writes them to
    stderr as before, and that warning becomes the interrupt that it stands for.
    """
    from rdkit import rdBase

    logging.getLogger("rdkit").addFilter(_pass_on)
    rdBase.LogToPythonLogger()


def _pass_on(record: logging.LogRecord) -> bool:
    if "interrupted" not in record.getMessage().lower():
        return True
    threading.Timer(DELAY, _thread.interrupt_main).start()
    return False
