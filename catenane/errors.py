"""The errors a caller can act on. Their messages state what came, what was expected and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BundleError",
    "CatenaneError",
    "ConfigError",
    "DataError",
    "MissingDependencyError",
    "NotationError",
    "TrainingError",
    "UsageError",
    "nearest",
    "suggestion",
]

MOST_LISTED = 20


class CatenaneError(Exception):
    """Parent of every error that Catenane raises on purpose."""


class NotationError(CatenaneError, ValueError):
    """A string is not what its notation allows.

    Attributes:
        position: Zero-based character at fault, or None where the whole string is.
    """

    def __init__(self, message: str, *, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class DataError(CatenaneError, ValueError):
    """A file or table cannot be used: unreadable, empty, without a needed column, without a label."""


class ConfigError(CatenaneError, ValueError):
    """A setting is unknown, out of range, or at odds with another one."""


class UsageError(CatenaneError, ValueError):
    """The command line was called in a way that cannot be meant; the program exits with 2."""


class BundleError(CatenaneError, ValueError):
    """A model folder is missing, truncated, foreign, or newer than this program."""


class TrainingError(CatenaneError, RuntimeError):
    """Training cannot go on: a loss that is not finite, or a checkpoint of another run."""


class MissingDependencyError(CatenaneError, ImportError):
    """An optional library is needed and absent.

    Args:
        library: What could not be imported.
        extra: The extra of this package that brings it.
        purpose: What it is needed for, as a clause: "to write TensorBoard logs".
    """

    def __init__(self, library: str, *, extra: str, purpose: str) -> None:
        super().__init__(
            f"{library} is needed {purpose} and is not installed; run: pip install 'catenane[{extra}]'"
        )


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that this one is most like, if it is like any; case does not count."""
    folded = {other.casefold(): other for other in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded[near[0]] if near else None


def suggestion(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """End of a message about an unknown name: the nearest known one, after `prefix`, or a list of them."""
    known = list(known)
    if (near := nearest(name, known)) is not None:
        return f"did you mean {prefix + near!r}?"
    more = f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
    return f"known are {', '.join(known[:MOST_LISTED])}{more}"
