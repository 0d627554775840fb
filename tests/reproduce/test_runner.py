import gzip
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from catenane.data import DATASETS, read_table
from catenane.errors import ConfigError, UsageError
from catenane.notation import as_records
from catenane.reproduce import protocols, read_result, reproduce
from catenane.reproduce.training import Case
from catenane.reproduce.workbench import Workbench, clean_frameworks
from catenane.train.pretraining import PretrainingTask


@pytest.fixture
def run(made_up_data: Path, smallest, tmp_path: Path):
    """Runs a protocol on 60 made-up frameworks for one epoch with one seed, unless told otherwise."""

    def run(name: str, **changes):
        asked = {"rows": 60, "epochs": 1, "seeds": 1, "settings": smallest, "out": tmp_path, "device": "cpu"}
        return reproduce(name, **(asked | {"data_dir": made_up_data} | changes))

    return run


@pytest.fixture(scope="module")
def stages(tmp_path_factory) -> Path:
    """A folder of results in which protocols share their trainings."""
    return tmp_path_factory.mktemp("stages")


def rows_of(result) -> dict[str, tuple[str, list[float]]]:
    return {row.quantity: (row.published, list(row.by_seed)) for table in result.tables for row in table.rows}


def findings(folder: Path):
    return json.loads((folder / "findings.json").read_text())


@pytest.mark.parametrize("name", [name for name in protocols() if name.startswith("mof/")])
def test_every_protocol_writes_its_tables_and_figures(name: str, run, stages: Path):
    result = run(name, out=stages)
    assert read_result(stages / name) == result
    protocol = protocols()[name]
    assert [table.title for table in result.tables] == list(protocol.tables)
    assert all(table.rows for table in result.tables)
    assert [file for file, _ in result.figures] == [plot.file for plot in protocol.plots]
    for file, _ in result.figures:
        assert (stages / name / file).read_text().startswith("<?xml")
    text = (stages / name / "result.md").read_text()
    assert f"catenane reproduce {name} --rows 60 --epochs 1 --seeds 1 --set" in text
    assert str(stages) not in text


def test_published_numbers_stand_beside_ours(run):
    rows = rows_of(run("mof/table1", only=["cao-large"]))
    assert {rows[f"cao-large: {part} MAE"][0] for part in ("train", "test")} == {"0.107", "0.247"}
    assert rows["median predictor: test MAE"][0] == ""


def test_the_published_label_is_that_of_a_tenth_of_a_bar(shared_data: Path, tmp_path: Path):
    """By every fifth of the 18,670 frameworks."""
    name = DATASETS["mof/hmof"].file
    header, *lines = gzip.decompress((shared_data / name).read_bytes()).splitlines(keepends=True)
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_bytes(gzip.compress(b"".join([header, *lines[::5]])))
    rows = rows_of(reproduce("mof/dataset", out=tmp_path / "out", data_dir=tmp_path))
    assert rows["frameworks read"][1] == [3_734]
    for name in ("mean", "median", "standard deviation"):
        printed = float(rows[f"0.1 bar: {name}"][0])
        assert abs(rows[f"0.1 bar: {name}"][1][0] - printed) < 0.03
        assert abs(rows[f"0.5 bar: {name}"][1][0] - printed) > 0.5


def test_a_run_that_is_asked_for_again_goes_on_from_its_stages(run, caplog: pytest.LogCaptureFixture):
    first = run("mof/table1", only=["cao-small from scratch"])
    caplog.set_level("INFO", logger="catenane")
    assert run("mof/table1", only=["cao-small from scratch"]) == first
    assert not caplog.records
    more = run("mof/table1", only=["cao-small from scratch"], seeds=2)
    trained = [record.getMessage() for record in caplog.records if "training" in record.getMessage()]
    assert trained == ["training: cao-small from scratch, seed 1"]
    row = "cao-small from scratch: test MAE"
    assert rows_of(more)[row][1][:1] == rows_of(first)[row][1]
    caplog.clear()
    run("mof/table1", only=["cao-small from scratch"], rows=50)
    assert caplog.records


def test_only_some_variants_are_run_and_earlier_ones_stay(run):
    first = rows_of(run("mof/table1", only=["cao-small from scratch"]))
    assert "cao-medium from scratch: test MAE" not in first
    both = run("mof/table1", only=["cao-medium from scratch"], epochs=2)
    rows = rows_of(both)
    assert rows["cao-small from scratch: test MAE"] == first["cao-small from scratch: test MAE"]
    assert "cao-medium from scratch: test MAE" in rows
    commands = {row.quantity: row.command for row in both.tables[0].rows}
    assert "--epochs 1 " in commands["cao-small from scratch: test MAE"]
    assert (
        "--only 'cao-medium from scratch' --rows 60 --epochs 2"
        in commands["cao-medium from scratch: test MAE"]
    )


def test_protocols_share_their_trainings(run, caplog: pytest.LogCaptureFixture):
    run("mof/table1", only=["cao-small*"])
    caplog.set_level("INFO", logger="catenane")
    caplog.clear()
    result = run("mof/pretraining")
    assert not [record for record in caplog.records if record.getMessage().startswith(("training", "pretr"))]
    assert rows_of(result)["pretrained: strings pretrained on"][1][0] > 0


def test_a_run_that_is_killed_within_a_training_goes_on_there(run, tmp_path: Path, monkeypatch):
    whole = run("mof/order", epochs=4, out=tmp_path / "whole")
    predict, calls = Case.predict, []

    def killed(self, rows, bundle):
        calls.append(self.variant.name)
        if len(calls) == 6:  # in the third epoch of the first variant
            raise KeyboardInterrupt
        return predict(self, rows, bundle)

    monkeypatch.setattr(Case, "predict", killed)
    with pytest.raises(KeyboardInterrupt):
        run("mof/order", epochs=4)
    calls[:] = ["before"] * 10
    resumed = run("mof/order", epochs=4)
    assert calls.count("correct") == 2 * 2  # two epochs are left, train and test of each
    assert rows_of(resumed) == rows_of(whole)
    history = json.loads((tmp_path / "mof/order/findings.json").read_text())["correct"]["values"][0][
        "history"
    ]
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert all(row["train_mae"] > 0 and row["test_mae"] > 0 for row in history)
    assert not list(tmp_path.glob("stages/*/checkpoint*"))


def test_a_run_that_is_killed_within_pretraining_goes_on_there(run, tmp_path: Path, monkeypatch):
    asked = {"only": ["cao-small"], "epochs": 3}
    whole = run("mof/table1", **asked, out=tmp_path / "whole")
    validate, calls = PretrainingTask.validate, []

    def killed(self, model, device):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return validate(self, model, device)

    monkeypatch.setattr(PretrainingTask, "validate", killed)
    with pytest.raises(KeyboardInterrupt):
        run("mof/table1", **asked)
    resumed = run("mof/table1", **asked)
    assert len(calls) == 4  # the second epoch again, and the third
    assert rows_of(resumed) == rows_of(whole)


def test_errors_are_those_of_the_saved_model_in_evaluation_mode(run, smallest, tmp_path: Path):
    settings = smallest | {"encoder.dropout": 0.5, "head.dropout": 0.5}
    result = run("mof/table1", only=["cao-small from scratch"], epochs=2, settings=settings)
    found = json.loads((tmp_path / "mof/table1/findings.json").read_text())["cao-small from scratch"][
        "values"
    ][0]
    (error,) = rows_of(result)["cao-small from scratch: test MAE"][1]
    assert found["history"][-1]["test_mae"] == pytest.approx(error, rel=1e-3)
    assert np.abs(np.subtract(found["labels"], found["predictions"])).mean() == pytest.approx(error, rel=1e-3)


def test_a_learning_curve_is_extended_by_its_power_law(run):
    result = run("mof/learning-curve", only=["cao-small"], rows=None, seeds=2)
    rows = rows_of(result)
    steps = [name for name in rows if name.endswith("test MAE")]
    assert len(steps) == 5
    exponents = rows["cao-small, 100% of the rows: exponent of the power law"][1]
    far = rows["cao-small, 100% of the rows: test MAE at 72,000 rows, extrapolated"][1]
    sizes = [rows[name.replace("test MAE", "training rows")][1][0] for name in steps]
    for seed, (exponent, error) in enumerate(zip(exponents, far, strict=True)):
        slope, intercept = np.polyfit(np.log(sizes), np.log([rows[name][1][seed] for name in steps]), 1)
        assert exponent == pytest.approx(-slope)
        assert error == pytest.approx(np.exp(intercept + slope * np.log(72_000)))


def test_smaller_shares_are_parts_of_larger_ones_and_test_rows_stay(made_up_data: Path, tmp_path: Path):
    protocol = protocols()["mof/learning-curve"]
    bench = Workbench(protocol=protocol, folder=tmp_path, data_dir=made_up_data)
    cases = [Case(bench, variant, 0) for variant in protocol.chosen(["cao-small"])]
    parts = [set(case.split.train) for case in cases]
    assert all(small < large for small, large in itertools.pairwise(parts))
    assert len({tuple(case.split.test) for case in cases}) == 1
    assert set(Case(bench, protocol.variants[0], 1).split.test) != set(cases[0].split.test)


def test_pretraining_reads_more_strings_than_there_are_rows_and_no_test_row(run, tmp_path: Path):
    run("mof/table1", rows=6, only=["cao-small"])
    (path,) = tmp_path.glob("stages/pretraining*/strings.csv")
    read = path.read_text().splitlines()[1:]
    assert len(set(read)) == len(read) == 60
    (stage,) = tmp_path.glob("stages/training*/stage.json")
    assert json.loads(stage.read_text())["predictions"]


def test_cleaning_leaves_out_what_the_paper_does(mof_file: Path):
    from dataclasses import replace

    table = read_table(mof_file, targets=("uptake",)).take(np.arange(6))
    first = table.strings[0]
    long = "[Zn]." + "C" * 520 + "&&pcu.cat0"
    no_net = [first.replace("pcu", code) for code in ("ERROR", "UNKNOWN")]
    cleaned = clean_frameworks(
        replace(table, records=as_records([first, first, long, *no_net, table.strings[5]], "mofid"))
    )
    assert cleaned.strings == [first, table.strings[5]]
    assert cleaned.targets[0, 0] == pytest.approx(table.targets[:2, 0].mean())


def test_parts_that_are_left_out_change_the_prediction(run, stages: Path):
    rows = rows_of(run("mof/ablation", out=stages))
    errors = {name: values for name, (_, values) in rows.items() if name.endswith(": test MAE")}
    assert len({tuple(values) for values in errors.values()}) == len(errors) == 7


def test_what_is_asked_wrongly_is_refused(run):
    with pytest.raises(UsageError, match="rows=0 must be at least 1"):
        run("mof/dataset", rows=0)
    with pytest.raises(UsageError, match="no variant 'cao-tiny'"):
        run("mof/table1", only=["cao-tiny"])
    with pytest.raises(ConfigError, match="d_modle"):
        run("mof/table1", settings={"encoder.d_modle": 16})
