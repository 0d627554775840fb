"""The folder of one run: fresh, resumed or overwritten, with a list of the files that the run writes."""

from __future__ import annotations

import fcntl
import json
import os
import re
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from catenane.data.sources import find_source
from catenane.errors import UsageError
from catenane.files import file_digest, write_json
from catenane.models.folder import find_bundle
from catenane.version import __version__

__all__ = ["RunFolder", "bundle_files", "source_files"]

MARK = "run.json"
"""Settings, digests of inputs, and files of the run; a folder without it is never resumed or emptied."""
FORMAT = "catenane run, version 1"
WITHOUT_EFFECT = frozenset({"recipe.description"})
"""Settings that change nothing of what is learnt."""
MOST_NAMED = 5
"""Differing settings that a message names."""
FILES = (
    MARK, "metrics.json", "checkpoint.safetensors", "history.csv", "tensorboard/events.out.tfevents.*",
    ".bundle-*/*",
)  # fmt: skip
"""What every run writes; the last of a bundle that was not finished: one that was is listed file by file."""


class _Lock:
    """Keeps other processes out of a folder as long as something in this process refers to it."""

    held: ClassVar[WeakValueDictionary[tuple[int, int], _Lock]] = WeakValueDictionary()

    def __init__(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY)
        weakref.finalize(self, os.close, descriptor)
        with suppress(OSError):  # some file systems have no locks
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    f"another process is at work in {folder}: wait for it, or give another folder to --out"
                ) from None

    @classmethod
    def of(cls, folder: Path) -> _Lock:
        """The lock of a folder, which may be held by an earlier run of this process that was interrupted."""
        stat = folder.stat()
        key = stat.st_dev, stat.st_ino
        return cls.held.get(key) or cls.held.setdefault(key, cls(folder))


class RunFolder:
    """The folder of a run, checked before any work is done; `open` is the first to touch it.

    Args:
        path: The folder; it may be absent.
        settings: Arguments of the run, as JSON values; it is resumed with the same settings alone.
        inputs: Files that are read, by role; a run is resumed with the same content alone.
        files: What it writes beside `FILES`, relative to the folder; `*` stands for part of a name.
        runs: Folders in it, each of which may hold all of these.
        resume: Go on with an earlier run, if there is one.
        overwrite: Delete the files of an earlier run.

    Raises:
        UsageError: The folder holds something already, and neither `resume` nor `overwrite` was given; or
            something that is no run of ours; or a run with other settings or inputs; or an input.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        inputs: Mapping[str, Sequence[Path]],
        files: Sequence[str],
        *,
        runs: Sequence[str] = (),
        resume: bool = False,
        overwrite: bool = False,
    ) -> None:
        self.path = path
        self._overwrite = overwrite
        own = [*FILES, *files]
        self._files = own + [f"{run}/{file}" for run in runs for file in own]
        self._check_place([file for paths in inputs.values() for file in paths], resume or overwrite)
        self._earlier = _read(path) if path.is_dir() else None
        self._run = {"settings": json.loads(json.dumps(settings)), "inputs": _digests(inputs)}
        if self._earlier is not None and overwrite:
            self._check_own(self._earlier["files"])
        elif self._earlier is not None:
            self._check_same(self._earlier)

    def open(self) -> None:
        """Make the folder, clear away what an earlier run or a killed process left, and write `run.json`.

        Raises:
            UsageError: Another process is at work in the folder.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = _Lock.of(self.path)
        if self._earlier is None and _read(self.path) is not None:
            raise UsageError(f"another process has begun a run in {self.path}: give another folder to --out")
        earlier = self._earlier["files"] if self._earlier is not None else []
        for pattern in {*earlier, *self._files}:
            name = PurePosixPath(pattern)
            for leftover in self._found(str(name.with_name(f".{name.name}.*.part"))):
                leftover.unlink()
        if self._overwrite:
            self._delete(earlier)
            earlier = []
        self._write(earlier)

    def add(self, folder: Path) -> None:
        """Note the files that were written in a folder of the run, to be deleted with it."""
        self._write(sorted(path.relative_to(self.path).as_posix() for path in folder.iterdir()))

    def _check_place(self, inputs: Sequence[Path], again: bool) -> None:
        folder = self.path
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file: give a folder to --out")
        for path in inputs:
            if path.resolve().is_relative_to(folder.resolve()):
                raise UsageError(f"{path} lies inside {folder}, the folder of the run: give another --out")
        if not folder.is_dir() or all(_is_leftover(path) for path in folder.iterdir()):
            return
        if _read(folder) is None:
            raise UsageError(f"{folder} is not empty and holds no earlier run: give another folder to --out")
        if not again:
            raise UsageError(
                f"{folder} holds an earlier run: add --resume to go on, or --overwrite to start afresh"
            )

    def _check_same(self, earlier: Mapping[str, Any]) -> None:
        before, now = (dict(_leaves(run["settings"])) for run in (earlier, self._run))
        shown = [
            f"{name} was {before.get(name)!r} and is {now.get(name)!r}"
            for name in {**before, **now}
            if name not in WITHOUT_EFFECT and before.get(name) != now.get(name)
        ]
        for role, files in self._run["inputs"].items():
            digests = [[file["sha256"] for file in each] for each in (earlier["inputs"].get(role, []), files)]
            shown += [f"the content of {role} has changed"] if digests[0] != digests[1] else []
        if shown:
            more = f" and {len(shown) - MOST_NAMED} more" if len(shown) > MOST_NAMED else ""
            raise UsageError(
                f"{self.path} holds a run that differs from this one: {'; '.join(shown[:MOST_NAMED])}{more}; "
                "call it as before to go on, or start afresh with --overwrite"
            )

    def _check_own(self, patterns: Sequence[str]) -> None:
        """The folders of a run are replaced whole, so that nothing else may lie in them."""
        written = {path for pattern in patterns for path in self._found(pattern)}
        folders = {parent for path in written for parent in path.relative_to(self.path).parents}
        for folder in (self.path / name for name in folders if name != Path()):
            if foreign := sorted(set(folder.iterdir()) - written - {self.path / name for name in folders}):
                raise UsageError(f"{foreign[0]} was not written by the run in {self.path}: move it elsewhere")

    def _delete(self, patterns: Sequence[str]) -> None:
        """Delete these files and the folders that they leave empty; `run.json`, rewritten next, stays."""
        for path in {path for pattern in patterns if pattern != MARK for path in self._found(pattern)}:
            path.unlink()
            while (path := path.parent) != self.path and not any(path.iterdir()):
                path.rmdir()

    def _found(self, pattern: str) -> Iterator[Path]:
        """Files of this name that lie in the folder itself, and not behind a link."""
        for path in list(self.path.glob(pattern)):
            inside = path.parent.resolve().is_relative_to(self.path.resolve())
            if inside and (path.is_symlink() or path.is_file()):
                yield path

    def _write(self, more: Sequence[str]) -> None:
        """Write `run.json` with more files on its list."""
        self._files = list(dict.fromkeys([*self._files, *more]))
        run = {"format": FORMAT, "catenane": __version__, **self._run, "files": self._files}
        write_json(self.path / MARK, run)


def source_files(sources: Sequence[str | Path], data_dir: str | Path | None) -> list[Path]:
    """Files behind paths and names of data sets; standard input has none.

    Raises:
        DataError: One does not exist.
    """
    return [path for source in sources if (path := find_source(source, data_dir).path) is not None]


def bundle_files(name_or_path: str | Path) -> list[Path]:
    """Files of a bundle that decide what it predicts.

    Raises:
        BundleError: There is no such bundle.
    """
    folder = find_bundle(name_or_path)
    return [folder / name for name in ("config.json", "model.safetensors", "tokenizer.json")]


def _read(folder: Path) -> dict[str, Any] | None:
    """The `run.json` of a run of ours; None where there is none or it is foreign."""
    try:
        run = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(run, dict) or run.get("format") != FORMAT:
        return None
    files = run.get("files")
    if not isinstance(files, list) or not all(isinstance(name, str) and _is_inside(name) for name in files):
        return None
    return run


def _is_inside(name: str) -> bool:
    return bool(name) and not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts


def _is_leftover(path: Path) -> bool:
    """Of a process that was killed before it had written `run.json`."""
    return re.fullmatch(rf"\.{re.escape(MARK)}\.[0-9a-f]+\.part", path.name) is not None


def _digests(inputs: Mapping[str, Sequence[Path]]) -> dict[str, list[dict[str, str]]]:
    """Path and SHA-256 of each input; a file that is missing is left to the one who reads it."""
    digests: dict[str, list[dict[str, str]]] = {}
    for role, paths in inputs.items():
        digests[role] = []
        for path in filter(Path.is_file, paths):
            digests[role].append({"path": str(path), "sha256": file_digest(path)})
    return digests


def _leaves(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names of all that is no table, with their values."""
    if not isinstance(values, dict):
        yield name, values
        return
    for key, value in values.items():
        yield from _leaves(value, f"{name}.{key}" if name else key)
