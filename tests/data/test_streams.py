"""From paths and standard input to strings, in a stream."""

from __future__ import annotations

import gzip
import io
import sys

import pytest

from catenane.data import stream_strings
from catenane.errors import DataError

MOLECULES = ["CCO", "c1ccccc1", "CC(=O)O"]


def write(path, text, encoding="utf-8"):
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


def strings(source, **options):
    return [string for _, string in stream_strings(source, **options)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "y,smiles\n1,CCO\n2,c1ccccc1\n3,CC(=O)O\n"),
        ("a.csv.gz", "y,smiles\n1,CCO\n2,c1ccccc1\n3,CC(=O)O\n"),
        ("a.tsv", "Canonical SMILES\ty\nCCO\t1\nc1ccccc1\t2\nCC(=O)O\t3\n"),
        ("a.TSV.GZ", "smiles\ty\nCCO\t1\nc1ccccc1\t2\nCC(=O)O\t3\n"),
        ("a.smi", "CCO ethanol\nc1ccccc1 benzene\nCC(=O)O\n"),
        ("a.smi.gz", "CCO\nc1ccccc1\nCC(=O)O\n"),
        ("a.txt", "CCO\nc1ccccc1\nCC(=O)O\n"),
        ("a.txt", "smiles,y\nCCO,1\nc1ccccc1,2\nCC(=O)O,3\n"),
        ("a.dat", "id\tstructure\n1\tCCO\n2\tc1ccccc1\n3\tCC(=O)O\n"),
        ("a.txt", "smiles\nCCO\nc1ccccc1\nCC(=O)O\n"),
        ("a.csv", "smiles;y\nCCO;1\nc1ccccc1;2\nCC(=O)O;3\n"),
        ("a.csv", "\nid\tsmiles\n1\tCCO\n2\tc1ccccc1\n3\tCC(=O)O\n"),
        ("a.tsv", "id,smiles\n1,CCO\n2,c1ccccc1\n3,CC(=O)O\n"),
    ],
)
def test_every_layout_gives_the_same_strings(tmp_path, name, text):
    if name.endswith(".GZ"):
        (tmp_path / name).write_bytes(gzip.compress(text.encode()))
    else:
        write(tmp_path / name, text)
    assert list(stream_strings(tmp_path / name)) == list(enumerate(MOLECULES, 1))


def test_gzip_is_known_by_its_bytes_not_by_its_name(tmp_path):
    (tmp_path / "a.csv").write_bytes(gzip.compress(b"smiles\nCC\n"))
    write(tmp_path / "b.csv", "smiles\nCC\n").rename(tmp_path / "b.csv.gz")
    assert strings(tmp_path / "a.csv") == strings(tmp_path / "b.csv.gz") == ["CC"]


@pytest.mark.parametrize("text", ["smiles,y\nCCO,1\nCC,2\n", "CCO\nCC\n", "CCO ethanol\nCC\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_standard_input_may_have_a_header_or_none(monkeypatch, text, packed):
    data = gzip.compress(text.encode()) if packed else text.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert strings("-") == ["CCO", "CC"]


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path):
    write(tmp_path / "a.csv", "smiles,y\nCC,1\n", encoding="utf-8-sig")
    assert strings(tmp_path / "a.csv", string_column="smiles") == ["CC"]


def test_a_row_without_string_raises_or_is_handed_over(tmp_path):
    path = write(tmp_path / "a.csv", "smiles,y\nCC,1\n ,2\nCO,3\nC,4,5\n")
    with pytest.raises(DataError, match=r"a\.csv, row 2, column 'smiles': the string is missing"):
        strings(path)
    rejected = []
    assert strings(path, on_rejection=rejected.append) == ["CC", "CO"]
    assert [rejection.row for rejection in rejected] == [2, 4]


def test_a_long_file_is_read_without_holding_it(tmp_path, peak_memory):
    row = f"CCCCCCCCCC,{'x' * 5000}\n"
    path = write(tmp_path / "a.csv.gz", "smiles,name\n" + row * 5_000)
    assert peak_memory(lambda: sum(1 for _ in stream_strings(path))) < 8 << 20


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"", "the file is empty"),
        ("a.csv.gz", gzip.compress(b""), "the file is empty"),
        ("a.csv.gz", gzip.compress(b"smiles\n" + b"CCO\n" * 9999)[:60], "gzip file is cut short or damaged"),
        ("a.csv.gz", b"\x1f\x8b\x08\x00" + b"x" * 50, "gzip file is cut short or damaged"),
        ("a.csv", b"PK\x03\x04xxxx", "Excel workbook"),
        ("a.csv", "smiles\nCC\n".encode("utf-16"), "encoded in UTF-16"),
        ("a.csv.gz", gzip.compress("smiles\nCC\n".encode("utf-16")), "encoded in UTF-16"),
        ("a.csv", b"x,y\n", "no rows under its header"),
        ("a.parquet", b"PAR1 and then nothing", "not a readable Parquet file"),
        ("a.csv", b"x,z\n1,2\n", "no column looks like SMILES or MOFid; the columns are x, z"),
        ("a.csv", b"CCO,1.5\nCCN,2.5\nCCC,3\n", "first line looks like data"),
        ("a.csv", b"from,to\nCCO,CC=O\nCCC,CC=C\n", "may be in any of from, to: say which"),
    ],
    ids=range(12),
)
def test_what_cannot_be_read_is_refused_with_its_name(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(DataError) as error:
        strings(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_files_and_folders_are_told_apart(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        strings(tmp_path / "none.csv")
    with pytest.raises(DataError, match="no data set is called so: did you mean 'molnet/esol'"):
        strings("molnet/esoll")
    with pytest.raises(DataError, match="is a folder"):
        strings(tmp_path)


def test_a_reader_may_stop_early(tmp_path):
    path = write(tmp_path / "a.csv.gz", "smiles\n" + "CC\n" * 100_000)
    stream = stream_strings(path)
    assert next(stream) == (1, "CC")
    stream.close()


def test_real_files_are_read_whole(shared_data):
    for name, rows in [
        ("smiles/zinc250k_part", 29_445),
        ("mof/coremof2024", 16_499),
        ("molnet/toxcast", 8_615),
    ]:
        assert sum(1 for _ in stream_strings(name, data_dir=shared_data)) == rows
