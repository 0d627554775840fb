"""The folder of one run: fresh, resumed, or overwritten on request; and the digest that tells runs apart."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catenane.errors import UsageError
from catenane.files import replaced

__all__ = ["check_run_folder", "fingerprint", "open_run_folder", "write_json"]

MARK = "run.json"
"""Only a folder with this file in it is ever overwritten or resumed."""


def check_run_folder(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse, before any work is done, a folder that a run may not use; nothing is touched.

    Raises:
        UsageError: It holds something already, and neither `resume` nor `overwrite` was given; or it holds
            something that is no run of ours, which is never deleted.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: give a folder to --out")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / MARK).is_file():
        raise UsageError(f"{folder} is not empty and holds no earlier run: give another folder to --out")
    if not resume and not overwrite:
        raise UsageError(
            f"{folder} holds an earlier run: add --resume to go on, or --overwrite to start afresh"
        )


def open_run_folder(folder: Path, settings: Mapping[str, Any], *, overwrite: bool) -> None:
    """Make the folder that `check_run_folder` let pass, and note in `run.json` what was asked for."""
    if overwrite and (folder / MARK).is_file():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / MARK, settings)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write readable JSON in one move; a reader never sees half a file.

    Raises:
        ValueError: A value is not finite: JSON has no name for it.
    """
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with replaced(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def fingerprint(settings: Mapping[str, Any], *data: bytes) -> str:
    """Digest of settings and data, the same wherever both are the same."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for part in data:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
