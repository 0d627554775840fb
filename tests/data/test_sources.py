"""The registry says what the files hold."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pyarrow
import pytest

from catenane.data import read_table
from catenane.data.sources import DATASETS, dataset_file, find_dataset, find_sources, match_dataset
from catenane.errors import DataError


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset.name)
def test_an_entry_is_complete(dataset):
    assert dataset.description
    assert dataset.citation
    assert dataset.licence
    assert dataset.address.startswith("https://github.com/")
    assert dataset.rows > 0
    assert dataset.targets.keys() == dataset.task.keys()
    assert all((dataset.targets[c] != "") == (kind == "regression") for c, kind in dataset.task.items())


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset.name)
def test_columns_and_rows_are_those_of_the_file(dataset, shared_data):
    with gzip.open(dataset_file(dataset, shared_data), "rt", newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = next(reader)
        rows = sum(1 for _ in reader) if dataset.rows < 50_000 else dataset.rows
    assert {dataset.string_column, *dataset.targets} - {"*"} <= set(header)
    assert rows == dataset.rows


def test_every_table_of_the_folder_is_registered(shared_data):
    there = {str(path.relative_to(shared_data)) for path in shared_data.glob("*/*.csv.gz")}
    assert there == {dataset.file for dataset in DATASETS.values()}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("molnet/esol", "molnet/esol"),
        ("../shared/data/molnet/esol.csv.gz", "molnet/esol"),
        ("/x/molformer_splits/esol.csv", "molformer_splits/esol"),
        ("downloads/qmof_mofid.csv.gz", "mof/qmof"),
        ("muv.csv", "molnet/muv"),
        ("esol.csv", None),
        ("mine.csv", None),
        ("-", None),
    ],
)
def test_names_and_paths_are_recognised(name, found):
    dataset = match_dataset(name)
    assert (dataset and dataset.name) == found


def test_an_unknown_name_shows_the_nearest():
    with pytest.raises(DataError, match="did you mean 'molnet/esol'"):
        find_dataset("molnet/esoll")


def test_units_and_kinds():
    assert find_dataset("mof/hmof").targets["co2_0.1bar"] == "mol/kg"
    assert find_dataset("molnet/esol").targets["logS"] == "log10 mol/L"
    assert find_dataset("mof/qmof").targets == {"bandgap_ev": "eV"}
    assert find_dataset("molnet/bace").task == {"pIC50": "regression", "class": "classification"}
    assert find_dataset("molnet/sider").task == {"*": "classification"}


def test_without_a_local_copy_the_public_address_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("CATENANE_DATA", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "own"))
    with pytest.raises(DataError) as error:
        read_table("molnet/esol")
    for part in (
        str(tmp_path / "own" / "catenane" / "data" / "molnet" / "esol.csv.gz"),
        "run catenane data fetch molnet/esol, or set CATENANE_DATA",
        "https://github.com/deepchem/deepchem",
        "licence: MIT",
    ):
        assert part in str(error.value)
    monkeypatch.setenv("CATENANE_DATA", str(tmp_path))
    with pytest.raises(DataError, match="does not exist"):
        read_table("molnet/esol")


def test_a_data_set_is_read_by_its_name_with_its_units(monkeypatch, tmp_path):
    (tmp_path / "molnet").mkdir()
    (tmp_path / "molnet" / "esol.csv.gz").write_bytes(gzip.compress(b"name,smiles,logS\nethane,CC,-1\n"))
    monkeypatch.setenv("CATENANE_DATA", str(tmp_path))
    by_name = read_table("molnet/esol", targets=["logS"])
    by_path = read_table(tmp_path / "molnet" / "esol.csv.gz", targets=["logS"])
    assert by_name.units == by_path.units == {"logS": "log10 mol/L"}
    assert by_name.strings == by_path.strings == ["CC"]
    assert read_table("molnet/esol", data_dir=tmp_path).source == "molnet/esol"


def test_zstd_is_read_like_the_plain_file_and_damage_is_noticed(tmp_path):
    packed = pyarrow.Codec("zstd").compress(b"smiles,y\nCCO,1\nCC,2\n", asbytes=True)
    more = pyarrow.Codec("zstd").compress(b"CCN,3\n", asbytes=True)
    path = tmp_path / "data.csv.zst"
    path.write_bytes(packed + more)
    assert read_table(path, targets=["y"]).strings == ["CCO", "CC", "CCN"]
    path.write_bytes(packed[:-6])
    with pytest.raises(DataError, match=r"data\.csv\.zst: cannot be read: Truncated compressed stream"):
        read_table(path, targets=["y"])


def test_a_folder_stands_for_its_tables_and_compressed_ones_are_tables(tmp_path):
    for name in ("b.smi.zst", "a.csv.gz", "c.parquet", "README.md", ".hidden.smi", "d.smi"):
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    found = [Path(source.name).name for source in find_sources(tmp_path)]
    assert found == ["a.csv.gz", "b.smi.zst", "c.parquet", "d.smi"]
    with pytest.raises(DataError, match="holds no table"):
        find_sources(tmp_path / "empty")
