"""Attention of a model on strings, beside what its encoder gives for the ids."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from catenane.config import load_recipe
from catenane.errors import BundleError, NotationError, UsageError
from catenane.inference import Ensemble, Model
from catenane.inference.attention import read_states
from catenane.models.bundle import Bundle, BundleConfig
from catenane.tokenizers import load_tokenizer


def make_model(tiny, notation="smiles", kind="encoder", **settings) -> Model:
    tokenizer = load_tokenizer(notation)
    names = {name.replace("__", "."): value for name, value in settings.items()}
    changes = {"encoder.vocabulary_size": tokenizer.vocabulary_size, "encoder.n_layers": 2}
    recipe = load_recipe("small").with_settings(tiny | changes | names)
    more = {"task": "regression", "targets": ("y",)} if kind == "property" else {}
    config = BundleConfig(kind=kind, notation=notation, recipe=recipe, **more)
    torch.manual_seed(0)
    return Model(Bundle(config=config, model=config.build_model(), tokenizer=tokenizer), device="cpu")


@pytest.mark.parametrize(
    "settings",
    [{}, {"encoder__attention": "linear", "encoder__n_features": 16}],
    ids=["full", "linear"],
)
def test_weights_are_those_of_the_encoder(tiny, settings):
    model = make_model(tiny, **settings)
    found = model.attention("OC(=O)c1ccccc1Br")
    assert found.records[0].text == found.alignment.text == "O=C(O)c1ccccc1Br"
    ids_BL = torch.tensor(model.bundle.tokenizer.encode([found.alignment.text]))
    with torch.inference_mode():
        states, weights = model.encoder.attend(ids_BL, ids_BL != 0)
    length = len(found.alignment.tokens)
    assert found.weights_YHLL.shape == (2, 2, length, length)
    np.testing.assert_array_equal(found.weights_YHLL, torch.cat(weights).numpy())
    np.testing.assert_allclose(found.weights_YHLL.sum(axis=-1), 1, atol=1e-5)
    tokens = found.alignment.token_of_atom
    for first, last in ((0, 9), (3, 1)):
        expected = found.weights_YHLL[:, :, tokens[first], tokens[last]]
        np.testing.assert_array_equal(found.of_atoms[:, :, first, last], expected)
    vectors, alignment = read_states(model, found.records[0])
    np.testing.assert_allclose(vectors, states[0, alignment.token_of_atom].numpy(), atol=1e-6)


def test_a_spelling_can_be_kept(tiny):
    model = make_model(tiny)
    assert model.attention(" OC(=O)C", as_written=True).alignment.text == "OC(=O)C"


def test_frameworks_and_molecules_are_read_by_a_model_of_frameworks(tiny):
    model = make_model(tiny, "mofid")
    framework = "[Zn].c1ccncc1&&pcu.cat0"
    found = model.attention([framework, "CCO"])
    assert found.alignment.text == "[Zn].c1ccncc1&&pcu.cat0[SEP]CCO"
    assert [piece.string for piece in found.alignment.pieces] == [0, 0, 1]
    assert found.of_atoms.shape[-1] == 10
    arrays = found.named()
    assert arrays["pieces"].tolist() == ["[Zn]", "c1ccncc1", "CCO"]
    assert arrays["attention"].shape[-1] == len(arrays["tokens"])


def test_atoms_that_were_cut_have_no_weights(tiny):
    model = make_model(tiny, encoder__max_length=6)
    found = model.attention("CCCCCCO")
    assert len(found.alignment.tokens) == 6
    assert (found.of_atoms[..., :4, :4] > 0).all()
    assert not found.of_atoms[..., 4:].any()
    assert np.isnan(read_states(model, found.records[0])[0][4:]).all()
    with pytest.raises(UsageError, match="model reads 6"):
        model.attention(["CCC", "CCO"])


def test_errors_say_what_to_do(tiny):
    model = make_model(tiny, kind="property")
    with pytest.raises(NotationError, match="row 2 of 2"):
        model.attention(["CC", "C1C"])
    with pytest.raises(BundleError, match="2 models have vectors of their own"):
        Ensemble([model, model]).attention("CC")
    model.bundle.model.encoder = torch.nn.Identity()
    with pytest.raises(BundleError, match="has no attention weights"):
        model.attention("CC")
