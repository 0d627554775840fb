from pathlib import Path

from catenane.reproduce.stages import Stages


def test_a_stage_is_computed_once_for_a_spec(tmp_path: Path):
    calls = []

    def compute(folder: Path) -> dict[str, int]:
        calls.append(folder)
        return {"value": 42}

    assert Stages(tmp_path).get("training", "one", {"rows": 1}, compute)["value"] == 42
    again = Stages(tmp_path)
    assert again.get("training", "one", {"rows": 1}, compute) == {"value": 42, "folder": calls[0]}
    assert len(calls) == 1
    assert list(again.seconds) == [calls[0].name]
    Stages(tmp_path).get("training", "one", {"rows": 2}, compute)
    assert len(set(calls)) == 2


def test_half_a_stage_is_none(tmp_path: Path):
    folder = Stages(tmp_path).get("training", "one", {}, lambda folder: {})["folder"]
    (folder / "stage.json").write_text('{"values": ')
    assert Stages(tmp_path).get("training", "one", {}, lambda folder: {"value": 1})["value"] == 1
