"""Graph networks beside their equations, written out.

Axes: A atoms, B molecules, D width of the states.
"""

from __future__ import annotations

import builtins
import dataclasses
import itertools

import numpy as np
import pytest
import torch
from rdkit import Chem

from catenane.config import EncoderConfig, GraphConfig
from catenane.errors import ConfigError, MissingDependencyError
from catenane.models import graphs
from catenane.models.encoder import TransformerEncoder
from catenane.models.graphs import GraphEncoder, take_over
from catenane.notation import Record
from catenane.tokenizers import load_tokenizer

TOKENIZER = load_tokenizer("smiles")
STATES = EncoderConfig(
    vocabulary_size=TOKENIZER.vocabulary_size, d_model=16, n_layers=2, n_heads=2, d_hidden=16, max_length=64
)
SHAPE = GraphConfig(d_model=12, n_layers=2, n_heads=3)
TEXTS = ["CC(=O)Nc1ccc(O)cc1", "[Na+].[Cl-]", "C", "*CC#N", "CCO.Cl", "OC1CCCCC1"]


def make(**changes) -> GraphEncoder:
    torch.manual_seed(0)
    return GraphEncoder(dataclasses.replace(SHAPE, **changes), STATES).eval()


def embed(encoder: GraphEncoder, texts: list[str], pooling="sum-max") -> torch.Tensor:
    with torch.inference_mode():
        read = encoder.read([Record(text, "smiles") for text in texts], TOKENIZER)
        return encoder.encode(read.inputs(), pooling)


def neighbours(inputs) -> torch.Tensor:
    """A + I, (A, A)."""
    features, edges, _ = inputs
    found = torch.eye(len(features))
    found[edges[1], edges[0]] = 1
    return found


def test_gcn_is_the_normalised_sum_over_neighbours():
    """D^(-1/2) (A + I) D^(-1/2) H W + b; the layers are pre-norm, with GELU, beside a residual path."""
    encoder = make()
    inputs = encoder.read([Record(text, "smiles") for text in TEXTS], TOKENIZER).inputs()
    a_AA = neighbours(inputs)
    scale_A = a_AA.sum(dim=1) ** -0.5
    with torch.inference_mode():
        h_AD = encoder.input(inputs[0])
        for layer in encoder.layers:
            hw_AD = layer.norm(h_AD) @ layer.convolution.lin.weight.T
            mixed_AD = scale_A[:, None] * (a_AA @ (scale_A[:, None] * hw_AD)) + layer.convolution.bias
            h_AD = h_AD + torch.nn.functional.gelu(mixed_AD)
        expected = encoder.norm(h_AD)
        torch.testing.assert_close(encoder(*inputs[:2]), expected, atol=1e-5, rtol=1e-5)


def test_gat_weighs_neighbours_by_softmax():
    """e_ij = LeakyReLU(a_s W h_j + a_t W h_i), softmax over the neighbours of i and itself, for each head."""
    layer = make(layer="gat").layers[0].convolution
    torch.nn.init.normal_(layer.att_src)
    torch.nn.init.normal_(layer.att_dst)
    inputs = make().read([Record(text, "smiles") for text in TEXTS], TOKENIZER).inputs()
    a_AA = neighbours(inputs)
    h_AD = torch.randn(len(a_AA), 12, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found_AD, (edges, alpha_EH) = layer(h_AD, inputs[1], return_attention_weights=True)
        w_AHK = (h_AD @ layer.lin.weight.T).reshape(len(a_AA), 3, 4)
        source_AH, target_AH = ((w_AHK * part).sum(-1) for part in (layer.att_src, layer.att_dst))
        e_AAH = torch.nn.functional.leaky_relu(target_AH[:, None] + source_AH[None], 0.2)
        alpha_AAH = e_AAH.masked_fill(a_AA[:, :, None] == 0, -torch.inf).softmax(dim=1)
        expected = torch.einsum("ijh,jhk->ihk", alpha_AAH, w_AHK).reshape(len(a_AA), 12) + layer.bias
    torch.testing.assert_close(found_AD, expected, atol=1e-5, rtol=1e-5)
    sums = torch.zeros(len(a_AA), 3).index_add(0, edges[1], alpha_EH)
    torch.testing.assert_close(sums, torch.ones_like(sums))


@pytest.mark.parametrize("layer", ["gcn", "gat"])
@pytest.mark.parametrize("pooling", ["mean", "sum-max"])
def test_the_order_of_atoms_changes_nothing(layer, pooling):
    encoder = make(layer=layer, atoms=("canonical", "number"))
    for text in TEXTS[:1] + TEXTS[4:]:
        mol = Chem.MolFromSmiles(text)
        spellings = [Chem.MolToRandomSmilesVect(mol, 1, randomSeed=seed)[0] for seed in range(1, 6)]
        found = embed(encoder, [text, *spellings], pooling)
        torch.testing.assert_close(found, found[:1].expand_as(found), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("atoms", [("canonical",), ("number", "random"), ("canonical", "learned")])
def test_other_molecules_of_a_batch_change_nothing(atoms):
    encoder = make(layer="gat", atoms=atoms)
    together = embed(encoder, TEXTS)
    alone = torch.cat([embed(encoder, [text]) for text in TEXTS])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    assert len(torch.unique(together, dim=0)) == len(TEXTS)


def test_pooling_is_over_the_atoms_of_each_molecule():
    encoder = make()
    read = encoder.read([Record(text, "smiles") for text in TEXTS], TOKENIZER)
    inputs = read.inputs()
    with torch.inference_mode():
        states = encoder(*inputs[:2])
        weights = torch.sigmoid(encoder.weight(states))
        starts = read.first_atom
        for row, (start, end) in enumerate(itertools.pairwise(starts)):
            own = states[start:end]
            torch.testing.assert_close(encoder.encode(inputs, "mean")[row], own.mean(0))
            expected = torch.cat([(weights[start:end] * own[:, :6]).sum(0), own[:, 6:].amax(0)])
            torch.testing.assert_close(encoder.encode(inputs, "sum-max")[row], expected)


def test_molecules_are_taken_as_they_are_read():
    encoder = make(atoms=("canonical", "random"))
    read = encoder.read([Record(text, "smiles") for text in TEXTS], TOKENIZER)
    places = np.array([4, 1, 4])
    taken = read.take(places).inputs()
    again = encoder.read([Record(TEXTS[place], "smiles") for place in places], TOKENIZER).inputs()
    for one, other in zip(taken, again, strict=True):
        assert torch.equal(one, other)
    assert len(encoder.read([], TOKENIZER)) == 0


def test_random_numbers_are_of_each_atom_and_of_the_seed():
    """Not even like atoms of one molecule share them; the same string has the same ones at every reading."""
    encoder = make(atoms=("random",))
    first, again = (encoder.read([Record(t, "smiles") for t in TEXTS], TOKENIZER).states_AF for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len(np.unique(first, axis=0)) == len(first)
    assert abs(np.corrcoef(first)[np.triu_indices(len(first), 1)]).mean() < 0.15
    assert abs(first.mean()) < 0.1
    assert abs(first.std() - 1) < 0.1
    other = make(atoms=("random",), seed=1).read([Record(TEXTS[0], "smiles")], TOKENIZER).states_AF
    assert not np.isclose(other, first[: len(other)]).any(axis=1).any()


@pytest.mark.parametrize("attention", ["full", "linear"])
def test_learned_features_are_the_states_of_the_atoms(attention):
    shape = dataclasses.replace(STATES, attention=attention)
    transformer = TransformerEncoder(shape).eval()
    encoder = GraphEncoder(dataclasses.replace(SHAPE, atoms=("learned",)), shape)
    take_over(encoder, transformer)
    texts = [*TEXTS, "C" * 70]
    read = encoder.read([Record(text, "smiles") for text in texts], TOKENIZER)
    for row, text in enumerate(texts[:-1]):
        ids_BL = torch.tensor(TOKENIZER.encode([text]))
        with torch.inference_mode():
            states_LD = transformer(ids_BL, ids_BL > 0)[0].numpy()
        tokens = TOKENIZER.tokens(text)
        places = [place for place, token in enumerate(tokens, start=1) if token[0] in "[*" or token.isalpha()]
        own = read.states_AF[read.first_atom[row] : read.first_atom[row + 1]]
        np.testing.assert_allclose(own, states_LD[places], atol=1e-5)
    # Sixty-two of the seventy carbons were read.
    assert not read.states_AF[-8:].any()
    assert read.states_AF[-9].any()
    assert read.tokens.n_cut.tolist() == [0] * len(TEXTS) + [8]
    assert not any(parameter.requires_grad for parameter in encoder.atoms.parameters())


def test_what_cannot_be_is_refused_in_a_line(monkeypatch):
    for changes, message in (
        ({"d_model": 15}, "must be even"),
        ({"n_heads": 5}, "multiple of n_heads=5"),
        ({"atoms": ()}, "must name features"),
        ({"atoms": ("number", "number")}, "each once"),
        ({"layer": "gin"}, "must be one of 'gcn', 'gat'"),
    ):
        with pytest.raises(ConfigError, match=message):
            dataclasses.replace(SHAPE, **changes)
    real = builtins.__import__

    def absent(name, *rest):
        if name.startswith("torch_geometric"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingDependencyError, match=r"torch_geometric is needed .*'catenane\[graph\]'"):
        graphs.GraphEncoder(SHAPE, STATES)
