"""Several processes train as one does, end together, and leave what another number of them goes on with."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch.distributed.fsdp  # noqa: F401 - once, and not in every rank
from safetensors.torch import load_file

from catenane.errors import DataError, TrainingError, UsageError
from catenane.train import pretrain, pretraining
from catenane.train.ranks import Ranks, must_launch


@pytest.fixture(autouse=True)
def quick_start(monkeypatch):
    """Ranks that need not import everything again."""
    monkeypatch.setattr("catenane.train.ranks.START", "fork")


@pytest.fixture(scope="module")
def settings(tiny):
    return tiny | {"pretraining.epochs": 2, "pretraining.precision": "fp32", "pretraining.batch_tokens": 200}


def curve(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open(encoding="utf-8") as file:
        return [
            {key: float(value) for key, value in row.items() if key != "seconds"}
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def alone(molecule_file, settings, tmp_path_factory):
    """The run of one rank, with two micro-batches a step."""
    folder = tmp_path_factory.mktemp("one")
    one = settings | {"pretraining.accumulate": 2}
    pretrain([molecule_file], out=folder, settings=one, device="cpu")
    return folder


def test_two_ranks_have_the_loss_curve_of_one_with_the_same_steps(molecule_file, settings, alone, tmp_path):
    folder = tmp_path / "two"
    result = pretrain([molecule_file], out=folder, settings=settings, device="cpu", devices=2)
    first, second = curve(alone), curve(folder)
    assert len(first) == len(second) == 2
    for a, b in zip(first, second, strict=True):
        assert a == pytest.approx(b, rel=1e-5)
    assert result.metrics == json.loads((folder / "metrics.json").read_text())
    weights = [load_file(run / "bundle" / "model.safetensors") for run in (alone, folder)]
    assert weights[0].keys() == weights[1].keys()
    for name, tensor in weights[0].items():
        np.testing.assert_allclose(tensor, weights[1][name], atol=1e-5)


class Dies(pretraining.PretrainingTask):
    """Its second rank is killed in the second epoch."""

    def batches(self, epoch, start, wanted):
        for number, batch in enumerate(super().batches(epoch, start, wanted), start):
            if epoch == 1 and number >= 4 and os.environ.get("RANK") == "1":
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch


@pytest.mark.parametrize(("before", "after"), [("ddp", 1), ("fsdp", 2)])
def test_a_killed_rank_ends_the_run_and_another_number_goes_on(
    before, after, molecule_file, settings, alone, tmp_path, monkeypatch
):
    def run(**options):
        pretrain([molecule_file], out=tmp_path, settings=settings, device="cpu", **options)

    with monkeypatch.context() as patch:
        patch.setattr(pretraining, "PretrainingTask", Dies)
        with pytest.raises(TrainingError, match=r"rank 1 was killed \(SIGKILL\), .* checkpoint is kept"):
            run(devices=2, sharing=before)
    assert (tmp_path / "checkpoint.safetensors").is_file()
    assert len(curve(tmp_path)) == 1
    run(resume=True, devices=after, sharing=before)
    for a, b in zip(curve(alone), curve(tmp_path), strict=True):
        assert a == pytest.approx(b, rel=1e-5)


def test_what_a_rank_raises_is_raised_here(settings, tmp_path):
    few = tmp_path / "few.smi"
    few.write_text("CCO\nCCN\n")
    with pytest.raises(DataError, match="2 readable strings"):
        pretrain([few], out=tmp_path / "run", settings=settings, device="cpu", devices=2)


def test_says_which_devices_there_are_and_what_nodes_need(molecule_file, settings, tmp_path):
    with pytest.raises(UsageError, match="devices=4000: this machine has"):
        pretrain([molecule_file], out=tmp_path, settings=settings, device="cpu", devices=4000)
    with pytest.raises(UsageError, match="nodes=2: set MASTER_ADDR and MASTER_PORT"):
        pretrain([molecule_file], out=tmp_path, settings=settings, device="cpu", devices=1, nodes=2)


def test_torchrun_starts_the_processes_itself(monkeypatch):
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "3"}.items():
        monkeypatch.setenv(name, value)
    assert not must_launch(None, 1)
    assert not must_launch(3, 1)
    with pytest.raises(UsageError, match="torchrun has started 3 processes a node, not devices=2"):
        must_launch(2, 1)


@pytest.mark.parametrize("world", [1, 2, 3, 5])
@pytest.mark.parametrize("group", [1, 2, 4, 6])
@pytest.mark.parametrize("n_batches", [1, 7, 12])
def test_every_micro_batch_counts_once_and_no_rank_idles(world, group, n_batches):
    ranks = [Ranks(devices=world, rank=rank) for rank in range(world)]
    for start in range(0, n_batches, group):
        dealt = [
            Counter(
                rank.deal(number, group, n_batches) for number in range(start, min(start + group, n_batches))
            )
            for rank in ranks
        ]
        assert sum(each["own"] for each in dealt) == min(group, n_batches - start)
        assert len({each["own"] + each["filler"] for each in dealt}) == 1
        assert all(each["filler"] <= 1 for each in dealt)
