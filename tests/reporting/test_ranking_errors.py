from __future__ import annotations

import pytest

from catenane.reporting.ranking import error_grid, extreme_grid, target_label

OLD = {
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


def protocol(method, mean, over="folds", **more):
    return {
        "method": method,
        "n": 18670,
        "over": over,
        "repeats": 5,
        "mae": {"mean": mean, "sd": 0.011},
        **more,
    }


def card(**protocols):
    return {"targets": {"co2_0.1bar": {"unit": "mol/kg", "protocols": protocols}}}


def rows(*arguments):
    grid = error_grid(*arguments)
    return [[cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row] for row in grid.rows] if grid else []


@pytest.mark.parametrize(
    ("target", "label"),
    [
        ("co2_0.1bar", "CO₂ uptake at 0.1 bar"),
        ("CH4_35bar", "CH₄ uptake at 35 bar"),
        ("logS", "logS"),
        ("gap_0.1bar", "gap_0.1bar"),
    ],
)
def test_uptakes_are_labelled_with_gas_and_pressure(target, label):
    assert target_label(target).replace("\N{NO-BREAK SPACE}", " ") == label


def test_new_frameworks_are_ranked_with_the_error_on_unseen_linkers():
    found = rows(
        card(
            folds=protocol("5-fold", 0.178),
            framework=protocol("by framework", 0.195),
            linker=protocol("by linker", 0.214, baselines={"a": {"mean": 0.25}, "b": {"mean": 0.229}}),
        ),
        "co2_0.1bar",
    )
    assert found == [
        ["CO₂ uptake at 0.1 bar (mol/kg)", "by linker", "mean absolute error (sd over 5 folds)",
         "0.214 ± 0.011", "0.229", "18,670"],
        ["CO₂ uptake at 0.1 bar (mol/kg)", "by framework", "mean absolute error (sd over 5 folds)",
         "0.195 ± 0.011", "–", "18,670"],
    ]  # fmt: skip


def test_what_the_rows_are_told_of_already_is_not_told_twice():
    [row] = rows(card(linker=protocol("unseen linkers, 5 draws", 0.2, "draws")), "co2_0.1bar")
    assert row[1:3] == ["unseen linkers, 5 draws", "mean absolute error"]


@pytest.mark.parametrize("over", ["folds", "seeds", "draws"])
def test_a_spread_is_labelled_for_what_it_is_over(over):
    [row] = rows(card(folds=protocol("any", 0.2, over)), "co2_0.1bar")
    assert row[2] == f"mean absolute error (sd over 5 {over})"


def test_a_card_without_protocols_is_quoted_with_its_split_and_best_baseline():
    assert rows(OLD, "co2_0.1bar") == [
        ["CO₂ uptake at 0.1 bar (mol/kg)", "random", "mean absolute error", "0.189", "0.190", "1,867"]
    ]


@pytest.mark.parametrize(
    ("ranked_by", "pressures"),
    [("co2_0.15bar", ["0.1", "0.5"]), ("co2_0.01bar", ["0.1"]), ("co2_9bar", ["0.5"])],
)
def test_between_known_pressures_the_nearest_stand_in(ranked_by, pressures):
    assert [row[0] for row in rows(OLD, ranked_by)] == [
        f"CO₂ uptake at {pressure} bar (mol/kg)" for pressure in pressures
    ]


@pytest.mark.parametrize("ranked_by", ["ch4_0.1bar", "gap"])
def test_the_errors_of_other_quantities_do_not_stand_in(ranked_by):
    assert error_grid(OLD, ranked_by) is None


def test_classes_have_an_area_under_the_curve():
    baselines = {"prior": {"roc_auc": None}, "forest": {"roc_auc": 0.7}, "ridge": {"roc_auc": 0.75}}
    entry = {"unit": "", "test": {"roc_auc": 0.81, "n": 1}, "baselines": baselines}
    assert rows({"targets": {"toxic": entry}}, "toxic") == [["toxic", "–", "ROC AUC", "0.810", "0.750", "1"]]


@pytest.mark.parametrize(
    "card", [{}, {"targets": {}}, {"targets": {"y": {}}}, {"targets": {"y": {"test": {"mae": None}}}}]
)
def test_a_card_without_scores_has_no_errors(card):
    assert error_grid(card, "y") is None


def part(share):
    return {"share": share, "n": int(1000 * share), "predicted": 4.0, "label": 3.5, "mae": 0.7 - share}


@pytest.mark.parametrize(
    ("share", "quoted"),
    [(0.0001, "highest 1.0 %"), (0.01, "highest 1.0 %"), (0.02, "highest 10 %"), (0.5, "highest 10 %")],
)
def test_a_ranking_is_told_the_errors_of_so_few_predictions(share, quoted):
    card = {"targets": {"y": {"unit": "eV", "extremes": {"highest": [part(0.01), part(0.1)], "lowest": []}}}}
    [[target, predictions, mae, predicted, measured, n]] = extreme_grid(card, "y", "highest", share).rows
    assert (target, predictions.replace("\N{NO-BREAK SPACE}", " ")) == ("y (eV)", quoted)
    assert (predicted, measured) == ("4.00", "3.50")
    assert (mae, n) == (("0.69", "10") if "1.0" in quoted else ("0.60", "100"))
    assert extreme_grid(card, "y", "lowest", share) is None


@pytest.mark.parametrize("card", [{}, {"targets": {"y": {}}}, {"targets": {"y": {"extremes": None}}}])
def test_a_card_without_extremes_quotes_none(card):
    assert extreme_grid(card, "y", "highest", 0.01) is None
