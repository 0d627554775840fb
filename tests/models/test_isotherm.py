from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from catenane.adsorption import Uptake
from catenane.models.isotherm import Isotherm

TRAINED = [Uptake("CO2", 0.1), Uptake("CO2", 2.5), Uptake("CH4", 0.5)]


@given(st.integers(0, 10_000), st.floats(0.1, 20.0))
def test_uptake_rises_from_zero_to_a_limit_whatever_the_scores(seed: int, size: float):
    isotherm = Isotherm(TRAINED, 3)
    raw_BO = size * torch.randn(4, isotherm.n_scores, generator=torch.Generator().manual_seed(seed))
    pressures = [0.0, 1e-6, 1e-3, 0.1, 1.0, 10.0, 1e3, 1e9]
    for gas in ("CO2", "CH4"):
        uptake_BP = isotherm(raw_BO, [Uptake(gas, pressure) for pressure in pressures])
        assert (uptake_BP[:, 0] == 0).all()
        assert (uptake_BP.diff(dim=1) >= 0).all()
        assert torch.isfinite(uptake_BP).all()


def test_one_site_of_exponent_one_is_langmuirs():
    isotherm = Isotherm([Uptake("CO2", 1.0)], 1)
    isotherm.fit_scale([2.0])
    affinity = isotherm.log_affinity_GS.exp().item()
    found = isotherm(torch.zeros(1, isotherm.n_scores), [Uptake("CO2", p) for p in (0.1, 1.0, 10.0)])
    expected = torch.tensor([[2 * affinity * p / (1 + affinity * p) for p in (0.1, 1.0, 10.0)]])
    torch.testing.assert_close(found, expected)


def test_the_start_is_of_the_size_of_the_labels_and_sites_cover_the_pressures():
    isotherm = Isotherm(TRAINED, 3)
    isotherm.fit_scale([0.5, 4.0, 1.0])
    assert isotherm.capacity_G.tolist() == [4.0, 1.0]
    half_full = (-isotherm.log_affinity_GS).exp()
    assert half_full[0, 0] < 1.0 < half_full[0, -1]


def test_gases_do_not_share_their_parameters():
    isotherm = Isotherm(TRAINED, 2)
    raw_BO = torch.randn(3, isotherm.n_scores)
    other_BO = raw_BO.clone()
    other_BO[:, isotherm.n_scores // 2 :] += 1
    wanted = [Uptake("CO2", 0.3), Uptake("CH4", 0.3)]
    same, differs = (isotherm(raw_BO, wanted) == isotherm(other_BO, wanted)).T
    assert same.all()
    assert not differs.any()
