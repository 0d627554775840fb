"""Other spellings of one structure, so that a model learns the structure and not the spelling."""

from __future__ import annotations

import random
from dataclasses import replace

from catenane.notation.mofid import Mofid
from catenane.notation.normal_form import Notation
from catenane.notation.smiles import Smiles

__all__ = ["respell"]


def respell(text: str, notation: Notation, seed: int) -> str:
    """Write the same structure differently: a MOFid's blocks in another order, SMILES from another atom.

    Args:
        text: A normalised string.
        notation: What it is.
        seed: An integer from 0 to 2**31 - 1; the same seed gives the same spelling.

    Source: E. J. Bjerrum 2017, arXiv:1703.07076 (SMILES enumeration); the blocks of a MOFid are a set.
    """
    if notation == "smiles":
        return Smiles.parse(text).randomised(seed)
    framework = Mofid.parse(text)
    blocks = random.Random(seed).sample(framework.blocks, len(framework.blocks))
    return str(replace(framework, blocks=tuple(blocks)))
