from pathlib import Path

import pytest

from catenane.errors import DataError
from catenane.reproduce import Reproduction, Row, Table, as_markdown, read_result
from catenane.reproduce.result import cells, write_result

COMMAND = "catenane reproduce mof/table1 --rows 10"


def result(**changes) -> Reproduction:
    row = Row(quantity="MAE", unit="mol/kg", published="0.2470", by_seed=[0.3, 0.5], command=COMMAND)
    values = {
        "name": "mof/table1",
        "title": "three sizes",
        "source": "A paper",
        "tables": [Table(title="Errors", rows=[row])],
        "figures": [("a.svg", "A figure")],
        "version": "1",
        "seconds": 61.0,
    }
    return Reproduction(**(values | changes))


def test_a_table_holds_the_published_number_ours_and_the_spread():
    text = as_markdown(result())
    assert "| quantity | unit | published | ours | spread | seeds | command |" in text
    assert "| MAE | mol/kg | 0.2470 | 0.400 | ± 0.141 | 2 | 1 |" in text
    assert f"```sh\n{COMMAND}  # 1\n```" in text


def test_rows_of_different_commands_name_theirs():
    rows = [Row(quantity=str(n), by_seed=[n], command=f"run {n}") for n in range(2)]
    text = as_markdown(result(tables=[Table(title="", rows=[*rows, Row(quantity="x", published="1")])]))
    assert "| 0 |  | – | 0 | – | 1 | 1 |" in text
    assert "| 1 |  | – | 1 | – | 1 | 2 |" in text
    assert "| x |  | 1 | – | – | – | – |" in text


@pytest.mark.parametrize(
    ("by_seed", "shown"),
    [
        ([1.0, 2.0, 3.0], ["2.000", "± 1.000", "3"]),
        ([-0.25], ["−0.250", "–", "1"]),
        ([0.0102], ["0.0102", "–", "1"]),
        ([0.01, -0.014], ["−0.0020", "± 0.0170", "2"]),
        ([0.0], ["0.000", "–", "1"]),
        ([18_670], ["18,670", "–", "1"]),
        ([40, 40], ["40", "–", "2"]),
        ([40, 41], ["40.500", "± 0.707", "2"]),
        ([], ["–", "–", "–"]),
    ],
)
def test_cells(by_seed: list[float], shown: list[str]):
    assert cells(Row(quantity="x", by_seed=by_seed))[3:] == shown


def test_a_result_is_read_as_it_was_written(tmp_path: Path):
    write_result(tmp_path, result())
    assert read_result(tmp_path) == result()
    assert "![A figure](figures/a.svg)" in as_markdown(read_result(tmp_path), folder="figures/")


def test_what_is_no_result_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="not the result of catenane reproduce"):
        read_result(tmp_path)
    (tmp_path / "result.json").write_text('{"name": "x"}')
    with pytest.raises(DataError, match="not the result of catenane reproduce"):
        read_result(tmp_path)
