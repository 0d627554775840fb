"""Strings that several of these tests read."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st

REAL = {
    "smiles": [
        "CC(=O)Oc1ccccc1C(=O)O",
        "C[C@@H](N)C(=O)[O-].[Na+]",
        r"F/C=C\Br",
        "Clc1ccc(Cl)c(-c2nc3ccccc3s2)c1",
        "C%10CCCCC%10C%11CC%11",
        "[13C@@H](F)(Cl)[2H]",
        "c1cc[nH]c1",
        "N->[Pt](Cl)(Cl)<-N",
    ],
    "mofid": [
        "[Zn].c1ccncc1&&pcu.cat0",
        "[O-]C(=O)c1ccc(cc1)C(=O)[O-].[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat1",
        "Cc1c(Cn2cncc2)c(C)cc1.[Ni]&&UNKNOWN,ERROR.cat0",
        "[Cu][Cu].[O-]C(=O)c1cc(Br)cc(Cl)c1&&bcu,fcu",
        "[V].[O]&&lcv-f.cat12",
        "[Zr]&&NA",
        "[Zn].Cl&&",
        "c1ccncc1",
    ],
}
ODD = [
    "",
    " ",
    "[",
    "]",
    "[]",
    "[Zn",
    "Zn]c",
    "[[Zn]]",
    "[Zn[Cu]",
    "C\nC",
    "[C\nC]",
    "C\x00[\x00]",
    "%",
    "%1",
    "%%12",
    "%12%1",
    "BrB",
    "BC",
    "lClr",
    "é€😀Cé",
    "[é€].é",
    "&",
    "&&",
    "&&&",
    "&&&&",
    "[&&]",
    "a&&b&&c.cat1",
    "C&&é.cat0",
    "C&&pcu.cat",
    "C&&pcu.cat0x-y",
    "C&&.cat0.cat1",
    "C&&Cl%12[Zn]Br",
    "C&&c",
    "C[MASK]O",
    "[[MASK]C",
    "C&&pcu[UNK]ccpcu&&pcu.cat0",
    "C[an-atom-whose-name-is-long]",
    "C&&a-code-whose-name-is-long.cat0123456789",
]
PIECES = [
    *"CcnlrBZ[]%&.,-@*€é\n\x00 ",
    "&&",
    "Br",
    "Cl",
    "%12",
    "[Zn]",
    "[C@@H]",
    "pcu",
    ".cat0",
    "cat",
    "[MASK]",
]


@pytest.fixture(params=["smiles", "mofid"])
def notation(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def odd_strings() -> list[str]:
    """Strings that nobody means to write, and that must not be lost, fused or fatal."""
    return ODD


@pytest.fixture
def real_strings() -> dict[str, list[str]]:
    """A few true strings of each notation."""
    return REAL


@pytest.fixture(scope="session")
def mixed_text() -> st.SearchStrategy[str]:
    """Texts in which the pieces of both notations stand in any order."""
    return st.lists(st.sampled_from(PIECES) | st.characters(codec="utf-8"), max_size=16).map("".join)


@pytest.fixture(scope="session")
def data_strings(shared_data: Path) -> Callable[[str], list[str]]:
    """The distinct strings of every file in a folder of the real data, as they stand there."""

    def read(folder: str) -> list[str]:
        strings: dict[str, None] = {}
        for path in sorted((shared_data / folder).glob("*.csv.gz")):
            with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
                rows = csv.reader(file)
                header = next(rows)
                column = header.index("mofid" if "mofid" in header else "smiles")
                strings.update(dict.fromkeys(row[column] for row in rows))
        return list(strings)

    return read
