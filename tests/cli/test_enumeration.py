import csv
from pathlib import Path

from catenane.notation import Mofid


def mofids(text: str) -> list[str]:
    header, *rows = csv.reader(text.splitlines())
    assert header == ["mofid", "node", "linkers", "linker_smiles", "net", "catenation"]
    return [row[0] for row in rows]


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_writes_well_formed_unique_frameworks_of_the_blocks_asked_for(catenane, tmp_path: Path):
    out = tmp_path / "candidates.csv"
    told = catenane(
        "enumerate", "mofs", "--nodes", "Zn4O", "--linkers", "BDC,BPDC", "--topologies", "pcu",
        "--functionalise", "F", "--catenations", "0,1", "--out", out,
    )  # fmt: skip
    assert told.code == 0, told.err
    texts = mofids(out.read_text())
    assert f"{len(texts):,} of {len(texts):,}" in told.err
    assert len(set(texts)) == len(texts) > 10
    for framework in map(Mofid.parse, texts):
        assert framework.nodes == ("[Zn][O]([Zn])([Zn])[Zn]",)
        assert framework.topology == "pcu"
        assert framework.catenation in (0, 1)
    assert any("F" in text for text in texts)


def test_a_sample_is_the_same_for_the_same_seed(catenane):
    words = ["enumerate", "mofs", "--sample", "50"]
    first, again, other = catenane(*words), catenane(*words), catenane(*words, "--seed", "1")
    assert mofids(first.out) == mofids(again.out)
    assert len(set(mofids(first.out)) & set(mofids(other.out))) < 10


def test_takes_linkers_of_ones_own(catenane, tmp_path: Path):
    path = tmp_path / "linkers.csv"
    path.write_text("smiles,name\nOC(=O)c1ccc(cc1)-c1ccc(cc1)C(O)=O,mine\n")
    told = catenane("enumerate", "mofs", "--linkers", path, "--nodes", "Zn4O", "--topologies", "pcu")
    assert told.code == 0, told.err
    assert mofids(told.out)
    assert all(text.startswith("O=C([O-])c1ccc(-c2ccc(C(=O)[O-])cc2)cc1.") for text in mofids(told.out))


def test_says_what_each_is_made_of_and_what_is_left_out(catenane, tmp_path: Path):
    out = tmp_path / "candidates.csv"
    told = catenane("enumerate", "mofs", "--nodes", "Zr6,Zn2", "--linkers", "FUM,BDC,DABCO", "--out", out)
    rows = table(out)
    assert "4 left out: linkers whose lengths do not close the net" not in told.err
    assert "2 left out: linkers whose lengths do not close the net" in told.err
    assert "left out: interpenetrating nets without room for each other" in told.err
    mixed = next(row for row in rows if row["net"] == "pcu" and row["linkers"].count(";") == 2)
    assert (mixed["node"], mixed["linkers"], mixed["catenation"]) == ("Zn2", "FUM; BDC; DABCO", "0")
    for row in rows:
        mofid = Mofid.parse(row["mofid"])
        assert sorted(mofid.linkers) == sorted(row["linker_smiles"].split("."))
        assert (mofid.topology, mofid.catenation) == (row["net"], int(row["catenation"]))


def test_rows_that_are_no_linkers_are_written_beside_the_output(catenane, tmp_path: Path):
    path, out = tmp_path / "acids.smi", tmp_path / "mine.csv"
    path.write_text("OC(=O)c1ccc(cc1)C(O)=O mine\nCCO ethanol\nc1c[nH]cn1 imidazole\n")
    words = ("enumerate", "mofs", "--linkers", path, "--nodes", "Zn4O,Zn", "--topologies", "pcu,sod")
    assert "no framework" not in catenane(*words).err
    told = catenane(*words[:4], "--nodes", "Zn4O", "--topologies", "pcu")
    assert "no framework is made of 1 of the linkers: imidazole" in told.err
    told = catenane(*words, "--out", out)
    assert told.code == 0, told.err
    rejects = tmp_path / "mine.rejected.csv"
    assert f"1 of 3 rows of {path} could not be used: see {rejects}" in told.err
    (row,) = table(rejects)
    assert (row["row"], row["value"]) == ("2", "CCO")
    assert {row["linkers"] for row in table(out)} == {"mine", "imidazole"}
    assert "row 2, column 'smiles': linker ethanol: fewer than two" in catenane(*words).err
    out.unlink()
    assert "mine.rejected.csv exists already" in catenane(*words, "--out", out).err
    path.write_text("OC(=O)c1ccc(cc1)C(O)=O mine\n")
    assert catenane(*words, "--out", out, "--overwrite").code == 0
    assert not rejects.exists()


def test_says_what_it_does_not_know(catenane, tmp_path: Path):
    assert "known are Zn4O" in catenane("enumerate", "mofs", "--nodes", "Zx").err
    assert "unknown topology" in catenane("enumerate", "mofs", "--topologies", "pcx").err
    assert catenane("enumerate", "mofs", "--catenations", "few").code == 2
    told = catenane("enumerate", "mofs", "--linkers", tmp_path / "nowhere.csv")
    assert told.code == 1
    assert len(told.err.strip().splitlines()) == 1
