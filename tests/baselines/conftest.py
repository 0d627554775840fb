"""The baselines as users get them."""

from __future__ import annotations

import pytest

from catenane.baselines import suite

WHOLE = {name: getattr(suite, name) for name in ("N_ROUNDS", "N_TREES", "FEWEST_TREES")}


@pytest.fixture
def all_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undoes `few_trees`, which lasts as long as the session."""
    for name, value in WHOLE.items():
        monkeypatch.setattr(suite, name, value)
