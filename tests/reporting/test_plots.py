from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import numpy as np
import pytest

from catenane.reporting.plots import ACCENT, INK, histogram, panel, shared_axes
from catenane.reporting.report import history_curves


def draw(axes):
    axes.plot([0, 1], [2, 3], "o-", color=ACCENT)
    axes.set_xlabel("a < b & $c_1$ 化学")
    axes.scatter([0, 1], [2, 3], rasterized=True)


def parse(svg):
    return ElementTree.fromstring(str(svg))


def test_a_panel_is_well_formed_and_takes_its_looks_from_the_page():
    svg = panel(draw, 'a "quoted" <name>').svg
    root = parse(svg)
    assert root.attrib["aria-label"] == 'a "quoted" <name>'
    assert "width" not in root.attrib
    assert "var(--accent)" in svg
    assert ACCENT not in svg
    assert INK not in svg
    assert "font-family" not in svg
    assert "a < b & $c_1$ 化学" in [element.text for element in root.iter("text")]


def test_panels_can_stand_on_one_page():
    first = panel(draw, "first").svg
    second = panel(lambda axes: axes.plot([0, 1], [5, 3], "o-"), "second").svg
    ids = [re.findall(r' id="([^"]*)"', svg) for svg in (first, second)]
    assert all(ids)
    assert not set(ids[0]) & set(ids[1])
    for svg, own in zip((first, second), ids, strict=True):
        assert len(set(own)) == len(own)
        assert set(re.findall(r'(?:url\(|href=")#([^")]*)', svg)) == set(own)


def test_the_users_settings_of_matplotlib_do_not_matter_and_are_kept():
    plain = panel(draw, "")
    with mpl.rc_context(
        {"font.size": 30, "axes.facecolor": "red", "text.parse_math": True, "svg.fonttype": "path"}
    ):
        assert panel(draw, "") == plain
        assert mpl.rcParams["font.size"] == 30
    assert "matplotlib.pyplot" not in sys.modules


@pytest.mark.parametrize(
    "values",
    [
        [],
        [1.0],
        [0.0, 1.0, 1.0],
        [np.nan, 2.5, 2.5],
        list(range(500)),
        [1e-9, 2e-9],
        [1e12, 3e12],
        [-5.0, 1e6],
    ],
)
def test_a_histogram_counts_what_is_there(values):
    values = np.array(values, dtype=np.float64)
    svg = histogram(
        values, values[: len(values) // 2], xlabel="label", ylabel="rows", labels=("all", "test"), caption=""
    ).svg
    assert len(svg) < 40_000
    assert parse(svg) is not None


def test_the_kept_epoch_is_marked():
    history = [{"epoch": k + 1, "valid_loss": loss} for k, loss in enumerate([0.5, np.nan, 0.3])]
    assert "kept: epoch 3" in [text.text for text in parse(history_curves(history, 3).svg).iter("text")]
    assert "kept" not in history_curves(history, None).svg


def test_data_lie_where_the_axes_say():
    def draw(axes):
        axes.plot([0.1, 10.0], [1.0, 3.0], color="#123456")
        axes.set(xscale="log", xlim=(0.01, 100))

    body, place = shared_axes(draw, width=360, height=190)
    (line,) = re.findall(r'<path d="M([^"]*)"[^>]*#123456', body)
    drawn = np.array([pair.split() for pair in re.split("[ML]", line)], dtype=float)
    assert place(np.array([0.1, 10.0]), np.array([1.0, 3.0])) == pytest.approx(drawn, abs=0.02)
