"""SMILES and MOFid: parse, check, normalise."""

from catenane.notation.blocks import canonical_block, rdkit_errors, read_block, write_block
from catenane.notation.detection import detect_notation
from catenane.notation.mofid import FAILED_TOPOLOGIES, Mofid
from catenane.notation.normal_form import Notation, normalise
from catenane.notation.respelling import respell
from catenane.notation.smiles import Smiles

__all__ = [
    "FAILED_TOPOLOGIES",
    "Mofid",
    "Notation",
    "Smiles",
    "canonical_block",
    "detect_notation",
    "normalise",
    "rdkit_errors",
    "read_block",
    "respell",
    "write_block",
]
