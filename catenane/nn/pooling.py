"""From the states of its tokens to one vector for a string.

Axes: B strings, L tokens, D features of the stream.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

__all__ = ["pool"]


def pool(states_BLD: Tensor, keep_BL: Tensor, pooling: Literal["cls", "mean"]) -> Tensor:
    """One vector for each string.

    Args:
        states_BLD: Outputs of the encoder.
        keep_BL: True on real tokens.
        pooling: `cls` takes the first token, `mean` averages all real tokens, [CLS] and [SEP] among them.

    Returns:
        Tensor of shape (B, D), float32 or better.
    """
    states_BLD = states_BLD.to(torch.promote_types(states_BLD.dtype, torch.float32))
    if pooling == "cls":
        return states_BLD[:, 0]
    # A product, not a masked sum: B × (1, L) @ (L, D) reads the states once.
    weights_BL = keep_BL.to(states_BLD.dtype)
    weights_BL = weights_BL / weights_BL.sum(dim=1, keepdim=True).clamp(min=1)
    with torch.autocast(states_BLD.device.type, enabled=False):
        return (weights_BL.unsqueeze(1) @ states_BLD).squeeze(1)
