"""The data sets that Catenane knows by name: what they hold, in which units, and where they are."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from catenane.config import Task
from catenane.errors import DataError, suggestion
from catenane.notation import NotationName

__all__ = ["DATASETS", "Dataset", "dataset_file", "find_dataset", "match_dataset"]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Description of a public data set."""

    name: str
    """Group and short name: "molnet/esol"."""
    file: str
    """Path of its table inside the data folder."""
    notation: NotationName
    """What its strings are."""
    string_column: str
    """Column of the strings."""
    targets: dict[str, str]
    """Unit of each label column; "" for a pure number. The key "*" stands for every column not named."""
    task: dict[str, Task]
    """Kind of each label column, with the same keys."""
    rows: int
    """Data rows of the table."""
    description: str
    """What it is, in a line."""
    citation: str
    """The papers to cite."""
    licence: str
    """Licence of the public source."""
    address: str
    """Where it is public: repository, and the path inside it."""


def _load(path: Path) -> dict[str, Dataset]:
    entries: dict[str, dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))
    datasets = {}
    for name, entry in entries.items():
        values = entries.get(entry.pop("like", ""), {}) | entry
        units: dict[str, str] = values.pop("regression", {})
        classes: list[str] = values.pop("classification", [])
        task: dict[str, Task] = {
            **dict.fromkeys(units, "regression"),
            **dict.fromkeys(classes, "classification"),
        }
        datasets[name] = Dataset(name=name, targets=units | dict.fromkeys(classes, ""), task=task, **values)
    return datasets


DATASETS: dict[str, Dataset] = _load(Path(__file__).with_name("registry.toml"))
"""Every known data set by name."""


def match_dataset(name_or_path: str | Path) -> Dataset | None:
    """The data set of this name, or the one that a path points at; None where it is neither.

    A path is recognised by its last two parts (`molnet/esol.csv.gz`), or by its file name where only one
    data set has such a file; `.gz` may be missing.
    """
    if str(name_or_path) in DATASETS:
        return DATASETS[str(name_or_path)]
    parts = _plain_parts(name_or_path)
    for length in (2, 1):
        matches = [d for d in DATASETS.values() if _plain_parts(d.file)[-length:] == parts[-length:]]
        if len(matches) == 1:
            return matches[0]
    return None


def find_dataset(name_or_path: str | Path) -> Dataset:
    """The data set of this name, or the one that a path points at (see `match_dataset`).

    Raises:
        DataError: It is not known; the nearest name is given.
    """
    dataset = match_dataset(name_or_path)
    if dataset is None:
        name = str(name_or_path)
        raise DataError(f"no data set is called {name!r}: {suggestion(name, DATASETS)}")
    return dataset


def dataset_file(dataset: Dataset, data_dir: str | Path | None = None) -> Path:
    """Path of the local copy of a data set.

    Args:
        dataset: An entry of the registry.
        data_dir: Folder of the local copies; by default the environment variable CATENANE_DATA.

    Raises:
        DataError: There is no local copy; the message says where the data is public and under which licence.
    """
    folder = data_dir or os.environ.get("CATENANE_DATA")
    path = Path(folder or "") / dataset.file
    if folder and path.is_file():
        return path
    problem = f"{path} does not exist" if folder else f"set CATENANE_DATA to the folder that holds {path}"
    public = f"it is public at {dataset.address}, licence: {dataset.licence}"
    raise DataError(f"no local copy of {dataset.name!r}: {problem}; {public}")


def _plain_parts(path: str | Path) -> tuple[str, ...]:
    return PurePath(str(path).removesuffix(".gz")).parts
