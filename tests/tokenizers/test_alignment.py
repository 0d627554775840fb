"""Tokens against the atoms that RDKit numbers, on molecules, frameworks and their random spellings."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from catenane.errors import UsageError
from catenane.notation import JOINT, Record, respell
from catenane.tokenizers import align, build_tokenizer, load_tokenizer

AWKWARD = [
    "C1CC%12CC1CC%12Br",
    "[13CH3][C@@H](F)/C=C/[N+](=O)[O-]",
    "Clc1cc2c(cc1Cl)[nH]c1c(Br)cccc12",
    "C1=CC=CC=C1.[Na+].[Cl-]",
    "C(C(C(C)(C)C)=O)#N",
    "[H]/N=C(/C)N",
    "O=C1CC12CC2",
    "c1cc[se]c1",
    "*c1ccccc1",
    "[2H]OC",
]
FRAMEWORK = "O=C([O-])c1ccc(C(=O)[O-])cc1.[O].[Zn][O]([Zn])([Zn])[Zn]&&pcu,dia.cat1"


def kinds(mol: Chem.Mol) -> list[tuple[int, bool, int, int]]:
    return [
        (atom.GetAtomicNum(), atom.GetIsAromatic(), atom.GetFormalCharge(), atom.GetIsotope())
        for atom in mol.GetAtoms()
    ]


@cache
def kind(token: str) -> tuple[int, bool, int, int]:
    return kinds(unsanitised(token))[0]


def unsanitised(text: str) -> Chem.Mol:
    parameters = Chem.SmilesParserParams()
    parameters.sanitize = parameters.removeHs = False
    return Chem.MolFromSmiles(text, parameters)


def check(tokenizer, text: str) -> None:
    """Every atom of RDKit is the token that says so, and nothing else is an atom."""
    ids, alignment = align(tokenizer, [Record(text, "smiles")])
    assert ids.tolist() == tokenizer.encode([text])[0]
    tokens = [alignment.tokens[place] for place in alignment.token_of_atom]
    assert tokens == list(alignment.symbols)
    assert [kind(token) for token in tokens] == kinds(unsanitised(text))
    of_characters = np.repeat(np.arange(1, len(ids) - 1), [len(token) for token in tokenizer.tokens(text)])
    assert alignment.token_of_character.tolist() == of_characters.tolist()
    assert [text[start:end] for start, end in alignment.spans_L2[1:-1]] == tokenizer.tokens(text)


@pytest.mark.parametrize("text", AWKWARD)
def test_rings_bonds_brackets_and_branches_shift_no_atom(text):
    tokenizer = build_tokenizer(AWKWARD, "smiles")
    check(tokenizer, text)
    for seed in range(20):
        check(tokenizer, respell(text, "smiles", seed))


def labelled_spelling(text: str, seed: int) -> tuple[str, list[int]]:
    """A random spelling with a number in every atom, and the numbers in RDKit's order of writing."""
    mol = Chem.MolFromSmiles(text)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    spelling = Chem.MolToRandomSmilesVect(mol, 1, randomSeed=seed + 1)[0]
    return spelling, [atom.GetAtomMapNum() for atom in Chem.MolFromSmiles(spelling).GetAtoms()]


def test_numbered_atoms_come_in_the_order_that_rdkit_gives_them(molecules):
    tokenizer = load_tokenizer("smiles")
    for seed, text in enumerate(molecules):
        spelling, numbers = labelled_spelling(text, seed)
        _, alignment = align(tokenizer, [Record(spelling, "smiles")])
        assert [int(symbol.rpartition(":")[2][:-1]) for symbol in alignment.symbols] == numbers


def test_two_thousand_real_molecules_and_their_spellings(shared_data):
    tokenizer = load_tokenizer("smiles")
    strings = pd.read_csv(shared_data / "smiles" / "chembl_mix.csv.gz", usecols=["smiles"])["smiles"]
    found = strings.sample(2_000, random_state=0)
    for place, text in enumerate(found):
        check(tokenizer, text)
        if place % 10 == 0 and len(text) < 500:
            check(tokenizer, respell(text, "smiles", place))


def test_blocks_of_a_framework_are_pieces_with_their_atoms():
    tokenizer = build_tokenizer([FRAMEWORK], "mofid")
    _, alignment = align(tokenizer, [Record(FRAMEWORK, "mofid")])
    assert [piece.smiles for piece in alignment.pieces] == FRAMEWORK.partition("&&")[0].split(".")
    for piece in alignment.pieces:
        assert FRAMEWORK[piece.start :].startswith(piece.smiles)
        numbers = [Chem.GetPeriodicTable().GetAtomicNumber(s.strip("[]-").capitalize())
                   for s in alignment.symbols[piece.atoms.start : piece.atoms.stop]]  # fmt: skip
        assert numbers == [atom.GetAtomicNum() for atom in unsanitised(piece.smiles).GetAtoms()]
    assert alignment.piece_of_atom.tolist() == [0] * 12 + [1] + [2] * 5
    tail = alignment.tokens.index("&&")
    assert alignment.tokens[tail:] == ("&&", "pcu", ",", "dia", ".cat1", "[SEP]")
    assert (alignment.atom_of_token_L[tail:] == -1).all()


def test_what_is_cut_has_no_token():
    tokenizer = build_tokenizer([FRAMEWORK], "mofid")
    ids, alignment = align(tokenizer, [Record(FRAMEWORK, "mofid")], max_length=20)
    assert ids.tolist() == tokenizer.encode([FRAMEWORK], max_length=20)[0]
    assert "".join(alignment.tokens[1:-1]) == tokenizer.decode(ids)
    n_read = int((alignment.token_of_atom >= 0).sum())
    assert 0 < n_read < len(alignment.symbols)
    assert (alignment.token_of_atom[n_read:] == -1).all()
    assert alignment.token_of_character[FRAMEWORK.index("&&")] == alignment.tokens.index("&&")


def test_joined_strings_are_read_as_one_text_and_never_cut():
    tokenizer = build_tokenizer(AWKWARD, "smiles")
    records = [Record("CCO", "smiles"), Record("OC=O", "smiles")]
    ids, alignment = align(tokenizer, records)
    assert alignment.tokens == ("[CLS]", "C", "C", "O", "[SEP]", "O", "C", "=", "O", "[SEP]")
    assert ids[4] == tokenizer.sep_id
    assert alignment.piece_of_atom.tolist() == [0, 0, 0, 1, 1, 1]
    assert alignment.token_of_atom.tolist() == [1, 2, 3, 5, 6, 8]
    with pytest.raises(UsageError, match="10 tokens together, and the model reads 9"):
        align(tokenizer, records, max_length=9)


def test_rows_of_several_strings_are_aligned_part_by_part():
    tokenizer = build_tokenizer(AWKWARD, "smiles")
    row = Record(f"CCO{JOINT}O", "smiles")
    with pytest.raises(UsageError, match="ask for one string"):
        align(tokenizer, [row])
    _, alignment = align(tokenizer, row.parts, join=JOINT)
    assert alignment.text == row.text
    assert [alignment.text[start] for start, _ in alignment.spans_L2[alignment.token_of_atom]] == [*"CCOO"]
