from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenane.errors import NotationError
from catenane.notation import Smiles

IBUPROFEN = "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O"


def parsed(text):
    try:
        return Smiles.parse(text)
    except NotationError as error:
        return error


def molecules(strings):
    return [smiles for smiles in map(parsed, strings) if isinstance(smiles, Smiles)]


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("CC(=O)O3cc", 7, "ring bond 3 is opened at position 7 and never closed: CC(=O)O3cc"),
        ("CN(C)(C)(C)C", 1, "N at position 1 has valence 5, more than permitted: CN(C)(C)(C)C"),
        ("CCcc", 2, "C at position 2 is aromatic and in no ring: CCcc"),
        ("Cc1cc1", 1, "the aromatic atoms at positions 1, 3, 4 cannot be given alternating bonds: Cc1cc1"),
        ("CC11", 3, "ring bond 1 at position 3 joins an atom to itself: CC11"),
        ("C1C1", 3, "ring bond 1 at position 3 joins two atoms that are bonded already: C1C1"),
        ("  \n", None, "the SMILES string is empty"),
        ("FAIL", 1, "illegal character 'A' at position 1: FAIL"),
        ("CC\x00", 2, "illegal character '\\x00' at position 2: CC\\x00"),
        ("C" * 6_000, None, "6,000 characters are more than the 5,000 allowed: " + "C" * 80 + "…"),
    ],
)
def test_the_reason_is_one_clear_line(text, position, message):
    with pytest.raises(NotationError) as caught:
        Smiles.parse(text)
    assert str(caught.value) == message
    assert caught.value.position == position


@given(
    st.text(alphabet="CNOcn1234()[]=#%+-@.\\/SPFIBrl *:~$>\x00é\ud800", max_size=30) | st.text(max_size=10)
)
def test_any_text_is_parsed_or_refused_in_one_line(text):
    smiles = parsed(text)
    if isinstance(smiles, NotationError):
        assert str(smiles).isprintable()
    else:
        assert Smiles.parse(smiles.canonical()).canonical()


@pytest.mark.parametrize("text", ["C" * 10**6, "C(" * 500_000, "é" * 10**6])
def test_a_megabyte_is_refused_shortly(text):
    with pytest.raises(NotationError) as caught:
        Smiles.parse(text)
    assert len(str(caught.value)) < 200


def test_the_longest_allowed_chain_and_its_scaffold_are_written():
    chain = Smiles.parse("C" * 5_000)
    assert chain.canonical() == chain.text
    assert chain.scaffold() == ""


@pytest.mark.parametrize("text", ["\u00a0CCO", "CCO\u00a0", "CC\u2028O", "CCO\x85"])
def test_white_space_of_other_scripts_is_not(text: str):
    with pytest.raises(NotationError, match="illegal character"):
        Smiles.parse(text)


def test_white_space_around_is_dropped():
    assert Smiles.parse(" CCO\n") == Smiles.parse("CCO")


def test_canonical_is_a_fixed_point_and_one_for_every_spelling(real_smiles):
    for strings in real_smiles.values():
        for smiles in molecules(strings[:40]):
            canonical = smiles.canonical()
            assert Smiles.parse(canonical).canonical() == canonical
            assert Smiles.parse(smiles.randomised(1)).canonical(isomeric=False) == smiles.canonical(
                isomeric=False
            )


def test_nearly_every_real_string_is_a_molecule(real_smiles):
    strings = [text for texts in real_smiles.values() for text in texts if text != "FAIL"]
    assert len(molecules(strings)) > 0.99 * len(strings)


def test_stereochemistry_is_kept_or_dropped():
    assert "@" in Smiles.parse(IBUPROFEN).canonical()
    assert Smiles.parse(IBUPROFEN).canonical(isomeric=False) == "CC(C)Cc1ccc(C(C)C(=O)O)cc1"
    assert Smiles.parse("[13CH4]").canonical(isomeric=False) == "C"


def test_randomised_depends_on_the_seed_alone():
    smiles = Smiles.parse(IBUPROFEN)
    first = [smiles.randomised(seed) for seed in range(20)]
    assert first == [Smiles.parse(IBUPROFEN).randomised(seed) for seed in range(20)]
    assert len(set(first)) > 10
    assert {Smiles.parse(text).canonical() for text in first} == {smiles.canonical()}


@pytest.mark.parametrize(
    ("text", "scaffold"),
    [(IBUPROFEN, "c1ccccc1"), ("CCO", ""), ("Cc1ccc(cc1)C(=O)Nc1ccncc1", "O=C(Nc1ccncc1)c1ccccc1")],
)
def test_scaffold(text, scaffold):
    assert Smiles.parse(text).scaffold() == scaffold


def test_a_long_chain_of_rings_is_its_own_scaffold():
    smiles = Smiles.parse("C1CCC(CC1)" * 380)  # RDKit's search is cubic: 20 s
    assert smiles.scaffold() == smiles.canonical()


def test_scaffolds_are_those_of_rdkit(real_smiles):
    from rdkit import Chem

    for smiles in molecules(real_smiles["chembl_mix"] + real_smiles["zinc250k_part"]):
        if smiles.mol.GetRingInfo().NumRings():
            murcko = Chem.MurckoDecompose(smiles.mol)
            assert smiles.scaffold() == Chem.MolToSmiles(murcko, isomericSmiles=False)


def test_a_scaffold_is_its_own_scaffold(real_smiles):
    for smiles in molecules(real_smiles["chembl_mix"] + real_smiles["bace"]):
        scaffold = smiles.scaffold()
        if scaffold:
            assert Smiles.parse(scaffold).scaffold() == scaffold


def test_rdkit_prints_nothing(capfd):
    for text in ["CN(C)(C)(C)C", "c1cc1", "cc", "C11", "C(", "[H]", "F/C=C/C=C\\F", "[2H][H]", "C[C@H](C)C"]:
        for smiles in molecules([text]):
            assert smiles.scaffold() != smiles.randomised(3) + smiles.canonical()
    assert capfd.readouterr() == ("", "")


def test_the_molecule_survives_pickling():
    smiles = pickle.loads(pickle.dumps(Smiles.parse(IBUPROFEN)))
    assert smiles == Smiles.parse(IBUPROFEN)
    assert smiles.scaffold() == "c1ccccc1"


def test_importing_the_notations_does_not_import_rdkit():
    code = (
        "import sys, catenane.notation as n; n.Mofid.parse('[Zn].C&&pcu'); sys.exit('rdkit' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
