"""A limit on the time of a computation."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

__all__ = ["within"]


class _StoppedError(Exception):
    """Raised in a computation that has run out of time."""


def within(seconds: float, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """What `compute` returns or raises, if it does so in time.

    It runs in a thread of its own, so that Ctrl-C ends the wait at once. Where it is late, TimeoutError is
    raised and the thread stopped at its next step of Python, which some libraries never take.
    """
    done: Future[np.ndarray] = Future()

    def run() -> None:
        try:
            done.set_result(compute())
        except BaseException as error:
            done.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        thread.join(seconds)
    finally:
        if thread.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_StoppedError)
            )
    if not done.done():
        raise TimeoutError(f"it took longer than {seconds:g} s")
    return done.result()
