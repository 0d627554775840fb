"""What the machine can do, and the settings that make PyTorch use it."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from catenane.errors import ConfigError

__all__ = ["best_device", "fast_matmul", "resolve_precision", "tune_cpu"]

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def best_device(name: str | None = None) -> torch.device:
    """The device asked for, or the fastest one there is.

    Raises:
        ConfigError: The device asked for is not on this machine.
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


def resolve_precision(precision: str, device: torch.device) -> Literal["bf16-mixed", "32-true"]:
    """Fabric's name for `bf16`, `fp32` or `auto`: bf16 where the hardware multiplies it natively."""
    native = (
        torch.cuda.is_bf16_supported()
        if device.type == "cuda"
        else device.type == "cpu" and _cpu_multiplies_bf16()
    )
    return "bf16-mixed" if precision == "bf16" or (precision == "auto" and native) else "32-true"


@contextmanager
def fast_matmul() -> Iterator[None]:
    """Let fp32 products run at the precision `medium`: about twice as fast on recent CPUs and on CUDA.

    Without AMX the CPU still computes in true fp32; with it products are rounded to bf16, on CUDA to TF32.
    """
    before = torch.get_float32_matmul_precision()
    flash: bool = torch.backends.cuda.flash_sdp_enabled()
    torch.set_float32_matmul_precision("medium")
    # On the CPU the fused attention kernel does not take part in the faster products, nor in bf16 gradients.
    torch.backends.cuda.enable_flash_sdp(flash and torch.cuda.is_available())
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cuda.enable_flash_sdp(flash)


def tune_cpu() -> None:
    """Make the CPU reuse memory between steps whose batches differ in shape; called before the first of them.

    oneDNN keeps what it prepared for the last 1,024 shapes, gigabytes in a training run and no faster than to
    prepare it anew: it is told to keep a few, unless the environment says otherwise. glibc is told to keep
    freed memory, so that one step reuses the activations of the last.
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
