"""The one training loop: accumulate, clip, step, validate, keep the best weights, and go on after a kill.

Every source of chance is drawn from (seed, epoch, micro-batch), never from a running state: the order of the
batches, the masks, dropout. So on one CPU a resumed run is the uninterrupted one bit for bit.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from catenane.config import TrainingConfig
from catenane.errors import TrainingError
from catenane.hardware import best_device, resolve_precision, tune_cpu
from catenane.train.checkpoint import Progress, load_checkpoint, save_checkpoint, snapshot
from catenane.train.logs import LogFormat, RunLog
from catenane.train.schedule import warmup_cosine

__all__ = ["Lesson", "run"]


Batch = TypeVar("Batch")


class Lesson(Protocol[Batch]):
    """What one run learns: a model, its batches, and how wrong it is."""

    label: str
    """What the progress bar says."""

    @property
    def model(self) -> nn.Module:
        """The network that is trained."""
        ...

    def n_batches(self) -> int:
        """Micro-batches of an epoch, about."""
        ...

    def batches(self, epoch: int, start: int) -> Iterator[Batch]:
        """The epoch's micro-batches from the one numbered `start`, the same at every call."""
        ...

    def loss(
        self, model: nn.Module, batch: Batch, generator: torch.Generator, device: torch.device
    ) -> Tensor:
        """Mean loss of a micro-batch; the batch and the generator are on the CPU, the model on `device`."""
        ...

    def validate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Scores on the validation rows: `valid_loss`, `valid_score` (lower is better), and any other.

        Without validation rows there are none, and the last epoch counts as the best.
        """
        ...


def run(
    lesson: Lesson[Any],
    settings: TrainingConfig,
    folder: Path | None,
    *,
    seed: int,
    fingerprint: str,
    resume: bool = False,
    log: LogFormat = "csv",
    device: str | None = None,
    watch: Callable[[], Mapping[str, float]] | None = None,
) -> Progress:
    """Train `lesson.model` in place and leave the weights of its best epoch in it.

    Args:
        lesson: What is learnt.
        settings: How long and how fast.
        folder: Where `checkpoint.safetensors` and `history.csv` are kept; None keeps neither.
        seed: Of everything random.
        fingerprint: Digest of data and settings; a checkpoint with another one is refused.
        resume: Go on from the folder's checkpoint, if there is one.
        log: "csv", or "tensorboard" beside it.
        device: "cpu", "cuda", ...; the fastest by default.
        watch: Called after every epoch, with the model in evaluation mode; what it gives joins the history.

    Returns:
        Where the run ended, its history included.

    Raises:
        TrainingError: The loss is no longer finite, or the checkpoint belongs to another run.
        MissingDependencyError: TensorBoard is asked for and not installed.
    """
    from lightning_fabric import Fabric

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    target = best_device(device)
    tune_cpu()
    fabric = Fabric(
        accelerator=target.type, devices=1, precision=resolve_precision(settings.precision, target)
    )
    checkpoint = folder / "checkpoint.safetensors" if folder is not None else None
    model, optimizer = fabric.setup(lesson.model, make_optimizer(lesson.model, settings))
    peaks = [group["lr"] for group in optimizer.param_groups]
    progress, best = Progress(fingerprint), snapshot(lesson.model)
    if resume and checkpoint is not None and checkpoint.is_file():
        progress, best = load_checkpoint(checkpoint, lesson.model, optimizer.optimizer, fingerprint)
    epochs = n_epochs(settings, lesson.n_batches())

    def save() -> None:
        if checkpoint is not None:
            save_checkpoint(checkpoint, lesson.model, optimizer.optimizer, best, progress)

    with RunLog(folder, kind=log, label=lesson.label) as bar:
        while not progress.finished:
            _train_epoch(fabric, lesson, model, optimizer, peaks, settings, progress, epochs, seed, bar, save)
            model.eval()
            scores = lesson.validate(model, fabric.device)
            progress.history.append(
                {
                    "epoch": progress.epoch + 1,
                    "step": progress.step,
                    "seconds": round(progress.seconds, 3),
                    "learning_rate": optimizer.param_groups[0]["lr"],
                    "train_loss": progress.loss_sum / max(1, progress.batch),
                    **scores,
                    **(watch() if watch is not None else {}),
                }
            )
            score = scores.get("valid_score")
            if score is None or score < progress.best_score:
                progress.best_epoch = progress.epoch
                progress.best_score = progress.best_score if score is None else score
                best = snapshot(lesson.model)
            stale = progress.epoch - progress.best_epoch
            progress.epoch, progress.batch, progress.loss_sum = progress.epoch + 1, 0, 0.0
            progress.finished = progress.epoch >= epochs or 0 < settings.patience <= stale
            save()
            bar.epoch(progress.history)
    lesson.model.load_state_dict(best, strict=False)
    lesson.model.to("cpu").eval()
    return progress


def make_optimizer(model: nn.Module, settings: TrainingConfig) -> torch.optim.AdamW:
    """AdamW with decay on matrices alone, and `encoder_rate` on what `encoder.` names."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        groups.setdefault((name.startswith("encoder."), parameter.ndim >= 2), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": settings.learning_rate * (settings.encoder_rate if encoder else 1.0),
                "weight_decay": settings.weight_decay if matrix else 0.0,
            }
            for (encoder, matrix), parameters in groups.items()
        ],
        betas=(0.9, 0.98),
        fused=next(model.parameters()).is_cuda,
    )


def n_epochs(settings: TrainingConfig, n_batches: int) -> int:
    """Epochs to run: those asked for, or as many as `min_steps` takes on small data."""
    steps = math.ceil(n_batches / settings.accumulate)
    return max(settings.epochs, math.ceil(settings.min_steps / max(1, steps)))


def seed_of(*place: int) -> int:
    """One well-mixed 63-bit seed for a place in a run, such as (seed, epoch, batch)."""
    return int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0] >> 1)


def _train_epoch(
    fabric: Any,
    lesson: Lesson[Any],
    model: Any,
    optimizer: Any,
    peaks: list[float],
    settings: TrainingConfig,
    progress: Progress,
    epochs: int,
    seed: int,
    bar: RunLog,
    save: Any,
) -> None:
    """Train to the end of the epoch from wherever `progress` stands, saving now and then."""
    model.train()
    n_batches = lesson.n_batches()
    saved = began = time.monotonic()
    before = progress.seconds
    pending = 0
    batches = lesson.batches(progress.epoch, progress.batch)
    batch = next(batches, None)
    while batch is not None:
        following = next(batches, None)
        place = seed_of(seed, progress.epoch, progress.batch)
        torch.manual_seed(place)
        with fabric.autocast():
            loss = lesson.loss(model, batch, torch.Generator().manual_seed(place), fabric.device)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} in epoch {progress.epoch + 1}, batch {progress.batch + 1}: "
                "lower learning_rate, or set precision to fp32"
            )
        fabric.backward(loss / settings.accumulate)
        pending += 1
        progress.batch += 1
        progress.loss_sum += value
        if pending == settings.accumulate or following is None:
            share = (progress.epoch + progress.batch / max(n_batches, progress.batch)) / epochs
            factor = warmup_cosine(share, warmup=settings.warmup, final=settings.final_rate)
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            fabric.clip_gradients(model, optimizer, max_norm=settings.clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            progress.step += 1
            pending = 0
            progress.seconds = before + time.monotonic() - began
            # Only between steps: gradients that are still accumulating are not part of a checkpoint.
            if time.monotonic() - saved > settings.checkpoint_seconds:
                save()
                saved = time.monotonic()
        bar.batch(progress.epoch * n_batches + progress.batch, epochs * n_batches)
        batch = following


def describe_run(progress: Progress) -> dict[str, Any]:
    """What a card and `metrics.json` say of a finished run."""
    told = asdict(progress)
    return {
        "epochs": len(told["history"]),
        "best_epoch": told["best_epoch"] + 1,
        "steps": told["step"],
        "training_seconds": round(told["seconds"], 1),
    }
