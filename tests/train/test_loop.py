"""The loop on a lesson so small that its steps can be followed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from catenane.config import TrainingConfig
from catenane.data import TokenBatch
from catenane.errors import TrainingError
from catenane.train.loop import make_optimizer, n_epochs, run, seed_of


class LineLesson:
    """Learn y = 2x from eight points, two a batch; the scores of validation may be dictated."""

    label = "line"

    def __init__(self, scores: list[float] | None = None, poison: int | None = None) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.2), nn.Linear(8, 1))
        self.scores, self.poison, self.seen = scores, poison, 0

    def n_batches(self) -> int:
        return 4

    def batches(self, epoch: int, start: int) -> Iterator[TokenBatch]:
        for number in range(start, 4):
            ids_BL = torch.tensor([[number + epoch], [number + 1]])
            yield TokenBatch(ids_BL, ids_BL > -1, None, None, torch.arange(2))

    def loss(self, model, batch, generator, device):
        self.seen += 1
        x = batch.ids_BL.float() / 4
        loss = (model(x) - 2 * x).square().mean()
        return loss * float("nan") if self.seen == self.poison else loss

    def validate(self, model, device):
        x = torch.linspace(0, 1, 5)[:, None]
        with torch.no_grad():
            loss = (model(x) - 2 * x).square().mean().item()
        score = self.scores.pop(0) if self.scores else loss
        return {"valid_loss": loss, "valid_score": score}


def settings(**changes) -> TrainingConfig:
    values = {"epochs": 30, "learning_rate": 0.05, "precision": "fp32", "warmup": 0.0, "weight_decay": 0.0}
    return TrainingConfig(**values | changes)


def train(lesson: LineLesson, folder: Path | None = None, **changes):
    return run(lesson, settings(**changes), folder, seed=0, fingerprint="line", device="cpu")


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_learns_and_keeps_its_history():
    lesson = LineLesson()
    progress = train(lesson)
    assert progress.finished
    assert progress.step == 120
    assert [row["epoch"] for row in progress.history] == list(range(1, 31))
    assert progress.best_score < 0.05 < progress.history[0]["valid_loss"]


def test_the_weights_of_the_best_epoch_are_the_ones_that_stay():
    whole = LineLesson(scores=[3.0, 1.0, 2.0])
    assert train(whole, epochs=3).best_epoch == 1

    kept = []

    class Watched(LineLesson):
        def validate(self, model, device):
            kept.append(weights(self.model).clone())
            return super().validate(model, device)

    train(Watched(scores=[3.0, 1.0, 2.0]), epochs=3)
    assert torch.equal(weights(whole.model), kept[1])
    assert not torch.equal(kept[1], kept[2])


def test_patience_ends_a_run_that_gets_no_better():
    progress = train(LineLesson(scores=[1.0, 0.5, 0.6, 0.7, 0.8, 0.1]), epochs=6, patience=2)
    assert len(progress.history) == 4
    assert progress.best_epoch == 1


def test_accumulated_steps_are_the_steps_of_the_larger_batch():
    class Halves(LineLesson):
        """Each batch of the other lesson in two halves, without dropout to tell them apart."""

        def __init__(self, parts: int) -> None:
            super().__init__()
            self.model[1] = nn.Identity()
            self.parts = parts

        def n_batches(self) -> int:
            return 4 * self.parts

        def batches(self, epoch, start):
            whole = (row for batch in super().batches(epoch, 0) for row in batch.ids_BL.chunk(self.parts))
            for number, ids_BL in enumerate(whole):
                if number >= start:
                    yield TokenBatch(ids_BL, ids_BL > -1, None, None, torch.arange(len(ids_BL)))

    whole, halves = Halves(1), Halves(2)
    assert train(whole, epochs=3).step == train(halves, epochs=3, accumulate=2).step == 12
    torch.testing.assert_close(weights(whole.model), weights(halves.model))


def test_the_seed_decides_everything():
    first, again, other = LineLesson(), LineLesson(), LineLesson()
    for lesson, seed in ((first, 0), (again, 0), (other, 1)):
        run(lesson, settings(), None, seed=seed, fingerprint="line", device="cpu")
    assert torch.equal(weights(first.model), weights(again.model))
    assert not torch.equal(weights(first.model), weights(other.model))


def test_a_loss_that_is_not_finite_stops_the_run_and_says_where():
    with pytest.raises(TrainingError, match="the loss is nan in epoch 2, batch 2: lower learning_rate"):
        train(LineLesson(poison=6))


def test_leaves_a_history_and_a_checkpoint_in_its_folder(tmp_path: Path):
    train(LineLesson(), tmp_path, epochs=2)
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.safetensors", "history.csv"}
    assert (tmp_path / "history.csv").read_text().count("\n") == 3


def test_tensorboard_is_written_beside_the_history(tmp_path: Path):
    run(
        LineLesson(),
        settings(epochs=2),
        tmp_path,
        seed=0,
        fingerprint="line",
        log="tensorboard",
        device="cpu",
    )
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_small_data_gets_more_epochs():
    assert n_epochs(settings(epochs=5, min_steps=0), 10) == 5
    assert n_epochs(settings(epochs=5, min_steps=100), 10) == 10
    assert n_epochs(settings(epochs=5, min_steps=100, accumulate=2), 10) == 20


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
        train(LineLesson(), epochs=1, precision="bf16")
    assert not [record for record in caplog.records if record.name.startswith("lightning")]
