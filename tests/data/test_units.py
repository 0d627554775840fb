"""Units in headers."""

from __future__ import annotations

import pytest

from catenane.data.labels import split_unit


@pytest.mark.parametrize(
    ("header", "name", "unit"),
    [
        ("solubility (mol/L)", "solubility", "mol/L"),
        ("gap [eV]", "gap", "eV"),
        ("uptake (cm3 (STP)/g)", "uptake", "cm3 (STP)/g"),
        ("uptake at 0.1 bar (mmol g-1)", "uptake at 0.1 bar", "mmol g-1"),
        ("S_BET (m^2/g)", "S_BET", "m^2/g"),
        ("logS (log10 mol/L)", "logS", "log10 mol/L"),
        ("pore (Å)", "pore", "Å"),
        ("Cv(cal/mol/K)", "Cv", "cal/mol/K"),
        ("yield (%)", "yield", "%"),
        ("k (s⁻¹)", "k", "s⁻¹"),
        ("dose (µmol/L)", "dose", "µmol/L"),
    ],
)
def test_a_unit_at_the_end_is_taken_off(header, name, unit):
    assert split_unit(header) == (name, unit)


@pytest.mark.parametrize(
    "header", ["logP", "logS (exp)", "class (0/1)", "(mol/L)", "y ()", "f(x) z", "CT_TOX", "", "a (b)"]
)
def test_other_headers_stay_whole(header):
    assert split_unit(header) == (header, "")
