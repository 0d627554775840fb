from pathlib import Path

from catenane.reproduce.training import run_stage


def test_a_stage_is_computed_once_for_a_spec(tmp_path: Path):
    calls = []

    def compute(folder: Path) -> dict[str, int]:
        calls.append(folder)
        return {"value": 42}

    def run(rows: int) -> dict[str, object]:
        return run_stage(tmp_path / "training", "one", {"rows": rows}, compute)

    assert run(rows=1)["value"] == 42
    assert run(rows=1) == run(rows=1)
    assert run(rows=1)["folder"] == calls[0]
    assert len(calls) == 1
    run(rows=2)
    assert len(set(calls)) == 2


def test_the_wall_time_of_several_attempts_is_that_of_the_computation(tmp_path: Path):
    found = run_stage(tmp_path / "training", "one", {}, lambda folder: {"seconds": 1e6})
    assert found["seconds"] == 1e6
