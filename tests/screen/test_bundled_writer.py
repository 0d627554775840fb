"""The bundled model proposes linkers for frameworks."""

from __future__ import annotations

import time

import pytest

from catenane.inference import fill, load
from catenane.notation import Mofid, normalise
from catenane.screen.proposals import propose

MOF5 = "[O-]C(=O)c1ccc(cc1)C(=O)[O-].[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0"


def test_linkers_of_a_framework_ranked_by_uptake():
    began = time.process_time()
    writer, ranker = load("mof-writer", device="cpu"), load("mof-uptake", device="cpu")
    found = propose(writer, MOF5, vary="linker", n=20, ranker=ranker, target="co2_0.1bar")
    assert time.process_time() - began < 60
    table = found.table
    assert len(table) == 20
    assert table["co2_0.1bar"].is_monotonic_decreasing
    assert (table["co2_0.1bar_low"] <= table["co2_0.1bar"]).all()
    node = Mofid.parse(normalise(MOF5, "mofid")).nodes
    for text in table["string"]:
        mofid = Mofid.parse(text)
        assert (mofid.nodes, len(mofid.linkers), mofid.topology) == (node, 1, "pcu")
        assert mofid.linkers[0].count("C(=O)[O-]") + mofid.linkers[0].count("O=C([O-])") == 2
    assert found.origin["co2_0.1bar"] == pytest.approx(ranker.predict([MOF5])["co2_0.1bar"][0])
    assert set(table["new"]) <= {True, False}
    assert set(table["span_before"]) == {"5"}  # from one carbon of BDC's carboxylates to the other
    spans = dict(zip(table["string"], table["span"], strict=True))
    for linker, span in (("O=C([O-])C#CC(=O)[O-]", "3"), ("O=C([O-])C=CC(=O)[O-]", "3")):
        assert spans.get(normalise(f"{linker}.[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0", "mofid"), span) == span
    assert all(span.isdigit() and int(span) >= 1 for span in table["span"])


def test_it_fills_a_gap_of_a_framework_as_a_chemist_would():
    writer = load("mof-writer", device="cpu")
    hidden = "O=C([O-])c1ccc(C(=O)[MASK])cc1.[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0"
    assert fill(writer, hidden, top=1)[0].text == "[O-]"
