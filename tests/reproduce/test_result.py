from pathlib import Path

import pytest

from catenane.errors import DataError
from catenane.reproduce import Reproduction, Table, as_markdown, read_reproduction
from catenane.reproduce.result import (
    NOT_IN_PAPER,
    Comparison,
    compare,
    format_cell,
    mean,
    spread,
    write_reproduction,
)


def result(**changes) -> Reproduction:
    table = compare("Errors", [Comparison(quantity="MAE", unit="mol/kg", paper=0.247, ours=[0.3, 0.5])])
    values = {
        "name": "mof/table1",
        "title": "three sizes",
        "source": "A paper",
        "paper": "Did it.",
        "ran": "We did too.",
        "scale": "10 rows",
        "command": "catenane reproduce mof/table1 --rows 10",
        "tables": (table,),
        "shows": "Something.",
        "figures": (("a.png", "A picture"),),
        "notes": ("A note.",),
        "version": "1",
        "seconds": 61.0,
    }
    return Reproduction(**(values | changes))


def test_the_table_holds_the_papers_number_ours_and_the_spread():
    text = as_markdown(result())
    assert "| quantity | unit | paper | ours | spread over seeds |" in text
    assert "| MAE | mol/kg | 0.247 | 0.400 | ± 0.141 |" in text
    assert "Scale: 10 rows." in text
    assert "```sh\ncatenane reproduce mof/table1 --rows 10\n```" in text


def test_a_number_that_is_not_known_is_not_invented():
    unknown = Comparison(quantity="a", ours=[1.0])
    table = compare("", [unknown, Comparison(quantity="b", paper=NOT_IN_PAPER, ours=[])])
    assert table.rows == (("a", "", "not known here", 1.0, "one seed"), ("b", "", "–", None, "one seed"))


def test_means_and_spreads_of_seeds():
    assert mean([1.0, 2.0]) == 1.5
    assert mean([1.0, None]) is None
    assert mean([7]) == 7
    assert spread([1.0, 2.0, 3.0]) == "± 1.000"
    assert spread([18_670]) == "–"


def test_cells():
    assert [format_cell(cell) for cell in (None, 18_670, -0.0001, -0.25, "text")] == [
        "–", "18,670", "0.000", "−0.250", "text",
    ]  # fmt: skip


def test_a_result_is_read_as_it_was_written(tmp_path: Path):
    write_reproduction(tmp_path, result())
    assert read_reproduction(tmp_path) == result()
    section = as_markdown(read_reproduction(tmp_path), level=2, folder="pictures/")
    assert section.startswith("## mof/table1")
    assert "![A picture](pictures/a.png)" in section


def test_what_is_no_result_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="not the result of catenane reproduce"):
        read_reproduction(tmp_path)
    (tmp_path / "result.json").write_text('{"name": "x"}')
    with pytest.raises(DataError, match="not the result of catenane reproduce"):
        read_reproduction(tmp_path)


def test_by_seed_keeps_what_the_mean_hides():
    table = compare("", [Comparison(quantity="a", ours=[0.3, 0.5])])
    assert table == Table(
        title="",
        columns=table.columns,
        rows=(("a", "", "not known here", 0.4, "± 0.141"),),
        by_seed=((0.3, 0.5),),
    )
