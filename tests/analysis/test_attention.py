"""Scores between molecules beside plain loops over the equations, and what is written of attention."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from catenane.analysis import chosen_weights, cross_scores, write_attention
from catenane.errors import UsageError

ASPARTATE, KETOGLUTARATE = "[NH3+][C@@H](CC(=O)[O-])C(=O)[O-]", "O=C([O-])CCC(=O)C(=O)[O-]"
LINEAR = {"encoder__attention": "linear", "encoder__n_features": 16}


@pytest.mark.parametrize("settings", [{}, LINEAR], ids=["full", "linear"])
@pytest.mark.parametrize("strings", [[ASPARTATE, KETOGLUTARATE], ["CCO", "C", "c1ccccc1Br"]])
def test_cross_scores_follow_equations_4_and_5(make_model, settings, strings):
    attention = make_model(**settings).attention(strings)
    weights = attention.weights_YHLL
    alignment = attention.alignment
    tokens_of = [
        [t for t, atom in enumerate(alignment.atom_of_token_L) if atom in piece.atoms]
        for piece in alignment.pieces
    ]
    assert [len(tokens) for tokens in tokens_of] == [len(piece.atoms) for piece in alignment.pieces]
    for direction in ("received", "given"):
        sums, shares = [], []
        for m, tokens in enumerate(tokens_of):
            of_m = []
            for a in tokens:
                total = np.zeros(weights.shape[:2])
                for other in tokens_of[:m] + tokens_of[m + 1 :]:
                    for b in other:
                        total += weights[:, :, b, a] if direction == "received" else weights[:, :, a, b]
                of_m.append(total)
            sums += of_m
            low, high = np.min(of_m, axis=0), np.max(of_m, axis=0)
            with np.errstate(invalid="ignore"):
                shares += [np.nan_to_num((total - low) / (high - low)) for total in of_m]
        raw = cross_scores(attention, direction, normalise=False)
        np.testing.assert_allclose(raw, np.stack(sums, axis=-1), rtol=1e-5)
        np.testing.assert_allclose(cross_scores(attention, direction), np.stack(shares, axis=-1), atol=1e-5)


def test_one_molecule_has_no_cross_scores(make_model):
    with pytest.raises(UsageError, match="two strings or more"):
        cross_scores(make_model().attention("CCO"))


def test_weights_are_chosen_from_one_on(make_model):
    attention = make_model().attention("CCO")
    np.testing.assert_array_equal(chosen_weights(attention, 2, 1), attention.weights_YHLL[1, 0])
    np.testing.assert_allclose(chosen_weights(attention), attention.weights_YHLL.mean((0, 1)), rtol=1e-5)
    with pytest.raises(UsageError, match="layer 3: this model has 2, counted from 1"):
        chosen_weights(attention, 3)


@pytest.mark.parametrize(
    ("notation", "strings"),
    [
        ("smiles", ["CC(=O)Oc1ccccc1C(=O)O"]),
        ("smiles", [ASPARTATE, KETOGLUTARATE]),
        ("mofid", ["[O-]C(=O)c1ccc(cc1)C(=O)[O-].[O].[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0"]),
    ],
)
def test_figures_hold_the_structures(make_model, notation, strings, tmp_path):
    attention = make_model(notation, **LINEAR).attention(strings)
    write_attention(tmp_path / "a.svg", attention, layer=1, head=2, direction="given")
    svg = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert svg.tag.endswith("svg")
    write_attention(tmp_path / "a.png", attention)
    with Image.open(tmp_path / "a.png") as image:
        assert image.width > 2000
        blue = np.asarray(image.convert("RGB")).astype(int)
    assert ((blue[..., 2] - blue[..., 0]) > 60).mean() > 0.001
    write_attention(tmp_path / "a.npz", attention)
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_array_equal(arrays["attention"], attention.weights_YHLL)
        assert ("cross_received" in arrays) == (len(strings) > 1)
    with pytest.raises(UsageError, match=r"must end in \.html"):
        write_attention(tmp_path / "a.pdf", attention)


PROBE = """<!doctype html><title></title>
<iframe src="a.html" style="border:0;width:%dpx;height:900px"></iframe>
<script>
addEventListener("load", () => {
  const frame = document.querySelector("iframe"), page = frame.contentWindow.document;
  const scores = () => [...page.querySelectorAll("circle[data-atom]")].map(c => +c.dataset.score);
  const chosen = () => page.getElementById("chosen").textContent;
  const event = key => new frame.contentWindow.KeyboardEvent("keydown", {key, bubbles: true});
  const press = key => page.dispatchEvent(event(key));
  const view = page.documentElement;
  const found = {overflow: view.scrollWidth - view.clientWidth, states: {}};
  const note = name => { found.states[name] = {chosen: chosen(), scores: scores()}; };
  note("start");
  page.querySelector('#heads button[data-layer="2"][data-head="1"]').click();
  note("clicked");
  press("ArrowRight");
  note("right");
  press("d");
  note("turned");
  press("ArrowDown");
  press("m");
  note("means");
  page.querySelector("#pairs text").dispatchEvent(new frame.contentWindow.MouseEvent("click"));
  note("kept");
  found.lines = page.querySelectorAll("#pairs line").length;
  document.title = JSON.stringify(found);
});
</script>"""


def probe(visit, folder, width):
    import html
    import json

    (folder / "frames.html").write_text(PROBE % width, encoding="utf-8")
    document, console, requests = visit(folder / "frames.html", "--allow-file-access-from-files")
    assert console == []
    assert requests == set()
    return json.loads(html.unescape(re.search(r"<title>(.*?)</title>", document)[1]))


@pytest.mark.parametrize("width", [420, 1400])
def test_layer_and_head_are_chosen_by_mouse_and_key(visit, make_model, tmp_path, width):
    attention = make_model(**LINEAR).attention([ASPARTATE, KETOGLUTARATE])
    write_attention(tmp_path / "a.html", attention, layer=1)
    found = probe(visit, tmp_path, width)
    assert found["overflow"] == 0
    states = found["states"]
    names = {name: state["chosen"].lower() for name, state in states.items()}
    assert names == {
        "start": "layer 1, mean of heads", "clicked": "layer 2, head 1", "right": "layer 2, head 2",
        "turned": "layer 2, head 2", "means": "mean of layers, mean of heads",
        "kept": "mean of layers, mean of heads",
    }  # fmt: skip
    received, given = cross_scores(attention), cross_scores(attention, "given")
    expected = {"clicked": received[1, 0], "right": received[1, 1], "turned": given[1, 1]}
    for name, scores in expected.items():
        np.testing.assert_allclose(states[name]["scores"], scores, atol=2e-3)
    assert found["lines"] > 0


def test_atoms_of_one_molecule_are_shaded_by_what_they_receive(visit, make_model, tmp_path):
    attention = make_model().attention("OC(=O)c1ccccc1Br")
    write_attention(
        tmp_path / "a.html", attention, layer=2, head=1, model_name="<script>document.title=1</script>"
    )
    found = probe(visit, tmp_path, 800)["states"]["clicked"]
    expected = attention.weights_YHLL[1, 0].mean(axis=0)[attention.alignment.token_of_atom]
    np.testing.assert_allclose(found["scores"], expected / expected.max(), atol=2e-3)
