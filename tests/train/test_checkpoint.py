import os
import stat
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from catenane.errors import TrainingError
from catenane.train.checkpoint import Progress, gather_state, load_checkpoint, save_checkpoint, snapshot


def trained(steps: int) -> tuple[nn.Module, torch.optim.AdamW]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for step in range(steps):
        torch.manual_seed(step)
        model(torch.randn(8, 3)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return model, optimizer


def test_the_next_step_is_the_same_after_loading(tmp_path: Path):
    model, optimizer = trained(3)
    best = snapshot(trained(1)[0])
    written = Progress(
        "this run", epoch=2, batch=5, step=3, loss_sum=1.25, history=[{"epoch": 1, "valid_loss": 0.5}]
    )
    save_checkpoint(tmp_path / "c.safetensors", gather_state(model, optimizer, best), written)

    other, other_optimizer = trained(0)
    progress, loaded_best = load_checkpoint(tmp_path / "c.safetensors", other, other_optimizer, "this run")
    assert progress == written
    assert all(torch.equal(best[name], loaded_best[name]) for name in best)
    for network, steps in ((model, optimizer), (other, other_optimizer)):
        torch.manual_seed(9)
        network(torch.randn(8, 3)).square().mean().backward()
        steps.step()
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    )


def test_refuses_the_checkpoint_of_another_run(tmp_path: Path):
    model, optimizer = trained(1)
    save_checkpoint(tmp_path / "c.safetensors", gather_state(model, optimizer, {}), Progress("this run"))
    with pytest.raises(TrainingError, match="checkpoint of another run"):
        load_checkpoint(tmp_path / "c.safetensors", model, optimizer, "that run")


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"PK\x03\x04" + b])
def test_refuses_a_damaged_file_in_one_line(tmp_path: Path, damage):
    model, optimizer = trained(1)
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, gather_state(model, optimizer, {}), Progress("this run"))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(TrainingError, match="not a readable checkpoint") as caught:
        load_checkpoint(path, model, optimizer, "this run")
    assert "\n" not in str(caught.value)


def test_one_altered_bit_is_refused_wherever_it_is(tmp_path: Path):
    model, optimizer = trained(2)
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, gather_state(model, optimizer, snapshot(model)), Progress("this run", step=2))
    data, rng = path.read_bytes(), np.random.default_rng(0)
    for place in np.r_[np.arange(300), rng.integers(len(data), size=300), len(data) - 1].tolist():
        altered = bytearray(data)
        altered[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(altered)
        with pytest.raises(TrainingError, match="not a readable checkpoint"):
            load_checkpoint(path, model, optimizer, "this run")


def test_its_permissions_are_those_the_umask_leaves(tmp_path: Path):
    model, optimizer = trained(1)
    before = os.umask(0o027)
    try:
        save_checkpoint(tmp_path / "c.safetensors", gather_state(model, optimizer, {}), Progress("this run"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "c.safetensors").stat().st_mode) == 0o640


def test_nothing_but_the_checkpoint_is_left_in_the_folder(tmp_path: Path):
    model, optimizer = trained(1)
    for _ in range(2):
        save_checkpoint(tmp_path / "c.safetensors", gather_state(model, optimizer, {}), Progress("this run"))
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]
