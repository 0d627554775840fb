from __future__ import annotations

import pytest

from catenane.errors import ConfigError, NotationError
from catenane.notation.building_blocks import Linker, builtin_linkers


@pytest.mark.parametrize("linker", builtin_linkers()[::4], ids=lambda linker: linker.name)
def test_the_shape_is_found_on_a_model(linker):
    assert Linker.from_smiles(linker.smiles, linker.name).shape == linker.shape


@pytest.mark.parametrize(
    "smiles", ["OC(=O)c1ccc(cc1)C(=O)O", "O=C([O-])c1ccc(C(O)=O)cc1", "C(=O)([O-])c1ccc(cc1)C(=O)[O-]"]
)
def test_acids_are_deprotonated_and_put_into_normal_form(smiles):
    linker = Linker.from_smiles(smiles, "BDC")
    assert linker.smiles == "O=C([O-])c1ccc(C(=O)[O-])cc1"
    assert (linker.donor, linker.points, linker.shape, linker.length) == ("carboxylate", 2, "linear", 5)


def test_only_the_outermost_nitrogens_bind():
    tetrazine = Linker.from_smiles("n1ccc(cc1)c1nnc(nn1)c1ccncc1", "DPTZ")
    assert (tetrazine.donor, tetrazine.points) == ("nitrogen", 2)
    tripod = Linker.from_smiles("n1ccc(cc1)c1cc(cc(c1)c1ccncc1)c1ccncc1", "TPB")
    assert (tripod.points, tripod.shape) == (3, "triangular")


def test_carboxylates_bind_before_nitrogens():
    assert Linker.from_smiles("[O-]C(=O)c1ccc(nc1)c1ccc(cn1)C(=O)[O-]", "BPYDC").donor == "carboxylate"


def test_the_model_decides_nothing_if_the_shape_is_given():
    assert Linker.from_smiles("[O-]C(=O)CCCCC(=O)[O-]", "ADP", shape="bent").shape == "bent"
    with pytest.raises(ConfigError, match="shape 'round' of linker ADP must be one of linear, angled"):
        Linker.from_smiles("[O-]C(=O)CCCCC(=O)[O-]", "ADP", shape="round")


@pytest.mark.parametrize("smiles", ["c1ccccc1", "OC(=O)c1ccccc1", "c1ccncc1", "CCO"])
def test_what_cannot_join_two_nodes_is_refused(smiles):
    with pytest.raises(NotationError, match="linker X: fewer than two carboxylates"):
        Linker.from_smiles(smiles, "X")


@pytest.mark.parametrize(("smiles", "position"), [("OC(=O)C(", 7), ("", 0), ("OC(=O)C.OC=O", None)])
def test_what_is_no_block_is_refused(smiles, position):
    with pytest.raises(NotationError) as caught:
        Linker.from_smiles(smiles, "X")
    assert caught.value.position == position


def test_five_groups_need_a_given_shape():
    smiles = "OC(=O)c1cc(cc(c1)C(=O)O)c1cc(C(=O)O)c(C(=O)O)c(C(=O)O)c1"
    with pytest.raises(NotationError, match="5 connecting groups has no shape here unless one is given"):
        Linker.from_smiles(smiles, "X")
    assert Linker.from_smiles(smiles, "X", shape="square").points == 5


@pytest.mark.parametrize(
    ("neutral", "name"),
    [
        ("c1c[nH]cn1", "IM"),
        ("Cc1ncc[nH]1", "mIM"),
        ("[nH]1cnc(Br)c1", "brIM"),
        ("[nH]1cncc1Br", "brIM"),
        ("Clc1ccc2nc[nH]c2c1", "cbIM"),
        ("Clc1ccc2[nH]cnc2c1", "cbIM"),
        ("O=[N+]([O-])c1cnc[nH]1", "4-nIM"),
        ("c1ncc2[nH]cnc2n1", "PUR"),
        ("c1ncc2nc[nH]c2n1", "PUR"),
    ],
)
def test_neutral_imidazoles_become_the_imidazolates_of_the_library(neutral, name):
    (known,) = (linker for linker in builtin_linkers() if linker.name == name)
    read = Linker.from_smiles(neutral, name)
    assert (read.smiles, read.donor, read.points, read.shape) == (known.smiles, "imidazolate", 2, "angled")


@pytest.mark.parametrize("neutral", ["c1nc[nH]n1", "c1n[nH]cn1", "c1ccc2[nH]nnc2c1"])
def test_triazoles_become_triazolates(neutral):
    read = Linker.from_smiles(neutral, "X")
    assert (read.donor, read.points) == ("imidazolate", 2)
    assert "H" not in read.smiles
    assert Linker.from_smiles(read.smiles, "X") == read


def test_an_azole_with_company_keeps_its_hydrogen():
    acid = Linker.from_smiles("OC(=O)c1nc[nH]c1C(O)=O", "X")
    assert (acid.donor, "[nH]" in acid.smiles) == ("carboxylate", True)
    assert Linker.from_smiles("c1n[nH]cc1-c1c[nH]nc1", "BPZ").donor == "nitrogen"


def test_a_carboxylate_may_hang_on_an_oxygen():
    assert Linker.from_smiles("O=C([O-])Oc1ccc(C(=O)[O-])cc1", "carbonate").shape == "angled"
