from __future__ import annotations

import pytest

from catenane.errors import NotationError
from catenane.notation import normalise


def test_molecules_become_canonical_isomeric_smiles():
    assert normalise(" OCC\n", "smiles") == "CCO"
    assert normalise("C(\\F)=C/F", "smiles") == normalise("F/C=C/F", "smiles") == "F/C=C/F"


def test_frameworks_become_compact_and_keep_their_blocks_as_written():
    assert normalise("[Zn].OCC MOFid-v1.pcu.cat0.NO_REF;x", "mofid") == "[Zn].OCC&&pcu.cat0"


def test_one_notation_is_not_taken_for_the_other():
    with pytest.raises(NotationError, match="illegal character '&' at position 6"):
        normalise("[Zn].C&&pcu.cat0", "smiles")
    with pytest.raises(NotationError, match="not a MOFid"):
        normalise("CCO", "mofid")


def test_normalising_twice_changes_nothing(real_mofids, real_smiles):
    for strings in real_mofids.values():
        assert all(normalise(text, "mofid") == text for text in strings[::50])
    for text in real_smiles["zinc250k_part"]:
        assert normalise(normalise(text, "smiles"), "smiles") == normalise(text, "smiles")
