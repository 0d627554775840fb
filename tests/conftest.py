"""Fixtures that several floors share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data sets; tests that need it are skipped where it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CATENANE_DATA", beside))
    if not (folder / "mof" / "hmof_mofid.csv.gz").is_file():
        pytest.skip(f"the real data sets are not at {folder}: set CATENANE_DATA to their folder")
    return folder
