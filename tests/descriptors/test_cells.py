import math

import pytest

from catenane.descriptors.cells import read_units
from catenane.descriptors.linkers import read_linker
from catenane.descriptors.nodes import read_node

PADDLEWHEEL, TETRAHEDRON = read_node("[Zn][Zn]"), read_node("[Zn][O]([Zn])([Zn])[Zn]")
HEXAMER = read_node("[O]12[Zr]34[O]5[Zr]62[O]2[Zr]71[O]4[Zr]14[O]3[Zr]35[O]6[Zr]2([O]71)[O]43")
BDC, DABCO, BTC, FUMARATE = map(
    read_linker,
    (
        "[O-]C(=O)c1ccc(cc1)C(=O)[O-]",
        "C1CN2CCN1CC2",
        "[O-]C(=O)c1cc(cc(c1)C(=O)[O-])C(=O)[O-]",
        "[O-]C(=O)C=CC(=O)[O-]",
    ),
)
OTHERS = [read_linker(f"[O-]C(=O)c1cc({x})c(cc1)C(=O)[O-]") for x in ("F", "Cl", "Br")]


def test_mof_5():
    (unit,) = read_units(TETRAHEDRON, [BDC], "pcu")
    assert unit.edges == pytest.approx([25.83 / 2] * 3, abs=0.2)
    assert sum(n for n, _ in unit.linkers) == 3
    mass = TETRAHEDRON.mass + sum(n * x.mass for n, x in unit.linkers)
    assert 1.66054 * mass / unit.volume == pytest.approx(0.59, abs=0.03)


def test_dmof_1_is_pillared():
    (unit,) = read_units(PADDLEWHEEL, [BDC, DABCO], "pcu")
    assert unit.edges == pytest.approx((10.93, 10.93, 9.61), abs=0.2)
    assert unit.volume == pytest.approx(math.prod(unit.edges))


def test_uio_66_and_hkust_1():
    (uio,) = read_units(HEXAMER, [BDC], "fcu")
    assert uio.volume == pytest.approx(20.7**3 / 4, rel=0.04)
    assert sum(n for n, _ in uio.linkers) == 6
    (hkust,) = read_units(read_node("[Cu][Cu]"), [BTC], "tbo")
    assert hkust.volume == pytest.approx(26.34**3 / 24, rel=0.06)


def test_mil_47():
    (unit,) = read_units(read_node("[V]"), [BDC], "rna")
    assert unit.volume == pytest.approx(6.82 * 16.14 * 13.94 / 4, rel=0.06)
    assert sum(n for n, _ in unit.linkers) == 1


def test_two_linkers_on_three_edges_may_mean_either():
    units = read_units(TETRAHEDRON, [BDC, FUMARATE], "pcu")
    assert [unit.weight for unit in units] == pytest.approx([0.5, 0.5])
    short, long = sorted(unit.volume for unit in units)
    assert long / short == pytest.approx((BDC.reach + 7.14) / (FUMARATE.reach + 7.14))


def test_variants_of_one_backbone_count_as_one():
    units = read_units(TETRAHEDRON, [FUMARATE, *OTHERS], "pcu")
    assert sum(unit.weight for unit in units) == pytest.approx(1)
    likeliest = max(units, key=lambda unit: unit.weight)
    assert sorted(x.n_backbone for _, x in likeliest.linkers) == [4, 8, 8]
    assert likeliest.weight == pytest.approx(3 / 4)


@pytest.mark.parametrize(
    ("node", "linkers", "topology"),
    [
        (TETRAHEDRON, [], "pcu"),
        (TETRAHEDRON, [BDC], "xyz"),
        (TETRAHEDRON, [BDC], ""),
        (PADDLEWHEEL, [BDC], "tbo"),
        (TETRAHEDRON, [read_linker("[CH2]CC")], "pcu"),
    ],
)
def test_what_is_not_known_is_not_guessed(node, linkers, topology):
    assert read_units(node, linkers, topology) == []
