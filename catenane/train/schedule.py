"""How fast a run learns, and for how long."""

from __future__ import annotations

import math

import torch
from torch import nn

from catenane.config import TrainingConfig

__all__ = ["device_factor", "make_optimizer", "n_epochs", "warmup_cosine"]


def make_optimizer(model: nn.Module, settings: TrainingConfig) -> torch.optim.AdamW:
    """AdamW with decay on matrices alone, and `encoder_rate` on what `encoder.` names."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
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


def warmup_cosine(progress: float, *, warmup: float, final: float) -> float:
    """Factor on the peak learning rate: a straight rise, then half a cosine (Loshchilov & Hutter, eq. 5).

    Args:
        progress: Share of the run that is done, 0 to 1; so a run may end a little early or late unharmed.
        warmup: Share of the run over which the factor rises from 0 to 1.
        final: Factor at the end.
    """
    if progress < warmup:
        return progress / warmup
    done = min(1.0, (progress - warmup) / (1 - warmup))
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * done))


def device_factor(settings: TrainingConfig, micro_batches: int) -> int:
    """Factor on the learning rate where devices share a step of so many micro-batches."""
    return min(micro_batches // settings.accumulate, settings.device_factor)


def n_epochs(settings: TrainingConfig, n_batches: int, micro_batches: int) -> int:
    """Epochs to run: as set, or as many as `min_steps` takes on small data, with so many of these a step."""
    steps = math.ceil(n_batches / micro_batches)
    return max(settings.epochs, math.ceil(settings.min_steps / max(1, steps)))
