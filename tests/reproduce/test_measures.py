import numpy as np
import pytest

from catenane.reproduce.measures import label_r2, nearest, power_law, topology_purity


@pytest.fixture
def two_clusters() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States of forty rows in two clusters, with the label and the net of their cluster."""
    rng = np.random.default_rng(0)
    side_N = np.repeat([0, 1], 20)
    return (
        rng.normal(size=(40, 3)) + 20 * side_N[:, None],
        side_N.astype(float),
        np.array(["pcu", "dia"])[side_N],
    )


def test_no_row_is_its_own_neighbour(two_clusters):
    near_NK = nearest(two_clusters[0], 5)
    assert near_NK.shape == (40, 5)
    assert not (near_NK == np.arange(40)[:, None]).any()


def test_states_that_separate_label_and_net_score_one(two_clusters):
    states_ND, label_N, net_N = two_clusters
    near_NK = nearest(states_ND)
    assert label_r2(near_NK, label_N) == 1
    assert topology_purity(near_NK, net_N) == (1, pytest.approx(19 / 39))


def test_states_of_noise_are_at_chance(two_clusters):
    _, label_N, net_N = two_clusters
    near_NK = nearest(np.random.default_rng(1).normal(size=(40, 3)))
    purity, chance = topology_purity(near_NK, net_N)
    assert abs(purity - chance) < 0.1
    assert label_r2(near_NK, label_N) < 0.2


def test_a_common_net_does_not_decide_the_purity():
    near_NK = np.full((30, 5), 0)  # every row's neighbours are rows of pcu
    net_N = np.array(["pcu"] * 20 + ["dia"] * 10)
    assert topology_purity(near_NK, net_N)[0] == 0.5


def test_a_power_law_is_recovered():
    rows = [650, 1_300, 3_200, 6_500, 13_000]
    assert power_law(rows, [2.0 * n**-0.3 for n in rows]) == (pytest.approx(2.0), pytest.approx(0.3))
