"""SMILES, MOFid and text: parse, check, normalise, and what follows from a string, each computed once."""

from catenane.notation.blocks import (
    atoms_beyond,
    canonical_block,
    mend_block,
    read_block,
    write_block,
    written_molecule,
)
from catenane.notation.mofid import FAILED_TOPOLOGIES, Mofid, token_kind
from catenane.notation.reading import (
    CHUNK_ROWS,
    Feature,
    as_records,
    compute_all,
    detect_notation,
    read_mixed,
    read_records,
)
from catenane.notation.registry import (
    JOINT,
    NOTATIONS,
    Notation,
    NotationName,
    Record,
    get_notation,
    groups,
    normalise,
    part_texts,
    respell,
)
from catenane.notation.smiles import Smiles
from catenane.notation.syntax import atom_positions
from catenane.notation.text import Text
from catenane.notation.toolkit import Chem, heed_interrupts, pattern, rdkit_errors

__all__ = [
    "CHUNK_ROWS",
    "FAILED_TOPOLOGIES",
    "JOINT",
    "NOTATIONS",
    "Chem",
    "Feature",
    "Mofid",
    "Notation",
    "NotationName",
    "Record",
    "Smiles",
    "Text",
    "as_records",
    "atom_positions",
    "atoms_beyond",
    "canonical_block",
    "compute_all",
    "detect_notation",
    "get_notation",
    "groups",
    "heed_interrupts",
    "mend_block",
    "normalise",
    "part_texts",
    "pattern",
    "rdkit_errors",
    "read_block",
    "read_mixed",
    "read_records",
    "respell",
    "token_kind",
    "write_block",
    "written_molecule",
]
