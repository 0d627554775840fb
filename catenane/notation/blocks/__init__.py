"""Blocks of a MOFid, read and written in its spelling."""

from catenane.notation.blocks.spelling import canonical_block, read_block, write_block

__all__ = ["canonical_block", "read_block", "write_block"]
