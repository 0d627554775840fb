"""SMILES and MOFid: parse, check, normalise."""

from catenane.notation.detection import detect_notation
from catenane.notation.mofid import Mofid
from catenane.notation.normal_form import Notation, normalise
from catenane.notation.respelling import respell
from catenane.notation.smiles import Smiles

__all__ = ["Mofid", "Notation", "Smiles", "detect_notation", "normalise", "respell"]
