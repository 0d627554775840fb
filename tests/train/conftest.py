"""Tables of labels that are no plain numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def bounded(molecules, tmp_path_factory) -> Path:
    """The length of a molecule, of the long ones only that it is above eight."""
    path = tmp_path_factory.mktemp("bounds") / "bounds.csv"
    cells = [">8" if len(text) > 8 and i % 3 else str(len(text)) for i, text in enumerate(molecules)]
    rows = [f"{text},{cell},{len(text)}" for text, cell in zip(molecules, cells, strict=True)]
    path.write_text("smiles,y,true\n" + "\n".join(rows) + "\nCCCCCCCCC,>high,9\n")
    return path


def _kind(text: str) -> str:
    return "halide" if {"F", "l", "r"} & set(text) else "oxide" if "O" in text else "other"


@pytest.fixture(scope="session")
def kind() -> Callable[[str], str]:
    """A function that classes a molecule by how it ends."""
    return _kind


@pytest.fixture(scope="session")
def classed(molecules, tmp_path_factory) -> Path:
    """How a molecule ends, as text and as numbers, which are not labelled as classes."""
    path = tmp_path_factory.mktemp("classes") / "classes.csv"
    codes = {"halide": 7, "oxide": -1, "other": 10}
    rows = [
        f"{text},{_kind(text)},{codes[_kind(text)]},{len(text)},{int(_kind(text) == 'oxide')}"
        for text in molecules
    ]
    path.write_text("smiles,kind,code,size,is_oxide\n" + "\n".join(rows) + "\nCCCCCCCCC,,,9,\n")
    return path
