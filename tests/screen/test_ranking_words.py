from __future__ import annotations

import pytest

from catenane.screen.ranking_words import chemical, expected_errors, in_words

CARD = {
    "targets": {
        "co2_0.1bar": {
            "unit": "mol/kg",
            "test": {"mae": 0.18925, "n": 1867},
            "baselines": {"median": {"mae": 0.42}, "descriptor-gbm": {"mae": 0.18981}},
        },
        "co2_0.5bar": {"unit": "mol/kg", "test": {"mae": 0.401}, "baselines": {}},
    },
    "training": {"split": "random, 14936 / 1867 / 1867 rows"},
}


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ("CO2", "CO₂"),
        ("Zr6O4(OH)4", "Zr₆O₄(OH)₄"),
        ("C8H4O4 2−", "C₈H₄O₄²⁻"),
        ("C9H7O4 −", "C₉H₇O₄⁻"),
        ("NMe2", "NMe₂"),
        ("rod of AlO4(OH)2", "rod of AlO₄(OH)₂"),
    ],
)
def test_formulas_are_set_as_chemists_set_them(formula, shown):
    assert chemical(formula) == shown


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("co2_0.1bar", "CO₂ uptake at 0.1 bar"),
        ("CH4_35bar", "CH₄ uptake at 35 bar"),
        ("logS", "logS"),
        ("gap_0.1bar", "gap_0.1bar"),
    ],
)
def test_targets_are_told_in_words(target, words):
    assert plain(in_words(target)) == words


def test_the_error_is_told_with_unit_protocol_and_the_best_baseline():
    (sentence,) = expected_errors(CARD, "co2_0.1bar", "framework")
    assert plain(sentence) == (
        "Expected error: 0.189 mol/kg, on 1,867 frameworks it was not trained on (random split); "
        "the best simple baseline has 0.190."
    )


def test_where_the_ranking_is_by_what_the_card_does_not_know_its_targets_stand_in():
    first, second = map(plain, expected_errors(CARD, "co2_0.15bar", "framework"))
    assert first.startswith("Expected error in CO₂ uptake at 0.1 bar: 0.189 mol/kg, ")
    assert second == (
        "Expected error in CO₂ uptake at 0.5 bar: 0.401 mol/kg, on frameworks it was not trained on "
        "(random split)."
    )


def test_classes_have_an_area_under_the_curve():
    card = {"targets": {"toxic": {"unit": "", "test": {"roc_auc": 0.81, "n": 1}, "baselines": {}}}}
    (sentence,) = expected_errors(card, "toxic", "molecule")
    assert plain(sentence) == "Expected ROC AUC: 0.810, on 1 molecule it was not trained on."


@pytest.mark.parametrize(
    "card", [{}, {"targets": {}}, {"targets": {"y": {}}}, {"targets": {"y": {"test": {"mae": None}}}}]
)
def test_a_card_without_scores_says_nothing(card):
    assert expected_errors(card, "y", "molecule") == []
