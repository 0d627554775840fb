"""Axes: B or N strings, L tokens, F descriptors, T targets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from catenane.config import EncoderConfig, HeadConfig
from catenane.errors import ConfigError, DataError
from catenane.models.encoder import TransformerEncoder
from catenane.models.networks import PropertyModel
from catenane.objectives import classification_loss, regression_loss

ENCODER = EncoderConfig(
    vocabulary_size=30, d_model=32, n_layers=1, n_heads=4, d_hidden=64, dropout=0.0, max_length=32
)
HEAD = HeadConfig(hidden=(16,), dropout=0.0)
TARGETS = ("first", "second")
NAN = float("nan")


def make_model(n_targets: int = 1, n_descriptors: int = 0, task: str = "regression") -> PropertyModel:
    return PropertyModel(
        TransformerEncoder(ENCODER), HEAD, targets=TARGETS[:n_targets], n_descriptors=n_descriptors, task=task
    ).eval()


def strings(n: int = 6, length: int = 9, padded_to: int = 9) -> tuple[Tensor, Tensor]:
    ids_BL = torch.zeros(n, padded_to, dtype=torch.int64)
    ids_BL[:, :length] = torch.randint(5, 30, (n, length), generator=torch.Generator().manual_seed(1))
    return ids_BL, torch.arange(padded_to).expand(n, -1) < length


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("attention", ["full", "linear"])
def test_padding_and_company_change_no_score(pooling, attention):
    encoder = TransformerEncoder(replace(ENCODER, attention=attention))
    model = PropertyModel(encoder, replace(HEAD, pooling=pooling), targets=TARGETS).eval()
    scores_BT = model(strings())
    torch.testing.assert_close(model(strings(padded_to=20)), scores_BT, atol=1e-5, rtol=1e-4)
    ids_BL, keep_BL = strings()
    torch.testing.assert_close(model((ids_BL[3:4], keep_BL[3:4])), scores_BT[3:4], atol=1e-5, rtol=1e-4)


def test_scores_come_from_what_is_embedded():
    model = make_model(n_targets=2, n_descriptors=3)
    descriptors_BF = torch.randn(6, 3)
    pooled_BD = model.embed(strings())
    assert pooled_BD.shape == (6, 32)
    torch.testing.assert_close(model.head(pooled_BD, descriptors_BF), model(strings(), descriptors_BF))


def test_predictions_are_in_the_units_of_the_labels():
    model = make_model(n_targets=2)
    targets_NT = np.array([[1.0, 100.0], [3.0, NAN], [NAN, 500.0], [5.0, 900.0]])
    model.head.fit_scalers(targets_NT)
    np.testing.assert_allclose(model.head.target_mean_T, np.nanmean(targets_NT, axis=0), rtol=1e-6)
    np.testing.assert_allclose(model.head.target_std_T, np.nanstd(targets_NT, axis=0), rtol=1e-6)
    standardised_NT = model.head.standardise(torch.from_numpy(targets_NT).float())
    np.testing.assert_allclose(np.nanmean(standardised_NT, axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.nanstd(standardised_NT, axis=0), 1, atol=1e-6)
    np.testing.assert_allclose(model.head.to_labels(standardised_NT), targets_NT, rtol=1e-6)


def test_classes_are_left_alone_and_predicted_as_probabilities():
    model = make_model(n_targets=2, task="classification")
    targets_NT = torch.tensor([[0.0, 1.0], [1.0, NAN]])
    model.head.fit_scalers(targets_NT)
    torch.testing.assert_close(model.head.standardise(targets_NT), targets_NT, equal_nan=True)
    labels_BT = model.head.to_labels(torch.tensor([[0.0, 100.0], [-100.0, 1.0]]))
    torch.testing.assert_close(labels_BT, torch.tensor([[0.5, 1.0], [0.0, 0.731059]]))


def test_a_label_that_never_varies_is_predicted_as_it_is():
    model = make_model()
    model.head.fit_scalers(np.full((5, 1), 0.1))
    torch.testing.assert_close(model.head.to_labels(torch.zeros(1, 1)), torch.tensor([[0.1]]))
    assert model.head.target_std_T.item() == 1


def test_descriptors_are_standardised_cut_off_and_filled():
    model = make_model(n_descriptors=4)
    generator = np.random.default_rng(0)
    descriptors_NF = generator.normal([5.0, -3.0, 7.0, NAN], [2.0, 0.1, 0.0, 1.0], (500, 4))
    descriptors_NF[::3, 0] = NAN
    model.head.fit_scalers(np.zeros((500, 1)), descriptors_NF)
    seen = []
    model.head.descriptors.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    given_BF = torch.tensor([[5.0, -3.0, 7.0, 0.0], [7.0, 1e9, 8.0, 1.0], [NAN, -torch.inf, NAN, NAN]])
    model(strings(3), given_BF)
    expected_BF = torch.tensor([[0.0, 0.0, 0.0, 0.0], [1.0, 5.0, 0.0, 0.0], [0.0, -5.0, 0.0, 0.0]])
    torch.testing.assert_close(seen[0], expected_BF, atol=0.15, rtol=0)
    assert (seen[0][:, 2:] == 0).all(), "what never varied in training, or was never there, says nothing"


def test_descriptors_reach_the_score():
    model = make_model(n_descriptors=3)
    assert not torch.allclose(model(strings(), torch.randn(6, 3)), model(strings(), torch.randn(6, 3)))


def test_weights_and_scalers_are_saved_together():
    model, other = make_model(2, 3), make_model(2, 3)
    model.head.fit_scalers(np.random.default_rng(0).normal(5, 2, (20, 2)), torch.rand(20, 3))
    other.load_state_dict(model.state_dict())
    descriptors_BF = torch.rand(6, 3)
    expected_BT = model.head.to_labels(model(strings(), descriptors_BF))
    assert torch.equal(other.head.to_labels(other(strings(), descriptors_BF)), expected_BT)
    parts = {name.split(".")[0] for name, _ in model.named_parameters()}
    assert parts == {"encoder", "head"}


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(DataError, match=r"reads 3 descriptors a string, and 0 were given"):
        make_model(n_descriptors=3)(strings())
    with pytest.raises(DataError, match=r"reads 0 descriptors a string, and 2 were given"):
        make_model()(strings(), torch.zeros(6, 2))
    with pytest.raises(DataError, match=r"reads 3 descriptors a string, and 0 were given"):
        make_model(n_descriptors=3).head.fit_scalers(np.zeros((4, 1)))
    with pytest.raises(DataError, match=r"target 'second' has no label in the training rows"):
        make_model(n_targets=2).head.fit_scalers(np.array([[1.0, NAN], [2.0, NAN]]))
    with pytest.raises(ConfigError, match=r"head.descriptors=false leaves no place for 3 descriptors"):
        PropertyModel(
            TransformerEncoder(ENCODER), HeadConfig(descriptors=False), targets=TARGETS, n_descriptors=3
        )


@pytest.mark.parametrize("attention", ["full", "linear"])
def test_it_fits_a_handful_of_strings(attention):
    encoder = TransformerEncoder(replace(ENCODER, attention=attention))
    model = PropertyModel(encoder, HEAD, targets=TARGETS, n_descriptors=2)
    ids_BL, keep_BL = strings(12)
    descriptors_BF = torch.randn(12, 2)
    targets_BT = torch.randn(12, 2) * torch.tensor([3.0, 300.0]) + torch.tensor([10.0, -2000.0])
    targets_BT[0, 0] = targets_BT[5, 1] = NAN
    model.head.fit_scalers(targets_BT, descriptors_BF)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    for _ in range(100):
        scores_BT = model((ids_BL, keep_BL), descriptors_BF)
        loss = regression_loss(scores_BT, model.head.standardise(targets_BT), "mse")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    labels_BT = model.eval().head.to_labels(model((ids_BL, keep_BL), descriptors_BF)).detach()
    known_BT = ~targets_BT.isnan()
    errors_BT = (labels_BT - targets_BT).abs() / model.head.target_std_T
    assert errors_BT[known_BT].max() < 0.1


def test_it_learns_a_class():
    model = make_model(task="classification").train()
    ids_BL, keep_BL = strings(12)
    targets_BT = (ids_BL[:, :1] > 17).float()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        loss = classification_loss(model((ids_BL, keep_BL)), targets_BT)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert torch.equal(model.head.to_labels(model((ids_BL, keep_BL))).round(), targets_BT)
