from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catenane.config import load_recipe
from catenane.data import read_table
from catenane.inference import Model
from catenane.reproduce.mof.training import clean, labelled, median_error, pretrained, split_of, train
from catenane.reproduce.run import Run, Scale


@pytest.fixture
def run(made_up_data: Path, tmp_path: Path) -> Run:
    return Run("mof/test", Scale(rows=60), tmp_path, n_seeds=1, data_dir=made_up_data, device="cpu")


def test_cleaning_leaves_out_what_the_paper_does(mof_file: Path):
    table = read_table(mof_file, targets=("uptake",)).take(np.arange(6))
    first = table.strings[0]
    long = "[Zn]." + "C" * 520 + "&&pcu.cat0"
    no_net = [first.replace("pcu", code) for code in ("ERROR", "UNKNOWN")]
    strings = [first, first, long, *no_net, table.strings[5]]
    cleaned = clean(replace(table, strings=strings))
    assert cleaned.strings == [first, table.strings[5]]
    assert cleaned.targets[0, 0] == pytest.approx(table.targets[:2, 0].mean())


def test_the_sample_is_the_same_for_every_seed(run: Run):
    first, second = labelled(run, "co2_0.1bar"), labelled(run, "co2_0.1bar")
    assert len(first) == 60
    assert first.strings == second.strings


def test_70_30_has_no_validation_rows_and_seeds_differ(run: Run):
    table = labelled(run, "co2_0.1bar")
    first, second = split_of(table, 0), split_of(table, 1)
    assert (len(first.train), len(first.valid), len(first.test)) == (42, 0, 18)
    assert not np.array_equal(first.test, second.test)


def test_errors_of_the_training_rows_are_measured_in_evaluation_mode(run: Run, smallest):
    table = labelled(run, "co2_0.1bar")
    split = split_of(table, 0)
    recipe = load_recipe("cao-small").with_settings(
        smallest | {"finetuning.epochs": 2, "encoder.dropout": 0.5, "head.dropout": 0.5}
    )
    fitted, told = train(run, table, split, recipe, seed=0, curves=True)
    answers = Model(fitted.bundle, device="cpu").predict_normalised(table.strings)
    error = np.abs(answers - table.targets)[:, 0]
    assert told["scores"]["train"]["mae"] == pytest.approx(error[split.train].mean(), rel=1e-4)
    assert told["scores"]["test"]["mae"] == pytest.approx(error[split.test].mean(), rel=1e-4)
    assert told["history"][-1]["test_mae"] == pytest.approx(told["scores"]["test"]["mae"], rel=1e-4)
    assert len(told["labels"]) == len(told["answers"]) == len(split.test)


def test_the_median_predictor_learns_from_the_training_rows_alone(run: Run):
    table = labelled(run, "co2_0.1bar")
    split = split_of(table, 0)
    spoiled = table.targets.copy()
    spoiled[split.test] += 10
    assert median_error(replace(table, targets=spoiled), split) > median_error(table, split) + 5


def test_pretraining_reads_more_strings_than_there_are_rows_and_no_test_row(run: Run, smallest):
    run.scale = Scale(rows=6)
    table = labelled(run, "co2_0.1bar")
    split = split_of(table, 0)
    recipe = load_recipe("cao-small").with_settings(smallest | {"pretraining.epochs": 1})
    bundle = pretrained(run, table, split, recipe, seed=0)
    read = (run.folder / "stages" / "strings-0.csv").read_text().splitlines()[1:]
    assert len(set(read)) == len(read) == 60
    assert not {table.strings[row] for row in split.test} & set(read)
    assert bundle.config.kind == "encoder"
    assert bundle.card["corpus"]["strings"] == 60
    assert 0 <= bundle.card["held_out"]["accuracy"] <= 1
