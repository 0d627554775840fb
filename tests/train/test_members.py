from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import catenane
from catenane.errors import UsageError
from catenane.models.bundle import load_bundle
from catenane.train import finetune
from catenane.train.folder import RunFolder

pytestmark = pytest.mark.usefixtures("undrawn")


def test_whole_models_are_trained_and_predict_their_mean(molecule_file: Path, tiny, tmp_path: Path):
    options = {"target": "size", "settings": tiny, "baselines": False, "device": "cpu"}
    result = finetune(molecule_file, members=2, out=tmp_path / "run", **options)
    alone = finetune(molecule_file, out=tmp_path / "alone", **options)
    both = [tmp_path / "run" / name for name in ("member-1", "member-2")]
    strings = result.table.strings
    first, second = (catenane.load(path, device="cpu").predict(strings)["size"] for path in both)
    np.testing.assert_allclose(first, alone.predictions[:, 0], rtol=1e-5)
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_allclose(result.predictions[:, 0], (first + second) / 2, rtol=1e-5)
    test = result.split.test
    error = np.abs((first + second)[test] / 2 - result.table.targets[test, 0]).mean()
    assert result.metrics["targets"]["size"]["test"]["mae"] == pytest.approx(error, rel=1e-5)
    assert result.metrics["n_parameters"] == 2 * alone.metrics["n_parameters"]
    card = load_bundle(both[1]).card
    assert card["description"] == "One of 2 models; the scores are those of their mean."
    table = pd.read_csv(tmp_path / "run" / "predictions.csv")
    np.testing.assert_allclose(table["size_predicted"], result.predictions[:, 0], rtol=1e-4)

    before = [(path / "bundle" / "model.safetensors").read_bytes() for path in both]
    finetune(molecule_file, members=2, out=tmp_path / "run", resume=True, **options)
    assert before == [(path / "bundle" / "model.safetensors").read_bytes() for path in both]
    with pytest.raises(UsageError, match="models was 2 and is 3"):
        finetune(molecule_file, members=3, out=tmp_path / "run", resume=True, **options)
    RunFolder(tmp_path / "run", {}, {}, (), overwrite=True).open()
    assert [path.name for path in (tmp_path / "run").rglob("*")] == ["run.json"]


def test_members_over_a_frozen_encoder_are_heads_of_one_model(molecule_file: Path, tmp_path: Path):
    options = {"target": "size", "baselines": False, "device": "cpu"}
    quick = {"head.hidden": [8]}
    result = finetune(molecule_file, members=3, settings=quick, out=tmp_path / "run", **options)
    head = load_bundle(result.folder).config.recipe.head
    assert (head.kind, head.members) == ("network", 3)
    with pytest.raises(UsageError, match="a Gaussian process has no members"):
        finetune(
            molecule_file,
            members=3,
            settings={"head.kind": "gaussian-process"},
            out=tmp_path / "x",
            **options,
        )


def test_members_of_several_runs_predict_together(molecule_file: Path, tiny, tmp_path: Path):
    options = {"target": "size", "settings": tiny, "baselines": False, "device": "cpu"}
    finetune(molecule_file, members=2, replicates=2, out=tmp_path / "run", **options)
    assert len(catenane.load(tmp_path / "run", device="cpu").models) == 4
    assert len(catenane.load(tmp_path / "run" / "seed-1", device="cpu").models) == 2
