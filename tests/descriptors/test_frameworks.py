import math

import pytest

from catenane.descriptors.frameworks import FRAMEWORK_DESCRIPTORS, describe_framework
from catenane.notation import Mofid

BDC = "[O-]C(=O)c1ccc(cc1)C(=O)[O-]"
MOF_5 = f"{BDC}.[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0"


def described(text: str) -> dict[str, float]:
    return dict(zip(FRAMEWORK_DESCRIPTORS, describe_framework(Mofid.parse(text)), strict=True))


def test_mof_5():
    mof = described(MOF_5)
    assert mof["node_is_tetrahedron"] == mof["metal_is_Zn"] == mof["net_is_pcu"] == mof["cell_known"] == 1
    assert mof["metal_atomic_number"] == 30
    assert (mof["node_blocks"], mof["node_metals"], mof["linker_blocks"]) == (1, 4, 1)
    assert mof["linker_mass_min"] == mof["linker_mass_max"] == pytest.approx(164.1, abs=0.1)
    assert mof["cell_density"] == pytest.approx(0.59, abs=0.03)
    assert mof["cell_free_fraction"] == pytest.approx(0.79, abs=0.05)
    assert mof["cell_metal_density"] == pytest.approx(4000 / mof["cell_volume"])


def test_catenation_shares_the_cell():
    one, two = described(MOF_5), described(MOF_5.replace("cat0", "cat1"))
    assert two["cell_volume"] == pytest.approx(one["cell_volume"] / 2)
    assert two["cell_density"] == pytest.approx(2 * one["cell_density"])
    assert two["cell_opening_min"] < one["cell_opening_min"]
    assert two["cell_edge_min"] == one["cell_edge_min"]
    assert two["linker_reach_mean"] == one["linker_reach_mean"]


def test_catenation_that_was_not_counted_is_marked():
    mof = described(MOF_5.removesuffix(".cat0"))
    assert math.isnan(mof["net_catenation"])
    assert mof["net_catenation_known"] == 0
    assert mof["cell_density"] == described(MOF_5)["cell_density"]


def test_substituents_fill_the_pores():
    bare = described(MOF_5)
    full = described(MOF_5.replace(BDC, "[O-]C(=O)c1c(Br)c(Br)c(c(c1Br)Br)C(=O)[O-]"))
    assert full["groups_bromo"] == 4
    assert full["cell_groups_bromo"] == pytest.approx(3 * 4 * 1000 / full["cell_volume"])
    assert full["cell_free_fraction"] < bare["cell_free_fraction"]
    assert full["cell_volume"] == pytest.approx(bare["cell_volume"], rel=0.02)


@pytest.mark.parametrize("topology", ["UNKNOWN", "ERROR", "NA", "srs"])
def test_without_a_known_net_the_cell_is_nan_and_the_rest_is_not(topology):
    mof = described(f"{BDC}.[Zn][Zn]&&{topology}.cat0")
    assert mof["cell_known"] == 0
    assert mof["net_unknown"] == (topology != "srs")
    inner = [name for name in FRAMEWORK_DESCRIPTORS if name.startswith("cell_")][2:]
    assert all(math.isnan(mof[name]) for name in inner)
    assert mof["linker_reach_mean"] == pytest.approx(5.7, abs=0.2)


def test_the_order_of_blocks_does_not_matter():
    parts = [BDC, "[O-]C(=O)C=CC(=O)[O-]", "n1ccncc1", "[Zn][Zn]"]
    first = describe_framework(Mofid.parse(f"{'.'.join(parts)}&&pcu.cat0"))
    second = describe_framework(Mofid.parse(f"{'.'.join(reversed(parts))}&&pcu.cat0"))
    assert first == pytest.approx(second, nan_ok=True)


@pytest.mark.parametrize(
    "text", ["[Zn]&&pcu.cat0", f"{BDC}&&pcu.cat0", "[O]&&NA", "c1cccc1.[Zn]&&pcu", "[Zn].CC&&"]
)
def test_oddities_are_described_as_far_as_they_go(text):
    assert len(describe_framework(Mofid.parse(text))) == len(FRAMEWORK_DESCRIPTORS)
