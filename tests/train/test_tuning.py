import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from catenane.config import load_recipe
from catenane.errors import ConfigError, MissingDependencyError, TrainingError, UsageError
from catenane.models.bundle import load_bundle
from catenane.train import finetune, pretrain, tune
from catenane.train.space import load_space
from catenane.train.start import choose_start

pytestmark = pytest.mark.usefixtures("undrawn")

SPACE = """
[gaussian-process]
"head.kind" = ["gaussian-process"]
"head.fragments" = [32, 64, 128, 256]

[network]
"head.kind" = ["network"]
"head.hidden" = [[4], [8, 8]]
"head.dropout" = { low = 0.0, high = 0.5 }
"finetuning.learning_rate" = { low = 1e-4, high = 1e-2, log = true }
"finetuning.epochs" = { low = 1, high = 3 }
"""


@pytest.fixture(scope="module")
def options(molecule_file: Path, tiny, tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("runs")
    pretrain([molecule_file], out=folder / "encoder", settings=tiny, device="cpu")
    (folder / "space.toml").write_text(SPACE)
    settings = {"finetuning.encoder_rate": 0.0, "finetuning.batch_rows": 64, "head.members": 1}
    return {
        "data": molecule_file, "target": "size", "model": folder / "encoder", "recipe": "mol-base",
        "settings": settings, "space": folder / "space.toml", "folds": 2, "device": "cpu",
    }  # fmt: skip


def without_time(result):
    return [{key: value for key, value in trial.items() if key != "seconds"} for trial in result.trials]


def test_optuna_may_be_missing(options, tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'catenane\[tune\]'"):
        tune(**options, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def tuned(options, tmp_path_factory):
    pytest.importorskip("optuna", exc_type=ImportError)
    return tune(**options, trials=5, out=tmp_path_factory.mktemp("runs") / "tuned")


def test_labels_of_test_rows_change_nothing(options, tuned, molecule_file: Path, tmp_path: Path):
    """Those of the training rows do."""
    run = finetune(
        **{k: options[k] for k in ("data", "target", "model", "settings", "device")},
        recipe=tuned.folder / "recipe.toml", baselines=False, out=tmp_path / "run",
    )  # fmt: skip
    header, *rows = molecule_file.read_text().splitlines()

    def blinded(part):
        changed = list(rows)
        for place in part:
            text, size, *rest = changed[place].split(",")
            changed[place] = ",".join([text, str(1000 - int(size)), *rest])
        path = tmp_path / "changed.csv"
        path.write_text("\n".join([header, *changed]) + "\n")
        return path

    test = run.split.test
    assert len(test) >= 15
    other = tune(**options | {"data": blinded(test)}, trials=5, out=tmp_path / "blinded")
    assert without_time(other) == without_time(tuned)
    assert (other.folder / "recipe.toml").read_text().splitlines()[1:] == (
        tuned.folder / "recipe.toml"
    ).read_text().splitlines()[1:]
    seen = tune(**options | {"data": blinded(run.split.train[:20])}, trials=1, out=tmp_path / "seen")
    assert seen.trials[0]["error"] != tuned.trials[0]["error"]


def test_the_best_trial_is_the_recipe(tuned, options, tmp_path: Path):
    assert len(tuned.trials) == 5
    assert (tuned.trials[0]["way"], tuned.trials[0]["settings"]) == ("", {})
    errors = [trial["error"] for trial in tuned.trials]
    assert tuned.best == int(np.argmin(errors))
    assert all(trial["error"] == pytest.approx(np.mean(trial["errors"])) for trial in tuned.trials)
    assert {trial["way"] for trial in tuned.trials} == {"", "gaussian-process", "network"}
    for trial in tuned.trials:
        if trial["way"] == "network":
            assert 0 <= trial["settings"]["head.dropout"] <= 0.5
            assert trial["settings"]["finetuning.epochs"] in (1, 2, 3)
            assert trial["settings"]["head.hidden"] in ([4], [8, 8])
    written = load_recipe(tuned.folder / "recipe.toml")
    assert written == tuned.recipe
    wanted = tuned.start.recipe.with_settings(tuned.trials[tuned.best]["settings"])
    assert (written.head, written.finetuning, written.encoder) == (
        wanted.head, wanted.finetuning, wanted.encoder
    )  # fmt: skip
    with (tuned.folder / "trials.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [float(row["error"]) for row in table] == errors


def test_a_recipe_that_freezes_its_encoder_has_the_bundled_one(tuned, molecule_file: Path, tmp_path: Path):
    recipe = tmp_path / "gp.toml"
    recipe.write_text(tuned.recipe.with_settings({"head.kind": "gaussian-process"}).to_toml())
    result = finetune(
        molecule_file, target="size", recipe=recipe, baselines=False, out=tmp_path / "run", device="cpu"
    )
    assert result.metrics["pretrained_from"] == load_bundle("mol-base").card["name"]


def test_stopped_tuning_goes_on_as_if_it_had_not_been(options, tuned, tmp_path: Path, monkeypatch):
    from catenane.train import tuning

    fit, n_fits = tuning.fit_property_model, 0

    def counted(*arguments, **more):
        nonlocal n_fits
        n_fits += 1
        if n_fits == 6:  # within the third trial of two folds
            raise KeyboardInterrupt
        return fit(*arguments, **more)

    monkeypatch.setattr(tuning, "fit_property_model", counted)
    with pytest.raises(KeyboardInterrupt):
        tune(**options, trials=3, out=tmp_path / "run")
    assert len(json.loads((tmp_path / "run" / "trials.json").read_text())["trials"]) == 2
    assert not (tmp_path / "run" / "recipe.toml").exists()
    again = tune(**options, trials=3, out=tmp_path / "run", resume=True)
    assert n_fits == 6 + 2
    assert without_time(again) == without_time(tuned)[:3]
    more = tune(**options, trials=5, out=tmp_path / "run", resume=True)
    assert without_time(more) == without_time(tuned)
    with pytest.raises(UsageError, match="folds was 2 and is 3"):
        tune(**options | {"folds": 3}, out=tmp_path / "run", resume=True)


def test_a_trial_that_fails_is_told_and_passed_over(options, tmp_path: Path, monkeypatch):
    pytest.importorskip("optuna", exc_type=ImportError)
    from catenane.train import tuning

    fit = tuning.fit_property_model

    def failing(table, parts, recipe, **more):
        if recipe.head.kind == "network":
            raise TrainingError("the loss is nan in epoch 1")
        return fit(table, parts, recipe, **more)

    monkeypatch.setattr(tuning, "fit_property_model", failing)
    result = tune(**options, trials=5, out=tmp_path / "run")
    failed = [trial for trial in result.trials if trial["way"] == "network"]
    assert failed
    assert all((trial["error"], trial["failure"]) == (None, "the loss is nan in epoch 1") for trial in failed)
    assert result.trials[result.best]["way"] != "network"


def test_what_is_given_is_not_tried(options, tmp_path: Path):
    pytest.importorskip("optuna", exc_type=ImportError)
    settings = options["settings"] | {"head.kind": "network", "head.dropout": 0.3, "finetuning.epochs": 1}
    result = tune(**options | {"settings": settings}, trials=2, out=tmp_path / "run")
    assert result.trials[1]["way"] == "network"
    assert not {"head.kind", "head.dropout"} & set(result.trials[1]["settings"])
    assert (result.recipe.head.kind, result.recipe.head.dropout) == ("network", 0.3)


@pytest.mark.parametrize("way", ["gaussian-process", "network"])
def test_classes_are_tuned(way: str, options, classed: Path, tmp_path: Path):
    pytest.importorskip("optuna", exc_type=ImportError)
    settings = options["settings"] | {"head.kind": way, "finetuning.epochs": 2}
    options = options | {"data": classed, "settings": settings, "trials": 2}
    for target, task in (("kind", "multiclass"), ("code", "multiclass"), ("is_oxide", "classification")):
        wanted = task if target == "code" else None
        result = tune(**options | {"target": target, "task": wanted}, out=tmp_path / target)
        assert result.task == task
        errors = [error for trial in result.trials for error in trial["errors"]]
        assert len(errors) == 4
        assert max(errors) < (0.2 if way == "gaussian-process" else 1)


def test_bounds_are_tuned_by_the_labels_that_are_none(options, bounded: Path, tmp_path: Path):
    pytest.importorskip("optuna", exc_type=ImportError)
    options = options | {"data": bounded, "target": ["y", "true"]}
    options["settings"] = options["settings"] | {"finetuning.epochs": 10}
    result = tune(**options, trials=2, out=tmp_path / "run")
    assert [trial["way"] for trial in result.trials] == ["", "network"]
    assert all(trial["error"] < 2 for trial in result.trials)
    settings = options["settings"] | {"head.kind": "gaussian-process"}
    with pytest.raises(UsageError, match="from which a Gaussian process cannot learn"):
        tune(**options | {"settings": settings, "space": None}, out=tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[a]\n"head.size" = [1]', "unknown setting 'head.size'"),
        ('[a]\n"head.dropout" = [0.1, 2.0]', "dropout=2.0 must lie in"),
        ('[a]\n"head.dropout" = { low = 0.3, high = 0.1 }', "low=0.3 must lie below high=0.1"),
        ('[a]\n"head.dropout" = { low = 0.0, high = 0.1, log = true }', "above 0 with log"),
        ('[a]\n"head.dropout" = { low = 0.1, hi = 0.2 }', r"unknown setting '.*\.hi'"),
        ('[a]\n"head.dropout" = []', "must be a list of choices, or a range"),
        ('"head.dropout" = [0.1]', "must stand in a table"),
        ("", "no setting is left"),
        ("[a", "not a TOML file"),
    ],
)
def test_a_space_that_is_none_is_refused(text: str, message: str, options, tmp_path: Path):
    pytest.importorskip("optuna", exc_type=ImportError)
    (tmp_path / "space.toml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        tune(**options | {"space": tmp_path / "space.toml"}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_where_there_are_no_folds_the_validation_rows_of_the_split_judge(
    options, molecules, tmp_path: Path, monkeypatch
):
    pytest.importorskip("optuna", exc_type=ImportError)
    from catenane.train import tuning

    judged = []
    init = tuning._Judge.__init__

    def noted(self, table, splits, *more):
        judged.append((table, splits))
        init(self, table, splits, *more)

    monkeypatch.setattr(tuning._Judge, "__init__", noted)
    path = tmp_path / "parts.csv"
    part = ["train", "train", "train", "valid", "test"]
    rows = [f"{text},{len(text)},{part[n % 5]},{n}" for n, text in enumerate(molecules)]
    path.write_text("\n".join(["smiles,size,part,year", *rows]) + "\n")
    for split in ("column:part", "time:year"):
        tune(**options | {"data": path, "split": split}, trials=1, out=tmp_path / split[:4])
    table, (named,) = judged[0]
    assert {table.columns["part"][row] for row in named.test} == {"valid"}
    assert set(table.columns["part"]) == {"train", "valid"}
    table, (newest,) = judged[1]
    year = np.array(table.columns["year"], dtype=int)
    assert year.max() < 0.91 * len(molecules)
    assert year[newest.train].max() < year[newest.test].min()


@pytest.mark.parametrize(
    ("notation", "recipe", "few_rows", "ways"),
    [
        ("smiles", None, True, ["gaussian-process", "network"]),
        ("smiles", None, False, ["network"]),
        ("mofid", None, True, ["network"]),
        ("smiles", "small", True, ["encoder"]),
        ("mofid", "small", True, ["encoder"]),
    ],
)
def test_there_is_a_space_for_every_start(notation, recipe, few_rows: bool, ways: list[str]):
    start = choose_start(notation, ["y"], None, recipe, {}, "regression")
    assert list(load_space(None, start, {}, few_rows=few_rows)) == ways
