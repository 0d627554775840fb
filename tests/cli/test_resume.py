"""A run that is killed for real and goes on must end where the uninterrupted one ends, bit for bit."""

import csv
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch


def kill_in_the_middle(process: subprocess.Popen[str], checkpoint: Path, writes: int) -> None:
    """Kill the process right after it has written its checkpoint so many times."""
    seen = None
    while writes:
        time.sleep(0.001)
        assert process.poll() is None, f"it ended before it was killed: {process.communicate()[1]}"
        if checkpoint.is_file() and (stamp := checkpoint.stat().st_mtime_ns) != seen:
            seen, writes = stamp, writes - 1
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(encoding="utf-8") as file:
        return [
            {key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)
        ]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As in the processes that are killed: sums over several threads have another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("verb", ["pretrain", "finetune"])
def test_a_killed_run_resumes_bit_for_bit(
    verb: str, start_program, catenane, molecule_file: Path, tiny_flags: list[str], tmp_path: Path
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
    assert catenane(*words, "--out", whole).code == 0
    for writes in (3, 8) if verb == "pretrain" else (8,):
        again = start_program(*words, "--out", pieces, "--resume")
        kill_in_the_middle(again, pieces / "checkpoint.safetensors", writes)
    assert catenane(*words, "--out", pieces, "--resume").code == 0
    assert curve(pieces) == curve(whole)
    weights = Path("bundle") / "model.safetensors"
    assert (pieces / weights).read_bytes() == (whole / weights).read_bytes()
