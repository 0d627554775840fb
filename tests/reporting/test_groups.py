from __future__ import annotations

import numpy as np
import pytest

from catenane.data import Split, Table
from catenane.notation import Smiles, as_records
from catenane.reporting.groups import (
    MOST_GROUPS,
    OTHER,
    Grouping,
    chemistry_groups,
    errors_by_group,
    row_errors,
    scaffold_names,
)


def sort(strings, notation="smiles", train=(0,)):
    n = len(strings)
    records = as_records(strings, notation)
    table = Table(records, notation, np.zeros((n, 1)), ("y",), np.arange(n), {}, [], "data.csv", "string")
    train = np.array(train, dtype=np.int64)
    test = np.setdiff1d(np.arange(n), train)
    return chemistry_groups(table, Split(train, test[:0], test, "random", 0, None))


def test_frameworks_are_sorted_by_net_catenation_and_linkers():
    main, size, seen = sort(
        ["[Zn].CCO.CCC&&pcu.cat0", "[Zn].CCC&&pcu.cat1", "[Cu].CCN.CCC&&bcu,fcu", "[Cu].[Cu]&&NA"], "mofid"
    )
    assert main.title == "topology"
    assert list(main.row_names) == ["pcu", "pcu", "bcu,fcu", "NA"]
    assert main.names[0] == "pcu"
    assert list(size.row_names) == ["cat0", "cat1", "unknown", "unknown"]
    assert size.names == ("cat0", "cat1", "unknown")
    assert list(seen.row_names) == ["all seen", "all seen", "some new", "no linker"]


def test_molecules_are_sorted_by_scaffold_and_size():
    main, size, seen = sort(["Cc1ccccc1", "Clc1ccccc1", "CCO", "c1ccncc1", "CCCCCCC"])
    assert main.title == "scaffold"
    assert list(main.row_names) == ["benzene", "benzene", "no ring", "pyridine", "no ring"]
    assert list(seen.row_names) == ["seen", "seen", "no ring", "new", "no ring"]
    assert list(size.row_names) == ["7 or more", "7 or more", "3", "6", "7 or more"]
    assert size.names == ("3", "6", "7 or more")


def test_molecules_that_share_no_scaffold_are_sorted_by_rings():
    rings = ["C1CC1", "c1ccccc1", "c1ccc2ccccc2c1", "C1CCC1"]
    chains = [f"c1ccccc1{'C' * n}C1CC1" for n in range(1, 15)]
    main, *_ = sort(["CCO", *rings, *chains])
    assert main.title == "rings"
    assert list(main.row_names[:5]) == ["0", "1", "1", "2 or more", "1"]
    assert set(main.row_names[5:]) == {"2 or more"}


def test_rare_groups_are_shown_as_one():
    nets = ["pcu"] * 9 + [f"n{k}" for k in range(20)]
    groups, *_ = sort([f"[Zn].CCO&&{net}.cat0" for net in nets], "mofid")
    assert len(groups.names) == MOST_GROUPS
    assert groups.names[0] == "pcu"
    assert groups.names[-1] == OTHER
    assert np.count_nonzero(groups.row_names == OTHER) == len(nets) - 9 - (MOST_GROUPS - 2)


@pytest.mark.parametrize("scaffold", [scaffold for scaffold in scaffold_names() if scaffold])
def test_named_scaffolds_are_written_as_scaffolds_are(scaffold):
    assert Smiles.parse(scaffold).scaffold() == scaffold


def test_errors_are_averaged_within_their_group():
    labels, answers = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 1.0]), np.array([0.1, 0.7, 0.9, 0.2, 0.0, 1.0])
    names = np.array(["a", "b", "a", "b", "a", "c"])
    errors = row_errors(labels, answers, "regression")
    found = errors_by_group(Grouping("", names, ("b", "a", "d", "c")), errors, 2 * errors)
    assert {name: group["n"] for name, group in found.items()} == {"b": 2, "a": 3, "c": 1}
    assert list(found) == ["b", "a", "c"]
    assert [group["mae"] for group in found.values()] == pytest.approx([0.75, 0.2 / 3, 0.0])
    assert [group["baseline"] for group in found.values()] == pytest.approx([1.5, 0.4 / 3, 0.0])
    assert {group["half"] for group in found.values()} == {None}
    assert list(row_errors(labels, answers, "classification")) == [0, 1, 0, 1, 0, 0]


def test_a_group_large_enough_has_an_interval():
    errors = np.random.default_rng(0).normal(3.0, 1.0, size=400)
    group = errors_by_group(Grouping("", np.full(400, "a"), ("a",)), errors, None)["a"]
    assert group["half"] == pytest.approx(1.96 * errors.std(ddof=1) / 20)
    assert group["baseline"] is None
