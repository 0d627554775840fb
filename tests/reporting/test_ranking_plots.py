from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from catenane.reporting.ranking_plots import IsothermPlotter, Isotherms, decades, histogram, ticks


def parse(svg):
    return ElementTree.fromstring(str(svg))


def kind(svg, name):
    return [element for element in parse(svg).iter() if element.get("class") == name]


def texts(svg):
    return [element.text for element in parse(svg).iter("text")]


def langmuir(pressures_P, **options):
    uptake_KP = np.array([4.0, 8.0])[:, None] * pressures_P / (0.5 + pressures_P)
    return Isotherms("CO2", pressures_P, uptake_KP, **options)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 11.5), (-3, 2), (0.98, 1.02), (0, 3e-7), (1e5, 4e5)])
def test_ticks_are_round_and_within(low, high):
    found = ticks(low, high, most=5)
    assert 2 <= len(found) <= 6
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)
    steps = np.diff(found)
    assert np.allclose(steps, steps[0])
    assert f"{steps[0]:e}"[0] in "125"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.01, 2.5, [0.01, 0.1, 1]), (0.05, 1, [0.05, 0.1, 0.2, 0.5, 1]), (0.01, 100, [0.01, 0.1, 1, 10, 100])],
)
def test_decades_are_filled_in_where_they_are_few(low, high, expected):
    assert decades(low, high) == pytest.approx(expected)


def test_low_pressures_get_a_logarithmic_axis():
    plotter = IsothermPlotter(
        langmuir(np.geomspace(0.01, 2.5, 30), marked=0.15, measured_P=(0.01, 0.1, 0.5, 2.5))
    )
    svg = plotter.draw(0)
    assert {"0.01", "0.1", "1"} <= set(texts(svg))
    assert {"pressure (bar)", "CO₂ uptake (mol/kg)", "0.15 bar"} <= set(texts(svg))
    places = [float(circle.get("cx")) for circle in kind(svg, "measured")]
    assert np.diff(places)[0] == pytest.approx(np.log(10) / np.log(5) * np.diff(places)[1], rel=0.01)


def test_other_pressures_get_an_axis_from_the_origin():
    svg = IsothermPlotter(langmuir(np.linspace(0.1, 1, 10), marked=0.5, measured_P=(0.5, 1))).draw(0)
    frame_corner = re.match(r"M30 136L", kind(svg, "curve")[0].get("d"))
    assert frame_corner
    assert {"0", "0.2", "1"} <= set(texts(svg))


def test_isotherms_of_a_page_share_their_axes_and_the_mark_lies_on_the_curve():
    isotherms = langmuir(np.linspace(0.01, 1, 100), marked=0.5)
    plotter = IsothermPlotter(isotherms)
    low, high = (float(kind(plotter.draw(row), "dot")[0].get("cy")) for row in (0, 1))
    base = 136.0
    assert (base - high) / (base - low) == pytest.approx(2.0, rel=0.02)
    assert texts(plotter.draw(0)) == texts(plotter.draw(1))


@pytest.mark.parametrize(
    ("pressures_P", "uptake_P", "options"),
    [
        ([1.0], [2.0], {"marked": 1.0}),
        ([0.1, 1.0], [np.nan, np.nan], {"marked": 0.1}),
        ([0.1, 1.0], [0.0, 0.0], {}),
        ([0.1, 1.0], [-0.1, 1.0], {"marked": 50.0, "measured_P": (50.0,)}),
        ([0.1, 0.5, 1.0], [1.0, np.nan, 2.0], {"marked": 0.5}),
        ([0.5, 1.0], [1.0, 2.0], {"marked": 0.01}),
    ],
    ids=["one pressure", "no answer", "nothing taken up", "below zero", "a gap", "mark before the first"],
)
def test_corner_cases_are_drawn_too(pressures_P, uptake_P, options):
    svg = IsothermPlotter(Isotherms("CO2", np.array(pressures_P), np.array([uptake_P]), **options)).draw(0)
    assert parse(svg) is not None
    assert "nan" not in svg
    heights = [float(y) for path in kind(svg, "curve") for y in re.findall(r" (-?[\d.]+)", path.get("d"))]
    assert all(0 <= y <= 136 for y in heights)


def test_text_is_escaped():
    isotherms = Isotherms("<b>\"'&", np.array([0.1, 1.0]), np.array([[1.0, 2.0]]))
    assert "<b>" not in IsothermPlotter(isotherms).draw(0)
    svg = histogram(np.arange(5.0), np.array([4.0]), "<b>\"'&")
    assert "<b>" not in svg
    assert "<b>\"'&" in texts(svg)


def test_a_histogram_counts_all_and_marks_those_shown():
    values = np.random.default_rng(0).gamma(1.0, size=2000)
    shown = np.sort(values)[-20:]
    svg = histogram(values, shown, "uptake")
    (rug,) = kind(svg, "rug")
    assert rug.get("d").count("M") == 20
    (bars,) = kind(svg, "all")
    heights = np.array([float(tall) for tall in re.findall(r"v-([\d.]+)", bars.get("d"))])
    assert heights.max() == pytest.approx(116 / 1.04, abs=0.1)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0], [np.nan]])
def test_there_is_no_histogram_of_nothing(values):
    assert histogram(np.array(values), np.array(values), "uptake") is None
