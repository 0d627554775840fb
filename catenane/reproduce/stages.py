"""Pieces of work that are done once: each is a folder with what it found, named for what it depends on.

A run that was stopped goes on from its stages, and protocols that need the same training share it.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from catenane.train.folder import fingerprint, write_json
from catenane.version import __version__

__all__ = ["Stages"]

logger = logging.getLogger(__name__)
RESULT = "stage.json"


class Stages:
    """Work under one folder.

    Args:
        folder: Each stage is a folder in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds: dict[str, float] = {}
        """Wall time of every stage that was used, pauses not counted."""

    def get(
        self, kind: str, label: str, spec: Mapping[str, Any], compute: Callable[[Path], dict[str, Any]]
    ) -> dict[str, Any]:
        """What `compute` gives, or gave for the same spec before, and the stage's `folder`.

        Args:
            kind: Begins the folder's name: "training".
            label: Names the stage in the log.
            spec: All that the result depends on; another spec or version is another stage.
            compute: Is given a folder, which holds what a killed attempt has left, and gives JSON values.
        """
        folder = self.folder / f"{kind}-{fingerprint({'version': __version__, 'kind': kind, **spec})[:12]}"
        kept = _read(folder / RESULT)
        if kept is None:
            logger.info("%s: %s", kind, label)
            folder.mkdir(parents=True, exist_ok=True)
            began = time.monotonic()
            values = compute(folder)
            seconds = values.pop("seconds", None) or time.monotonic() - began
            kept = {"label": label, "seconds": round(seconds, 1), "values": values}
            write_json(folder / RESULT, kept)
        self.seconds[folder.name] = kept["seconds"]
        return dict(kept["values"], folder=folder)


def _read(path: Path) -> dict[str, Any] | None:
    """A finished stage; None where there is none, or half of one."""
    try:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept
