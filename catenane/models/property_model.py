"""The network that predicts properties of strings: an encoder and a head.

Axes: B strings, D width of the stream, F descriptors, T targets, M members.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from catenane.config import HeadConfig, Task
from catenane.models.encoder import Encoder
from catenane.models.gaussian_process import GaussianProcessHead
from catenane.models.head import Head
from catenane.models.isotherm import IsothermHead
from catenane.models.property_head import PropertyHead

__all__ = ["PropertyModel", "make_head"]


def make_head(config: HeadConfig, *, task: Task = "regression", relu: bool = False, **shape: Any) -> Head:
    """The head that these settings and this task ask for; `shape` is that of `Head`.

    Raises:
        ConfigError: Settings, task and targets contradict each other.
    """
    if config.kind == "gaussian-process":
        return GaussianProcessHead(config, task=task, **shape)
    kind = IsothermHead if config.isotherm_sites and task == "regression" else PropertyHead
    return kind(config, task=task, relu=relu, **shape)


class PropertyModel(nn.Module):
    """Pools the states of a string, joins its descriptors, and scores every target.

    Weights are named `encoder.*` and `head.*`; scores, their scale and their units are the head's.

    Args:
        encoder: Fresh or pretrained; an `nn.Module`.
        head: Settings of the head.
        shape: What else `make_head` reads; errors are its errors.
    """

    def __init__(self, encoder: Encoder, head: HeadConfig, **shape: Any) -> None:
        super().__init__()
        self.pooling = head.pooling
        self.encoder = encoder
        self.head = make_head(head, d_model=encoder.d_model, **shape)

    def forward(
        self, inputs: Any, descriptors_BF: Tensor | None = None, *, per_member: bool = False
    ) -> Tensor:
        """As `Head.forward`, for what the encoder reads; for tokens (ids_BL, keep_BL)."""
        scores: Tensor = self.head(self.embed(inputs), descriptors_BF, per_member=per_member)
        return scores

    def embed(self, inputs: Any) -> Tensor:
        """Pooled states of the strings, (B, d_model)."""
        return self.encoder.encode(inputs, self.pooling)
