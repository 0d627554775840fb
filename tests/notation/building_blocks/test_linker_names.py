from __future__ import annotations

from itertools import islice

import pytest

from catenane.notation import Smiles
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
            assert found.parent is LINKERS[parent]
            assert found.short == form.name
            assert [name for name, _ in found.substituents] == [group.name]


@pytest.mark.parametrize("name", LINKERS)
def test_a_functionalised_linker_is_never_named_as_another_substance(name):
    """One fluorine more is one hydrogen less, whatever parent it is told by."""
    group = next(group for group in builtin_substituents() if group.name == "F")
    for form in islice(functionalise(LINKERS[name], group), 4):
        found = name_linker(form.smiles)
        assert found.parent is not None
        assert len(dict(found.substituents)["F"]) == 1
        assert found.parent is LINKERS[name]


@pytest.mark.parametrize(
    ("smiles", "short"),
    [
        ("O=C([O-])c1ccc(C([O-])=O)cc1", "BDC"),
        ("OC(=O)c1ccc(cc1)C(=O)O", "BDC"),
        ("OC(=O)c1cc(Cl)c(cc1Cl)C(O)=O", "BDC, 2,5-Cl2"),
        ("OC(=O)c1ccc(c(Cl)c1Cl)C(O)=O", "BDC, 2,3-Cl2"),
        ("OC(=O)c1c(Cl)cc(cc1)C(O)=O", "BDC, 2-Cl"),
        ("OC(=O)c1cc(Br)c(cc1)c1ccc(cc1Br)C(O)=O", "BPDC, 2,2'-Br2"),
        ("OC(=O)c1c(N)cc(cc1)c1ccc(cc1)C(O)=O", "BPDC, 3-NH2"),
        ("OC(=O)c1cc(N)c2cc(ccc2c1)C(O)=O", "2,6-NDC, 4-NH2"),
        ("OC(=O)c1ccc2cc(c(N)cc2c1)C(O)=O", "2,6-NDC, 3-NH2"),
        ("OC(=O)c1cc(Br)cc(c1)C(O)=O", "IPA, 5-Br"),
        ("OC(=O)c1ccc(cc1)-c1ccc(c(C)c1C)-c1ccc(cc1)C(O)=O", "TPDC, 2',3'-Me2"),
        ("OC(=O)c1ccc(cc1)-c1cc(C)c(cc1C)-c1ccc(cc1)C(O)=O", "TPDC, 2',5'-Me2"),
        ("Nc1cc(ccn1)-c1ccncc1", "BPY, 2-NH2"),
        ("Brc1c[nH]c(C=O)n1", "ICA, 4-Br"),
        ("[O-]C(=O)c1cc(N)c(cc1N)C(=O)[O-]", "BDC, 2,5-(NH2)2"),
        ("[O-]C(=O)c1cc(N(=O)=O)c(cc1F)C(=O)[O-]", "BDC, 2-F, 5-NO2"),
        ("[O-]C(=O)c1cc([N+](=O)[O-])c(cc1)C(=O)[O-]", "BDC, 2-NO2"),
        ("[O-]C(=O)c1cc(OC)c(cc1)C(=O)[O-]", "BDC, 2-OMe"),
        ("[O-]C(=O)c1c(F)c(F)c(c(F)c1F)C(=O)[O-]", "BDC, 2,3,5,6-F4"),
        ("[O-]C(=O)c1ccc(cc1-c1ccccc1)C(=O)[O-]", "BDC, 2-Ph"),
        ("Cc1cc2N=C[N]c2c(F)c1C", "dmbIM, 7-F"),
        ("CC(=CC(=O)[O-])C(=O)[O-]", "FUM, 2-Me"),
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


def test_the_full_name_says_what_is_on_the_parent():
    chlorinated = name_linker("OC(=O)c1cc(Cl)c(cc1Cl)C(O)=O")
    assert chlorinated.full == "2,5-Cl2 derivative of benzene-1,4-dicarboxylate (terephthalate)"
    assert name_linker("OC(=O)c1ccc(cc1)C(O)=O").full == "benzene-1,4-dicarboxylate (terephthalate)"
    assert name_linker("CCO").full == ""


def test_every_carbon_with_hydrogen_has_a_locant_of_its_own():
    for linker in LINKERS.values():
        mol = Smiles.parse(linker.smiles).mol
        bearing = [atom.GetSymbol() == "C" and atom.GetTotalNumHs() > 0 for atom in mol.GetAtoms()]
        assert [bool(locant) for locant in linker.locants] == bearing
        assert len(set(linker.locants) - {""}) == sum(bearing)


def test_two_molecules_never_share_a_name_nor_has_one_two():
    """All linkers that the library makes with up to two groups, of a short and of a branched kind."""
    named: dict[str, str] = {}
    for group in (builtin_substituents()[0], builtin_substituents()[-1]):
        for linker in LINKERS.values():
            most = 2 if len(linker.smiles) < 50 else 1  # the largest take minutes
            for form in functionalise(linker, group, most=most):
                assert named.setdefault(form.name, form.smiles) == form.smiles
    assert len(named) > 800
    for name, smiles in islice(named.items(), 0, None, 97):
        found = name_linker(smiles)
        same = found.parent is not None and found.parent.name == name.partition(", ")[0]
        assert found.short == name if same else found.short not in named, (name, found.short)


def test_two_different_groups_are_told_apart_by_their_places():
    shorts = {}
    for first in functionalise(LINKERS["BPDC"], builtin_substituents()[0]):
        for second in functionalise(first, builtin_substituents()[1]):
            assert shorts.setdefault(name_linker(second.smiles).short, second.smiles) == second.smiles
    assert len(shorts) == len(set(shorts.values())) == 5 + 5
