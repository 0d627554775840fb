from __future__ import annotations

import pytest

from catenane.errors import NotationError
from catenane.notation import detect_notation


def test_real_columns(real_mofids, real_smiles):
    for strings in real_mofids.values():
        assert detect_notation(strings) == "mofid"
    for strings in real_smiles.values():
        assert detect_notation(strings) == "smiles"


def test_the_raw_form_and_single_strings():
    assert detect_notation(["[Zn].C MOFid-v1.pcu.cat0;x"]) == "mofid"
    assert detect_notation(["CCO"]) == "smiles"


def test_blanks_and_a_minority_of_other_strings_do_not_matter():
    assert detect_notation(["", " ", "CCO", "c1ccccc1", "FAIL"]) == "smiles"
    assert detect_notation(["", "[Zn].C&&pcu", "* MOFid-v1.NA.NA", "broken"]) == "mofid"


def test_the_sample_covers_the_whole_column():
    assert detect_notation(["not a molecule"] * 10 + ["CCO"] * 5_000) == "smiles"


@pytest.mark.parametrize("strings", [[], ["", "  "]])
def test_a_blank_column_is_refused(strings):
    with pytest.raises(NotationError, match="every string is blank"):
        detect_notation(strings)


@pytest.mark.parametrize(
    "strings", [["aspirin", "caffeine"], ["1.2", "3.4"], ["InChI=1S/CH4/h1H4"], ["C(", "N)"]]
)
def test_other_columns_are_refused_with_an_example(strings):
    with pytest.raises(NotationError) as caught:
        detect_notation(strings)
    assert str(caught.value) == f"most strings are neither SMILES nor MOFid, for example: {strings[0]}"
