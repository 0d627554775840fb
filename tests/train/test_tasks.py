"""Tasks and the loss of what they hand to the loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from catenane.config import HeadConfig, TrainingConfig
from catenane.data import Split
from catenane.models.networks import make_head
from catenane.train.loop import run
from catenane.train.tasks import HeadTask

N, D, T, M = 24, 5, 2, 3


@pytest.fixture
def table() -> tuple[np.ndarray, np.ndarray]:
    """Vectors, and two labels of which one is often missing."""
    rng = np.random.default_rng(0)
    pooled_ND = rng.normal(size=(N, D))
    targets_NT = pooled_ND[:, :T] * 2 + 1
    targets_NT[rng.random(N) < 0.6, 1] = np.nan
    return pooled_ND, targets_NT


def task(table, *, learns_MN=None, kind="regression", **settings) -> HeadTask:
    pooled_ND, targets_NT = table
    if kind == "classification":
        targets_NT = np.where(np.isnan(targets_NT), np.nan, targets_NT > 1)
    torch.manual_seed(0)
    config = HeadConfig(hidden=(8,), members=M, dropout=0.0, descriptors=False)
    head = make_head(config, d_model=D, targets=("a", "b"), task=kind)
    head.fit_scalers(targets_NT, None, pooled_ND)
    none = np.arange(0)
    split = Split(train=np.arange(N), valid=none, test=none, method="random", seed=0, n_groups=None)
    return HeadTask(
        head, split, pooled_ND, targets_NT, None, TrainingConfig(**settings), seed=0, learns_MN=learns_MN
    )


def gradient(learner: HeadTask) -> torch.Tensor:
    """Of the mean loss over an epoch, its micro-batches weighed by their labels."""
    batches = list(learner.batches(0, 0))
    total = sum(map(learner.weight, batches))
    for batch in batches:
        share = learner.weight(batch) / total
        (learner.loss(learner.model, batch, torch.device("cpu")) * share).backward()
    return torch.cat([parameter.grad.flatten() for parameter in learner.model.parameters()])


@pytest.mark.parametrize("kind", ["regression", "classification"])
@pytest.mark.parametrize("masked", [False, True])
def test_weighed_micro_batches_have_the_gradient_of_the_whole(table, kind: str, masked: bool):
    """Ten rows a micro-batch: the last is shorter, and each has labels of its own number."""
    learns_MN = np.random.default_rng(1).random((M, N)) < 0.7 if masked else None
    pieces = task(table, kind=kind, learns_MN=learns_MN, batch_rows=10)
    pieces._batch_rows = 10
    whole = task(table, kind=kind, learns_MN=learns_MN)
    whole._batch_rows = N
    assert pieces.n_batches() == 3
    torch.testing.assert_close(gradient(pieces), gradient(whole), atol=1e-6, rtol=0)


def test_a_mask_that_leaves_nothing_out_changes_nothing(table):
    plain, masked = task(table), task(table, learns_MN=np.ones((M, N), dtype=bool))
    for learner in (plain, masked):
        run(learner, TrainingConfig(epochs=3), None, seed=0, fingerprint="", device="cpu")
    assert all(
        torch.equal(a, b)
        for a, b in zip(plain.model.state_dict().values(), masked.model.state_dict().values(), strict=True)
    )


def test_a_member_learns_from_its_own_rows_alone(table):
    """What is written over the rows of the second member changes it, and leaves the others as they are."""
    pooled_ND, targets_NT = table
    learns_MN = np.arange(N) % M == np.arange(M)[:, None]
    spoilt_NT = np.where(learns_MN[1, :, None] & ~np.isnan(targets_NT), -7.0, targets_NT)
    first, second = task(table, learns_MN=learns_MN), task(table, learns_MN=learns_MN)
    second._all = second._all._replace(targets_BT=torch.from_numpy(spoilt_NT.astype(np.float32)))
    for learner in (first, second):
        # Clipping would couple the members.
        settings = TrainingConfig(epochs=5, learning_rate=0.01, clip=1e6)
        run(learner, settings, None, seed=0, fingerprint="", device="cpu")
    scores = [
        learner.model(torch.from_numpy(pooled_ND).float(), per_member=True) for learner in (first, second)
    ]
    torch.testing.assert_close(scores[0][[0, 2]], scores[1][[0, 2]])
    assert (scores[0][1] - scores[1][1]).abs().max() > 0.1
