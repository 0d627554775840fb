from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from catenane.cli.ranking import Ranking
from catenane.inference import Predictions


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
    assert shown == pytest.approx(best["co2_0.15bar"].tolist(), abs=1.1e-3)
    page = (tmp_path / "top.html").read_text(encoding="utf-8")
    assert all(string.replace("&", "&amp;") in page for string in best["mofid"])
    assert "0.15" in page
    assert "<svg" in page


def test_what_the_ranking_keeps_does_not_hang_on_how_answers_come():
    generator = np.random.default_rng(0)
    values = generator.integers(0, 30, (200, 2)).astype(float)
    strings = [f"s{row}" for row in range(200)]

    def best(size: int) -> list[str]:
        ranking = Ranking(None, ["a", "b"], "b", top=12)
        for start in range(0, 200, size):
            part = values[start : start + size]
            inside, nothing = np.ones(len(part), dtype=bool), [""] * len(part)
            found = Predictions(("a", "b"), part, part, part, inside, nothing, nothing)
            ranking.add(strings[start : start + size], found)
        return ranking.best["string"].tolist()

    expected = [strings[row] for row in np.argsort(-values[:, 1], kind="stable")[:12]]
    assert best(200) == best(7) == best(1) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gas", "co2"], "the pressure is missing"),
        (["--pressure", "1"], "the gas is missing"),
        (["--gas", "co2", "--pressure", "low"], "--pressure 'low': expected numbers"),
        (["--rank", "co2_1bar", "--page", "nowhere/top.html"], "there is no folder nowhere; make it first"),
        (["--gas", "n2", "--pressure", "1"], "isotherms of CO2; got 'N2'"),
        (["--top", "3"], "say with --rank which column sets the order: co2_0.1bar, co2_1bar"),
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
