"""Files that are whole or not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replaced"]


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A name beside `path` to write under, which becomes `path` when the block ends without an error.

    A reader never sees half a file; after an error nothing is left, and what was at `path` before stays.
    """
    fresh = path.with_name(path.name + ".partial")
    try:
        yield fresh
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
