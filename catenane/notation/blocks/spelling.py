"""The canonical SMILES of a MOFid block, as the MOFid program has Open Babel write it.

RDKit's canonical SMILES of terephthalate is `O=C([O-])c1ccc(C(=O)[O-])cc1`; every MOFid writes it
`[O-]C(=O)c1ccc(cc1)C(=O)[O-]`. A model that has read MOFids knows the second spelling, so frameworks that
we make are spelled so. All but 18 of the 33,995 distinct blocks of the public MOFid sets come out letter by
letter as they stand there, metal clusters included.

Stereochemistry and isotopes are not written, and aromatic rings are taken as they were drawn.

Source: the canonical coding algorithm as Open Babel documents it (N. M. O'Boyle et al., J. Cheminform. 2011,
3, 33), with the extended invariants of D. Weininger et al., J. Chem. Inf. Comput. Sci. 1989, 29, 97.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catenane.notation.blocks.graph import block_graph
from catenane.notation.blocks.numbering import number_atoms
from catenane.notation.blocks.writing import write_graph
from catenane.notation.syntax import find_fault, find_ring_fault, notation_error

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["canonical_block", "read_block", "write_block"]

_LONGEST = 2_000
"""Characters of a block at most; the search for its numbering is recursive."""


def canonical_block(smiles: str) -> str:
    """The one spelling that MOFid has for this block.

    Raises:
        NotationError: The string is not SMILES of one connected block.
    """
    return write_block(read_block(smiles))


def read_block(smiles: str) -> Mol:
    """The block as an unsanitised molecule: metals, radicals and aromatic rings stay as they are written.

    Raises:
        NotationError: The string is not SMILES of one connected block.
    """
    from rdkit import Chem, rdBase

    if len(smiles) > _LONGEST:
        raise notation_error(f"{len(smiles):,} characters are more than the {_LONGEST:,} of a block", smiles)
    fault = find_fault(smiles, apart=True) or find_ring_fault(smiles)
    if fault is not None:
        raise notation_error(fault.reason, smiles, fault.position)
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles, sanitize=False)
    if mol is None or "." in smiles:
        raise notation_error("not SMILES of one connected block", smiles)
    mol.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(mol)
    return mol


def write_block(mol: Mol) -> str:
    """The canonical spelling of one connected molecule, sanitised or not."""
    graph = block_graph(mol)
    return write_graph(graph, number_atoms(graph))
