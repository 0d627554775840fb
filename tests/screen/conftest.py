"""A ranking of frameworks with made-up uptakes, as the page is given it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catenane.screen import Frameworks, Isotherms, write_ranking_page

CARD = {
    "name": "mof-test",
    "description": "made up",
    "targets": {
        "co2_0.1bar": {
            "unit": "mol/kg",
            "test": {"mae": 0.189, "n": 1867},
            "baselines": {"median": {"mae": 0.424}},
        }
    },
    "training": {"split": "random, 14936 / 1867 / 1867 rows"},
}


@pytest.fixture(scope="session")
def ranking() -> Callable[..., dict[str, Any]]:
    """A function that gives the arguments of a page of so many frameworks."""

    def make(n_shown: int = 20, **changes: Any) -> dict[str, Any]:
        library = Frameworks(
            linkers=["BDC", "BPDC", "BTC", "BPY", "QPDC", "mIM", "TCPP"], substituents=["NH2", "F"]
        )
        strings = [str(mofid) for mofid in library.sample(n_shown, seed=1)]
        uptake = np.sort(np.random.default_rng(0).gamma(2.0, 0.5, size=10 * n_shown))[::-1]
        shown, pressures_P = uptake[:n_shown], np.geomspace(0.01, 2.5, 40)
        return {
            "strings": strings,
            "columns": {"co2_0.1bar": shown, "co2_0.5bar": 2 * shown},
            "units": {"co2_0.1bar": "mol/kg", "co2_0.5bar": "mol/kg"},
            "ranked_by": "co2_0.1bar",
            "model_name": "mof-test",
            "card": CARD,
            "n_candidates": 10 * n_shown,
            "n_rejected": 3,
            "command": "catenane predict candidates.csv --rank co2_0.1bar",
            "distribution": uptake,
            "isotherms": Isotherms(
                "CO2",
                pressures_P,
                shown[:, None] * 5 * pressures_P / (0.4 + pressures_P),
                marked=0.1,
                measured_P=(0.01, 0.1, 0.5, 2.5),
            ),
            **changes,
        }

    return make


@pytest.fixture
def page_of(ranking: Callable[..., dict[str, Any]], tmp_path: Path) -> Callable[..., Path]:
    """A function that writes the page of so many frameworks, with some arguments changed."""

    def write(n_shown: int = 20, **changes: Any) -> Path:
        path = tmp_path / "ranking.html"
        write_ranking_page(path, **ranking(n_shown, **changes))
        return path

    return write
