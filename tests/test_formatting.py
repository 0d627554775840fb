from __future__ import annotations

import math

import pytest

from catenane.formatting import chemical, count, duration, number, percent, quantity, scale, with_unit


def spread_out(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("value", "like", "expected"),
    [
        (0.23456, None, "0.235"),
        (0.98765, 0.0312, "0.9877"),
        (12.3456, None, "12.3"),
        (18670.4, None, "18,670"),
        (-0.152, None, "−0.152"),
        (-0.00001, 0.5, "0.000"),
        (0.0, None, "0.00"),
        (3.1e-7, None, "3.10e−7"),
        (2.5e9, None, "2.50e9"),
        (None, None, "–"),
        (math.nan, None, "–"),
        (math.inf, 0.1, "–"),
        (1.5, math.nan, "1.50"),
    ],
)
def test_numbers_show_the_digits_that_matter(value, like, expected):
    assert number(value, like) == expected


def test_units_stay_with_their_number():
    assert quantity(0.5, "log10 mol/L") == "0.500\N{NO-BREAK SPACE}log10\N{NO-BREAK SPACE}mol/L"
    assert quantity(0.5, "class") == quantity(0.5, "") == quantity(0.5, None) == "0.500"
    assert with_unit("uptake", "mol/kg") == "uptake (mol/kg)"
    assert with_unit("toxic", "class") == "toxic"


def test_counts_agree_with_their_noun():
    assert spread_out(count(1, "row")) == "1 row"
    assert spread_out(count(18670, "MOF")) == "18,670 MOFs"


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, "50 %"), (0.034, "3.4 %"), (0.0, "0 %"), (1.0, "100 %"), (None, "–")]
)
def test_shares_are_percentages(share, expected):
    assert spread_out(percent(share)) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (48.4, "48 s"),
        (59.7, "1 min"),
        (192.0, "3 min 12 s"),
        (3600.0, "1 h"),
        (7505.0, "2 h 5 min"),
    ],
)
def test_times_show_their_two_largest_units(seconds, expected):
    assert spread_out(duration(seconds)) == expected


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ("CO2", "CO₂"),
        ("Zr6O4(OH)4", "Zr₆O₄(OH)₄"),
        ("C8H4O4 2−", "C₈H₄O₄²⁻"),
        ("C9H7O4 −", "C₉H₇O₄⁻"),
        ("NMe2", "NMe₂"),
        ("rod of AlO4(OH)2", "rod of AlO₄(OH)₂"),
    ],
)
def test_formulas_are_set_as_chemists_set_them(formula, shown):
    assert chemical(formula) == shown


def test_numbers_far_below_their_uncertainty_are_not_written_out():
    assert number(1.3e-9, scale([1.3e-9, 2e-9], [0.0, 0.0108])) == "0.00000"
    assert number(3.5, scale([3.5, -1.0], [1.8, 5.7, float("nan")])) == "3.50"
    assert number(3.5, scale([], [float("nan")])) == "3.50"
