"""Attributions beside what is known of the model."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from catenane.analysis import METHODS, TokenScorer, attribute, explain, write_explanation
from catenane.errors import BundleError, UsageError
from catenane.inference import Ensemble
from catenane.notation import normalise

STRING = "CC(=O)Oc1ccccc1Br"
TOKENS = tuple(name for name in METHODS if name != "occlusion")


@pytest.fixture(scope="module")
def model(make_model):
    found = make_model(kind="property", head__descriptors=False)
    with torch.no_grad():  # fresh heads give almost the same number for all
        for parameter in found.property_model.parameters():
            parameter.mul_(1.5)
    return found


def value(model, text: str) -> float:
    return float(model.predictions([text]).values[0, 0])


def test_occlusion_is_the_fall_of_the_whole_prediction(model):
    scores, alignment = attribute(model, model.read([STRING])[0][0])
    text = alignment.text
    assert len(scores) == 11
    for atom, place in enumerate(alignment.spans_L2[alignment.token_of_atom]):
        variant = text[: place[0]] + "*" + text[place[1] :]
        assert scores[atom] == pytest.approx(value(model, text) - value(model, variant), abs=1e-6)


@pytest.mark.parametrize("method", TOKENS)
def test_every_method_scores_every_atom(model, method):
    scores, alignment = attribute(model, model.read([STRING])[0][0], method=method)
    assert scores.shape == (len(alignment.symbols),)
    assert np.isfinite(scores).all()
    assert np.ptp(scores) > 0


def test_deletion_and_masking_change_one_token(model):
    record = model.read([STRING])[0][0]
    scorer = TokenScorer(model, record)
    assert scorer.values(scorer.ids_L[None])[0] == pytest.approx(value(model, record.text), abs=1e-5)
    deleted, alignment = attribute(model, record, method="deletion")
    masked, _ = attribute(model, record, method="masking")
    whole = scorer.values(scorer.ids_L[None])[0]
    for atom, token in enumerate(alignment.token_of_atom):
        shorter = np.delete(scorer.ids_L, token)[None]
        assert deleted[atom] == pytest.approx(whole - scorer.values(shorter)[0], abs=1e-5)
        hidden = scorer.ids_L.copy()
        hidden[token] = model.bundle.tokenizer.mask_id
        assert masked[atom] == pytest.approx(whole - scorer.values(hidden[None])[0], abs=1e-5)


def test_integrated_gradients_add_up_to_the_fall(model):
    from catenane.analysis.attribution import _integrated_gradients

    scorer = TokenScorer(model, model.read([STRING])[0][0])
    hidden = scorer.ids_L.copy()
    hidden[1:-1] = model.bundle.tokenizer.mask_id
    fall = scorer.values(scorer.ids_L[None])[0] - scorer.values(hidden[None])[0]
    assert abs(fall) > 1e-4
    assert _integrated_gradients(scorer).sum() == pytest.approx(fall, rel=0.02)
    assert model.encoder.embedding._forward_hooks == {}


def test_rollout_of_all_tokens_adds_up_to_one(model):
    from catenane.analysis.attribution import _attention, _rollout

    scorer = TokenScorer(model, model.read([STRING])[0][0])
    assert _rollout(scorer).sum() == pytest.approx(1, abs=1e-5)
    assert _attention(scorer).sum() == pytest.approx(1, abs=1e-5)


def test_a_model_of_one_token_is_explained_by_it(make_model):
    """A head that counts bromine, by an embedding that nothing else has."""
    model = make_model(kind="property", head__descriptors=False, encoder__n_layers=1)
    network, bromine = model.property_model, model.bundle.tokenizer.vocabulary["Br"]
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "blocks" in name and name.endswith(("output.weight", "output.bias")):
                parameter.zero_()
        network.encoder.embedding.weight.zero_()
        network.encoder.embedding.weight[bromine] = torch.randn(network.encoder.d_model) * 3
        network.encoder.norm = torch.nn.Identity()
        for parameter in network.head.parameters():
            parameter.abs_()
    record = model.read([STRING])[0][0]
    for method in ("occlusion", "deletion", "masking", "gradients"):
        scores, alignment = attribute(model, record, method=method)
        assert alignment.symbols[int(np.abs(scores).argmax())] == "Br", method


def test_explanations_are_drawn_with_the_prediction(model, tmp_path):
    found = explain(model, STRING)
    assert found.method == "deletion"
    assert found.record.text == normalise(STRING, "smiles")
    assert found.value == pytest.approx(value(model, STRING))
    sums = found.of_groups()
    assert set(sums) == {"ester", "aryl halide", "benzene ring"}
    assert sums["benzene ring"][1] == 6
    write_explanation(tmp_path / "e.html", found, model_name="<b>tiny</b>")
    text = (tmp_path / "e.html").read_text()
    circles = re.findall(r'<circle class="(raises|lowers)"[^>]*data-atom="(\d+)"', text)
    assert [sign for sign, _ in circles] == ["raises" if s > 0 else "lowers" for s in found.scores_A]
    assert "&lt;b&gt;tiny" in text
    for ending in ("svg", "png"):
        write_explanation(tmp_path / f"e.{ending}", found)
        assert (tmp_path / f"e.{ending}").stat().st_size > 5000
    with pytest.raises(UsageError, match="must end in"):
        write_explanation(tmp_path / "e.pdf", found)


def test_frameworks_with_descriptors_are_explained_on_linkers_and_node():
    import catenane

    model = catenane.load("mof-bandgap")
    framework = "[O-]C(=O)c1cc(N)c(cc1)C(=O)[O-].[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0"
    found = explain(model, framework)
    assert np.isfinite(found.scores_A).all()
    assert [len(piece.atoms) for piece in found.alignment.pieces] == [13, 5]
    nitrogen = found.alignment.symbols.index("N")
    assert found.scores_A[nitrogen] < 0  # an amino group narrows the gap
    assert found.method == "occlusion"
    both = explain(Ensemble([model, model]), framework)
    np.testing.assert_allclose(both.scores_A, found.scores_A, atol=1e-6)
    assert found.low < found.value < found.high


def test_wrong_targets_and_methods_are_refused(model, make_model):
    with pytest.raises(UsageError, match="predicts y; name one"):
        explain(model, "CC", target="z")
    with pytest.raises(UsageError, match="must be one of occlusion, deletion"):
        explain(model, "CC", method="magic")
    with pytest.raises(BundleError, match="without a property head"):
        explain(make_model(), "CC")
