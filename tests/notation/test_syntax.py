from __future__ import annotations

import random
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from catenane.notation.syntax import (
    atom_positions,
    excerpt,
    find_fault,
    notation_error,
    well_formed,
)

ATOMS = ["C", "C", "c", "N", "O", "n", "S", "B", "Cl", "Br", "*"]
BRACKET_ATOMS = ["[O-]", "[Zn]", "[nH]", "[C@@H]", "[13CH3+2:4]", "[#6]", "[C@TH1]", "[se]", "[H]", "[Cl-]"]
BONDS = ["=", "#", "-", "/", "\\", "->", "<-", "~", "$", ":"]
MARKS = ["(", ")", "(", ")", "1", "2", "%10", "%(123)", "."]
HALVES = ["[", "]", "%", "H", "l", "r", "@", "+"]
PIECES = ATOMS + BRACKET_ATOMS + BONDS + MARKS + HALVES
NEARLY_SMILES = st.lists(st.sampled_from([*PIECES, "é", "\x00"]), max_size=12).map("".join)


@given(NEARLY_SMILES | st.text(max_size=20))
@example("C(C.C)C")
@example("C1.C1")
@example("C%10.C%10")
def test_the_quick_check_agrees_with_the_search(text):
    assert well_formed(text) == (find_fault(text) is None)
    assert well_formed(text, apart=True) == (find_fault(text, apart=True) is None)
    assert well_formed(text, apart=True) == all(well_formed(part) for part in text.split("."))


def test_it_accepts_exactly_what_rdkit_parses():
    from rdkit import Chem, rdBase

    draw = random.Random(0)
    strings = {"".join(draw.choices(PIECES, k=draw.randint(1, 9))) for _ in range(40_000)}
    accepted = {text for text in strings if find_fault(text, bonds=True) is None}
    with rdBase.BlockLogs():
        parsed = {text for text in strings if Chem.MolFromSmiles(text, sanitize=False) is not None}
    assert accepted == parsed
    assert len(parsed) > 1_500


def test_real_strings_are_well_formed(real_smiles, real_mofids):
    failed = [text for strings in real_smiles.values() for text in strings if not well_formed(text.strip())]
    assert set(failed) <= {"FAIL"}  # what ToxCast writes for a substance without a structure
    for mofids in real_mofids.values():
        assert all(well_formed(mofid.partition("&&")[0], apart=True) for mofid in mofids)


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "an atom is missing at position 0"),
        ("CC(=O)O3cc", 7, "ring bond 3 is opened at position 7 and never closed"),
        ("C%12CC", 1, "ring bond 12 is opened at position 1 and never closed"),
        ("CC(C(=O)C", 2, "'(' at position 2 is never closed"),
        ("CC)C", 2, "')' at position 2 closes nothing"),
        ("C[nH", 1, "'[' at position 1 is never closed"),
        ("Cc]", 2, "']' at position 2 closes nothing"),
        ("C[Xx]", 1, "unknown atom [Xx] at position 1"),
        ("C()C", 2, "end of a branch ')' at position 2 follows no atom"),
        ("C..C", 2, "dot '.' at position 2 follows no atom"),
        ("=C", 0, "bond '=' at position 0 follows no atom"),
        ("C==C", 2, "bond '=' at position 2 follows no atom"),
        ("1CC1", 0, "ring bond '1' at position 0 follows no atom"),
        ("(C)C", 0, "branch '(' at position 0 follows no atom"),
        ("CC=", 3, "an atom is missing at position 3"),
        ("C%1C", 1, "'%' at position 1 needs a ring number of two digits"),
        ("C C", 1, "illegal character ' ' at position 1"),
        ("C\x00", 1, "illegal character '\\x00' at position 1"),
        ("Cé", 1, "illegal character 'é' at position 1"),
    ],
)
def test_the_place_and_the_reason(text, position, reason):
    assert find_fault(text) == (position, reason)


def test_blocks_are_closed_before_the_dot():
    assert find_fault("C1.C1") is None
    assert find_fault("CC1.C1", apart=True) == (2, "ring bond 1 is opened at position 2 and never closed")
    assert find_fault("CC(C.C)", apart=True) == (2, "'(' at position 2 is never closed")


@pytest.mark.parametrize(
    ("text", "position"),
    [("C11", 2), ("C1C1", 3), ("C12CCC12", 7), ("C(C1)CC1", None), ("C1CC1.C1CC1", None)],
)
def test_ring_bonds_join_what_is_not_joined(text, position):
    fault = find_fault(text, bonds=True)
    assert (fault and fault.position) == position


def test_atoms_are_found_in_the_order_rdkit_numbers_them(real_smiles):
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        for text in real_smiles["chembl_mix"] + real_smiles["dsstox_env"]:
            mol = Chem.MolFromSmiles(text, sanitize=False)
            symbols = [
                re.match(r"\[?\d*(Cl|Br|[A-Z][a-z]?|[a-z]+)", text[p:])[1] for p in atom_positions(text)
            ]
            assert [s[:1].upper() for s in symbols] == [a.GetSymbol()[:1] for a in mol.GetAtoms()]


@given(st.text(), st.integers(min_value=0, max_value=2_000))
def test_messages_are_one_short_printable_line(text, position):
    shown = excerpt(text * 50, position)
    assert shown.isprintable()
    error = notation_error("reason", text, 3)
    assert error.position == 3
    assert "\n" not in str(error)


def test_a_long_string_is_shown_around_its_fault():
    text = "C" * 500 + "!" + "O" * 500
    shown = excerpt(text, 500)
    assert "C!O" in shown
    assert shown.startswith("…C")
    assert shown.endswith("O…")
    assert len(shown) == 82


@pytest.mark.parametrize(
    "text", ["C" * 10**6, "C(" * 250_000 + ")" * 250_000, "(" * 10**6, "[" * 10**6, "C1" * 500_001]
)
def test_a_megabyte_is_checked_in_linear_time(text):
    assert well_formed(text) == (text == "C" * 10**6)
