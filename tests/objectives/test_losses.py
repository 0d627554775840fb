"""Axes: B strings, N chosen tokens, V vocabulary, T targets."""

from __future__ import annotations

import math

import pytest
import torch

from catenane.objectives import classification_loss, masked_loss, regression_loss

NAN = float("nan")


def test_masked_loss_is_the_mean_surprise_in_nats():
    logits_NV = torch.tensor([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]]).log()
    expected = -(math.log(0.2) + math.log(0.5)) / 2
    assert masked_loss(logits_NV, torch.tensor([1, 2])).item() == pytest.approx(expected)


def test_no_chosen_token_is_no_loss():
    logits_NV = torch.zeros(0, 3, requires_grad=True)
    loss = masked_loss(logits_NV, torch.zeros(0, dtype=torch.int64))
    loss.backward()
    assert loss.item() == 0


@pytest.mark.parametrize(
    ("kind", "errors"), [("mae", [0.5, 2, 1.25]), ("mse", [0.25, 4, 1.5625]), ("huber", [0.125, 1.5, 0.75])]
)
def test_regression_losses_are_their_formulas(kind, errors):
    scores_BT = torch.tensor([[0.5, 1.0], [3.0, -1.0]])
    targets_BT = torch.tensor([[0.0, NAN], [1.0, 0.25]])
    assert regression_loss(scores_BT, targets_BT, kind).item() == pytest.approx(sum(errors) / 3)


def test_classification_loss_is_cross_entropy():
    logits_BT = torch.tensor([[0.0, 2.0], [-1.0, 3.0]])
    targets_BT = torch.tensor([[1.0, 0.0], [NAN, 1.0]])
    surprises = [math.log(2), math.log(1 + math.exp(2)), math.log(1 + math.exp(-3))]
    assert classification_loss(logits_BT, targets_BT).item() == pytest.approx(sum(surprises) / 3)


LOSSES = {
    "mae": lambda scores, targets: regression_loss(scores, targets, "mae"),
    "huber": lambda scores, targets: regression_loss(scores, targets, "huber"),
    "mse": lambda scores, targets: regression_loss(scores, targets, "mse"),
    "classification": classification_loss,
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_missing_labels_neither_count_nor_give_gradients(loss):
    scores_BT = torch.randn(6, 3, requires_grad=True)
    targets_BT = torch.randint(0, 2, (6, 3)).float()
    missing_BT = torch.rand(6, 3) < 0.4
    targets_BT[missing_BT] = NAN
    value = loss(scores_BT, targets_BT)
    value.backward()
    assert (scores_BT.grad[missing_BT] == 0).all()
    assert (scores_BT.grad[~missing_BT] != 0).all()
    known = loss(scores_BT[~missing_BT][:, None], targets_BT[~missing_BT][:, None])
    torch.testing.assert_close(value, known)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_batch_without_labels_is_no_loss_and_no_gradient(loss):
    scores_BT = torch.randn(6, 3, requires_grad=True)
    value = loss(scores_BT, torch.full((6, 3), NAN))
    value.backward()
    assert value.item() == 0
    assert (scores_BT.grad == 0).all()


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_losses_are_computed_in_float32(loss):
    value = loss(torch.randn(6, 3).bfloat16(), torch.ones(6, 3))
    assert value.dtype == torch.float32


def test_huber_is_the_square_within_a_deviation_and_the_distance_beyond():
    scores_BT, targets_BT = torch.tensor([[0.4], [-7.0]]), torch.zeros(2, 1)
    assert regression_loss(scores_BT, targets_BT, "huber").item() == pytest.approx((0.08 + 6.5) / 2)
