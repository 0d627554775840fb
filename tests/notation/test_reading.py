from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from catenane.errors import ConfigError, NotationError
from catenane.notation import (
    Record,
    as_records,
    compute_all,
    detect_notation,
    get_notation,
    groups,
    read_mixed,
    read_records,
)

MOF = "[Zn].[O-]C(=O)C=CC(=O)[O-]&&pcu,fcu.cat1"


@pytest.fixture
def parsed(monkeypatch) -> list[str]:
    """The strings that RDKit is asked to parse, as they come."""
    from rdkit import Chem

    found: list[str] = []
    original = Chem.MolFromSmiles

    def counted(text, *args, **kwargs):
        found.append(text)
        return original(text, *args, **kwargs)

    monkeypatch.setattr(Chem, "MolFromSmiles", counted)
    return found


def length(record: Record) -> int:
    return len(record.text)


def test_the_order_stays_and_each_bad_string_has_its_reason():
    found = read_records(["OCC", "C1CC", None, "CCO", "", "[#119]"], "smiles")
    assert [isinstance(item, NotationError) for item in found] == [False, True, True, False, True, True]
    assert found[0] == found[3] == Record("CCO", "smiles")
    assert found[1].position == 1
    assert "expected a string, got None" in str(found[2])
    assert "\n" not in str(found[5])


def test_a_string_that_one_feature_refuses_is_its_error_alone_and_no_other_feature_is_computed():
    asked: list[str] = []

    def first(record: Record) -> int:
        if len(record.text) % 7 == 3:
            raise NotationError(f"{len(record.text)} atoms")
        return len(record.text)

    def second(record: Record) -> str:
        asked.append(record.text)
        return record.text[::-1]

    strings = ["C" * n if n % 5 else "C(" * n for n in range(1, 400)]
    found = read_records(strings, "smiles", (first, second))
    for text, item in zip(strings, found, strict=True):
        if "(" in text:
            assert isinstance(item, NotationError)
        elif len(text) % 7 == 3:
            assert str(item) == f"{len(text)} atoms"
        else:
            assert isinstance(item, Record)
            assert item.computed == {first: len(text), second: text[::-1]}
    assert asked == [item.text for item in found if isinstance(item, Record)]


def test_equal_strings_are_parsed_once_and_their_groups_come_from_that(parsed):
    records = read_records(["c1ccccc1CC", "OCC", "c1ccccc1CC"], "smiles", [groups])
    assert records[0] is records[2]
    assert [record.groups["scaffold"] for record in records] == [("c1ccccc1",), (), ("c1ccccc1",)]
    compute_all(records, groups)
    assert sorted(parsed) == ["OCC", "c1ccccc1CC"]


def test_processes_agree_with_one_and_keep_the_order():
    strings = [f"{'C' * (i % 30 + 1)}c1ccccc1" if i % 7 else f"C{i}(" for i in range(200)]
    alone, together = (read_records(strings, "smiles", [groups], n_jobs=n) for n in (1, 2))
    assert [str(item) for item in alone] == [str(item) for item in together]
    for one, other in zip(alone, together, strict=True):
        if isinstance(one, Record):
            assert one.groups == other.groups
        else:
            assert one.position == other.position


def test_a_pickled_record_keeps_what_was_computed_and_no_molecule(parsed):
    (record,) = read_records(["c1ccccc1CC"], "smiles", [groups])
    again = pickle.loads(pickle.dumps(record))
    assert again == record
    assert not again.is_parsed
    parsed.clear()
    assert again.groups == record.groups
    assert parsed == []
    assert again.parsed.mol.GetNumAtoms() == 8
    assert parsed == ["CCc1ccccc1"]


def test_an_error_in_one_string_is_named_when_it_is_computed_late():
    with pytest.raises(NotationError, match="is opened at position 1 and never closed"):
        compute_all(as_records(["CC", "C1CC"], "smiles"), groups)


def test_a_framework_shares_linkers_nets_and_all_but_its_catenation():
    record, other = read_records([MOF, MOF.replace("cat1", "cat0")], "mofid")
    assert record.groups["linker"] == ("O=C([O-])C=CC(=O)[O-]",)
    assert record.groups["topology"] == ("pcu", "fcu")
    assert record.groups["framework"] == other.groups["framework"]
    assert record.text != other.text


def test_mixed_strings_are_read_by_their_look():
    found = read_mixed(["OCC", MOF, " ", 3, "hello"], "mofid")
    assert [item.notation if isinstance(item, Record) else None for item in found] == [
        "smiles", "mofid", None, None, None,
    ]  # fmt: skip
    assert read_mixed([MOF], "smiles")[0].position is not None


def test_values_are_computed_once():
    record = Record("CCO", "smiles")
    assert length not in record.computed
    assert compute_all([record, Record("CCO", "smiles")], length) == [3, 3]
    assert length in record.computed


def test_notations_by_name():
    assert get_notation("mofid").reads("smiles")
    assert not get_notation("smiles").reads("mofid")
    assert get_notation(detect_notation([MOF])).noun == "framework"
    with pytest.raises(ConfigError, match="notation='selfies' must be one of 'smiles', 'mofid', 'text'"):
        get_notation("selfies")
    with pytest.raises(ConfigError, match="n_jobs=0"):
        read_records(["C"], "smiles", n_jobs=0)


@pytest.mark.parametrize("text", ["[#119]", "C[#119]", "C[te]", "C[As@OH30](F)(F)(F)(F)F"])
def test_what_rdkit_throws_is_one_rows_error_of_one_line(text):
    (found,) = read_records([text], "smiles", [groups])
    if isinstance(found, NotationError):
        assert "\n" not in str(found)
        assert len(str(found)) < 300
    else:
        assert get_notation("smiles").read(found.text) == found


def test_processes_need_no_guard_in_the_calling_script(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from catenane.notation import groups, read_records\n"
        "found = read_records(['c1ccccc1C', 'CC'] * 3 + ['C1'], 'smiles', [groups], n_jobs=2)\n"
        "print(found[0].groups['scaffold'], type(found[-1]).__name__)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["('c1ccccc1',)", "NotationError"]
