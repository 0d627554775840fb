"""Graphs of molecules beside RDKit's own numbers and the order of the atoms in the text."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from catenane.descriptors import N_CANONICAL, atom_graph
from catenane.notation import Record, get_notation
from catenane.tokenizers import align, load_tokenizer


def graph(text: str):
    return atom_graph(get_notation("smiles").read(text))


def test_the_features_of_an_atom_are_those_of_dgl_lifesci():
    """43 elements, 0 to 10 bonds, 0 to 6 implicit hydrogens, 5 hybridisations, aromatic, 0 to 4 hydrogens,
    charge and unpaired electrons; of the nitrogen of pyrrole, an anion and a radical."""
    nitrogen = graph("c1cc[nH]c1").canonical_AF[graph("c1cc[nH]c1").number_A == 7][0]
    # N is the second element; two bonds; a hydrogen in brackets is not implicit; SP2; aromatic; one hydrogen
    starts = np.cumsum([0, 43, 11, 7, 5, 1, 5])
    expected = np.zeros(N_CANONICAL)
    expected[starts[:6] + np.array([1, 2, 0, 1, 0, 1])] = 1
    np.testing.assert_array_equal(nitrogen, expected)
    assert N_CANONICAL == starts[-1] + 2 == 74
    assert graph("C[O-]").canonical_AF[1, -2:].tolist() == [-1, 0]
    assert graph("[CH2]C").canonical_AF[0, -2:].tolist() == [0, 1]


@pytest.mark.parametrize(
    "text",
    [
        "CCO",
        "[Na+].[Cl-]",
        "C",
        "[H][H]",
        "*CCO",
        "[2H]OC",
        "[H]/N=C(/C)O",
        "[U]",
        "C1CC12CC2",
        "[nH]1cccc1.Cl",
    ],
)
def test_atoms_are_those_of_the_text_in_its_order(text):
    record = get_notation("smiles").read(text)
    found = atom_graph(record)
    _, alignment = align(load_tokenizer("smiles"), [record])
    assert len(alignment.symbols) == len(found.number_A) == len(found.canonical_AF)
    symbols = [Chem.GetPeriodicTable().GetElementSymbol(int(n)) if n else "*" for n in found.number_A]
    for written, symbol in zip(alignment.symbols, symbols, strict=True):
        assert symbol.lower() in written.lower()
    assert len(found.bonds_E2) == Chem.MolFromSmiles(text, sanitize=False).GetNumBonds()


def test_two_thousand_real_molecules_have_the_atoms_of_their_tokens(shared_data):
    from catenane.data import read_table

    table = read_table(shared_data / "molnet/tox21.csv.gz", targets=("NR-AR",))
    tokenizer = load_tokenizer("smiles")
    for record in table.records[::4]:
        assert len(align(tokenizer, [record])[1].symbols) == len(atom_graph(record).number_A), record.text


def test_spellings_are_one_graph():
    """The adjacency and features of a random spelling are those of the first, atoms reordered."""
    text = "CC(=O)Nc1ccc(O)cc1.Cl"
    one = graph(text)
    mol = Chem.MolFromSmiles(text)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(mol.GetNumAtoms()).tolist()
        spelled = Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False)
        other = atom_graph(Record(spelled, "smiles"))
        for a, b in ((one, other), (other, one)):
            assert sorted(map(bytes, a.canonical_AF)) == sorted(map(bytes, b.canonical_AF))
        degrees = [np.sort(np.bincount(g.bonds_E2.ravel(), minlength=len(g.number_A))) for g in (one, other)]
        np.testing.assert_array_equal(*degrees)
