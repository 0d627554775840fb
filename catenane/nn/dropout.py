"""Dropout that does not wait for the random numbers of a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

__all__ = ["Dropout"]

LEVELS = 256
"""Values of a random byte."""


class Dropout(nn.Module):
    """Zero a share of the activations in training and scale the others up, so that the mean stays.

    On a CPU one random byte decides about each activation, so the share is the nearest multiple of 1 / 256.
    With `nn.Dropout` a training step of the encoder of `small` takes 10 to 18 % longer in float32, 23 to 42 %
    in bfloat16 (`benchmarks/results/layers.md`). Other devices and `torch.compile` use PyTorch's own.

    Args:
        share: Share of activations that are dropped, 0 <= share < 1.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Drop in training, and hand `x` back as it is otherwise."""
        if not self.training or not self.share:
            return x
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return dropout(x, self.share)
        dropped = min(round(self.share * LEVELS), LEVELS - 1)
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        bytes_ = words.view(torch.uint8)[: x.numel()].view(x.shape)
        # Compared into the dtype of x: a boolean in between would cost more than all the rest.
        kept = torch.ge(bytes_, dropped, out=torch.empty(x.shape, dtype=x.dtype))
        return x * kept * (LEVELS / (LEVELS - dropped))

    def extra_repr(self) -> str:
        """What `print(model)` shows."""
        return f"share={self.share}"
