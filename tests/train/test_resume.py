"""A run that is killed for real and goes on must end where the uninterrupted one ends, bit for bit."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def start(arguments: list[str]) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "catenane", *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(arguments: list[str]) -> None:
    process = start(arguments)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors


def kill_in_the_middle(arguments: list[str], checkpoint: Path, writes: int) -> None:
    """Kill the process right after it has written its checkpoint so many times."""
    process = start(arguments)
    seen = None
    while writes:
        time.sleep(0.001)
        assert process.poll() is None, f"it ended before it was killed: {process.communicate()[1]}"
        if checkpoint.is_file() and (stamp := checkpoint.stat().st_mtime_ns) != seen:
            seen, writes = stamp, writes - 1
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.communicate()


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(encoding="utf-8") as file:
        return [
            {key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("verb", ["pretrain", "finetune"])
def test_a_killed_run_resumes_bit_for_bit(
    verb: str, molecule_file: Path, tiny_flags: list[str], tmp_path: Path
):
    options = [str(molecule_file), *tiny_flags, "--device", "cpu"]
    table = {"pretrain": "pretraining", "finetune": "finetuning"}[verb]
    options += ["--set", f"{table}.epochs=6", "--set", f"{table}.accumulate=2"]
    options += ["--target", "size", "--no-baselines"] if verb == "finetune" else []
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    finish([verb, *options, "--out", str(whole)])
    for writes in (3, 12):
        kill_in_the_middle(
            [verb, *options, "--out", str(pieces), "--resume"], pieces / "checkpoint.safetensors", writes
        )
    finish([verb, *options, "--out", str(pieces), "--resume"])
    assert curve(pieces) == curve(whole)
    weights = Path("bundle") / "model.safetensors"
    assert (pieces / weights).read_bytes() == (whole / weights).read_bytes()
