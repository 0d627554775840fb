"""Splits: every row once, no group on two sides, shares as asked."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catenane.data import hold_out, make_folds, make_split, read_table, shared_with_train
from catenane.data.clusters import SIMILARITY, butina_clusters
from catenane.data.splits import parse_times, reject_untimed, split_shares
from catenane.errors import ConfigError, DataError
from catenane.notation import Mofid, Smiles

RINGS = ["c1ccccc1", "C1CCCCC1", "c1ccncc1", "C1CCC1", "c1ccoc1", "C1CC1", "c1ccc2ccccc2c1", "C1CCNCC1"]
SIZES = (9, 7, 5, 4, 3, 3, 2, 2)
CHAINS = [(ring, chain) for ring, size in zip(RINGS, SIZES, strict=True) for chain in range(size)]
SMILES = [Smiles.parse("C" * chain + ring).canonical() for ring, chain in CHAINS]
NETS = ("pcu", "pcu", "pcu", "pcu", "fcu", "bcu", "tbo")
MOFIDS = [f"[Zn].{'C' * (i % 23 + 2)}.{'N' * (i % 7 + 2)}&&{NETS[i % 11 % 7]}.cat{i % 3}" for i in range(200)]
lenient = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def parts(split):
    return split.train, split.valid, split.test


def assert_partition(split, n):
    together = np.concatenate(parts(split))
    np.testing.assert_array_equal(np.sort(together), np.arange(n))
    assert all(len(part) and (np.diff(part) > 0).all() and part.dtype == np.int64 for part in parts(split))


@lenient
@given(st.lists(st.integers(0, 40), min_size=30, max_size=200), st.integers(0, 2**32 - 1))
def test_random_keeps_equal_strings_together(make_table, numbers, seed):
    table = make_table([f"C{'C' * number}" for number in numbers])
    if len(set(numbers)) < 3:
        return
    split = make_split(table, "random", seed=seed)
    assert_partition(split, len(table))
    sides = [{table.strings[i] for i in part} for part in parts(split)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == split.n_groups
    largest = max(Counter(numbers).values())
    assert abs(len(split.test) - 0.1 * len(table)) <= largest
    assert abs(len(split.valid) - 0.1 * len(table)) <= 2 * largest


def test_random_is_exact_without_duplicates_and_repeats_from_its_seed(make_table):
    table = make_table(["C" * n for n in range(1, 1001)])
    split = make_split(table, seed=5)
    assert [len(part) for part in parts(split)] == [800, 100, 100]
    again, other = make_split(table, seed=5), make_split(table, seed=6)
    assert all(np.array_equal(a, b) for a, b in zip(parts(split), parts(again), strict=True))
    assert not np.array_equal(split.test, other.test)


def test_scaffold_puts_the_largest_groups_into_train(make_table):
    table = make_table(SMILES)
    split = make_split(table, "scaffold")
    assert_partition(split, len(SMILES))
    sides = [Counter(Smiles.parse(SMILES[i]).scaffold() for i in part) for part in parts(split)]
    assert not set(sides[0]) & set(sides[1])
    assert not set(sides[0]) & set(sides[2])
    assert not set(sides[1]) & set(sides[2])
    assert sides[0].most_common(1)[0] == ("c1ccccc1", 9)
    assert max(sides[2].values()) <= min(sides[0].values())
    assert len(split.train) / len(SMILES) == pytest.approx(0.8, abs=0.06)
    trained = {tuple(make_split(table, "scaffold", seed=seed).train) for seed in range(8)}
    assert len(trained) > 1, "the seed decides between scaffolds of one size"


def test_molecules_without_a_ring_are_one_scaffold(make_table):
    split = make_split(make_table(["C", "CC", "CCC", "CCCC", *RINGS]), "scaffold")
    assert set(range(4)) <= set(split.train.tolist())
    assert split.n_groups == 1 + len(RINGS)


def linkers(i):
    return set(Mofid.parse(MOFIDS[i]).linkers)


@pytest.mark.parametrize("seed", range(5))
def test_every_held_out_framework_has_a_linker_that_no_other_part_has(make_table, seed):
    split = make_split(make_table(MOFIDS, notation="mofid"), "linker", seed=seed)
    assert_partition(split, len(MOFIDS))
    train, valid, test = (set().union(*(linkers(i) for i in part)) for part in parts(split))
    assert all(linkers(i) - train - valid for i in split.test)
    assert all(linkers(i) - train for i in split.valid)
    assert split.n_groups == len(train | valid | test)


def test_topologies_stay_together_and_the_commonest_trains(make_table):
    split = make_split(make_table(MOFIDS, notation="mofid"), "topology")
    assert_partition(split, len(MOFIDS))
    nets = [{Mofid.parse(MOFIDS[i]).topology for i in part} for part in parts(split)]
    assert "pcu" in nets[0]
    assert sum(map(len, nets)) == split.n_groups == 4


def test_a_net_stands_on_one_side_also_where_several_codes_are_given(make_table):
    several = ["pcu,fcu", "fcu", "bcu,UNKNOWN", "tbo"] * 2
    nets = ["pcu"] * 6 + several + ["UNKNOWN", "ERROR"]
    strings = [f"[Zn].{'C' * (i + 2)}&&{net}" for i, net in enumerate(nets)]
    split = make_split(make_table(strings, notation="mofid"), "topology", fractions=(0.6, 0.2, 0.2))
    assert split.n_groups == 4  # pcu with fcu, bcu, none, tbo
    sides = [{net for i in part for net in Mofid.parse(strings[i]).nets} for part in parts(split)]
    assert sum(map(len, sides)) == len(set.union(*sides))
    assert sides[0] == {"pcu", "fcu"}


def test_frameworks_that_differ_in_catenation_stay_together(make_table):
    strings = [f"[Zn].{'C' * (i // 3 + 2)}&&pcu.cat{i % 3}" for i in range(60)]
    table = make_table(strings, notation="mofid")
    split = make_split(table, "framework")
    assert_partition(split, 60)
    assert split.n_groups == 20
    assert shared_with_train(table, split)["framework"] == 0
    assert shared_with_train(table, make_split(table, "random"))["framework"] > 0.5


def test_a_column_names_the_parts_in_any_spelling(make_table):
    values = ["Train", "TRAINING ", "val", "validation", "Valid", "dev", "test", "Testing"]
    split = make_split(make_table(SMILES[:8], columns={"set": values}), "column:set")
    assert [part.tolist() for part in parts(split)] == [[0, 1], [2, 3, 4, 5], [6, 7]]
    assert split.n_groups is None
    assert split.method == "column:set"
    split = make_split(make_table(SMILES[:3], columns={"set": ["train", "test", "train"]}), "column:set")
    assert [part.tolist() for part in parts(split)] == [[0, 2], [], [1]]


@pytest.mark.parametrize(
    ("values", "column", "message"),
    [
        (["train", "valid", "holdout"], "set", "row 3, column 'set': 'holdout' is not train, valid or test"),
        (["train", "train", "valid"], "set", "leaves 'test' empty"),
        (["train", "valid", "test"], "part", "without the column 'part'"),
    ],
)
def test_a_column_that_names_no_split_is_refused(make_table, values, column, message):
    with pytest.raises(DataError) as error:
        make_split(make_table(SMILES[:3], columns={"set": values}), f"column:{column}")
    assert message in str(error.value)


@pytest.mark.parametrize("method", ["random", "scaffold"])
def test_too_few_groups_are_refused(make_table, method):
    with pytest.raises(DataError, match=rf"the split '{method}' leaves '\w+' empty; 4 rows make 2 groups"):
        make_split(make_table(["C1CC1", "C1CC1", "C1CCC1", "C1CCC1"]), method)


def test_three_groups_of_any_size_make_three_parts(make_table):
    split = make_split(make_table(["C1CC1"] * 10 + ["C1CCC1"] * 10 + ["C1CCCC1"] * 10), "scaffold")
    assert sorted(len(part) for part in parts(split)) == [10, 10, 10]


def test_a_part_may_be_left_out(make_table):
    split = make_split(make_table(SMILES), "random", fractions=(0.7, 0.0, 0.3))
    assert len(split.valid) == 0
    assert len(split.test) == pytest.approx(0.3 * len(SMILES), abs=2)


@pytest.mark.parametrize(
    ("method", "notation", "message"),
    [
        ("rings", "smiles", "random, scaffold, butina, linker, topology, framework, time:COLUMN or column:"),
        ("butina", "mofid", "split='butina' is for smiles"),
        ("scaffold", "mofid", "try linker or topology or framework"),
        ("linker", "smiles", "try scaffold"),
    ],
)
def test_a_method_that_does_not_suit_is_refused(make_table, method, notation, message):
    with pytest.raises(ConfigError) as error:
        make_split(make_table(MOFIDS if notation == "mofid" else SMILES, notation=notation), method)
    assert message in str(error.value)


def test_percentages_are_shares(make_table):
    assert split_shares((80, 10, 10), 3) == (0.8, 0.1, 0.1)
    assert split_shares((1, 0, 0), 3) == (1, 0, 0)
    for sizes in ((80, 10), (80, 10, 20), (0, 50, 50), (-10, 100, 10), (1.1, -0.1, 0), (float("nan"), 1, 1)):
        with pytest.raises(ConfigError, match="that add up to 1 or 100"):
            split_shares(sizes, 3)
    with pytest.raises(ConfigError, match="expected 3, of train, valid, test, that add up to 1 or 100"):
        make_split(make_table(SMILES), fractions=(0.8, 0.1, 0.2))


def test_clusters_are_those_of_rdkit_and_stay_whole(make_table, molecules):
    from rdkit import DataStructs
    from rdkit.Chem import rdFingerprintGenerator
    from rdkit.ML.Cluster import Butina

    table = make_table(molecules)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    prints = [generator.GetFingerprint(record.parsed.mol) for record in table.records]
    distances = [
        1 - similarity
        for place, one in enumerate(prints)
        for similarity in DataStructs.BulkTanimotoSimilarity(one, prints[:place])
    ]
    theirs = Butina.ClusterData(distances, len(prints), 1 - SIMILARITY + 1e-9, isDistData=True)
    found = butina_clusters(table.records)
    ours = [np.flatnonzero(found == number).tolist() for number in range(found.max() + 1)]
    assert {frozenset(cluster) for cluster in theirs} == {frozenset(cluster) for cluster in ours}
    split = make_split(table, "butina")
    assert_partition(split, len(table))
    assert split.n_groups == len(ours)
    sides = [set(found[part]) for part in parts(split)]
    assert sum(map(len, sides)) == len(ours)


def test_memory_of_clustering_grows_with_the_rows_alone(make_table, molecules, peak_memory):
    """All molecules alike: a list of neighbours would hold every pair."""
    once, thrice = (make_table(molecules[:100] * n) for n in (10, 30))
    for table in (once, thrice):
        butina_clusters(table.records)
    small, large = (peak_memory(lambda t=t: butina_clusters(t.records)) for t in (once, thrice))
    assert large < 4.5 * small


def test_the_oldest_train_and_the_newest_are_tested(make_table):
    days = [f"2021-{month:02d}-{day:02d}" for month in range(1, 11) for day in range(1, 11)]
    order = np.random.default_rng(0).permutation(100)
    table = make_table(["C" * (n + 1) for n in range(100)], columns={"day": [days[n] for n in order]})
    split = make_split(table, "time:day")
    assert_partition(split, 100)
    assert [len(part) for part in parts(split)] == [80, 10, 10]
    ages = [order[part] for part in parts(split)]
    assert ages[0].max() < ages[1].min()
    assert ages[1].max() < ages[2].min()
    assert split.n_groups == 100
    again = make_split(table, "time:day", fractions=(0.9, 0, 0.1), seed=3)
    np.testing.assert_array_equal(again.test, split.test)
    assert len(again.valid) == 0
    with pytest.raises(ConfigError, match=r"makes no folds, since .* newer"):
        make_folds(table, "time:day", 5)


def test_rows_of_one_time_are_not_parted(make_table):
    years = ["2019"] * 13 + ["2020"] * 4 + ["2021"] * 3
    split = make_split(make_table(["C" * (n + 1) for n in range(20)], columns={"year": years}), "time:year")
    assert [part.tolist() for part in parts(split)] == [[*range(13)], [*range(13, 17)], [*range(17, 20)]]
    with pytest.raises(DataError, match="leaves 'test' empty; 20 rows make 2 groups"):
        make_split(make_table(["C"] * 20, columns={"year": ["1"] * 10 + ["2"] * 10}), "time:year")


def test_times_are_numbers_or_iso_dates():
    assert parse_times(["3", " 1e2 ", "", "-4.5"])[[0, 1, 3]].tolist() == [3, 100, -4.5]
    dates = ["2021-03-31", "2021-03-31T12:00:00+02:00", "2021", "20/04/2021", "", "2022-01-01 00:00:00"]
    times = parse_times(dates)
    assert np.isnan(times).tolist() == [False, False, False, True, True, False]
    assert times[2] < times[0] < times[1] < times[5]


def test_a_row_without_a_time_is_rejected_by_name(make_table):
    table = make_table(["C", "CC", "CCC"], columns={"day": ["2021-01-01", "soon", ""]})
    with pytest.raises(DataError, match="row 2, column 'day': 'soon' is no time"):
        make_split(table, "time:day")
    kept = reject_untimed(table, "day")
    assert kept.strings == ["C"]
    assert [(row.row, row.column, row.value) for row in kept.rejected] == [(2, "day", "soon"), (3, "day", "")]


@pytest.mark.parametrize("method", ["random", "scaffold", "butina"])
def test_folds_test_every_row_once_and_keep_groups_whole(make_table, method):
    table = make_table(SMILES * 2)
    folds = make_folds(table, method, 4, seed=1)
    np.testing.assert_array_equal(np.sort(np.concatenate(folds)), np.arange(len(table)))
    if method == "random":
        assert np.ptp([len(fold) for fold in folds]) <= 2
    for fold in folds:
        split = make_split(table, method, seed=1, fractions=(0.8, 0.1, 0.1), test=fold)
        assert_partition(split, len(table))
        np.testing.assert_array_equal(split.test, fold)
        sides = [{table.strings[i] for i in part} for part in parts(split)]
        assert sum(map(len, sides)) == len(set(SMILES))
    assert not np.array_equal(folds[0], make_folds(table, method, 4, seed=2)[0]) or method != "random"


def test_folds_by_a_column_keep_its_values_whole(make_table):
    labs = ["Basel", "Leiden", "Basel", "Turku", "", "Turku", "Leiden", "Basel"]
    table = make_table(SMILES[:8], columns={"lab": labs})
    folds = make_folds(table, "column:lab", 4)
    assert sorted("/".join({labs[i] for i in fold}) for fold in folds) == ["", "Basel", "Leiden", "Turku"]
    split = make_split(table, "column:lab", fractions=(0.5, 0.5, 0), test=folds[0])
    sides = [{labs[i] for i in part} for part in parts(split)]
    assert sum(map(len, sides)) == 4
    assert_partition(split, 8)
    with pytest.raises(DataError, match="8 rows make 4 groups of the split 'column:lab', fewer than 5 folds"):
        make_folds(table, "column:lab", 5)


def test_folds_by_linker_hold_each_linker_out_once_at_most(make_table):
    """A framework with two common linkers may be in none."""
    linkers = ["C" * n for n in range(1, 13)]
    texts = [f"{first}.{other}.[Zn]&&pcu.cat0" for first in linkers for other in linkers[:2]]
    texts += [f"{linker}N.[Zn]&&pcu.cat0" for linker in linkers]
    table = make_table(texts, notation="mofid")
    folds = make_folds(table, "linker", 3, seed=1)
    tested = np.concatenate(folds)
    assert len(tested) == len(set(tested.tolist())) > 0.5 * len(table)
    assert max(map(len, folds)) <= round(len(table) / 3)
    for fold in folds:
        split = make_split(table, "linker", fractions=(0.8, 0.2, 0), test=fold)
        assert_partition(split, len(table))
        assert shared_with_train(table, split)["every linker"] == 0
    with pytest.raises(DataError, match=r"23 linkers in .* for 30 folds"):
        make_folds(table, "linker", 30)


def test_test_rows_of_a_table_of_their_own(make_table):
    """The two that both hold stay in the test rows alone."""
    table = make_table(["C" * n for n in range(1, 31)], targets=range(30))
    tested = make_table(["CC", "CCC", "CO", "CN"], targets=[5, 6, 7, 8])
    joined, places = hold_out(table, tested)
    assert [joined.strings[i] for i in places] == tested.strings
    assert len(joined) == 28 + 4
    assert [row.row for row in joined.rejected] == [2, 3]
    assert "the same string is a test row" in joined.rejected[0].reason
    split = make_split(joined, fractions=(0.9, 0.1, 0.0), test=places)
    assert_partition(split, 32)
    assert split.test.tolist() == [28, 29, 30, 31]
    assert len(split.valid) == 3
    assert shared_with_train(joined, split)["string"] == 0
    kept, places = hold_out(table, tested, keep=True)
    assert len(kept) == 34
    assert shared_with_train(kept, make_split(kept, fractions=(1, 0, 0), test=places))["string"] == 0.5
    with pytest.raises(DataError, match="every string is a test row"):
        hold_out(tested, tested)
    with pytest.raises(DataError, match="holds mofid, and"):
        hold_out(table, make_table(MOFIDS, notation="mofid"))


def test_linkers_of_the_real_set_are_held_out(shared_data):
    table = read_table("mof/qmof", targets=["bandgap_ev"], data_dir=shared_data)
    by_linker = make_split(table, "linker")
    at_random = make_split(table, "random")
    for split in (by_linker, at_random):
        assert_partition(split, len(table))
        assert [len(part) / len(table) for part in parts(split)] == pytest.approx([0.8, 0.1, 0.1], abs=0.002)
    held_out, random = shared_with_train(table, by_linker), shared_with_train(table, at_random)
    assert held_out["every linker"] == held_out["set of linkers"] == held_out["framework"] == 0
    assert held_out["any linker"] < random["any linker"]
    assert random["every linker"] > 0.5
    assert random["string"] == 0
