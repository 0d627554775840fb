"""Where weights start: the one home of initial scales."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from catenane.nn import LearnedPositions

__all__ = ["Uninitialised", "initialise_encoder", "initialise_property_head", "start_linear", "start_matrix"]

ENCODER_GAIN = 0.5
"""Of a matrix: its deviation times √(inputs). At the width of BERT this is BERT's own 0.02, which would leave
the attention of narrow encoders flat for long."""
EMBEDDING_GAIN = 1.0
"""Of the embedding: its deviation times √(width). As output projection it gives logits of variance one."""
PREDICTION_GAIN = 0.1
"""Of the last layer of a property head: deviation of the first predictions, in deviations of the label."""


def initialise_encoder(encoder: nn.Module, *, n_blocks: int, scale_residuals: bool) -> None:
    """Start the embeddings and blocks of an encoder.

    Each block writes to the stream twice, by a projection named `output`. `scale_residuals` shrinks those by
    √(2 n_blocks), so that the stream of a pre-norm encoder keeps its variance through any depth (Radford et
    al. 2019, section 2.3).
    """
    for name, module in encoder.named_modules():
        if isinstance(module, nn.Linear):
            shrink = (2 * n_blocks) ** -0.5 if scale_residuals and name.endswith(".output") else 1.0
            start_linear(module, ENCODER_GAIN * shrink)
        elif isinstance(module, nn.Embedding):
            start_matrix(module.weight, EMBEDDING_GAIN)
        elif isinstance(module, LearnedPositions):
            start_matrix(module.table_LD, EMBEDDING_GAIN)


def initialise_property_head(layers: nn.Module, gain: float) -> None:
    """Start layers of a property head: the hidden ones with a gain, the last to predict near the mean."""
    *hidden, last = (module for module in layers.modules() if isinstance(module, nn.Linear))
    for layer in hidden:
        start_linear(layer, gain)
    start_linear(last, PREDICTION_GAIN)


def start_linear(layer: nn.Linear, gain: float) -> None:
    """Normal weights of deviation gain / √(inputs), and no bias."""
    start_matrix(layer.weight, gain)
    nn.init.zeros_(layer.bias)


def start_matrix(matrix: Tensor, gain: float) -> None:
    """Normal with deviation gain / √(columns), cut off at two deviations: no weight starts as an outlier."""
    deviation = gain / matrix.shape[1] ** 0.5
    nn.init.trunc_normal_(matrix, std=deviation, a=-2 * deviation, b=2 * deviation)


class Uninitialised(TorchFunctionMode):
    """Networks built within it keep whatever memory held, since their weights are read from a file next.

    On the meta device PyTorch would load 800 of its modules to draw what is never there.
    """

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Leave the functions of `torch.nn.init` out."""
        if getattr(function, "__module__", "") == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in (kwargs or {}) else args[0]
        return function(*args, **(kwargs or {}))
