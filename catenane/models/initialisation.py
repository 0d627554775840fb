"""Where weights start: the one home of initial scales."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["initialise_encoder", "initialise_property_head", "initialise_token_head"]

ENCODER_SCALE = 0.02
"""Standard deviation of embeddings and matrices, as in BERT and GPT-2."""
ANSWER_SCALE = 0.1
"""How far from zero the first answers of a property head are, in standard deviations of the label."""


def initialise_encoder(encoder: nn.Module, *, n_blocks: int, scale_residuals: bool) -> None:
    """Start the embeddings and blocks of an encoder.

    Args:
        encoder: Its blocks name the projections that write to the stream `output`.
        n_blocks: Blocks of the encoder; each writes to the stream twice.
        scale_residuals: Shrink those projections by √(2 n_blocks), so that the stream of a pre-norm encoder
            keeps its variance through any depth (Radford et al. 2019, section 2.3).
    """
    for name, module in encoder.named_modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            writes_to_stream = scale_residuals and name.endswith(".output")
            _normal(
                module.weight, ENCODER_SCALE / (2 * n_blocks) ** 0.5 if writes_to_stream else ENCODER_SCALE
            )
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
    for name, parameter in encoder.named_parameters():
        if name.endswith("table_LD"):
            _normal(parameter, ENCODER_SCALE)


def initialise_token_head(head: nn.Module) -> None:
    """Start a head that names tokens."""
    for module in head.modules():
        if isinstance(module, nn.Linear):
            _normal(module.weight, ENCODER_SCALE)
            nn.init.zeros_(module.bias)


def initialise_property_head(head: nn.Module) -> None:
    """Start a head that answers properties: hidden layers keep the variance, the last answers near the mean.

    Source: He et al. 2015, arXiv:1502.01852, eq. 10.
    """
    layers = [module for module in head.modules() if isinstance(module, nn.Linear)]
    for layer in layers:
        _normal(layer.weight, (2 / layer.in_features) ** 0.5)
        nn.init.zeros_(layer.bias)
    _normal(layers[-1].weight, ANSWER_SCALE / layers[-1].in_features ** 0.5)


def _normal(parameter: Tensor, scale: float) -> None:
    """A normal distribution cut off at two deviations, so that no weight starts as an outlier."""
    nn.init.trunc_normal_(parameter, std=scale, a=-2 * scale, b=2 * scale)
