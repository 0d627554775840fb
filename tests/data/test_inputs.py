"""What is predicted for: strings, tables and folders, a row for every row, with all their columns."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pandas as pd
import pytest

from catenane.data.inputs import open_inputs
from catenane.errors import DataError, UsageError


def read(*given, **options):
    """Strings, whether each can be read, and the columns of everything."""
    strings, errors, columns = [], [], {}
    for chunk in open_inputs([str(text) for text in given], **options).chunks():
        strings += chunk.strings
        errors += chunk.errors
        for name, values in chunk.columns.items():
            columns.setdefault(name, []).extend(values)
    return strings, [bool(error) for error in errors], columns


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


def test_strings_come_as_they_are():
    assert read("CCO", " C\u00a0C ", "C\udcff") == (
        ["CCO", " C\u00a0C ", "C\udcff"], [False, False, True],
        {"string": ["CCO", " C\u00a0C ", "C\udcff"]},
    )  # fmt: skip


def test_all_columns_of_a_table_come_with_the_strings(tmp_path: Path):
    path = write(tmp_path / "a.csv", "id,smiles,note\n1,CCO,x\n2,,\n3,CC\udce9,caf\udce9\n")
    strings, failed, columns = read(path)
    assert strings == ["CCO", "", "CC\udce9"]
    assert failed == [False, True, True]
    assert columns == {"id": ["1", "2", "3"], "smiles": strings, "note": ["x", "", "caf\udce9"]}


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("a.csv", "smiles,y\nCCO,1\n\nC(,2,3\nCC,4\n\n", ["CCO", "", "C(,2,3", "CC", ""]),
        ("a.csv", "smiles\n\nCCO\r\n\r\nCC\n", ["", "CCO", "", "CC"]),
        ("a.smi", "\nCCO ethanol\n\nCC\n", ["", "CCO", "", "CC"]),
        ("a.smi", "smiles name\n\nCCO ethanol\n", ["", "CCO"]),
        ("-", "CCO\n\n\nCC\n", ["CCO", "", "", "CC"]),
    ],
)
def test_line_k_is_row_k(name: str, text: str, lines: list[str], tmp_path: Path, monkeypatch):
    if name == "-":
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        strings, failed, _ = read("-")
    else:
        strings, failed, _ = read(write(tmp_path / name, text))
    assert strings == lines
    assert failed == [line in ("", "C(,2,3") for line in lines]


def test_a_list_has_the_columns_string_and_name(tmp_path: Path):
    _, _, columns = read(write(tmp_path / "a.smi", "CCO my ethanol\nCC\n"))
    assert columns == {"string": ["CCO", "CC"], "name": ["my ethanol", ""]}


@pytest.mark.parametrize("space", ["\u00a0", "\u2028", "\u3000", "\x85"])
def test_only_ascii_white_space_ends_a_string(space: str, tmp_path: Path):
    strings, _, _ = read(write(tmp_path / "a.smi", f"CCC{space}C=C1\nCC{space} name\n"))
    assert strings == [f"CCC{space}C=C1", f"CC{space}"]


def test_several_tables_and_folders_are_read_in_order_with_their_names(tmp_path: Path):
    folder = tmp_path / "shards"
    folder.mkdir()
    first = write(tmp_path / "first.csv", "id,smiles\n1,C\n")
    (folder / "b.csv.gz").write_bytes(gzip.compress(b"smiles,y\nCC,2\n"))
    write(folder / "a.smi", "CCC propane\n")
    write(folder / ".hidden.csv", "smiles\nN\n")
    write(folder / "README", "not a table\n")
    strings, _, columns = read(first, folder)
    assert strings == ["C", "CCC", "CC"]
    assert columns == {
        "source": [str(first), str(folder / "a.smi"), str(folder / "b.csv.gz")],
        "id": ["1", None, None], "smiles": ["C", None, "CC"], "string": [None, "CCC", None],
        "name": [None, "propane", None], "y": [None, None, "2"],
    }  # fmt: skip


def test_a_folder_of_one_table_has_a_source_too_beside_a_column_of_that_name(tmp_path: Path):
    write(tmp_path / "a.csv", "smiles,source\nC,book\n")
    _, _, columns = read(tmp_path)
    assert columns == {"source_file": [str(tmp_path / "a.csv")], "smiles": ["C"], "source": ["book"]}


def test_tables_and_strings_are_not_mixed(tmp_path: Path):
    path = write(tmp_path / "a.csv", "smiles\nC\n")
    with pytest.raises(UsageError, match=r"a\.csv' is a table and 'CCO' is not"):
        open_inputs([str(path), "CCO"])
    with pytest.raises(DataError, match=r"b\.csv does not exist"):
        open_inputs([str(path), str(tmp_path / "b.csv")])
    with pytest.raises(UsageError, match="only once"):
        open_inputs(["-", "-"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty holds no table: none of its files ends in \.csv"):
        open_inputs([str(tmp_path / "empty")])


def test_typed_columns_keep_their_types(tmp_path: Path):
    table = pd.DataFrame({"smiles": ["C", None], "n": [1, 2], "tags": [["a"], []]})
    table.to_parquet(tmp_path / "a.parquet")
    table.assign(n=[1.5, 2.5]).to_parquet(tmp_path / "b.parquet")
    strings, failed, columns = read(tmp_path / "a.parquet")
    assert (strings, failed) == (["C", ""], [False, True])
    assert columns == {"smiles": ["C", None], "n": [1, 2], "tags": [["a"], []]}
    assert set(open_inputs([str(tmp_path / "a.parquet")]).types) == {"smiles", "n", "tags"}
    assert set(open_inputs([str(tmp_path)]).types) == {"smiles", "tags"}


def test_a_giant_line_is_one_bad_row_and_does_not_fill_the_memory(tmp_path: Path, peak_memory):
    path = tmp_path / "a.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"smiles,y\nCCO,1\n")
        for _ in range(128):
            file.write(b"C" * (1 << 20))
        file.write(b"\nCC,2\n")
    found = []
    assert peak_memory(lambda: found.extend(read(path))) < 48 << 20
    strings, failed, _ = found
    assert failed == [False, True, False]
    assert strings[1].startswith("CCCC")
    assert strings[2] == "CC"


def test_many_bad_rows_do_not_pile_up(tmp_path: Path, peak_memory):
    line = f"{'C' * 100_000},1,2\n".encode()
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"smiles,y\n" + line * 1000, 1))

    def count() -> int:
        return sum(len(chunk.strings) for chunk in open_inputs([str(tmp_path / "a.csv.gz")]).chunks())

    assert count() == 1000
    assert peak_memory(count) < 60 << 20
