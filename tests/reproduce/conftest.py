"""A data folder with made-up frameworks under the names of the registry, and settings for seconds."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from catenane.data import DATASETS


@pytest.fixture(scope="session")
def made_up_data(mof_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Local copies of mof/hmof and mof/qmof with the frameworks of `mof_file`; labels follow its uptake."""
    folder = tmp_path_factory.mktemp("data")
    lines = [line.split(",")[:2] for line in mof_file.read_text().splitlines()[1:]]
    for name in ("mof/hmof", "mof/qmof"):
        dataset = DATASETS[name]
        targets = list(dataset.targets)
        rows = [",".join(["mofid", *targets])]
        rows += [
            ",".join([string, *(f"{float(uptake) * (n + 1):.4f}" for n in range(len(targets)))])
            for string, uptake in lines
        ]
        path = folder / dataset.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(("\n".join(rows) + "\n").encode()))
    return folder


@pytest.fixture(scope="session")
def smallest() -> dict[str, object]:
    """Recipe settings for runs of a few seconds."""
    return {
        "encoder.d_model": 16,
        "encoder.n_layers": 1,
        "encoder.n_heads": 2,
        "encoder.d_hidden": 16,
        "encoder.max_length": 128,
        "head.hidden": [16],
    }
