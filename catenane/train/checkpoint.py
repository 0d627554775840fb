"""A run that can be killed: all of its state in one sealed safetensors file, replaced whole.

Weights, optimiser moments and the best weights so far are tensors; the place in the stream, the history and
the fingerprint of the run are JSON in the file's metadata. A file renamed into place is old or new, not half.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributed.tensor import DTensor, distribute_tensor

from catenane.errors import BundleError, TrainingError
from catenane.files import replaced
from catenane.models.tensor_files import read_sealed, write_sealed

__all__ = ["Progress", "gather_state", "load_checkpoint", "save_checkpoint", "snapshot", "whole"]


@dataclass
class Progress:
    """Where a run stands."""

    fingerprint: str
    """Digest of settings, data and seed: only the same run goes on from here."""
    epoch: int = 0
    """Epoch under way, from 0."""
    batch: int = 0
    """Micro-batches of it that are done."""
    step: int = 0
    """Optimiser steps taken in all."""
    micro_batches: int = 1
    """Of a step, over all ranks: as many as at the start, however many ranks there are now."""
    seconds: float = 0.0
    """Time spent training and validating, pauses not counted."""
    earlier_seconds: float = 0.0
    """What of it went by before this process went on."""
    loss_sum: float = 0.0
    """Sum of this epoch's losses over all labels or tokens so far."""
    loss_weight: float = 0.0
    """Number of these labels or tokens."""
    best_score: float = float("inf")
    """Best validation score; lower is better."""
    best_epoch: int = -1
    """Epoch it was reached in."""
    finished: bool = False
    """Nothing is left to do."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """One row per epoch."""

    def figures(self) -> dict[str, Any]:
        """What of it the card and `metrics.json` state."""
        return {
            "epochs": len(self.history),
            "best_epoch": self.best_epoch + 1,
            "steps": self.step,
            "training_seconds": round(self.seconds, 1),
        }


def gather_state(
    model: nn.Module, optimizer: torch.optim.Optimizer, best: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """All tensors of a run by name; a collective operation where they are sharded over ranks."""
    tensors = {f"model.{name}": whole(tensor) for name, tensor in _unique_state(model).items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": whole(torch.as_tensor(value)) for key, value in state.items()}
    return tensors


def save_checkpoint(path: Path, tensors: dict[str, torch.Tensor], progress: Progress) -> None:
    """Write the run's whole state; the file at `path` is replaced in one move."""
    with replaced(path) as fresh:
        write_sealed(fresh, tensors, {"progress": json.dumps(asdict(progress))})
        # Without this a power cut right after the rename could leave a name without its bytes.
        with fresh.open("rb") as written:
            os.fsync(written.fileno())


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, fingerprint: str
) -> tuple[Progress, dict[str, torch.Tensor]]:
    """Put a saved state into the model and the optimiser.

    Returns:
        Where the run stood, and its best weights.

    Raises:
        TrainingError: The file is damaged, or it is the checkpoint of another run.
    """
    try:
        tensors, metadata = read_sealed(path)
        progress = Progress(**json.loads(metadata["progress"]))
    except (BundleError, KeyError, TypeError, ValueError) as error:
        raise TrainingError(
            f"{path}: not a readable checkpoint ({error}); delete it to start afresh"
        ) from None
    if progress.fingerprint != fingerprint:
        raise TrainingError(
            f"{path}: checkpoint of another run (data, recipe, settings or seed differ): "
            "call it as before, or start afresh with --overwrite"
        )
    progress.earlier_seconds = progress.seconds
    now = _unique_state(model)
    saved = _part(tensors, "model.")
    model.load_state_dict({name: _like(saved[name], now[name]) for name in saved}, strict=False)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in _part(tensors, "optimizer.").items():
        index, _, key = name.partition(".")
        share = _like(tensor, parameters[int(index)]) if tensor.ndim else tensor
        moments.setdefault(int(index), {})[key] = share
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return progress, _part(tensors, "best.")


def snapshot(model: nn.Module) -> dict[str, torch.Tensor]:
    """A copy of the weights on the CPU; a collective operation where they are sharded over ranks."""
    return {name: whole(tensor.detach()).cpu().clone() for name, tensor in _unique_state(model).items()}


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor that the ranks hold shares of; one that is whole as it is."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _like(tensor: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """This rank's share of a whole tensor, where it holds a share of the other."""
    if not isinstance(other, DTensor):
        return tensor
    return distribute_tensor(tensor.to(other.device), other.device_mesh, other.placements)


def _unique_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Weights and buffers that are saved, tied ones once."""
    names = {name for name, _ in model.named_parameters()} | {name for name, _ in model.named_buffers()}
    return {name: tensor for name, tensor in model.state_dict().items() if name in names}


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
