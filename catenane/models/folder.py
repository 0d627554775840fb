"""The folder of a bundle: where it is, whether it is whole, and its JSON files.

`checksums.json` holds the SHA-256 of every other file, so that one altered bit is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catenane.errors import BundleError
from catenane.files import write_json

__all__ = [
    "ENSEMBLE",
    "bundled_names",
    "check_files",
    "find_bundle",
    "find_bundles",
    "read_card",
    "read_json",
    "to_json",
    "write_checksums",
    "write_ensemble",
]

BUNDLED = Path(__file__).parent / "bundled"
CHECKSUMS = "checksums.json"
ENSEMBLE = "ensemble.json"
"""Names the folders beside it whose models predict together."""
NEEDED = {"config.json", "card.json", "model.safetensors", "tokenizer.json"}
LARGEST_JSON = 32_000_000
"""Bytes; the largest tokenizer has two."""


def find_bundle(name_or_path: str | Path) -> Path:
    """Folder of the bundle with this name or path.

    Raises:
        BundleError: There is none.
    """
    candidates = [Path(name_or_path), Path(name_or_path) / "bundle", BUNDLED / str(name_or_path)]
    for folder in candidates:
        if (folder / "config.json").is_file():
            return folder
    if (candidates[0] / ENSEMBLE).is_file():
        names = ", ".join(path.name for path in _members(candidates[0]))
        raise BundleError(f"{name_or_path}: this folder holds several models: give one of {names} in it")
    if candidates[0].is_dir():
        raise BundleError(f"{name_or_path}: this folder holds no model: config.json is missing")
    known = ", ".join(bundled_names()) or "none"
    raise BundleError(f"no model {str(name_or_path)!r}: give a model folder, or a bundled name ({known})")


def find_bundles(name_or_path: str | Path) -> list[Path]:
    """As `find_bundle`, all of those that predict together under this name or path.

    Raises:
        BundleError: There is none, or one is missing.
    """
    if not (Path(name_or_path) / ENSEMBLE).is_file():
        return [find_bundle(name_or_path)]
    return [bundle for folder in _members(Path(name_or_path)) for bundle in find_bundles(folder)]


def write_ensemble(folder: Path, members: Sequence[str]) -> None:
    """Let the models in these folders, which lie in this one, predict together."""
    write_json(folder / ENSEMBLE, {"members": list(members)})


def _members(folder: Path) -> list[Path]:
    names = read_json(folder / ENSEMBLE).get("members")
    if isinstance(names, list) and names and all(isinstance(name, str) and _is_name(name) for name in names):
        return [folder / name for name in names]
    raise BundleError(f"{folder / ENSEMBLE}: damaged: expected the names of folders beside it as members")


def _is_name(name: str) -> bool:
    return name == Path(name).name and name not in ("", ".", "..")


def bundled_names() -> list[str]:
    """Names of the models that come with the package, sorted."""
    return sorted(path.parent.name for path in BUNDLED.glob("*/config.json"))


def read_card(folder: Path) -> dict[str, Any]:
    """The card of the bundle in this folder; errors are those of `read_json`."""
    return read_json(folder / "card.json")


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of every file of the folder."""
    digests = {path.name: _digest(path) for path in sorted(folder.iterdir()) if path.name != CHECKSUMS}
    (folder / CHECKSUMS).write_text(to_json(digests), encoding="utf-8")


def check_files(folder: Path) -> None:
    """Refuse a folder of which a file is missing or altered.

    Raises:
        BundleError: So it is, or it has no checksums.
    """
    digests = read_json(folder / CHECKSUMS)
    if (folder / CHECKSUMS).read_bytes() != to_json(digests).encode():
        raise BundleError(f"{folder / CHECKSUMS}: altered or damaged; copy the folder again")
    if lost := sorted(NEEDED - digests.keys()):
        raise BundleError(f"{folder / CHECKSUMS}: altered or damaged: {lost[0]} has no checksum")
    for name, digest in digests.items():
        if Path(name).name != name or not (folder / name).is_file():
            raise BundleError(f"{folder}: damaged model folder: {name!r} is missing; copy it again")
        if _digest(folder / name) != digest:
            raise BundleError(
                f"{folder / name}: altered or damaged: its SHA-256 is not the one in {CHECKSUMS}; "
                "copy the folder again"
            )


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        BundleError: It is missing, too large, too deep, or not a JSON object.
    """
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise BundleError(f"{path}: larger than {LARGEST_JSON:,} bytes, so no file of a model")
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(
            f"{path.parent}: damaged model folder: {path.name} is missing; copy it again"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: not readable as JSON ({error}); copy the folder again") from None
    if not isinstance(values, dict):
        raise BundleError(f"{path}: expected a JSON object, got {type(values).__name__}")
    return values


def to_json(values: Any) -> str:
    """Readable JSON.

    Raises:
        ValueError: A value is not finite.
    """
    return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
