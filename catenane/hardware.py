"""What the machine can do, and the settings that make PyTorch use it."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from functools import cache
from typing import Literal

import torch

from catenane.errors import ConfigError

__all__ = ["best_device", "fabric_devices", "resolve_precision", "tune_cpu"]

logger = logging.getLogger(__name__)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def best_device(name: str | None = None) -> torch.device:
    """The device of this name, or the fastest one there is.

    Raises:
        ConfigError: The device is not on this machine.
    """
    if name in (None, "auto"):
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(str(name))
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device {name!r} cannot be used: {reason}; try cpu, cuda or mps") from None
    return device


def fabric_devices(device: torch.device) -> list[int] | int:
    """One device as Lightning Fabric's `devices`: the index of a GPU where it is given, else the number 1."""
    return [device.index] if device.type == "cuda" and device.index is not None else 1


def resolve_precision(precision: str, device: torch.device) -> Literal["bf16-mixed", "32-true"]:
    """Fabric's name for `bf16`, `fp32` or `auto`: bf16 where the hardware multiplies it natively.

    `bf16` on a CPU that does not is used with a warning, once a process. `fp32` follows
    `torch.set_float32_matmul_precision`, which holds for every thread of a process and is left as it is.
    """
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported()
    else:
        native = device.type == "cpu" and _cpu_multiplies_bf16()
    if precision == "bf16" and device.type == "cpu" and not native:
        _warn_of_slow_bf16()
    return "bf16-mixed" if precision == "bf16" or (precision == "auto" and native) else "32-true"


@cache
def _warn_of_slow_bf16() -> None:
    logger.warning(
        "precision=bf16: this CPU does not multiply bfloat16 natively and may take 300 times as long as in "
        "fp32 (measured on an EPYC with AVX2); set precision to auto or fp32"
    )


def tune_cpu() -> None:
    """Make the CPU reuse memory between steps whose batches differ in shape; to be called before the first.

    oneDNN caches 1,024 shapes, gigabytes in a training run and no faster than anew: it is set to a few, where
    the environment sets nothing. glibc is set to keep freed memory for the activations of the next step.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl has no such knob
        return
    mallopt(M_MMAP_THRESHOLD, 1 << 30)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def _cpu_multiplies_bf16() -> bool:
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)
