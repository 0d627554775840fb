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


def test_a_file_that_is_no_table_is_refused_as_such(catenane, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("CCO alcohol\nCCC gas\n")
    told = catenane("finetune", tmp_path / "notes.txt", "--target", "y", "--out", tmp_path / "run")
    assert told.code == 1
    assert "there is no column 'y', since this is read as a list" in told.err


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


def test_bad_rows_are_kept_aside_with_their_reasons(catenane, tmp_path: Path, tiny_flags):
    path = tmp_path / "table.csv"
    bad_and_good = [bad + f"{'C' * n}N,3\n".encode() for n, bad in enumerate(BAD_ROWS.values(), start=5)]
    path.write_bytes(table(GOOD.encode() + b"".join(bad_and_good)))
    told = catenane(
        "finetune", path, "--target", "y", *tiny_flags, "--no-baselines", "--out", tmp_path / "run"
    )
    assert told.code == 0, told.err
    header, *rejected = (tmp_path / "run" / "rejected.csv").read_text().splitlines()
    assert header == "row,column,value,position,reason"
    rows = {name: str(30 + 2 * place) for place, name in enumerate(BAD_ROWS)}
    assert dict(zip(BAD_ROWS, (line.split(",")[0] for line in rejected), strict=True)) == rows
    assert all(len(line) < 400 for line in rejected)
    assert f"{len(BAD_ROWS)} rows could not be used" in told.err


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


def test_predict_gives_the_rows_around_bad_ones(catenane, tmp_path: Path, run: Path):
    path = tmp_path / "table.csv"
    unreadable = [row for name, row in BAD_ROWS.items() if "label" not in name and "field" not in name]
    path.write_bytes(b"smiles,y\nCCO,1\n" + b"".join(row + b"CCN,1\n" for row in unreadable))
    told = catenane("predict", path, "--model", run)
    assert told.code == 0, told.err
    header, *rows = told.out.splitlines()
    assert header == "smiles,y,size,size_low,size_high,in_domain,note,error"
    good, bad = rows[::2], rows[1::2]
    assert [row.split(",")[0] for row in good] == ["CCO"] + ["CCN"] * len(unreadable)
    assert all(row.endswith(",") for row in good)
    assert len(bad) == len(unreadable)
    assert not any(row.endswith(",") for row in bad)
    assert f"{len(unreadable)} of {len(rows)} rows have no prediction" in told.err
