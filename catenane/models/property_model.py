"""The network that predicts properties of strings: an encoder and a head.

Axes: B strings, D width of the stream, F descriptors, T targets, M members.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from catenane.config import HeadConfig, Task
from catenane.models.heads import make_head
from catenane.models.protocols import Encoder

__all__ = ["PropertyModel"]


class PropertyModel(nn.Module):
    """Pools the states of a string, joins its descriptors, and scores every target.

    Weights are named `encoder.*` and `head.*`; scores, their scale and their units are the head's.

    Args:
        encoder: Fresh or pretrained; an `nn.Module`.
        head: Shape of the head.
        targets: Names of the T targets.
        n_descriptors: Number of descriptors F; 0 for none.
        relu: ReLU as activation of the head; GELU otherwise.
        task: What the scores mean, for all targets.

    Raises:
        ConfigError: See `make_head`.
    """

    def __init__(
        self,
        encoder: Encoder,
        head: HeadConfig,
        *,
        targets: Sequence[str],
        n_descriptors: int = 0,
        relu: bool = False,
        task: Task = "regression",
    ) -> None:
        super().__init__()
        self.pooling = head.pooling
        self.encoder = encoder
        self.head = make_head(
            head,
            task=task,
            d_model=encoder.d_model,
            targets=targets,
            n_descriptors=n_descriptors,
            relu=relu,
        )

    def forward(
        self, inputs: Any, descriptors_BF: Tensor | None = None, *, per_member: bool = False
    ) -> Tensor:
        """Score every target of every string.

        Args:
            inputs: What the encoder reads, see `Encoder.encode`; for tokens (ids_BL, keep_BL).
            descriptors_BF: Descriptors in their own units, NaN where undefined; if and only if F > 0.
            per_member: Give the scores of each of the head's M members, for training.

        Returns:
            float tensor of shape (B, T), or (M, B, T) per member.

        Raises:
            DataError: Descriptors are missing, or there are other than F of them.
        """
        scores: Tensor = self.head(self.embed(inputs), descriptors_BF, per_member=per_member)
        return scores

    def embed(self, inputs: Any) -> Tensor:
        """Pooled states of the strings, (B, d_model)."""
        return self.encoder.encode(inputs, self.pooling).pooled_BD
