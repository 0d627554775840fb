from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from catenane.drawing import depict, structures
from catenane.notation import Record, read_records
from catenane.notation.building_blocks import builtin_linkers


def parse(svg):
    return ElementTree.fromstring(str(svg))


def size(svg):
    return tuple(map(float, parse(svg).attrib["viewBox"].split()[2:]))


def test_molecules_are_drawn_in_the_colours_of_the_page():
    [svg] = structures(Record("CC(=O)Nc1ccc(Cl)cc1S", "smiles"))
    assert parse(svg).tag == "svg"
    for variable in ("--ink", "--nitrogen", "--oxygen", "--sulfur", "--halogen"):
        assert f"var({variable})" in svg
    assert not re.search(r"#[0-9A-Fa-f]{6}", svg)


@pytest.mark.parametrize(
    ("mofid", "n_drawn"),
    [
        ("[O-]C(=O)c1ccc(cc1)C(=O)[O-].[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0", 1),
        ("[O].[V].[O-]C(=O)C(=O)[O-].c1ccncc1&&rna.cat0", 2),
        ("NN=CC(=[NH2])[N]N.[Zn]&&pcu.cat0", 0),
        ("[Zn]&&ERROR", 0),
    ],
    ids=["linker and node", "bridging oxygen", "linker that is no molecule", "no linker"],
)
def test_linkers_are_drawn_where_they_are_molecules(mofid, n_drawn):
    assert len(structures(Record(mofid, "mofid"))) == n_drawn


def test_every_linker_of_the_library_is_drawn_within_its_box():
    for linker in builtin_linkers():
        svg = depict(linker.smiles)
        width, height = size(svg)
        numbers = [float(n) for d in re.findall(r' d="([^"]*)"', svg) for n in re.findall(r"-?\d+\.?\d*", d)]
        assert min(numbers) > -1
        assert max(numbers) < max(width, height) + 1
        assert not re.search(r"nan|inf|#[0-9A-Fa-f]{6}", svg)


def test_no_bond_and_no_letter_is_lost_where_paths_are_gathered():
    [svg] = structures(Record("C1CCCCC1", "smiles"))
    bonds = re.findall(r"M[^M]*", re.search(r' d="([^"]*)"', svg)[1])
    assert len([bond for bond in bonds if bond.count("L") == 1]) == 6
    [with_letter] = structures(Record("C1CCCCC1N", "smiles"))
    assert re.search(r'fill="var\(--nitrogen\)"', with_letter)
    assert not re.search(r'fill="var', svg)


def test_linkers_are_of_one_scale_and_lie_down():
    (short, low), (long, _) = (size(depict(f"[O-]C(=O){'c1ccc(cc1)' * n}C(=O)[O-]")) for n in (1, 3))
    assert 2 < long / short < 3
    assert low < short


def test_an_imidazolate_bears_a_charge_and_no_radical():
    # The minus sign is a bar, the dot of a radical a circle of many corners.
    svg = depict("CC1=NC=C[N]1")
    assert len(svg) < 3_000
    assert 'fill="var(--ink)"' not in svg


@pytest.mark.parametrize("smiles", ["CO", "CC", "C#C", "O=C=O", "C#CC#C", "[C-]#[O+]", "[Na+].[Cl-]"])
def test_what_lies_on_a_line_is_drawn_too(smiles):
    svg = depict(smiles)
    assert "nan" not in svg
    assert min(size(svg)) > 0


@pytest.mark.parametrize("smiles", ["O", "[CH2]C", "NN=CC(=[NH2])[N]N", "C1CC", "[Zn]"])
def test_what_is_too_small_or_no_molecule_is_not_drawn(smiles):
    assert depict(smiles) is None


@pytest.mark.parametrize("text", ["C1CCC(CC1)" * 200, "C[Lr](C)C", "[te]1cccc1"])
def test_what_cannot_be_drawn_is_left_out(text):
    (found,) = read_records([text], "smiles")
    assert isinstance(found, Record)
    assert len(structures(found)) <= 1
    depict(text)
    assert structures(read_records([f"{text}.[Zn]&&pcu.cat0"], "mofid")[0]) is not None


def test_giants_are_not_drawn():
    giant = "C1CCC(CC1)" * 200
    assert structures(Record(giant, "smiles")) == []
    assert depict(giant) is None
