from __future__ import annotations

import pytest

from catenane.adsorption import Uptake, as_uptakes, choose_uptakes
from catenane.errors import ConfigError, UsageError


@pytest.mark.parametrize(
    ("name", "uptake"),
    [
        ("co2_0.1bar", Uptake("CO2", 0.1)),
        ("CH4_35bar", Uptake("CH4", 35.0)),
        ("ar_1_bar", Uptake("Ar", 1.0)),
        ("bandgap_ev", None),
        ("water_1bar", None),
        ("co2_bar", None),
    ],
)
def test_a_name_tells_gas_and_pressure(name, uptake):
    assert Uptake.parse(name) == uptake


@pytest.mark.parametrize("pressure", [0.0, 0.01, 0.15, 2.5, 100.0, 1e-7, 1e-13, 2e-13, 1e20, 0.1 + 0.2])
def test_names_come_back(pressure):
    assert Uptake.parse(Uptake("CO2", pressure).name) == Uptake("CO2", pressure)


def test_names_are_as_people_write_them():
    pressures = (0.1, 0.15, 1.0, 35.0, 100.0)
    names = [Uptake("CO2", pressure).name for pressure in pressures]
    assert names == ["co2_0.1bar", "co2_0.15bar", "co2_1bar", "co2_35bar", "co2_100bar"]


def test_targets_that_are_no_uptakes_are_refused():
    assert as_uptakes(["co2_0.1bar"]) == (Uptake("CO2", 0.1),)
    with pytest.raises(ConfigError, match="'logS'"):
        as_uptakes(["co2_0.1bar", "logS"])
    with pytest.raises(ConfigError, match="'co2_0bar'"):
        as_uptakes(["co2_0bar"])


def test_a_choice_is_complete_or_refused_in_a_line():
    assert choose_uptakes(None, []) is None
    assert choose_uptakes("co2", [0.15, 0.15, 1]) == (Uptake("CO2", 0.15), Uptake("CO2", 1.0))
    with pytest.raises(UsageError, match="the pressure is missing"):
        choose_uptakes("co2", [])
    with pytest.raises(UsageError, match="the gas is missing"):
        choose_uptakes(None, [0.1])
    with pytest.raises(UsageError, match="unknown gas 'steam': known are CO2, CH4"):
        choose_uptakes("steam", [0.1])
    with pytest.raises(UsageError, match="not below 0; got -1"):
        choose_uptakes("co2", [0.1, -1])
    with pytest.raises(UsageError, match="got nan"):
        choose_uptakes("co2", [float("nan")])
