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
    """The head that these settings and this task ask for.

    Args:
        config: Its settings.
        task: What the labels are.
        relu: ReLU as activation of a network; GELU otherwise.
        shape: `d_model`, `targets` and `n_descriptors` of `Head`.

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
        head: Shape of the head.
        shape: `targets`, and where they are not the defaults `n_descriptors`, `task` and `relu`, see
            `make_head`.

    Raises:
        ConfigError: Settings, task and targets contradict each other.
    """

    def __init__(self, encoder: Encoder, head: HeadConfig, **shape: Any) -> None:
        super().__init__()
        self.pooling = head.pooling
        self.encoder = encoder
        self.head = make_head(head, d_model=encoder.d_model, **shape)

    def forward(
        self, inputs: Any, descriptors_BF: Tensor | None = None, *, per_member: bool = False
    ) -> Tensor:
        """Score every target of every string, see `Head.forward`.

        Args:
            inputs: What the encoder reads, see `Encoder.encode`; for tokens (ids_BL, keep_BL).
            descriptors_BF: As in `Head.forward`.
            per_member: As in `Head.forward`.
        """
        scores: Tensor = self.head(self.embed(inputs), descriptors_BF, per_member=per_member)
        return scores

    def embed(self, inputs: Any) -> Tensor:
        """Pooled states of the strings, (B, d_model)."""
        return self.encoder.encode(inputs, self.pooling)
