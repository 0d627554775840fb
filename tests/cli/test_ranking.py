from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from catenane.cli.ranking import Ranking
from catenane.inference import Predictions
from catenane.notation import get_notation


@pytest.fixture(scope="module")
def isotherms(mof_file: Path, tiny, tmp_path_factory) -> Path:
    import catenane

    out = tmp_path_factory.mktemp("runs") / "isotherms"
    settings = tiny | {"head.isotherm_sites": 2, "head.target_scale": "sqrt"}
    targets = ["co2_0.1bar", "co2_1bar"]
    catenane.finetune(mof_file, target=targets, out=out, settings=settings, baselines=False, device="cpu")
    return out


def test_ranks_at_a_pressure_and_draws_a_page(catenane, isotherms: Path, mof_file: Path, tmp_path: Path):
    told = catenane(
        "predict", mof_file, "--model", isotherms, "--gas", "co2", "--pressure", "0.15", "--top", "4",
        "--page", tmp_path / "top.html", "--out", tmp_path / "all.csv",
    )  # fmt: skip
    assert told.code == 0, told.err
    assert told.out.count("&&pcu.cat") == 4
    answers = pd.read_csv(tmp_path / "all.csv")
    assert list(answers.columns)[4:] == [
        "co2_0.15bar", "co2_0.15bar_low", "co2_0.15bar_high", "in_domain", "note", "error"
    ]  # fmt: skip
    best = answers.nlargest(4, "co2_0.15bar")
    shown = [float(line.split()[1]) for line in told.out.splitlines() if "&&pcu" in line]
    assert shown == pytest.approx(best["co2_0.15bar"].tolist(), rel=6e-3)
    page = (tmp_path / "top.html").read_text(encoding="utf-8")
    assert all(string.replace("&", "&amp;") in page for string in best["mofid"])
    assert "0.15" in page
    assert "<svg" in page


def ranked(values, strings, size, **options) -> Ranking:
    """A ranking by the second of two columns, which came in pieces of this size."""
    bundle = SimpleNamespace(card={}, unit=lambda column: "")
    model = SimpleNamespace(config=SimpleNamespace(notation="smiles", n_strings=1), bundle=bundle)
    ranking = Ranking(model, ["a", "b"], "b", top=12, **options)
    for start in range(0, len(values), size):
        part = values[start : start + size]
        inside, nothing = np.ones(len(part), dtype=bool), [""] * len(part)
        found = Predictions(("a", "b"), part, part, part, inside, nothing, nothing)
        ranking.add(strings[start : start + size], found)
    return ranking


@pytest.mark.parametrize("lowest", [False, True])
def test_what_the_ranking_keeps_does_not_hang_on_how_answers_come(lowest):
    values = np.random.default_rng(0).integers(0, 30, (200, 2)).astype(float)
    strings = [f"s{row}" for row in range(200)]
    best = [ranked(values, strings, size, lowest=lowest).best["string"].tolist() for size in (200, 7, 1)]
    order = np.argsort(values[:, 1] if lowest else -values[:, 1], kind="stable")
    assert best == 3 * [[strings[row] for row in order[:12]]]


def greedy(values, families, per_group: int, top: int) -> tuple[list[int], int]:
    """Rows of the whole table from the highest down, and how many were passed over."""
    chosen, n_passed, used = [], 0, Counter()
    for row in np.argsort(-np.asarray(values), kind="stable"):
        if len(chosen) == top:
            break
        fits = all(used[member] < per_group for member in families[row])
        chosen += [row] if fits else []
        n_passed += not fits
        used.update(families[row] if fits else ())
    return chosen, n_passed


@pytest.mark.parametrize("lowest", [False, True])
@pytest.mark.parametrize("per_group", [1, 3])
@pytest.mark.parametrize(("n_linkers", "most"), [(3, 1), (60, 1), (12, 3), (400, 3)])
def test_a_cap_in_a_stream_is_that_of_the_whole_table(n_linkers, most, per_group, lowest, monkeypatch):
    monkeypatch.setattr(Ranking, "_family", lambda _, string: tuple(string.split(".")))
    rng = np.random.default_rng(n_linkers)
    families = [
        tuple(
            sorted(
                {f"L{rng.integers(n_linkers) * rng.integers(2)}" for _ in range(rng.integers(1, most + 1))}
            )
        )
        for _ in range(400)
    ]
    values = np.sort(rng.integers(0, 300, (400, 2)).astype(float), axis=0) + rng.integers(0, 150, (400, 2))
    expected = greedy(-values[:, 1] if lowest else values[:, 1], families, per_group, 12)
    for size in (400, 23):
        ranking = ranked(values, list(map(".".join, families)), size, lowest=lowest, per_group=per_group)
        assert (ranking.best.index.tolist(), ranking.n_passed_over) == expected


def test_the_lowest_come_first_in_table_and_page_with_few_of_each_linker(
    catenane, isotherms: Path, mof_file: Path, tmp_path: Path
):
    told = catenane(
        "predict", mof_file, "--model", isotherms, "--gas", "co2", "--pressure", "0.3", "--top", "5",
        "--lowest", "--per-group", "1", "--page", tmp_path / "low.html", "--out", tmp_path / "all.csv",
    )  # fmt: skip
    assert told.code == 0, told.err
    answers = pd.read_csv(tmp_path / "all.csv")
    families = [get_notation("mofid").read(text).groups["linker"] for text in answers["mofid"]]
    rows, n_passed = greedy(-answers["co2_0.3bar"], families, 1, 5)
    expected = answers.iloc[rows]
    shown = [float(line.split()[1]) for line in told.out.splitlines() if "&&pcu" in line]
    assert shown == pytest.approx(expected["co2_0.3bar"].tolist(), rel=6e-3)
    cap = f"at most 1 of one linker: {n_passed} passed over"
    assert n_passed > 0
    assert told.out.startswith("Lowest co2_0.3bar of ")
    assert cap in told.out
    page = (tmp_path / "low.html").read_text(encoding="utf-8")
    assert cap in page
    assert "lowest CO₂ uptake at 0.3" in page
    places = [page.index(f"<code>{text.replace('&', '&amp;')}</code>") for text in expected["mofid"]]
    assert places == sorted(places)


def test_molecules_without_a_ring_are_of_one_scaffold():
    strings = ["CC", "CCC", "CCCC", "c1ccccc1C", "Cc1ccccc1CC", "CCCCC", "CC1CC1"]
    values = np.arange(14.0).reshape(7, 2)
    ranking = ranked(values[::-1], strings, 3, per_group=1)
    assert ranking.best["string"].tolist() == ["CC", "c1ccccc1C", "CC1CC1"]
    assert ranking.n_passed_over == 4


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_fits_the_terminal(columns, catenane, isotherms: Path, mof_file: Path, monkeypatch):
    monkeypatch.setattr("catenane.cli.ranking.stdout.width", columns)
    strange = "O=C([O-])c1ccsc1C(=O)[O-].[Hf]&&dia.cat0"
    told = catenane(
        "predict", strange, "CC.[Zn]&&pcu.cat0", "--model", isotherms, "--rank", "co2_1bar", "--top", "3"
    )
    lines = told.out.rstrip().splitlines()
    assert max(map(len, lines)) <= columns
    assert len(lines) == 4
    assert "outside" in told.out


def test_the_table_has_intervals(capsys):
    ranked(np.arange(20.0).reshape(10, 2), ["C" * n for n in range(1, 11)], 10).print_table()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Highest", "b", "of", "10,", "predicted", "by", "the", "model"]
    assert lines[1].split() == ["b", "a", "interval", "string"]
    assert lines[2].split() == ["1", "19.0", "18.0", "19.0", "to", "19.0", "C" * 10]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gas", "co2"], "the pressure is missing"),
        (["--pressure", "1"], "the gas is missing"),
        (["--gas", "co2", "--pressure", "low"], "--pressure 'low': expected numbers"),
        (["--rank", "co2_1bar", "--page", "nowhere/top.html"], "there is no folder nowhere; make it first"),
        (["--gas", "n2", "--pressure", "1"], "isotherms of CO2; got 'N2'"),
        (["--top", "3"], "say with --rank which column sets the order: co2_0.1bar, co2_1bar"),
        (["--rank", "co2_1bar", "--lowest"], "--lowest is of a ranking: give --top as well"),
        (["--per-group", "2"], "--per-group is of a ranking: give --top as well"),
        (["--rank", "uptake"], "--rank 'uptake': the model predicts co2_0.1bar, co2_1bar"),
    ],
)
def test_wrong_questions_get_one_line(words, said, catenane, isotherms: Path, mof_file: Path):
    told = catenane("predict", mof_file, "--model", isotherms, *words)
    assert told.code == 2
    assert said in told.err
    assert len(told.err.strip().splitlines()) == 1


def test_a_pressure_beyond_those_of_training_is_told(catenane, isotherms: Path):
    for pressure, said in (("0.5,3", "3 bar is outside the trained 0.1 to 1 bar"), ("0,0.5,1", "")):
        told = catenane(
            "predict", "CC.[Zn]&&pcu.cat0", "--model", isotherms, "--gas", "co2", "--pressure", pressure
        )
        assert told.code == 0
        assert said in told.err
        assert ("outside" in told.err) == bool(said)
