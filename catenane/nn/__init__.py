"""Layers, made from plain numbers; `catenane.models` makes whole networks of them."""

from catenane.nn.block import Attention, Block, BlockCache, BlockOutput, FeedForward, Memory
from catenane.nn.dropout import Dropout
from catenane.nn.kernels import AttentionCache, AttentionMask, FullAttention, full_attention
from catenane.nn.linear import LinearAttention, RandomFeatures, linear_attention
from catenane.nn.positions import LearnedPositions, RotaryPositions, Rotation, SinusoidalPositions, rotate

__all__ = [
    "Attention",
    "AttentionCache",
    "AttentionMask",
    "Block",
    "BlockCache",
    "BlockOutput",
    "Dropout",
    "FeedForward",
    "FullAttention",
    "LearnedPositions",
    "LinearAttention",
    "Memory",
    "RandomFeatures",
    "RotaryPositions",
    "Rotation",
    "SinusoidalPositions",
    "full_attention",
    "linear_attention",
    "rotate",
]
