from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from catenane.reporting.isotherms import HEIGHT, WIDTH, IsothermPlotter, Isotherms


def parse(svg):
    return ElementTree.fromstring(str(svg))


def curve(svg, name="curve"):
    """The points of a path, (N, 2)."""
    (path,) = kind(svg, name)
    return np.array([pair.split() for pair in path.get("d").removeprefix("M").split("L")], dtype=float)


def kind(svg, name):
    return [element for element in parse(svg).iter() if element.get("class") == name]


def texts(svg):
    return [element.text for element in parse(svg).iter("text")]


def langmuir(pressures_P, **options):
    uptake_KP = np.array([4.0, 8.0])[:, None] * pressures_P / (0.5 + pressures_P)
    return Isotherms("CO2", pressures_P, uptake_KP, **options)


def test_the_pressure_axis_is_logarithmic():
    plotter = IsothermPlotter(
        langmuir(np.geomspace(0.01, 2.5, 30), marked=0.15, measured_P=(0.01, 0.1, 0.5, 2.5))
    )
    axes = plotter.definitions
    assert {"0.01", "0.1", "1"} <= set(texts(axes))
    assert {"pressure (bar)", "CO₂ uptake (mol/kg)", "0.15 bar"} <= set(texts(axes))
    places = [float(circle.get("cx")) for circle in kind(plotter.draw(0), "measured")]
    assert np.diff(places)[0] == pytest.approx(np.log(10) / np.log(5) * np.diff(places)[1], rel=0.01)


def test_isotherms_of_a_page_share_their_axes_and_the_mark_lies_on_the_curve():
    pressures_P = np.linspace(0.01, 1, 100)
    plotter = IsothermPlotter(langmuir(pressures_P, marked=0.5))
    first, second = plotter.draw(0), plotter.draw(1)
    low, high = (float(kind(svg, "dot")[0].get("cy")) for svg in (first, second))
    rise = curve(first)[:, 1] - curve(second)[:, 1]
    assert low - high == pytest.approx(rise[np.argmin(abs(pressures_P - 0.5))], abs=0.5)
    symbol = parse(plotter.definitions).find("symbol")
    assert {use.get("href") for svg in (first, second) for use in parse(svg).iter("use")} == {
        f"#{symbol.get('id')}"
    }
    on_curve = curve(first)[np.abs(curve(first)[:, 0] - float(kind(first, "dot")[0].get("cx"))).argmin(), 1]
    assert low == pytest.approx(on_curve, abs=0.6)


def test_prediction_intervals_are_a_band_around_the_curve():
    isotherms = langmuir(np.linspace(0.1, 1, 10))
    band = dataclasses.replace(isotherms, low_KP=0.5 * isotherms.uptake_KP, high_KP=2 * isotherms.uptake_KP)
    svg = IsothermPlotter(band).draw(1)
    lower, upper = np.split(curve(svg, "band"), 2)
    middle = curve(svg)[:, 1]
    assert (upper[::-1, 1] < middle).all()
    assert (middle < lower[:, 1]).all()
    assert curve(svg, "band")[:, 1].min() > 0, "the axes hold the band"
    assert not kind(IsothermPlotter(isotherms).draw(1), "band")
    nothing = np.full_like(isotherms.uptake_KP, np.nan)
    unknown = IsothermPlotter(dataclasses.replace(isotherms, low_KP=nothing, high_KP=nothing)).draw(1)
    assert unknown == IsothermPlotter(isotherms).draw(1)


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
    if kind(svg, "curve"):
        assert (curve(svg) >= 0).all()
        assert (curve(svg) <= [WIDTH, HEIGHT]).all()


def test_text_is_escaped():
    plotter = IsothermPlotter(Isotherms("<b>\"'&", np.array([0.1, 1.0]), np.array([[1.0, 2.0]])))
    assert "<b>" not in plotter.draw(0)
    assert "<b>" not in plotter.definitions
