"""The one training loop: accumulate, clip, step, validate, keep the best weights, and go on after a kill.

All randomness is drawn from (seed, epoch, micro-batch), never from a running state: the order of the
batches, the masks, dropout. So on one CPU a resumed run is the uninterrupted one bit for bit.
"""

from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal, NoReturn, Protocol, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from catenane.config import TrainingConfig
from catenane.errors import TrainingError
from catenane.hardware import best_device, resolve_precision, tune_cpu
from catenane.train.checkpoint import (
    Progress,
    gather_state,
    load_checkpoint,
    save_checkpoint,
    snapshot,
    whole,
)
from catenane.train.logs import LogFormat, RunLog
from catenane.train.ranks import Ranks
from catenane.train.schedule import device_factor, make_optimizer, n_epochs, warmup_cosine

__all__ = ["TrainingTask", "Wanted", "forked_generators", "run", "seed_of"]


Batch = TypeVar("Batch")
Wanted = Callable[[int], bool]
"""Whether this rank needs the micro-batch of this number."""


class TrainingTask(Protocol[Batch]):
    """What one run learns: a model, its batches, its loss and its validation score."""

    label: str
    """Name of the task, for the progress bar."""

    @property
    def model(self) -> nn.Module:
        """The network that is trained."""

    def n_batches(self) -> int:
        """Micro-batches of an epoch, about."""

    def batches(self, epoch: int, start: int, wanted: Wanted) -> Generator[Batch | None, None, None]:
        """The epoch's micro-batches from the one numbered `start`, on the CPU; the same at every call.

        None may stand for one whose number is not wanted.
        """

    def weight(self, batch: Batch) -> float:
        """Number of labels or tokens that the loss of a micro-batch is the mean over."""

    def loss(self, model: nn.Module, batch: Batch, device: torch.device) -> Tensor:
        """Mean loss of a micro-batch; the model is on `device`."""

    def validate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Scores on the validation rows: `valid_loss`, `valid_score` (lower is better), and any other.

        Without validation rows there are none, and the last epoch counts as the best.
        """


def run(
    task: TrainingTask[Any],
    settings: TrainingConfig,
    folder: Path | None,
    *,
    seed: int,
    fingerprint: str,
    resume: bool = False,
    log: LogFormat = "csv",
    device: str | None = None,
    watch: Callable[[], Mapping[str, float]] | None = None,
    ranks: Ranks | None = None,
) -> Progress:
    """Train `task.model` in place and leave the weights of its best epoch in it.

    A step of several ranks is that of one with as many micro-batches to a step. PyTorch's global generators
    are given back as they were.

    Args:
        task: What is trained.
        settings: How long and how fast.
        folder: Where `checkpoint.safetensors` and `history.csv` are kept; None keeps neither.
        seed: Of everything random.
        fingerprint: Digest of data and settings; a checkpoint with another one is refused.
        resume: Go on from the folder's checkpoint, if there is one.
        log: "csv", or "tensorboard" beside it.
        device: "cpu", "cuda", "cuda:1", ...; the fastest by default.
        watch: Called after every epoch, with the model in evaluation mode; what it gives joins the history.
        ranks: The processes that train it together; by default this one alone.

    Raises:
        TrainingError: A loss, a gradient or a validation score is not finite (the model then has the weights
            of its best epoch so far, and the last checkpoint stays), or the checkpoint belongs to another
            run, or cannot be written.
        MissingDependencyError: TensorBoard is wanted and not installed.
    """
    target = best_device(device)
    with forked_generators(target):
        ranks = ranks or Ranks()
        loop = _Loop(task, settings, folder, Progress(fingerprint), seed, target, ranks)
        if resume:
            loop.load()
        total, began = loop.epochs * loop.n_batches, time.monotonic() - loop.progress.seconds
        try:
            with RunLog(
                folder if ranks.first else None,
                kind=log,
                label=task.label,
                done=loop.n_done,
                total=total,
                began=began,
            ) as bar:
                while not loop.progress.finished:
                    loop.train_epoch(bar)
                    loop.end_epoch(watch)
                    loop.save()
                    bar.epoch(loop.progress.history, n_epochs=loop.epochs, finished=loop.progress.finished)
        finally:
            task.model.load_state_dict(loop.best, strict=False)
            task.model.to("cpu").eval()
    return loop.progress


class _Loop:
    """The state of one run; arguments as for `run`."""

    def __init__(
        self,
        task: TrainingTask[Any],
        settings: TrainingConfig,
        folder: Path | None,
        progress: Progress,
        seed: int,
        device: torch.device,
        ranks: Ranks,
    ) -> None:
        tune_cpu()
        precision = resolve_precision(settings.precision, device)
        self.ranks, self.fabric = ranks, ranks.fabric(device, precision)
        self.task, self.settings, self.seed = task, settings, seed
        # Shares of weights stay out of the task's model, which gets the best ones at the end.
        self.network = copy.deepcopy(task.model) if ranks.sharing == "fsdp" else task.model
        self.model = self.fabric.setup_module(self.network)
        self.optimizer = cast("Any", self.fabric.setup_optimizers(make_optimizer(self.network, settings)))
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.checkpoint = folder / "checkpoint.safetensors" if folder is not None else None
        self.progress, self.best = progress, snapshot(self.network)
        progress.micro_batches = settings.accumulate * ranks.world
        self.n_batches = task.n_batches()

    @property
    def epochs(self) -> int:
        """Epochs to run at most."""
        return n_epochs(self.settings, self.n_batches, self.progress.micro_batches)

    @property
    def n_done(self) -> int:
        """Micro-batches that are done, about."""
        return self.progress.epoch * self.n_batches + self.progress.batch

    def load(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if self.checkpoint is not None and self.checkpoint.is_file():
            self.progress, self.best = load_checkpoint(
                self.checkpoint, self.network, self.optimizer.optimizer, self.progress.fingerprint
            )

    def save(self) -> None:
        """Write the checkpoint, if there is a place for it."""
        if self.checkpoint is None:
            return
        state = gather_state(self.network, self.optimizer.optimizer, self.best)
        if not self.ranks.first:
            return
        try:
            save_checkpoint(self.checkpoint, state, self.progress)
        except OSError as error:
            raise TrainingError(
                f"{self.checkpoint} cannot be written: {error.strerror or error}; the one before it is "
                "kept: make room, and go on with --resume"
            ) from None

    def set_rate(self) -> None:
        """Set the learning rate of this place in the run."""
        progress = self.progress
        share = (progress.epoch + progress.batch / max(self.n_batches, progress.batch)) / self.epochs
        factor = warmup_cosine(share, warmup=self.settings.warmup, final=self.settings.final_rate)
        factor *= device_factor(self.settings, progress.micro_batches)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor

    def train_epoch(self, bar: RunLog) -> None:
        """Train to the end of the epoch from wherever `progress` stands, saving now and then."""
        self.model.train()
        self.set_rate()
        progress, settings = self.progress, self.settings
        saved = time.monotonic()
        began = saved - progress.seconds
        batches = self.task.batches(
            progress.epoch, progress.batch, lambda number: self.deal(number) is not None
        )
        with closing(batches):
            while group := list(itertools.islice(batches, progress.micro_batches)):
                self.step(group)
                progress.seconds = time.monotonic() - began
                # Only between steps: gradients that are still accumulating are not part of a checkpoint.
                if self.ranks.sum(
                    self.ranks.first and time.monotonic() - saved > settings.checkpoint_seconds
                ):
                    self.save()
                    saved = time.monotonic()
                bar.batch(self.n_done)

    def step(self, group: Sequence[Any]) -> None:
        """One step of the optimiser on a group of micro-batches."""
        progress = self.progress
        loss, weight = self.accumulate_gradients(group)
        norm = self.fabric.clip_gradients(
            self.model, self.optimizer, max_norm=self.settings.clip, error_if_nonfinite=False
        )
        assert norm is not None
        norm = whole(norm)
        if not norm.isfinite():
            self.stop(f"the norm of the gradient is {norm.item()}", f"batch {progress.batch + 1}")
        progress.batch += len(group)
        progress.loss_sum += loss * weight
        progress.loss_weight += weight
        self.set_rate()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        progress.step += 1

    def deal(self, number: int) -> Literal["own", "filler"] | None:
        """What this rank does with a micro-batch of the epoch."""
        return self.ranks.deal(number, self.progress.micro_batches, self.n_batches)

    def accumulate_gradients(self, group: Sequence[Any]) -> tuple[float, float]:
        """Add up the gradient of the mean loss over a group of micro-batches, as if they were one batch.

        Returns that mean loss, and the number of labels or tokens that it is the mean over, of all ranks.
        """
        numbered = enumerate(group, self.progress.batch)
        mine = [(number, batch, self.deal(number)) for number, batch in numbered]
        mine = [part for part in mine if part[2] is not None]
        weights = [self.task.weight(batch) if part == "own" else 0.0 for _, batch, part in mine]
        total = self.ranks.sum(sum(weights))
        mean, where = 0.0, self.progress.batch + 1
        for (number, batch, _), weight in zip(mine, weights, strict=True):
            seed_generators(seed_of(self.seed, self.progress.epoch, number), self.fabric.device)
            # Ranks add up their gradients once a step, and divide the sum by their number.
            share = weight / total if total else 0.0
            last = number == mine[-1][0] or self.ranks.world == 1
            with nullcontext() if last else self.fabric.no_backward_sync(self.model):
                with self.fabric.autocast():
                    loss = self.task.loss(self.model, batch, self.fabric.device)
                self.fabric.backward(loss * (share * self.ranks.world))
            value = loss.item()
            if not math.isfinite(value) and math.isfinite(mean):
                mean, where = value, number + 1
            else:
                mean += value * share
        mean = self.ranks.sum(mean)
        if not math.isfinite(mean):
            self.stop(f"the loss is {mean}", f"batch {where}")
        return mean, total

    def end_epoch(self, watch: Callable[[], Mapping[str, float]] | None) -> None:
        """Validate, note the epoch in the history, and keep its weights if they are the best so far."""
        progress = self.progress
        self.model.eval()
        began = time.monotonic()
        scores = self.task.validate(self.model, self.fabric.device)
        progress.seconds += time.monotonic() - began
        scores = self.ranks.share(scores)
        score = scores.get("valid_score")
        if score is not None and not math.isfinite(score):
            self.stop(f"the validation score is {score}", f"after batch {progress.batch}")
        progress.history.append(
            {
                "epoch": progress.epoch + 1,
                "step": progress.step,
                "seconds": round(progress.seconds, 3),
                "learning_rate": self.optimizer.param_groups[0]["lr"],
                "train_loss": progress.loss_sum / max(1.0, progress.loss_weight),
                **scores,
                **(watch() if watch is not None else {}),
            }
        )
        if score is None or score < progress.best_score:
            progress.best_epoch = progress.epoch
            progress.best_score = progress.best_score if score is None else score
            self.best = snapshot(self.network)
        # While the rate still rises, a score that gets no better is no reason to stop.
        waited_since = max(progress.best_epoch, math.ceil(self.settings.warmup * self.epochs) - 1)
        stale = progress.epoch - waited_since
        progress.epoch += 1
        progress.batch, progress.loss_sum, progress.loss_weight = 0, 0.0, 0.0
        patience = self.settings.patience * (1 if self.settings.patience >= 1 else self.epochs)
        progress.finished = progress.epoch >= self.epochs or 0 < patience <= stale

    def stop(self, what: str, where: str) -> NoReturn:
        """Raise the error that names what is not finite and where."""
        kept = (
            f"the weights of epoch {self.progress.best_epoch + 1}, the best so far, are kept"
            if self.progress.best_epoch >= 0
            else "no epoch was finished"
        )
        raise TrainingError(
            f"{what} in epoch {self.progress.epoch + 1}, {where}; {kept}: "
            "lower learning_rate, or set precision to fp32"
        )


def seed_of(*place: int) -> int:
    """One well-mixed 63-bit seed for a place in a run, such as (seed, epoch, batch)."""
    return int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0] >> 1)


def seed_generators(seed: int, device: torch.device) -> None:
    """Seed PyTorch's generators of the CPU and of this device, and of no other."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


@contextmanager
def forked_generators(device: torch.device) -> Iterator[None]:
    """Give PyTorch's generators of the CPU and of a CUDA device back as they were when the block ends."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield
