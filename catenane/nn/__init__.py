"""Layers, made from plain numbers; `catenane.models` makes whole networks of them."""

from catenane.nn.attention import (
    Attention,
    FullAttention,
    LinearAttention,
    full_attention,
    linear_attention,
)
from catenane.nn.block import Block
from catenane.nn.dropout import Dropout
from catenane.nn.features import RandomFeatures
from catenane.nn.feed_forward import FeedForward
from catenane.nn.pooling import pool
from catenane.nn.positions import LearnedPositions, RotaryPositions, SinusoidalPositions, rotate

__all__ = [
    "Attention",
    "Block",
    "Dropout",
    "FeedForward",
    "FullAttention",
    "LearnedPositions",
    "LinearAttention",
    "RandomFeatures",
    "RotaryPositions",
    "SinusoidalPositions",
    "full_attention",
    "linear_attention",
    "pool",
    "rotate",
]
