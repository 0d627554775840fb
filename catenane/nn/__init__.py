"""Layers, made from plain numbers; `catenane.models` makes whole networks of them."""

from catenane.nn.attention import Attention
from catenane.nn.block import Block, BlockCache, BlockOutput, Memory
from catenane.nn.context import AttentionCache, AttentionMask
from catenane.nn.dropout import Dropout
from catenane.nn.features import RandomFeatures
from catenane.nn.feed_forward import FeedForward
from catenane.nn.kernels import FullAttention, LinearAttention, full_attention, linear_attention
from catenane.nn.pooling import pool
from catenane.nn.positions import LearnedPositions, RotaryPositions, SinusoidalPositions, rotate

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
    "SinusoidalPositions",
    "full_attention",
    "linear_attention",
    "pool",
    "rotate",
]
