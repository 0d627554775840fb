"""The network that answers properties of strings: an encoder and a head.

Axes: B strings, L tokens, D width of the stream, F descriptors, T targets.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from catenane.config import HeadConfig, Task
from catenane.models.encoder import TransformerEncoder
from catenane.models.property_head import PropertyHead
from catenane.nn import pool

__all__ = ["PropertyModel"]


class PropertyModel(nn.Module):
    """Pools the states of a string, joins its descriptors, and scores every target.

    Weights are named `encoder.*` and `head.*`; scores, their scale and their answers are the head's.

    Args:
        encoder: Fresh or pretrained.
        head: Shape of the head.
        targets: Names of the T targets.
        n_descriptors: Number of descriptors F; 0 for none.
        task: What the scores mean, for all targets.

    Raises:
        ConfigError: See `PropertyHead`.
    """

    def __init__(
        self,
        encoder: TransformerEncoder,
        head: HeadConfig,
        *,
        targets: Sequence[str],
        n_descriptors: int = 0,
        task: Task = "regression",
    ) -> None:
        super().__init__()
        self.pooling = head.pooling
        self.encoder = encoder
        self.head = PropertyHead(
            head,
            d_model=encoder.config.d_model,
            targets=targets,
            n_descriptors=n_descriptors,
            relu=encoder.config.activation == "relu",
            task=task,
        )

    def forward(
        self,
        ids_BL: Tensor,
        keep_BL: Tensor,
        descriptors_BF: Tensor | None = None,
        *,
        apart: bool = False,
    ) -> Tensor:
        """Score every target of every string.

        Args:
            ids_BL: Token ids, int64, padded on the right.
            keep_BL: bool, True on real tokens.
            descriptors_BF: Descriptors in their own units, NaN where undefined; if and only if F > 0.
            apart: Give the scores of each of the head's M members, for training.

        Returns:
            float tensor of shape (B, T), or (M, B, T) where members are kept apart.

        Raises:
            DataError: Descriptors are missing, or there are other than F of them.
        """
        scores: Tensor = self.head(self.embed(ids_BL, keep_BL), descriptors_BF, apart=apart)
        return scores

    def embed(self, ids_BL: Tensor, keep_BL: Tensor) -> Tensor:
        """Pooled states of the strings, (B, d_model); arguments as in `forward`."""
        return pool(self.encoder(ids_BL, keep_BL), keep_BL, self.pooling)
