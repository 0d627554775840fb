import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from catenane.errors import BundleError, ConfigError, UsageError
from catenane.models.folder import find_bundle, find_bundles
from catenane.reporting import ReplicatesResult
from catenane.train import finetune
from catenane.train.folder import RunFolder
from catenane.train.replicates import run_names

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def options(molecule_file: Path, tiny) -> dict:
    return {"data": molecule_file, "target": "size", "settings": tiny, "device": "cpu"}


@pytest.fixture(scope="module")
def folds(options, tmp_path_factory) -> ReplicatesResult:
    out = tmp_path_factory.mktemp("runs") / "folds"
    return finetune(**options, split="scaffold", folds=3, out=out)


def test_every_row_is_tested_in_one_fold(folds: ReplicatesResult, molecules):
    tested = pd.read_csv(folds.folder / "predictions.csv")
    assert sorted(tested["row"]) == list(range(1, len(molecules) + 1))
    assert list(dict.fromkeys(tested["run"])) == ["fold-1", "fold-2", "fold-3"]
    runs = folds.metrics["runs"]
    assert sum(run["split"]["test"] for run in runs.values()) == len(molecules)
    assert all(run["split"]["valid"] > 0 for run in runs.values())


def test_mean_and_deviation_are_those_of_the_runs(folds: ReplicatesResult):
    kept = json.loads((folds.folder / "metrics.json").read_text())
    assert kept == json.loads(json.dumps(folds.metrics))
    assert kept["over"] == "3\N{NO-BREAK SPACE}folds"
    every = [
        json.loads((folds.folder / name / "metrics.json").read_text())["targets"]["size"]
        for name in ("fold-1", "fold-2", "fold-3")
    ]
    size = kept["targets"]["size"]
    for found, runs in (
        (size["test"]["mae"], [run["test"]["mae"] for run in every]),
        *((size["baselines"][who]["rmse"], [run["baselines"][who]["rmse"] for run in every])
          for who in ("median", "ngram-ridge", "descriptor-gbm", "morgan-forest")),
    ):  # fmt: skip
        assert found["values"] == runs
        assert found["mean"] == pytest.approx(np.mean(runs))
        assert found["std"] == pytest.approx(np.std(runs, ddof=1))
    page = (folds.folder / "report.html").read_text()
    assert "mean ± standard deviation over 3\N{NO-BREAK SPACE}folds" in page
    assert 'href="fold-2/report.html"' in page


def test_the_folder_names_the_models_of_all_runs(folds: ReplicatesResult):
    assert find_bundles(folds.folder) == [folds.folder / f"fold-{n}" / "bundle" for n in (1, 2, 3)]
    with pytest.raises(BundleError, match="several models: give one of fold-1, fold-2, fold-3"):
        find_bundle(folds.folder)


def test_a_stopped_cross_validation_goes_on_with_the_next_run(options, tmp_path: Path, monkeypatch):
    """Killed in its second run, it ends as if nothing had happened, and trains the first no more."""
    from catenane.train import replicates

    options = options | {"folds": 2, "replicates": 2, "baselines": False}
    whole = finetune(**options, out=tmp_path / "whole")
    run_once, done = replicates.run_once, []

    def counted(job, folder, parts):
        done.append(folder.name)
        if len(done) == 2:
            raise KeyboardInterrupt
        return run_once(job, folder, parts)

    monkeypatch.setattr(replicates, "run_once", counted)
    with pytest.raises(KeyboardInterrupt):
        finetune(**options, out=tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.json").exists()
    with pytest.raises(BundleError):
        find_bundles(tmp_path / "run")
    with pytest.raises(UsageError, match="folds was 2 and is 3"):
        finetune(**options | {"folds": 3}, out=tmp_path / "run", resume=True)
    again = finetune(**options, out=tmp_path / "run", resume=True)
    names = ["seed-0-fold-1", "seed-0-fold-2", "seed-1-fold-1", "seed-1-fold-2"]
    assert names == run_names(0, 2, 2)
    assert done == [*names[:2], *names[1:]]
    assert again.metrics["targets"] == whole.metrics["targets"]
    # Baselines that were not wanted before are fitted now.
    finetune(**options | {"baselines": True}, out=tmp_path / "run", resume=True)
    assert done[5:] == names


def test_overwriting_leaves_nothing_of_several_runs(options, tmp_path: Path):
    out = tmp_path / "run"
    options = options | {"baselines": False, "out": out, "overwrite": True}
    finetune(**options, folds=2)
    finetune(**options, replicates=2)
    assert {path.name for path in out.iterdir() if path.is_dir()} == {"seed-0", "seed-1"}
    (out / "seed-1" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"notes\.txt was not written by the run"):
        finetune(**options)
    (out / "seed-1" / "notes.txt").unlink()
    RunFolder(out, {}, {}, (), overwrite=True).open()
    assert [path.name for path in out.rglob("*")] == ["run.json"]


def test_replicates_may_share_their_test_rows(options, molecules, tmp_path: Path):
    tested = tmp_path / "tested.csv"
    tested.write_text("smiles,size\n" + "\n".join(f"{text},{len(text)}" for text in molecules[:20]))
    result = finetune(**options, test=tested, replicates=2, seed=4, baselines=False, out=tmp_path / "run")
    assert list(result.metrics["runs"]) == ["seed-4", "seed-5"]
    assert result.metrics["test_rows"] == "the same test rows in every run"
    rows = [
        pd.read_csv(tmp_path / "run" / name / "predictions.csv").query("split == 'test'")["string"].tolist()
        for name in ("seed-4", "seed-5")
    ]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 20
    values = result.metrics["targets"]["size"]["test"]["mae"]["values"]
    assert values[0] != values[1]
    with pytest.raises(UsageError, match="leave the table of test rows out"):
        finetune(**options, test=tested, folds=2, out=tmp_path / "other")
    with pytest.raises(ConfigError, match="at least 2"):
        finetune(**options, folds=1, out=tmp_path / "other")
    assert not (tmp_path / "other").exists()
