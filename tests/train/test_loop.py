"""The loop on a task so small that its steps can be followed."""

from __future__ import annotations

import logging
import math
import random
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from catenane.config import TrainingConfig
from catenane.data import StringBatch
from catenane.errors import TrainingError
from catenane.train.checkpoint import Progress
from catenane.train.loop import _Loop, run, seed_of
from catenane.train.ranks import Ranks
from catenane.train.schedule import device_factor, make_optimizer, n_epochs, warmup_cosine


class LineTask:
    """Learn y = 2x from eight points, two a batch; the scores of validation may be dictated."""

    label = "line"

    def __init__(self, scores: list[float] | None = None) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.2), nn.Linear(8, 1))
        self.scores, self.seen = scores, 0

    def n_batches(self) -> int:
        return 4

    def batches(self, epoch: int, start: int, _) -> Iterator[StringBatch]:
        for number in range(start, 4):
            ids_BL = torch.tensor([[number + epoch], [number + 1]])
            yield StringBatch((ids_BL, ids_BL > -1), None, None)

    def weight(self, batch):
        return len(batch.ids_BL)

    def loss(self, model, batch, device):
        self.seen += 1
        x = batch.ids_BL.float() / 4
        return (model(x) - 2 * x).square().mean()

    def validate(self, model, device):
        x = torch.linspace(0, 1, 5)[:, None]
        with torch.no_grad():
            loss = (model(x) - 2 * x).square().mean().item()
        score = self.scores.pop(0) if self.scores else loss
        return {"valid_loss": loss, "valid_score": score}


def settings(**changes) -> TrainingConfig:
    values = {"epochs": 30, "learning_rate": 0.05, "precision": "fp32", "warmup": 0.0, "weight_decay": 0.0}
    return TrainingConfig(**values | changes)


def train(task: LineTask, folder: Path | None = None, **changes):
    return run(task, settings(**changes), folder, seed=0, fingerprint="line", device="cpu")


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_learns_and_keeps_its_history():
    task = LineTask()
    progress = train(task)
    assert progress.finished
    assert progress.step == 120
    assert [row["epoch"] for row in progress.history] == list(range(1, 31))
    assert progress.best_score < 0.05 < progress.history[0]["valid_loss"]


def test_the_weights_of_the_best_epoch_are_the_ones_that_stay():
    whole = LineTask(scores=[3.0, 1.0, 2.0])
    assert train(whole, epochs=3).best_epoch == 1

    kept = []

    class Watched(LineTask):
        def validate(self, model, device):
            kept.append(weights(self.model).clone())
            return super().validate(model, device)

    train(Watched(scores=[3.0, 1.0, 2.0]), epochs=3)
    assert torch.equal(weights(whole.model), kept[1])
    assert not torch.equal(kept[1], kept[2])


@pytest.mark.parametrize(("patience", "n_run"), [(2, 4), (0.5, 5), (0.2, 4), (0, 6)])
def test_patience_ends_a_run_that_gets_no_better(patience: float, n_run: int):
    """In epochs, or as a share of the six."""
    progress = train(LineTask(scores=[1.0, 0.5, 0.6, 0.7, 0.8, 0.1]), epochs=6, patience=patience)
    assert len(progress.history) == n_run
    assert progress.best_epoch == (5 if not patience else 1)


def test_no_run_stops_before_the_peak_of_its_learning_rate():
    progress = train(LineTask(scores=[0.1, *[0.5] * 9]), epochs=10, patience=2, warmup=0.5)
    assert len(progress.history) == 7


class Pieces(LineTask):
    """Eight points in micro-batches of these sizes, without dropout to tell them apart."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.model[1] = nn.Identity()
        self.sizes = sizes

    def n_batches(self) -> int:
        return len(self.sizes)

    def batches(self, epoch, start, _):
        for ids_BL in torch.arange(sum(self.sizes))[:, None].split(self.sizes)[start:]:
            yield StringBatch((ids_BL, ids_BL > -1), None, None)


@pytest.mark.parametrize("sizes", [(4, 4), (1, 7), (5, 2, 1), (1,) * 8])
def test_accumulated_steps_are_the_steps_of_the_larger_batch(sizes):
    whole, pieces = Pieces(8), Pieces(*sizes)
    one = train(whole, epochs=3)
    other = train(pieces, epochs=3, accumulate=len(sizes))
    assert one.step == other.step == 3
    torch.testing.assert_close(weights(whole.model), weights(pieces.model))
    for mine, theirs in zip(one.history, other.history, strict=True):
        assert mine["train_loss"] == pytest.approx(theirs["train_loss"])


def test_the_last_shorter_group_is_a_batch_like_any_other(monkeypatch):
    monkeypatch.setattr("catenane.train.loop.warmup_cosine", lambda share, **_: 1.0)
    whole, pieces = Pieces(4, 2), Pieces(2, 2, 2)
    assert train(whole, epochs=3).step == train(pieces, epochs=3, accumulate=2).step == 6
    torch.testing.assert_close(weights(whole.model), weights(pieces.model))


def test_the_seed_decides_everything():
    first, again, other = LineTask(), LineTask(), LineTask()
    for task, seed in ((first, 0), (again, 0), (other, 1)):
        run(task, settings(), None, seed=seed, fingerprint="line", device="cpu")
    assert torch.equal(weights(first.model), weights(again.model))
    assert not torch.equal(weights(first.model), weights(other.model))


@pytest.mark.parametrize("values", ["loss", "gradient", "score"])
def test_what_is_not_finite_stops_the_run_and_leaves_the_weights_of_the_best_epoch(values: str):
    """In the second of three epochs; a loss of 0 · √0 is finite, its gradient is not."""
    kept = []

    class Spoilt(LineTask):
        def loss(self, model, batch, device):
            loss = super().loss(model, batch, device)
            if self.seen != 6 or values == "score":
                return loss
            return loss * math.nan if values == "loss" else loss + (0 * model(torch.zeros(1, 1)).sum()).sqrt()

        def validate(self, model, device):
            kept.append(weights(self.model).clone())
            return super().validate(model, device)

    task = Spoilt(scores=[1.0, math.nan if values == "score" else 0.5, 0.1])
    where = {
        "loss": "the loss is nan in epoch 2, batch 2",
        "gradient": "the norm of the gradient is nan in epoch 2, batch 2",
        "score": "the validation score is nan in epoch 2, after batch 4",
    }[values]
    message = f"{where}; the weights of epoch 1, the best so far, are kept: lower learning_rate"
    with pytest.raises(TrainingError, match=message):
        train(task, epochs=3)
    assert torch.equal(weights(task.model), kept[0])


def test_the_callers_generators_stay_as_they_are():
    torch.manual_seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    task = LineTask()
    torch.set_rng_state(before[0])
    train(task, epochs=1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before[1:]


def test_the_rate_of_an_epoch_is_its_own_after_a_stop_at_its_end(tmp_path: Path):
    """A run killed between the last step of an epoch and its validation goes on with that validation."""

    class Killed(LineTask):
        def validate(self, model, device):
            if self.seen == 8:
                raise KeyboardInterrupt
            return super().validate(model, device)

    whole = train(LineTask(), epochs=4)
    with pytest.raises(KeyboardInterrupt):
        train(Killed(), tmp_path, epochs=4, checkpoint_seconds=0.0)
    resumed = run(
        LineTask(), settings(epochs=4), tmp_path, seed=0, fingerprint="line", resume=True, device="cpu"
    )
    rates = [[row["learning_rate"] for row in progress.history] for progress in (whole, resumed)]
    assert rates[0] == rates[1]


def test_what_cannot_be_written_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch):
    """The limit on the size of a file stands for a full disk: the second checkpoint carries the moments."""
    train(LineTask(), tmp_path, epochs=1)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(TrainingError, match="cannot be written: File too large; the one before it"):
            train(LineTask(), tmp_path, epochs=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.safetensors", "history.csv"}


def test_leaves_a_history_and_a_checkpoint_in_its_folder(tmp_path: Path):
    train(LineTask(), tmp_path, epochs=2)
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.safetensors", "history.csv"}
    assert (tmp_path / "history.csv").read_text().count("\n") == 3


def test_tensorboard_is_written_beside_the_history(tmp_path: Path):
    run(
        LineTask(),
        settings(epochs=2),
        tmp_path,
        seed=0,
        fingerprint="line",
        log="tensorboard",
        device="cpu",
    )
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_small_data_gets_more_epochs():
    assert n_epochs(settings(epochs=5, min_steps=0), 10, 1) == 5
    assert n_epochs(settings(epochs=5, min_steps=100), 10, 1) == 10
    assert n_epochs(settings(epochs=5, min_steps=100), 10, 2) == 20


def test_decay_spares_vectors_and_the_encoder_may_learn_more_slowly():
    model = nn.ModuleDict({"encoder": nn.Linear(2, 2), "head": nn.Linear(2, 1)})
    optimizer = make_optimizer(model, settings(weight_decay=0.1, encoder_rate=0.5))
    found = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    assert found[id(model["encoder"].weight)] == (0.025, 0.1)
    assert found[id(model["encoder"].bias)] == (0.025, 0.0)
    assert found[id(model["head"].weight)] == (0.05, 0.1)
    assert found[id(model["head"].bias)] == (0.05, 0.0)


def test_places_in_a_run_have_seeds_of_their_own():
    seeds = {seed_of(seed, epoch, batch) for seed in range(5) for epoch in range(5) for batch in range(5)}
    assert len(seeds) == 125
    assert seed_of(1, 2, 3) == seed_of(1, 2, 3)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_lightning_says_nothing_of_its_own(caplog):
    with caplog.at_level(logging.INFO):
        train(LineTask(), epochs=1, precision="bf16")
    assert not [record for record in caplog.records if record.name.startswith("lightning")]


def rate(progress: float) -> float:
    return warmup_cosine(progress, warmup=0.1, final=0.02)


def test_rises_in_a_straight_line_to_the_peak():
    assert rate(0.0) == 0.0
    assert rate(0.05) == pytest.approx(0.5)
    assert rate(0.1) == pytest.approx(1.0)


def test_falls_as_half_a_cosine_to_the_end():
    assert rate(0.55) == pytest.approx((1 + 0.02) / 2)
    assert rate(1.0) == pytest.approx(0.02)
    falling = [rate(0.1 + 0.009 * step) for step in range(101)]
    assert falling == sorted(falling, reverse=True)


def test_stays_at_the_end_if_the_run_is_longer_than_planned():
    assert rate(1.3) == pytest.approx(0.02)


def test_needs_no_warmup():
    assert warmup_cosine(0.0, warmup=0.0, final=0.0) == 1.0


def test_the_rate_grows_with_the_devices_up_to_a_factor():
    assert device_factor(settings(accumulate=2), 8) == 1
    assert device_factor(settings(accumulate=2, device_factor=8), 8) == 4
    assert device_factor(settings(accumulate=2, device_factor=8), 64) == 8


def test_a_step_of_more_micro_batches_than_are_accumulated_has_more_devices():
    """A checkpoint keeps how many they were, so that the rate stays with fewer devices."""
    task = LineTask()
    loop = _Loop(
        task, settings(device_factor=8, final_rate=1.0), None, Progress("line"), 0, torch.device("cpu"),
        Ranks(),
    )  # fmt: skip
    loop.progress.micro_batches = 4
    loop.set_rate()
    assert loop.optimizer.param_groups[0]["lr"] == 4 * 0.05
