from catenane.reporting import spread_grids, summarise


def run(model, **baselines):
    def of(mae):
        return {"mae": mae, "rmse": mae, "r2": None, "pearson": None, "n": 40}

    entry = {"unit": "eV", "test": of(model), "baselines": {k: of(v) for k, v in baselines.items()}}
    scores = ["mae", "rmse", "r2", "pearson"]
    return {"task": "regression", "scores": scores, "targets": {"gap": entry}}


def test_a_baseline_that_failed_once_is_counted_where_it_was_fitted():
    runs = {"a": run(0.30, median=0.50, forest=0.28), "b": run(0.20, median=0.70)}
    found = summarise(runs)
    forest = found["targets"]["gap"]["baselines"]["forest"]["mae"]
    assert forest == {"mean": 0.28, "std": None, "values": [0.28, None]}
    ((title, grid),) = spread_grids(found | {"over": "2 seeds"}).items()
    assert title == "gap: mean ± standard deviation over 2 seeds"
    cells = {row[0]: (row[1], row[-2], row[-1]) for row in grid.rows}
    assert cells == {
        "this model": ("0.250 ± 0.071", "1", "2"),
        "forest": ("0.280", "1", "1"),
        "median": ("0.600 ± 0.141", "0", "2"),
    }
    assert [row[0] for row in grid.rows] == ["this model", "forest", "median"]
    assert list(grid.columns)[:2] == ["predictor", "MAE (eV)"]
    assert grid.rows[0][3] == "–"
