import pytest

from catenane.descriptors.nodes import read_node

ZR6 = "[O]12[Zr]34[O]5[Zr]62[O]2[Zr]71[O]4[Zr]14[O]3[Zr]35[O]6[Zr]2([O]71)[O]43"


@pytest.mark.parametrize(
    ("smiles", "kind", "metals"),
    [
        ("[Zn]", "single", ("Zn",)),
        ("[OH2][Cd][OH2]", "single", ("Cd",)),
        ("[Cu][Cu]", "paddlewheel", ("Cu", "Cu")),
        ("[Fe][O]([Fe])[Fe]", "trimer", ("Fe",) * 3),
        ("[Zn][O]([Zn])([Zn])[Zn]", "tetrahedron", ("Zn",) * 4),
        (ZR6, "hexamer", ("Zr",) * 6),
        ("[Zn][Zn]CC", "other", ("Zn", "Zn")),
        ("[Gd]12[O]3[Gd]4[O]2[Gd]2[O]1[Gd]3[O]42", "other", ("Gd",) * 4),
    ],
)
def test_clusters_are_recognised(smiles, kind, metals):
    node = read_node(smiles)
    assert (node.kind, node.metals) == (kind, metals)


def test_masses_are_those_of_the_atoms():
    assert read_node("[Cu][Cu]").mass == pytest.approx(127.09, abs=0.01)
    assert read_node("[Zn][O]([Zn])([Zn])[Zn]").mass == pytest.approx(277.5, abs=0.1)
    assert read_node("Cl[Zn]Br").mass == pytest.approx(180.7, abs=0.1)
