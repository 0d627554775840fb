import csv
import json
from pathlib import Path

import numpy as np
import pytest

from catenane.errors import DataError, UsageError
from catenane.formatting import number
from catenane.models.bundle import load_bundle
from catenane.train import finetune, pretrain
from catenane.train.folder import RunFolder

pytestmark = pytest.mark.usefixtures("undrawn")


def test_repeated_strings_take_the_class_that_most_of_them_carry(molecules: list[str], tiny, tmp_path: Path):
    """The diol is 0, 0 and 1; the diamine is 0 and 1, which is no class."""
    rows = [f"{text},{index % 2}" for index, text in enumerate(molecules[::3])]
    repeats = ["OCCCCCCO,0", "C(O)CCCCCO,0", "OCCCCCCO,1", "NCCCCCCN,0", "NCCCCCCN,1"]
    path = tmp_path / "classes.csv"
    path.write_text("smiles,y\n" + "\n".join(rows + repeats) + "\n")
    result = finetune(path, target="y", out=tmp_path / "run", settings=tiny, baselines=False, device="cpu")
    labels = dict(zip(result.table.strings, result.table.targets[:, 0], strict=True))
    assert labels["OCCCCCCO"] == 0
    assert "NCCCCCCN" not in labels
    assert set(np.unique(result.table.targets)) == {0.0, 1.0}
    with (tmp_path / "run" / "rejected.csv").open() as file:
        (rejected,) = csv.DictReader(file)
    assert "both classes equally often" in rejected["reason"]
    assert result.metrics["duplicates"] == {"strings": 2, "rows": 5, "conflicting": 2, "handling": "mean"}


def test_repeated_numbers_are_aggregated_as_asked(molecules: list[str], tiny, tmp_path: Path):
    path = tmp_path / "numbers.csv"
    rows = [f"{text},{len(text)}" for text in molecules[::3]]
    path.write_text("smiles,y\n" + "\n".join([*rows, "OCCCCCCO,1", "OCCCCCCO,2", "OCCCCCCO,6"]) + "\n")
    for how, value in (("mean", 3.0), ("median", 2.0), ("first", 1.0)):
        result = finetune(
            path, target="y", out=tmp_path / how, duplicates=how, settings=tiny, baselines=False, device="cpu"
        )
        labels = dict(zip(result.table.strings, result.table.targets[:, 0], strict=True))
        assert labels["OCCCCCCO"] == value
    floor = json.loads((tmp_path / "mean" / "metrics.json").read_text())["noise_floor"]["y"]
    assert (floor["groups"], floor["rows"]) == (1, 3)
    assert floor["mean_absolute_deviation"] == 2.0


def test_a_run_that_failed_on_its_data_leaves_no_folder_behind(molecule_file: Path, tiny, tmp_path: Path):
    out = tmp_path / "run"
    with pytest.raises(DataError, match="did you mean 'size'"):
        finetune(molecule_file, target="sizes", out=out, settings=tiny, baselines=False)
    assert not out.exists()
    finetune(molecule_file, target="size", out=out, settings=tiny, baselines=False)
    assert (out / "report.html").exists()


def test_only_uptakes_inherit_isotherms(mof_file: Path, tiny, tmp_path: Path):
    """A model of isotherms is a parent like any other for labels that are no uptakes at a pressure."""
    options = {"baselines": False, "device": "cpu"}
    settings = tiny | {"head.isotherm_sites": 2, "head.target_scale": "sqrt"}
    few = tmp_path / "few.csv"
    header, *rows = mof_file.read_text().splitlines()
    few.write_text("\n".join([header, *rows[::3]]) + "\n")
    finetune(few, target=["co2_0.1bar", "co2_1bar"], out=tmp_path / "parent", settings=settings, **options)
    for target, sites in (("uptake", 0), ("co2_1bar", 2)):
        finetune(few, target=target, model=tmp_path / "parent", out=tmp_path / target, **options)
        head = load_bundle(tmp_path / target).config.recipe.head
        assert head.isotherm_sites == sites
        assert head.target_scale == "sqrt", "inherited, or found in labels that are skewed amounts"


def test_overwriting_leaves_nothing_of_the_run_but_what_is_not_its_own(
    molecule_file: Path, tiny, tmp_path: Path
):
    """Every file that either verb writes is on the list of its run."""
    options = {"settings": tiny, "log": "tensorboard", "device": "cpu"}
    out = tmp_path / "run"
    for again in (False, True):
        pretrain([molecule_file], out=out, overwrite=again, **options)
        (out / "notes.txt").write_text("mine")
        finetune(molecule_file, target="size", out=out, overwrite=True, baselines=False, **options)
    assert not (out / "corpus").exists()
    run = RunFolder(out, {}, {}, (), overwrite=True)
    run.open()
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == ["notes.txt", "run.json"]


def test_a_baseline_that_fails_leaves_the_model_and_its_report(
    molecule_file: Path, tiny, tmp_path: Path, monkeypatch, caplog
):
    def broken(*_):
        assert load_bundle(tmp_path / "run").card["targets"]["size"]["test"]["n"]
        raise MemoryError("no room")

    monkeypatch.setattr("catenane.baselines.suite._linear", broken)
    result = finetune(molecule_file, target="size", out=tmp_path / "run", settings=tiny, device="cpu")
    assert result.metrics["failed_baselines"] == {"ngram-ridge": "no room"}
    score = number(result.metrics["targets"]["size"]["test"]["mae"])
    assert repr(result) == f"FinetuneResult('molecules: size' in {tmp_path / 'run'}; test size: mae {score})"
    assert (
        repr(result.table)
        == f"Table('{molecule_file}': {len(result.table)} rows of smiles, 0 rejected; size)"
    )
    assert "baseline ngram-ridge failed and is left out: no room" in caplog.text
    card = load_bundle(tmp_path / "run").card
    assert set(card["targets"]["size"]["extremes"]) == {"highest", "lowest"}
    assert list(card["targets"]["size"]["baselines"]) == ["median", "descriptor-gbm", "morgan-forest"]
    assert (tmp_path / "run" / "report.html").is_file()


def test_test_rows_come_from_a_file_of_their_own(molecules: list[str], tiny, tmp_path: Path):
    def write(name, texts):
        path = tmp_path / name
        rows = [f"{text},{len(text)}" for text in texts]
        path.write_text("\n".join(["smiles,size", *rows]) + "\n")
        return path

    known = write("known.csv", molecules[:80])
    tested = write("tested.csv", [*molecules[78:100], "C1CC"])
    options = {"target": "size", "settings": tiny, "baselines": False, "device": "cpu"}
    run = finetune(known, test=tested, sizes=(90, 10), out=tmp_path / "run", **options)
    split = run.metrics["split"]
    assert (split["train"], split["valid"], split["test"], split["test_file"]) == (70, 8, 22, "tested.csv")
    assert run.metrics["targets"]["size"]["test"]["n"] == 22
    with (tmp_path / "run" / "rejected.csv").open() as file:
        rejected = [(row["row"], row["column"]) for row in csv.DictReader(file)]
    assert rejected == [("79", "smiles"), ("80", "smiles"), ("23", f"smiles of {tested}")]
    assert "tested.csv" in (tmp_path / "run" / "report.html").read_text()
    with pytest.raises(UsageError, match="the content of the test rows has changed"):
        finetune(known, sizes=(0.9, 0.1, 0), out=tmp_path / "run", resume=True, **options)


def test_all_rows_may_train(molecule_file: Path, tiny, tmp_path: Path):
    options = {"target": "size", "settings": tiny, "device": "cpu"}
    result = finetune(molecule_file, sizes=(100, 0, 0), out=tmp_path / "run", **options)
    assert result.metrics["split"]["train"] == len(result.table)
    assert (tmp_path / "run" / "report.html").is_file()
    assert load_bundle(tmp_path / "run").card["targets"]["size"]["test"]["n"] == 0


def test_rows_are_split_by_their_time(molecules: list[str], tiny, tmp_path: Path):
    path = tmp_path / "dated.csv"
    rows = [f"{text},{len(text)},{2000 + n // 4 if n else 'soon'}" for n, text in enumerate(molecules)]
    path.write_text("\n".join(["smiles,size,year", *rows]) + "\n")
    options = {"target": "size", "settings": tiny, "baselines": False, "device": "cpu"}
    result = finetune(path, split="time:year", out=tmp_path / "run", **options)
    assert [row.reason.partition(",")[0] for row in result.table.rejected] == [
        "there is no number or ISO date"
    ]
    year = np.array(result.table.columns["year"], dtype=int)
    assert year[result.split.train].max() < year[result.split.valid].min()
    assert year[result.split.valid].max() < year[result.split.test].min()
    with pytest.raises(UsageError, match="leave sizes out"):
        finetune(path, split="column:year", sizes=(80, 10, 10), out=tmp_path / "other", **options)


def test_another_run_is_refused_and_nothing_is_written(molecule_file: Path, tiny, tmp_path: Path):
    options = {"out": tmp_path / "run", "settings": tiny, "device": "cpu", "resume": True}
    finetune(molecule_file, target="size", baselines=False, **options)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    for change in ({"seed": 1}, {"split": "scaffold"}, {"column": "smiles"}, {"target": "sparse"}):
        with pytest.raises(UsageError, match=f"differs from this one: {next(iter(change))}"):
            finetune(molecule_file, **{"target": "size", "baselines": False} | options | change)
    with pytest.raises(UsageError, match="verb was 'finetune' and is 'pretrain'"):
        pretrain([molecule_file], **options)
    changed = tmp_path / molecule_file.name
    changed.write_text(molecule_file.read_text().replace(",9,", ",8,", 1))
    with pytest.raises(UsageError, match="the content of the data has changed"):
        finetune(changed, target="size", baselines=False, **options)
    assert before == {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}


def test_a_changed_parent_or_corpus_is_another_run(molecule_file: Path, tiny, tmp_path: Path):
    options = {"settings": tiny, "device": "cpu"}
    pretrain([molecule_file], out=tmp_path / "encoder", **options)
    tuning = {"target": "size", "model": tmp_path / "encoder", "out": tmp_path / "run", "resume": True}
    finetune(molecule_file, baselines=False, **tuning, **options)
    corpus = tmp_path / "other.smi"
    corpus.write_text(molecule_file.read_text().replace("smiles,", "smiles,old_", 1))
    with pytest.raises(UsageError, match="the content of the corpora has changed"):
        pretrain([corpus], out=tmp_path / "encoder", resume=True, **options)
    pretrain([molecule_file], out=tmp_path / "encoder", seed=1, overwrite=True, **options)
    with pytest.raises(UsageError, match="the content of the model has changed"):
        finetune(molecule_file, baselines=False, **tuning, **options)
