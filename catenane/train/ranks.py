"""The processes that train one model together, the ranks: one on each device, with a share of every step."""

from __future__ import annotations

import inspect
import logging
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import cpu_count, get_context
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import torch
from torch import nn
from torch.multiprocessing.spawn import ProcessExitedException, start_processes
from torch.nn.parallel import DistributedDataParallel

from catenane.errors import CatenaneError, TrainingError, UsageError
from catenane.hardware import best_device, fabric_devices

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["Ranks", "Sharing", "joined", "launch", "leads", "must_launch"]

T = TypeVar("T")
Sharing = Literal["ddp", "fsdp"]
START: Literal["spawn", "fork"] = "spawn"
"""How `launch` starts processes."""
PATIENCE = timedelta(days=30)
"""How long ranks wait for what the first one does alone; one that dies is noticed at once."""


class LostRankError(TrainingError):
    """Another rank has ended."""


@dataclass(frozen=True)
class Ranks:
    """All ranks of a run, seen from one of them; by default there is no other."""

    devices: int = 1
    """Ranks of each node."""
    nodes: int = 1
    rank: int = 0
    """Which one this is."""
    sharing: Sharing = "ddp"
    """Every rank holds the whole model, or a share of its weights, gradients and moments."""
    group: Any = None
    """Process group on the CPU, for what is not a gradient."""

    @property
    def world(self) -> int:
        """Number of ranks."""
        return self.devices * self.nodes

    @property
    def first(self) -> bool:
        """Whether this is the rank that reads the corpora, writes files and shows progress."""
        return self.rank == 0

    def fabric(self, device: torch.device, precision: Any) -> Fabric:
        """What runs the model on this rank's device."""
        from lightning_fabric import Fabric
        from lightning_fabric.plugins.environments.lightning import LightningEnvironment
        from lightning_fabric.strategies.ddp import DDPStrategy
        from lightning_fabric.strategies.model_parallel import ModelParallelStrategy

        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
        if self.world == 1:
            return Fabric(accelerator=device.type, devices=fabric_devices(device), precision=precision)
        strategy: Any = ModelParallelStrategy(_shard, data_parallel_size=self.world, tensor_parallel_size=1)
        if self.sharing == "ddp":
            new = "forward_sync_buffers" in inspect.signature(DistributedDataParallel).parameters
            settings: dict[str, Any] = {"forward_sync_buffers" if new else "broadcast_buffers": False}
            strategy = DDPStrategy(**settings)
        fabric = Fabric(
            accelerator=device.type, devices=self.devices, num_nodes=self.nodes, precision=precision,
            strategy=strategy, plugins=[LightningEnvironment()],
        )  # fmt: skip
        fabric.launch()
        return fabric

    def share(self, value: T) -> T:
        """The first rank's value, pickled; collective: all ranks call it."""
        if self.world == 1:
            return value
        values = [value]
        torch.distributed.broadcast_object_list(values, src=0, group=self.group)
        return values[0]

    def sum(self, value: float) -> float:
        """Sum over all ranks; collective: all ranks call it."""
        if self.world == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64)
        torch.distributed.all_reduce(total, group=self.group)
        return total.item()

    def deal(self, number: int, group: int, n_batches: int) -> Literal["own", "filler"] | None:
        """What this rank does with a micro-batch of an epoch of `n_batches`, of which a step takes `group`.

        Ranks take turns. Where one has a micro-batch less than another, it computes the first of the step
        once more, which counts nothing: all of them must be at work for gradients to be added up.
        """
        turn = number % group
        size = min(group, n_batches - (number - turn))
        if turn % self.world == self.rank:
            return "own"
        return "filler" if turn == 0 and 0 < size % self.world <= self.rank else None


def _shard(model: nn.Module, mesh: Any) -> nn.Module:
    """Share the weights of each block of a stack, and then the others, among the ranks."""
    from torch.distributed.fsdp import fully_shard

    stacks = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    for module in [*(block for stack in stacks for block in stack), model]:
        fully_shard(module, mesh=mesh["data_parallel"])
    return model


def must_launch(devices: int | None, nodes: int) -> bool:
    """Whether other processes are wanted that nobody has started; `torchrun` starts its own.

    Raises:
        UsageError: `torchrun` was started with other numbers.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return "LOCAL_RANK" not in os.environ and (devices or 1) * nodes > 1
    there = int(os.environ["LOCAL_WORLD_SIZE"])
    if devices not in (None, there):
        raise UsageError(
            f"torchrun has started {there} processes a node, not devices={devices}: leave it out"
        )
    return False


def leads() -> bool:
    """Whether this process speaks for the run: it is the first rank, or it has launched that on its node."""
    return int(os.environ.get("RANK", _node())) == 0


def _node() -> int:
    return int(os.environ.get("NODE_RANK", os.environ.get("SLURM_NODEID", "0")))


@contextmanager
def joined(sharing: Sharing, device: torch.device) -> Iterator[Ranks]:
    """Meet the other ranks, as the environment variables of `torchrun` and `launch` name them.

    Raises:
        TrainingError: Another rank has ended before its time.
    """
    world = int(os.environ.get("WORLD_SIZE", 1)) if "LOCAL_RANK" in os.environ else 1
    if world == 1:
        yield Ranks()
        return
    devices = int(os.environ["LOCAL_WORLD_SIZE"])
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        group = torch.distributed.new_group(backend="gloo", timeout=PATIENCE)
        yield Ranks(devices, world // devices, torch.distributed.get_rank(), sharing, group)
    except CatenaneError:
        raise
    except RuntimeError as error:
        if "gloo" not in str(error).lower() and not isinstance(error, torch.distributed.DistError):
            raise
        raise LostRankError(
            "another rank has ended; the last checkpoint is kept: go on with --resume"
        ) from None
    torch.distributed.destroy_process_group()


def launch(
    function: Callable[..., Any], options: Mapping[str, Any], *, devices: int, nodes: int, device: str | None
) -> None:
    """Call a function in one process a device of this node, and wait until all have ended.

    On several nodes it is called on each, with MASTER_ADDR and MASTER_PORT of the first in the environment,
    and the number of the node in NODE_RANK or SLURM_NODEID.

    Raises:
        UsageError: There are not so many devices, or the first node is not known.
        TrainingError: A rank was killed; the others are ended then.
        CatenaneError: What a rank raised.
    """
    from lightning_fabric.plugins.environments.lightning import find_free_network_port

    kind = best_device(device).type
    there = torch.cuda.device_count() if kind == "cuda" else cpu_count()
    if kind == "mps" or devices > there:
        raise UsageError(f"devices={devices}: this machine has {1 if kind == 'mps' else there} for {kind}")
    if nodes > 1 and not {"MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys():
        raise UsageError(
            f"nodes={nodes}: set MASTER_ADDR and MASTER_PORT to those of the first node, on every node"
        )
    node = _node()
    place = {
        "MASTER_ADDR": os.environ.get("MASTER_ADDR", "127.0.0.1"),
        "MASTER_PORT": os.environ.get("MASTER_PORT") or str(find_free_network_port()),
        "NODE_RANK": str(node), "LOCAL_WORLD_SIZE": str(devices), "WORLD_SIZE": str(devices * nodes),
    }  # fmt: skip
    errors = get_context(START).SimpleQueue()
    context = start_processes(
        _call, (node * devices, place, errors, function, options), devices, join=False, start_method=START
    )
    try:
        while not context.join():
            pass
    except ProcessExitedException as error:
        for rank, process in enumerate(context.processes, node * devices):
            if process.exitcode not in (0, 1, -signal.SIGTERM):
                reason = f"rank {rank} was killed ({_reason(process.exitcode)}), and the others were ended"
                raise TrainingError(f"{reason}; the last checkpoint is kept: go on with --resume") from None
        found = []
        while not errors.empty():
            found.append(errors.get())
        found.sort(key=lambda each: isinstance(each, LostRankError))
        raise (found or [error])[0] from None
    finally:
        for process in context.processes:
            if process.is_alive():
                process.terminate()


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _call(
    local_rank: int, first: int, place: Mapping[str, str], errors: Any, function: Any, options: Any
) -> None:
    """One rank; what it raises on purpose goes to the process that launched it."""
    os.environ |= {**place, "LOCAL_RANK": str(local_rank), "RANK": str(first + local_rank)}
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, cpu_count() // int(place["LOCAL_WORLD_SIZE"])))
    try:
        function(**options)
    except CatenaneError as error:
        errors.put(error)
        raise SystemExit(1) from None
