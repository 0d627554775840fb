"""A run that is killed for real and goes on must end where the uninterrupted one ends, bit for bit."""

import csv
import signal
import subprocess
import time
from pathlib import Path

import pytest


def finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors


def kill_in_the_middle(process: subprocess.Popen[str], checkpoint: Path, writes: int) -> None:
    """Kill the process right after it has written its checkpoint so many times."""
    seen = None
    while writes:
        time.sleep(0.001)
        assert process.poll() is None, f"it ended before it was killed: {process.communicate()[1]}"
        if checkpoint.is_file() and (stamp := checkpoint.stat().st_mtime_ns) != seen:
            seen, writes = stamp, writes - 1
    process.send_signal(signal.SIGKILL)
    process.communicate()


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(encoding="utf-8") as file:
        return [
            {key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("verb", ["pretrain", "finetune"])
def test_a_killed_run_resumes_bit_for_bit(
    verb: str, start_program, molecule_file: Path, tiny_flags: list[str], tmp_path: Path
):
    table = {"pretrain": "pretraining", "finetune": "finetuning"}[verb]
    words = [verb, molecule_file, *tiny_flags, "--device", "cpu"]
    for setting in ("epochs=4", "accumulate=2", "checkpoint_seconds=0.0"):
        words += ["--set", f"{table}.{setting}"]
    if verb == "finetune":
        words += ["--target", "size", "--no-baselines"]
    else:  # directions that are drawn anew for every batch are drawn again
        words += ["--set", "encoder.attention=linear", "--set", "encoder.redraw_features=true"]
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    finish(start_program(*words, "--out", whole))
    for writes in (3, 8):
        again = start_program(*words, "--out", pieces, "--resume")
        kill_in_the_middle(again, pieces / "checkpoint.safetensors", writes)
    finish(start_program(*words, "--out", pieces, "--resume"))
    assert curve(pieces) == curve(whole)
    weights = Path("bundle") / "model.safetensors"
    assert (pieces / weights).read_bytes() == (whole / weights).read_bytes()
