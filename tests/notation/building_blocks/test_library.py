from __future__ import annotations

import pytest

from catenane.notation import Mofid, Smiles, canonical_block, read_block
from catenane.notation.building_blocks import (
    builtin_blueprints,
    builtin_linkers,
    builtin_nodes,
    builtin_substituents,
)

LINKERS = {linker.name: linker for linker in builtin_linkers()}


def test_blocks_are_in_normal_form_and_each_is_there_once():
    nodes = [node.blocks for node in builtin_nodes()]
    assert len(set(nodes)) == len(nodes)
    for blocks in nodes:
        assert list(blocks) == sorted(blocks)
        assert [canonical_block(block) for block in blocks] == list(blocks)
    linkers = [linker.smiles for linker in builtin_linkers()]
    assert len(set(linkers)) == len(linkers) == len(LINKERS) > 120


def test_nodes_are_nodes_and_linkers_are_linkers():
    for node in builtin_nodes():
        assert f"[{node.metal}]" in "".join(Mofid(node.blocks).nodes)
        assert not Mofid(node.blocks).linkers
    for linker in builtin_linkers():
        assert Mofid((linker.smiles,)).linkers == (linker.smiles,)


@pytest.mark.parametrize(
    ("shape", "points"),
    [
        ("linear", 2),
        ("angled", 2),
        ("bent", 2),
        ("triangular", 3),
        ("h-shaped", 4),
        ("square", 4),
        ("tetrahedral", 4),
        ("star", 6),
    ],
)
def test_a_shape_goes_with_its_connectivity(shape, points):
    of_shape = [linker for linker in builtin_linkers() if linker.shape == shape]
    assert len(of_shape) >= 5
    assert {linker.points for linker in of_shape} == {points}


@pytest.mark.parametrize(
    ("name", "donor", "length", "formula"),
    [
        ("BDC", "carboxylate", 5, "C8H4O4-2"),
        ("2,6-NDC", "carboxylate", 7, "C12H6O4-2"),
        ("BPDC", "carboxylate", 9, "C14H8O4-2"),
        ("BTC", "carboxylate", 4, "C9H3O6-3"),
        ("BTB", "carboxylate", 12, "C27H15O6-3"),
        ("TCPP", "carboxylate", 18, "C48H26N4O8-4"),
        ("TBAPy", "carboxylate", 15, "C44H22O8-4"),
        ("BPTC", "carboxylate", 7, "C16H6O8-4"),
        ("MTB", "carboxylate", 10, "C29H16O8-4"),
        ("BTEI", "carboxylate", 14, "C36H12O12-6"),
        ("BPY", "nitrogen", 7, "C10H8N2"),
        ("DABCO", "nitrogen", 3, "C6H12N2"),
        ("DPTZ", "nitrogen", 11, "C12H8N6"),
        ("mIM", "imidazolate", 2, "C4H5N2"),
    ],
)
def test_well_known_linkers(name, donor, length, formula):
    from rdkit import Chem
    from rdkit.Chem.rdMolDescriptors import CalcMolFormula

    linker = LINKERS[name]
    assert (linker.donor, linker.length) == (donor, length)
    assert CalcMolFormula(Chem.MolFromSmiles(linker.smiles)) == formula


def test_carboxylates_carry_all_the_charge():
    from rdkit import Chem

    for linker in builtin_linkers():
        charge = Chem.GetFormalCharge(Chem.MolFromSmiles(linker.smiles))
        assert charge == (-linker.points if linker.donor == "carboxylate" else 0), linker.name


def test_every_blueprint_can_be_filled_and_names_its_source():
    names = {node.name for node in builtin_nodes()}
    for blueprint in builtin_blueprints():
        assert set(blueprint.nodes) <= names
        assert blueprint.example
        assert blueprint.source
        for slot in blueprint.slots:
            assert 1 <= slot.fewest <= slot.most
            assert sum(slot.takes(linker) for linker in builtin_linkers()) >= slot.most


def test_every_node_and_linker_is_of_use():
    slots = [slot for blueprint in builtin_blueprints() for slot in blueprint.slots]
    assert {name for blueprint in builtin_blueprints() for name in blueprint.nodes} == {
        n.name for n in builtin_nodes()
    }
    assert all(any(slot.takes(linker) for slot in slots) for linker in builtin_linkers())


def test_a_node_in_a_net_has_one_blueprint():
    pairs = [(name, blueprint.net) for blueprint in builtin_blueprints() for name in blueprint.nodes]
    assert len(set(pairs)) == len(pairs)


def _blocks(text: str) -> list[str]:
    return text.partition("&&")[0].partition(" ")[0].split(".")


def _elements(block: str) -> str:
    """The same for all spellings of a block."""
    return "".join(sorted(c for c in block.lower() if c.isalpha() and c != "h"))


def test_nodes_and_nets_are_those_of_real_mofids(real_mofids):
    ours = {block for node in builtin_nodes() for block in node.blocks}
    alike = set(map(_elements, ours | {linker.smiles for linker in builtin_linkers()}))
    blocks = {block for strings in real_mofids.values() for text in strings for block in _blocks(text)}
    written = {canonical_block(block) for block in blocks if _elements(block) in alike}
    known = [node for node in builtin_nodes() if set(node.blocks) <= written]
    assert len(known) >= len(builtin_nodes()) - 1  # dimolybdenum
    assert sum(linker.smiles in written for linker in builtin_linkers()) > 80


def test_substituents_are_bound_by_their_first_atom():
    for group in builtin_substituents():
        bound = Smiles.parse(f"c1ccc(cc1){group.smiles}")
        assert bound.mol.GetNumAtoms() == 6 + read_block(group.smiles).GetNumAtoms()
        assert not any(atom.GetNumRadicalElectrons() for atom in bound.mol.GetAtoms())


def test_linkers_that_share_places_have_axes_of_their_own_or_one_length():
    shared = {
        (blueprint.net, slot.equal)
        for blueprint in builtin_blueprints()
        for slot in blueprint.slots
        if slot.most > 1
    }
    assert {net for net, equal in shared if not equal} == {"pcu", "sql", "rna"}
    assert {net for net, equal in shared if equal} >= {"fcu", "sod", "rho"}
