"""Axes: B or N strings, D width of the stream, F descriptors, T targets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import gelu

from catenane.config import HeadConfig
from catenane.errors import ConfigError, DataError, UsageError
from catenane.models.networks import make_head as build_head
from catenane.models.property_head import PropertyHead

UPTAKES = ("co2_0.1bar", "co2_0.5bar", "co2_2.5bar", "ch4_0.5bar", "ch4_4.5bar")


def make_head(targets=("a", "b", "c"), **settings) -> PropertyHead:
    return build_head(HeadConfig(**{"dropout": 0.0} | settings), d_model=8, targets=targets).eval()


@pytest.mark.parametrize(("hidden", "widths"), [((), [8]), ((5,), [8, 5]), ((7, 6, 5), [8, 7, 6, 5])])
def test_the_head_has_the_widths_asked_for(hidden, widths):
    head = make_head(hidden=hidden)
    layers = [module for module in head.modules() if isinstance(module, nn.Linear)]
    assert [layer.in_features for layer in layers] == widths
    assert layers[-1].out_features == 3
    assert head(torch.randn(4, 8)).shape == (4, 3)


def test_a_linear_head_is_linear():
    head = make_head(hidden=())
    x_BD, y_BD = torch.randn(2, 4, 8)
    torch.testing.assert_close(head(x_BD + y_BD), head(x_BD) + head(y_BD))


def test_a_residual_head_is_that_of_molformer():
    head = make_head(("a",), hidden=(8, 8), residual=True)
    x_BD = torch.randn(4, 8)
    first, second, last = (module for module in head.modules() if isinstance(module, nn.Linear))
    once_BD = x_BD + gelu(first(x_BD))
    torch.testing.assert_close(head(x_BD), last(once_BD + gelu(second(once_BD))))
    assert set(head.state_dict()) == set(make_head(("a",), hidden=(8, 8)).state_dict())
    with pytest.raises(ConfigError, match=r"every width of head.hidden=\[8, 4\] must be 8"):
        make_head(hidden=(8, 4), residual=True)


def test_amounts_are_learnt_as_square_roots_and_predicted_as_they_are():
    head = make_head(("a", "b"), target_scale="sqrt")
    targets_NT = np.array([[0.0, 1.0], [0.25, 4.0], [9.0, np.nan]])
    head.fit_scalers(targets_NT)
    scores_NT = head.standardise(torch.from_numpy(targets_NT).float())
    np.testing.assert_allclose(np.nanmean(scores_NT, axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(head.to_labels(scores_NT), targets_NT, atol=1e-5)
    assert (head.to_labels(torch.full((1, 2), -50.0)) == 0).all(), "no amount is negative"


def test_raw_targets_are_learnt_in_their_own_units():
    head = make_head(("a", "b"), target_scale="raw")
    targets_NT = np.array([[0.0, 100.0], [-2.0, 400.0]])
    head.fit_scalers(targets_NT)
    scores_NT = torch.from_numpy(targets_NT).float()
    assert torch.equal(head.standardise(scores_NT), scores_NT)
    assert torch.equal(head.to_labels(scores_NT), scores_NT)


def test_what_is_no_amount_is_refused():
    with pytest.raises(DataError, match=r"for amounts; target 'b' goes down to -2"):
        make_head(("a", "b"), target_scale="sqrt").fit_scalers(np.array([[0.0, -2.0], [1.0, np.nan]]))
    with pytest.raises(ConfigError, match="not for classes"):
        build_head(HeadConfig(target_scale="sqrt"), d_model=8, targets=("a",), task="classification")


def test_vectors_of_a_frozen_encoder_are_standardised():
    head = make_head(hidden=())
    pooled_ND = np.random.default_rng(0).normal(3.0, 0.1, (200, 8))
    pooled_ND[:, 5] = 7.0
    head.fit_scalers(np.zeros((200, 3)), pooled_ND=pooled_ND)
    seen = []
    head.members[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    head(torch.from_numpy(pooled_ND).float())
    np.testing.assert_allclose(np.delete(seen[0].mean(0).numpy(), 5), 0, atol=1e-4)
    np.testing.assert_allclose(np.delete(seen[0].std(0).numpy(), 5), 1, atol=0.01)
    assert (seen[0][:, 5] == 0).all()


@pytest.mark.parametrize("target_scale", ["linear", "sqrt"])
def test_isotherms_give_the_targets_and_every_other_pressure(target_scale):
    head = make_head(UPTAKES, target_scale=target_scale, isotherm_sites=3, hidden=(16,))
    generator = np.random.default_rng(0)
    head.fit_scalers(generator.gamma(1.0, 1.0, (50, 5)))
    pooled_BD = torch.randn(6, 8)
    labels_BT = head.predict(pooled_BD)
    conditions = {"gas": "co2", "pressure": [0.1, 0.5, 2.5]}
    assert head.columns() == UPTAKES
    assert head.columns(conditions) == UPTAKES[:3]
    at_known_BC = head.predict(pooled_BD, conditions=conditions)
    torch.testing.assert_close(at_known_BC, labels_BT[:, :3], atol=1e-4, rtol=1e-4)
    rising_BP = head.predict(pooled_BD, conditions={"gas": "CO2", "pressure": (0.0, 0.01, 0.1, 1.0, 10.0)})
    assert (rising_BP[:, 0] == 0).all()
    assert (rising_BP.diff(dim=1) > 0).all()


def test_isotherms_are_learnt():
    """Every parameter has a gradient, and labels that follow isotherms are fitted at all pressures."""
    torch.manual_seed(0)
    head = make_head(UPTAKES, target_scale="sqrt", isotherm_sites=3, hidden=(64,)).train()
    pooled_ND = torch.randn(64, 8)
    capacity_N1, affinity_N1 = (pooled_ND[:, :1] + 2).abs(), pooled_ND[:, 1:2].exp()
    columns = [
        capacity_N1 * affinity_N1 * p * size / (1 + affinity_N1 * p)
        for p, size in ((0.1, 1.0), (0.5, 1.0), (2.5, 1.0), (0.5, 0.5), (4.5, 0.5))
    ]
    targets_NT = torch.cat(columns, dim=1)
    head.fit_scalers(targets_NT)
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2, weight_decay=0.0)
    for _ in range(300):
        loss = (head(pooled_ND) - head.standardise(targets_NT)).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in head.parameters())
        optimizer.step()
    assert loss.item() < 0.06
    between_N = head.predict(pooled_ND, conditions={"gas": "co2", "pressure": 1.0})[:, 0].detach()
    expected_N = (capacity_N1 * affinity_N1 / (1 + affinity_N1))[:, 0]
    assert (between_N - expected_N).abs().mean() < 0.1 * expected_N.mean()


def test_conditions_are_those_of_the_head():
    with pytest.raises(UsageError, match=r"takes no gas, pressure: it predicts a, b, c"):
        make_head().predict(torch.randn(2, 8), conditions={"gas": "co2", "pressure": 0.1})
    head = make_head(UPTAKES, isotherm_sites=2)
    with pytest.raises(UsageError, match=r"isotherms of CO2, CH4; got 'N2'"):
        head.predict(torch.randn(2, 8), conditions={"gas": "N2", "pressure": 0.1})
    with pytest.raises(UsageError, match=r"takes gas and pressure as conditions, not presure"):
        head.columns({"gas": "co2", "presure": 0.1})
    with pytest.raises(UsageError, match=r"the pressure is missing"):
        head.columns({"gas": "co2"})
    with pytest.raises(ConfigError, match=r"name a gas and a pressure, as co2_0.1bar does; got 'bandgap_ev'"):
        make_head(("bandgap_ev",), isotherm_sites=2)


@pytest.mark.parametrize("settings", [{}, {"target_scale": "sqrt", "isotherm_sites": 2}])
def test_members_differ_and_the_prediction_is_their_mean(settings):
    head = make_head(UPTAKES, members=3, hidden=(16,), **settings)
    head.fit_scalers(np.random.default_rng(0).gamma(1.0, 1.0, (50, 5)))
    pooled_BD = torch.randn(6, 8)
    scores_MBT = head(pooled_BD, per_member=True)
    assert scores_MBT.shape == (3, 6, 5)
    assert (scores_MBT[0] != scores_MBT[1]).all()
    if settings:
        mean_BT = head.to_labels(scores_MBT).mean(dim=0)
        torch.testing.assert_close(head.predict(pooled_BD), mean_BT, atol=1e-4, rtol=1e-4)
    else:
        torch.testing.assert_close(head(pooled_BD), scores_MBT.mean(dim=0))


def test_a_member_learns_what_it_would_alone():
    """The gradient of one member does not hang on the others."""
    torch.manual_seed(1)
    together = make_head(members=2, hidden=(4,))
    alone = make_head(members=1, hidden=(4,))
    alone.members[0].load_state_dict(together.members[0].state_dict())
    pooled_BD, targets_BT = torch.randn(5, 8), torch.randn(5, 3)
    for head in (together, alone):
        scores_MBT = head(pooled_BD, per_member=True)
        (scores_MBT - targets_BT).abs().sum().backward()
    for ours, theirs in zip(together.members[0].parameters(), alone.members[0].parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_pressures_outside_those_of_training_are_noted():
    head = make_head(UPTAKES, isotherm_sites=2)
    assert head.extrapolations() == ("",) * 5
    assert head.extrapolations({"gas": "ch4", "pressure": [0, 0.5, 4.5]}) == ("",) * 3
    assert head.extrapolations({"gas": "ch4", "pressure": [0.1, 30]}) == (
        "0.1 bar is outside the trained 0.5 to 4.5 bar",
        "30 bar is outside the trained 0.5 to 4.5 bar",
    )


@pytest.mark.parametrize("layer", [True, False])
def test_descriptors_take_as_much_room_as_the_string_or_join_as_they_are(layer):
    config = HeadConfig(hidden=(5,), dropout=0.0, descriptor_layer=layer)
    head = build_head(config, d_model=8, targets=("a",), n_descriptors=200)
    assert head.members[0][0][0].in_features == (16 if layer else 208)
    assert head(torch.randn(4, 8), torch.randn(4, 200)).shape == (4, 1)


@pytest.mark.parametrize("layer", [True, False])
def test_fragments_are_read_as_counts_and_unseen_ones_have_no_effect(layer):
    config = HeadConfig(hidden=(5,), dropout=0.0, descriptor_layer=layer, fragments=4)
    head = build_head(config, d_model=3, targets=("a",), n_descriptors=6)
    pooled, plain = torch.randn(20, 3), 100 + torch.randn(20, 2)
    counts = torch.randint(0, 3, (20, 4)).float()
    counts[:, 1] = 0
    head.fit_scalers(torch.randn(20, 1), torch.cat([plain, counts], dim=1), pooled)
    unseen, seen = counts.clone(), counts.clone()
    unseen[:, 1] = 7
    seen[:, 2] += 7
    plainly, with_unseen, with_seen = (
        head(pooled, torch.cat([plain, part], dim=1)) for part in (counts, unseen, seen)
    )
    torch.testing.assert_close(with_unseen, plainly)
    assert (with_seen - plainly).abs().max() > 1e-3
    with pytest.raises(ConfigError, match="more than 3 inputs"):
        build_head(config, d_model=3, targets=("a",), n_descriptors=3)
