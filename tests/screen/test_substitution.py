from __future__ import annotations

import pytest

from catenane.errors import ConfigError
from catenane.notation import Smiles, canonical_block
from catenane.notation.building_blocks import builtin_linkers, builtin_substituents
from catenane.screen import functionalise

LINKERS = {linker.name: linker for linker in builtin_linkers()}
GROUPS = {group.name: group for group in builtin_substituents()}


@pytest.mark.parametrize(
    ("linker", "most", "isomers"),
    [
        ("BDC", 1, 1),
        ("BDC", 4, 1 + 3 + 1 + 1),
        ("1,4-NDC", 1, 3),
        ("2,6-NDC", 1, 3),
        ("BPDC", 1, 2),
        ("BTC", 3, 3),
    ],
)
def test_each_isomer_once(linker, most, isomers):
    forms = list(functionalise(LINKERS[linker], GROUPS["F"], most=most))
    assert len(forms) == isomers
    assert len({Smiles.parse(form.smiles).canonical() for form in forms}) == isomers
    assert len({form.name for form in forms}) == isomers


@pytest.mark.parametrize(
    ("group", "smiles"),
    [
        ("NH2", "[O-]C(=O)c1ccc(c(c1)N)C(=O)[O-]"),
        ("NO2", "O=N(=O)c1cc(ccc1C(=O)[O-])C(=O)[O-]"),
        ("Br", "[O-]C(=O)c1ccc(c(c1)Br)C(=O)[O-]"),
        ("OMe", "COc1cc(ccc1C(=O)[O-])C(=O)[O-]"),
        ("CN", "N#Cc1cc(ccc1C(=O)[O-])C(=O)[O-]"),
        ("Me", "[O-]C(=O)c1ccc(c(c1)C)C(=O)[O-]"),
    ],
)
def test_terephthalates_meet_those_that_real_mofids_write(group, smiles):
    (form,) = functionalise(LINKERS["BDC"], GROUPS[group])
    assert form.smiles == canonical_block(smiles)
    assert form.name == f"BDC-{group}"


def test_every_form_is_a_molecule_that_binds_as_before():
    for group in GROUPS.values():
        for linker in (LINKERS["BPDC"], LINKERS["BPY"], LINKERS["bIM"], LINKERS["TPDC"]):
            for form in functionalise(linker, group):
                Smiles.parse(form.smiles)
                assert canonical_block(form.smiles) == form.smiles
                assert (form.donor, form.points, form.shape, form.length) == (
                    linker.donor,
                    linker.points,
                    linker.shape,
                    linker.length,
                )


def test_without_aromatic_hydrogen_there_is_no_form():
    assert list(functionalise(LINKERS["ADC"], GROUPS["F"])) == []


def test_at_least_one_group_is_required():
    with pytest.raises(ConfigError, match="most=0"):
        list(functionalise(LINKERS["BDC"], GROUPS["F"], most=0))
