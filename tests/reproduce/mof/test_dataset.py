from pathlib import Path

from catenane.reproduce import reproduce


def test_the_published_label_is_that_of_a_tenth_of_a_bar(shared_data: Path, tmp_path: Path):
    result = reproduce("mof/dataset", out=tmp_path, data_dir=shared_data)
    counts, statistics = result.tables
    assert ("frameworks", "", 102_858, 18_670, "–") in counts.rows
    for quantity, paper, near, _, far, _ in statistics.rows[:3]:
        assert abs(near - paper) < 0.01, quantity
        assert abs(far - paper) > 0.5, quantity
    assert "0.1 bar" in result.shows
