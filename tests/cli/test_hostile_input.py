"""Whatever a file holds, the program answers with one clear line and 1 or 2, or works with what is left."""

import gzip
from pathlib import Path

import pytest

GOOD = "".join(f"{'C' * n}O,{n}\n" for n in range(1, 30))


def table(body: str | bytes, header: str = "smiles,y\n") -> bytes:
    return header.encode() + (body.encode() if isinstance(body, str) else body)


FATAL = {
    "empty file": (b"", "is empty"),
    "header alone": (table(""), "no row"),
    "no header": (table(GOOD.replace("C", "c1ccccc1C"), header=""), "header"),
    "wrong column": (table(GOOD, header="smiles,z\n"), "y"),
    "duplicate header": (table(GOOD, header="smiles,smiles\n"), "smiles"),
    "labels of text": (table("".join(f"{'C' * n},soluble\n" for n in range(1, 30))), "soluble"),
    "labels all missing": (table("".join(f"{'C' * n},\n" for n in range(1, 30))), "no row can be used"),
    "infinite labels": (table("".join(f"{'C' * n},inf\n" for n in range(1, 30))), "no row can be used"),
    "nothing parses": (
        table("".join(f"{'C' * n}(,1\n" for n in range(1, 30))),
        "unclosed|never closed|neither",
    ),
    "binary": (bytes(range(256)) * 20, "table.csv"),
    "workbook": (b"PK\x03\x04" + bytes(100), "save the sheet as CSV"),
}


@pytest.mark.parametrize("name", FATAL)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(name, catenane, tmp_path: Path, tiny_flags):
    content, message = FATAL[name]
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    told = catenane("finetune", path, "--target", "y", *tiny_flags, "--out", tmp_path / "run")
    assert told.code in (1, 2)
    assert any(part in told.err for part in message.split("|")), told.err
    assert len(told.err.strip().splitlines()) == 1
    assert "Traceback" not in told.err


def test_a_gzip_cut_short_is_refused_in_one_line(catenane, tmp_path: Path):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(table(GOOD * 2000))[:-2000])
    told = catenane("finetune", path, "--target", "y", "--out", tmp_path / "run")
    assert told.code == 1
    assert "cut short or damaged" in told.err
    assert len(told.err.strip().splitlines()) == 1


def test_a_missing_file_is_refused_in_one_line(catenane, tmp_path: Path):
    for verb in (["finetune", "--target", "y"], ["pretrain"]):
        told = catenane(verb[0], tmp_path / "nowhere.csv", *verb[1:], "--out", tmp_path / verb[0])
        assert told.code == 1
        assert "does not exist" in told.err
        assert len(told.err.strip().splitlines()) == 1


BAD_ROWS = {
    "unbalanced bracket": b"C(C,1\n",
    "unclosed ring": b"C1CC,1\n",
    "no molecule": b"C(C)(C)(C)(C)C,1\n",
    "NUL bytes": b"CC\x00C,1\n",
    "Latin-1": "CC\u00e9,1\n".encode("latin-1"),
    "1 MB string": b"C" * 1_000_000 + b",1\n",
    "no string": b",1\n",
    "NaN label": b"CCCCN,NaN\n",
    "infinite label": b"CCCCN,-inf\n",
    "one field": b"CCCCN\n",
    "three fields": b"CCCCN,1,2\n",
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_kept_aside_with_its_reason(name, catenane, tmp_path: Path, tiny_flags):
    path = tmp_path / "table.csv"
    path.write_bytes(table(GOOD.encode() + BAD_ROWS[name] + b"CCCCCN,3\n"))
    told = catenane(
        "finetune", path, "--target", "y", *tiny_flags, "--no-baselines", "--out", tmp_path / "run"
    )
    assert told.code == 0, told.err
    header, *rejected = (tmp_path / "run" / "rejected.csv").read_text().splitlines()
    assert header == "row,column,value,position,reason"
    assert len(rejected) == 1
    assert rejected[0].startswith("30,")
    assert len(rejected[0]) < 400
    assert "1 rows could not be used" in told.err


def test_a_bad_row_stops_the_run_if_asked(catenane, tmp_path: Path, tiny_flags):
    path = tmp_path / "table.csv"
    path.write_bytes(table(GOOD.encode() + b"C(C,1\n"))
    told = catenane(
        "finetune", path, "--target", "y", *tiny_flags, "--on-error", "raise", "--out", tmp_path / "run"
    )
    assert told.code == 1
    assert "row 30" in told.err
    assert "position 1" in told.err


@pytest.fixture(scope="module")
def run(molecule_file: Path, tiny, tmp_path_factory) -> Path:
    import catenane

    out = tmp_path_factory.mktemp("runs") / "run"
    catenane.finetune(molecule_file, target="size", out=out, settings=tiny, baselines=False)
    return out


@pytest.mark.parametrize("name", [name for name in BAD_ROWS if "label" not in name and "field" not in name])
def test_predict_answers_the_rows_around_a_bad_one(name, catenane, tmp_path: Path, run: Path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"smiles,y\nCCO,1\n" + BAD_ROWS[name] + b"CCN,1\n")
    told = catenane("predict", path, "--model", run)
    assert told.code == 0, told.err
    header, first, bad, last = told.out.splitlines()
    assert header == "smiles,y,size,size_low,size_high,in_domain,note,error"
    assert (first.split(",")[0], last.split(",")[0]) == ("CCO", "CCN")
    assert first.endswith(",")
    assert last.endswith(",")
    assert not bad.endswith(",")
    assert "1 of 3 rows have no prediction" in told.err
