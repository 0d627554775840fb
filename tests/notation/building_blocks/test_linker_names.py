from __future__ import annotations

from itertools import islice

import pytest

from catenane.notation.building_blocks import builtin_linkers, builtin_substituents
from catenane.notation.building_blocks.linker_names import name_linker
from catenane.screen import functionalise

LINKERS = {linker.name: linker for linker in builtin_linkers()}


@pytest.mark.parametrize("name", LINKERS)
def test_every_linker_of_the_library_bears_its_own_name(name):
    found = name_linker(LINKERS[name].smiles)
    assert found.short == name
    assert found.parent is LINKERS[name]
    assert found.substituents == ()


@pytest.mark.parametrize("group", builtin_substituents(), ids=lambda group: group.name)
def test_every_substituent_is_named(group):
    for parent in ("BDC", "BPY", "BTB"):
        for form in islice(functionalise(LINKERS[parent], group, most=2), 6):
            found = name_linker(form.smiles)
            count = 2 if f"({group.name})2" in form.name else 1
            assert found.parent is LINKERS[parent]
            assert found.substituents == ((group.name, count),)


@pytest.mark.parametrize("name", LINKERS)
def test_a_functionalised_linker_is_never_named_as_another_substance(name):
    """One fluorine more is one hydrogen less, whatever parent it is told by."""
    group = next(group for group in builtin_substituents() if group.name == "F")
    for form in islice(functionalise(LINKERS[name], group), 4):
        found = name_linker(form.smiles)
        assert found.parent is not None
        assert dict(found.substituents)["F"] == 1
        assert found.parent is LINKERS[name]


@pytest.mark.parametrize(
    ("smiles", "short"),
    [
        ("O=C([O-])c1ccc(C([O-])=O)cc1", "BDC"),
        ("OC(=O)c1ccc(cc1)C(=O)O", "BDC"),
        ("[O-]C(=O)c1cc(N)c(cc1N)C(=O)[O-]", "BDC, 2 × NH2"),
        ("[O-]C(=O)c1cc(N(=O)=O)c(cc1F)C(=O)[O-]", "BDC, F, NO2"),
        ("[O-]C(=O)c1cc([N+](=O)[O-])c(cc1)C(=O)[O-]", "BDC, NO2"),
        ("[O-]C(=O)c1cc(OC)c(cc1)C(=O)[O-]", "BDC, OMe"),
        ("[O-]C(=O)c1c(F)c(F)c(c(F)c1F)C(=O)[O-]", "BDC, 4 × F"),
        ("[O-]C(=O)c1ccc(cc1-c1ccccc1)C(=O)[O-]", "BDC, Ph"),
        ("Cc1cc2N=C[N]c2c(F)c1C", "dmbIM, F"),
        ("CC(=CC(=O)[O-])C(=O)[O-]", "FUM, Me"),
    ],
)
def test_spelling_and_protons_do_not_matter(smiles, short):
    assert name_linker(smiles).short == short


@pytest.mark.parametrize(
    ("smiles", "short"),
    [
        ("[O-]C(=O)c1cc(CO)c(cc1)C(=O)[O-]", "C9H6O5 2−"),
        ("[O-]C(=O)c1ccc(cc1)C(=O)OC", "C9H7O4 −"),
        ("[O-]C(=O)c1cc2c(cc1C(=O)[O-])OCO2", "C9H4O6 2−"),
        ("[O-]C(=O)c1cc(C[CH2])c(cc1)C(=O)[O-]", "C10H7O4 2−"),
        ("[O-]C(=O)c1ccc(c[n+]1C)C(=O)[O-]", "C8H6NO4 −"),
        (r"[O-]C(=O)/C=C\C(=O)[O-]", "C4H2O4 2−"),
        ("[13CH3]c1cc(ccc1C(=O)[O-])C(=O)[O-]", "C9H6O4 2−"),
        ("O=C=O", "CO2"),
        ("NN=CC(=[NH2])[N]N", "C2H7N5"),
    ],
    ids=[
        "not methoxy", "ester", "fused ring", "radical", "on nitrogen", "maleate", "isotope", "no linker",
        "no molecule",
    ],
)  # fmt: skip
def test_a_foreign_linker_is_named_by_its_formula(smiles, short):
    found = name_linker(smiles)
    assert found.parent is None
    assert found.short == short


def test_what_has_no_formula_stays_as_it_is():
    assert name_linker("C1CC").short == "C1CC"
