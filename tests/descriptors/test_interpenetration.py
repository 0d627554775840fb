import itertools
import math

import numpy as np
import pandas as pd
import pytest

from catenane.descriptors.cells import arm_length, edge_length, read_units
from catenane.descriptors.interpenetration import _TWO_NETS, wall_width, widest_wall
from catenane.descriptors.linkers import read_linker
from catenane.descriptors.nodes import read_node
from catenane.notation import Mofid

TETRAHEDRON, PADDLEWHEEL = read_node("[Zn][O]([Zn])([Zn])[Zn]"), read_node("[Cu][Cu]")
HEXAMER = read_node("[O]12[Zr]34[O]5[Zr]62[O]2[Zr]71[O]4[Zr]14[O]3[Zr]35[O]6[Zr]2([O]71)[O]43")
BDC = read_linker("[O-]C(=O)c1ccc(cc1)C(=O)[O-]")
TPDC = read_linker("[O-]C(=O)c1ccc(cc1)c1ccc(cc1)c1ccc(cc1)C(=O)[O-]")
ANTHRACENE = read_linker("[O-]C(=O)c1c2ccccc2c(c2c1cccc2)C(=O)[O-]")
BTC = read_linker("[O-]C(=O)c1cc(cc(c1)C(=O)[O-])C(=O)[O-]")


def fits(node, net, linker, n_nets):
    edge = arm_length(node, linker) if linker.n_sites == 3 else edge_length(node, linker)
    return widest_wall(node, net, [edge] * (3 if net == "pcu" else 1), n_nets) >= wall_width(linker)


def test_a_single_net_has_all_the_room():
    assert widest_wall(HEXAMER, "fcu", [1.0], 1) == math.inf


def test_nets_fit_where_linkers_are_long_and_thin():
    assert fits(TETRAHEDRON, "pcu", BDC, 2)  # interpenetrated MOF-5 is known
    assert not fits(TETRAHEDRON, "pcu", BDC, 4)
    assert fits(TETRAHEDRON, "pcu", TPDC, 4)
    assert fits(TETRAHEDRON, "pcu", ANTHRACENE, 2)
    assert not fits(TETRAHEDRON, "pcu", ANTHRACENE, 3)
    assert not fits(HEXAMER, "fcu", BDC, 2)
    assert fits(HEXAMER, "fcu", TPDC, 2)
    assert not fits(PADDLEWHEEL, "pto", BTC, 2)


@pytest.mark.parametrize(("net", "n_nets"), [("fcu", 3), ("sql", 2)])
def test_how_nets_lie_must_be_known(net, n_nets):
    assert widest_wall(TETRAHEDRON, net, [40.0], n_nets) == -math.inf


@pytest.mark.parametrize(("catenation", "most_impossible"), [(1, 0.01), (2, 0.07), (3, 0.45)])
def test_hypothetical_frameworks_of_hmof_fit(shared_data, catenation, most_impossible):
    """They are packed by a looser rule: of four nets, many are closer than atoms of two molecules come."""
    texts = pd.read_csv(shared_data / "mof" / "hmof_mofid.csv.gz", usecols=["mofid"], dtype=str)["mofid"]
    texts = texts[texts.str.endswith(f"&&pcu.cat{catenation}")]
    n_known = n_impossible = 0
    for mofid in map(Mofid.parse, texts.iloc[:: len(texts) // 150]):
        nodes = [node for node in map(read_node, mofid.nodes) if node.kind != "other"]
        linkers = [x for x in map(read_linker, mofid.linkers) if x is not None and x.reach == x.reach]
        readings = read_units(nodes[0], linkers, "pcu") if nodes else []
        rooms = [widest_wall(nodes[0], "pcu", unit.edges, catenation + 1) for unit in readings]
        if rooms:
            n_known += 1
            n_impossible += max(rooms) < max(map(wall_width, linkers))
    assert n_known > 140
    assert n_impossible <= most_impossible * n_known


def centred(points):
    shifts = ((0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5))
    return np.unique(np.round([np.add(p, s) % 1 for p in points for s in shifts], 6) % 1, axis=0)


def signs(x):
    return [np.array(s) * x for s in itertools.product((1, -1), repeat=3)]


MIDDLES = {(*p,) for s in (1, -1) for p in itertools.permutations((0.25, 0.25 * s, 0.0))}
NETS = {  # vertices, the far ends of their edges, and the displacement of the second net
    "fcu": (centred([(0, 0, 0)]), centred(MIDDLES), 0.25, 2),
    "tbo": (centred([p for s in (1, -1) for p in itertools.permutations((0, 0.25, 0.25 * s))]),
            centred(signs(1 / 3)), 0.25, 1),
    "pyr": (centred([(0, 0, 0)]),
            np.array([p for x in (1 / 3, -1 / 3) for p in
                      ((x, x, x), (0.5 - x, -x, 0.5 + x), (-x, 0.5 + x, 0.5 - x), (0.5 + x, 0.5 - x, -x))]),
            0.5, 1),
}  # fmt: skip


@pytest.mark.parametrize("net", NETS)
def test_the_distances_of_two_nets_follow_from_their_coordinates(net):
    vertices, ends, shift, halves = NETS[net]
    cells = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    far = (ends[:, None] + cells).reshape(-1, 3)
    apart = np.linalg.norm(vertices[:, None] - far, axis=-1)
    length = apart.min()
    lines = [(vertices[i], far[j]) for i, j in zip(*np.where(apart < length + 1e-4), strict=True)]
    t = np.linspace(0, 1, 13)[:, None]
    points = np.concatenate([(1 - t) * a + t * b for a, b in lines])

    def least(one, other):
        gaps = one[:, None] - other[None]
        return np.linalg.norm(gaps - np.round(gaps), axis=-1).min() / (length * halves)

    moved = np.full(3, shift)
    crossing, passing, nodes = _TWO_NETS[net]
    assert least(points[:: len(points) // 900 + 1], points + moved) == pytest.approx(crossing, abs=0.02)
    assert min(least(vertices + moved, points), least(vertices, points + moved)) == pytest.approx(
        passing, abs=0.02
    )
    assert least(vertices, vertices + moved) == pytest.approx(nodes, abs=0.001)
