from __future__ import annotations

import re

import pytest

from catenane.reporting.ranking_words import chemical, expected_error, in_words

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
    assert plain(expected_error(CARD, "co2_0.1bar", "framework")) == (
        "Expected error on 1,867 frameworks it was not trained on (random split): "
        "0.189 mol/kg (best simple baseline 0.190)."
    )


@pytest.mark.parametrize(
    ("ranked_by", "told"),
    [("co2_0.15bar", ["0.1 bar", "0.5 bar"]), ("co2_0.01bar", ["0.1 bar"]), ("co2_9bar", ["0.5 bar"])],
)
def test_between_known_pressures_the_nearest_stand_in(ranked_by, told):
    sentence = plain(expected_error(CARD, ranked_by, "framework"))
    assert re.findall(r"for CO₂ uptake at ([\d.]+ bar)", sentence) == told
    assert re.search(r"\d mol/kg.* for CO₂ uptake", sentence)


def test_rows_are_counted_only_where_the_targets_have_as_many():
    assert "on frameworks it" in expected_error(CARD, "co2_0.15bar", "framework")


@pytest.mark.parametrize("ranked_by", ["ch4_0.1bar", "gap"])
def test_the_errors_of_other_quantities_do_not_stand_in(ranked_by):
    assert expected_error(CARD, ranked_by, "framework") == ""


def test_classes_have_an_area_under_the_curve():
    baselines = {"prior": {"roc_auc": None}, "forest": {"roc_auc": 0.7}, "ridge": {"roc_auc": 0.75}}
    card = {"targets": {"toxic": {"unit": "", "test": {"roc_auc": 0.81, "n": 1}, "baselines": baselines}}}
    assert plain(expected_error(card, "toxic", "molecule")) == (
        "Expected ROC AUC on 1 molecule it was not trained on: 0.810 (best simple baseline 0.750)."
    )


@pytest.mark.parametrize(
    "card", [{}, {"targets": {}}, {"targets": {"y": {}}}, {"targets": {"y": {"test": {"mae": None}}}}]
)
def test_a_card_without_scores_says_nothing(card):
    assert expected_error(card, "y", "molecule") == ""
