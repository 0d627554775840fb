"""Tables fit the terminal and stay legible."""

from __future__ import annotations

import pytest

from catenane.cli import console

COLUMNS = {"predictor": "text", "ROC AUC": "number", "balanced accuracy": "number", "rows": "number"}
ROWS = [["this model, training rows", "0.954", "0.680", "1,291"], ["prior", "0.500", "0.500", "144"]]


@pytest.fixture
def printed(monkeypatch, capsys):
    """Lines of a table on a terminal of a width."""

    def lines(width: int, rows=ROWS) -> list[str]:
        monkeypatch.setattr(console, "stdout", console.Console(width=width, markup=False))
        console.print_table("title", COLUMNS, rows)
        return [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    return lines


def test_heads_stay_on_one_line_where_there_is_room(printed):
    assert printed(80)[1].split() == ["predictor", "ROC", "AUC", "balanced", "accuracy", "rows"]
    assert len(printed(80)) == 4


def test_heads_are_broken_before_names_are_and_numbers_never(printed):
    _, above, heads, first, _ = printed(50)
    assert (above.split(), heads.split()) == (["ROC", "balanced"], ["predictor", "AUC", "accuracy", "rows"])
    assert first.startswith("this model, training rows")
    narrow = printed(32)
    for number in ("0.954", "0.680", "1,291"):
        assert any(number in line.split() for line in narrow)
    assert max(map(len, narrow)) <= 32


def test_a_table_without_rows_has_its_heads(printed):
    assert "balanced accuracy" in printed(80, [])[1]
