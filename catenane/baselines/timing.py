"""A limit on the time that a computation may take."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["within"]

Result = TypeVar("Result")


class _StoppedError(Exception):
    """Raised in a computation that has run out of time."""


def within(seconds: float, compute: Callable[[], Result]) -> Result:
    """What `compute` returns or raises, if it does so in time.

    It runs in a thread of its own, so that Ctrl-C ends the wait at once. One that is late is stopped at its
    next step of Python; in a library that never comes back to Python it goes on until the process ends.

    Raises:
        TimeoutError: It is late.
    """
    done: Future[Result] = Future()

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
