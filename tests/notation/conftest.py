"""Strings of the real data sets."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest


def _column(path: Path, name: str, every: int = 1) -> list[str]:
    table = pd.read_csv(path, usecols=[name], dtype=str, keep_default_na=False)
    return table[name].tolist()[::every]


@pytest.fixture(scope="session")
def real_mofids(shared_data: Path) -> dict[str, list[str]]:
    """Every MOFid of the four sets, by file."""
    files = sorted((shared_data / "mof").glob("*.csv.gz"))
    return {file.name.removesuffix(".csv.gz"): _column(file, "mofid") for file in files}


@pytest.fixture(scope="session")
def real_smiles(shared_data: Path) -> dict[str, list[str]]:
    """About 150 strings from each file of molecules, spread evenly."""
    files = [*(shared_data / "smiles").glob("*.csv.gz"), *(shared_data / "molnet").glob("*.csv.gz")]
    columns = {file.name.removesuffix(".csv.gz"): _column(file, "smiles") for file in sorted(files)}
    return {name: strings[:: max(1, len(strings) // 150)] for name, strings in columns.items()}
