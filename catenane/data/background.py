"""What a thread makes ready while what it made before is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

__all__ = ["in_background"]

T = TypeVar("T")
POLL = 0.1
"""Seconds after which a thread whose items nobody takes looks whether it is to end."""


@contextmanager
def in_background(items: Iterable[T], ahead: int) -> Iterator[Iterator[T]]:
    """The same items in the same order, each made by a thread before it is asked for.

    An error is raised where its item would have come. When the block ends, so does the thread.

    Args:
        items: What to make; used by the thread alone.
        ahead: Items at most that wait to be taken.
    """
    ready: Queue[tuple[T | None, BaseException | None, bool]] = Queue(ahead)
    ended = Event()

    def give(*answer: Any) -> None:
        while not ended.is_set():
            with suppress(Full):
                return ready.put(answer, timeout=POLL)

    def make() -> None:
        try:
            for item in items:
                give(item, None, False)
                if ended.is_set():
                    return
            give(None, None, True)
        except BaseException as error:
            give(None, error, True)

    def taken() -> Iterator[T]:
        while True:
            item, error, last = ready.get()
            if error is not None:
                raise error
            if last:
                return
            yield item  # type: ignore[misc]

    thread = Thread(target=make, name="ahead", daemon=True)
    thread.start()
    try:
        yield taken()
    finally:
        ended.set()
        with suppress(Empty):
            ready.get_nowait()
        thread.join()
