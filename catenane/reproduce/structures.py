"""Measures of structural information in an encoder: correlates of its distances, and its attention.

Axes: P pairs of molecules, A atoms of a molecule, Y layers of an encoder, H heads, L tokens.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catenane.inference import Model
from catenane.metrics import FloatArray
from catenane.notation import Chem, Record, rdkit_errors
from catenane.reproduce.training import Case, Values
from catenane.reproduce.workbench import Workbench

__all__ = [
    "RANGES", "attention_change", "correlation", "geometry", "mapped_distances", "range_cosines",
    "similarity",
]  # fmt: skip

MOST_PAIRS, MOST_STRINGS = 10_000, 200
MCS_SECONDS = 1
"""After which the search for a maximum common substructure gives what it has found."""
FEWEST_DRAWN = 12
"""Atoms of the molecule that is drawn, if there is one with so many."""
RANGES = {"short": (0.0, 2.0), "medium": (2.0, 4.0), "long": (4.0, 10.0)}
"""Angstrom: Table 7 of MoLFormer."""


def similarity(case: Case) -> Values:
    """How distances of embeddings follow likeness of structure, over pairs that share no molecule.

    `fingerprint` is the Tanimoto distance of Morgan fingerprints, `mcs` the atoms of the maximum common
    substructure. Where its search ends early its size is a lower bound; `finished` leaves such pairs out.
    """
    pairs_P2 = _pairs(len(case.table), case.seed)
    states_ND = Model(case.bundle, device=case.bench.device).embed_normalised(case.table.records)
    between_P = np.linalg.norm(states_ND[pairs_P2[:, 0]] - states_ND[pairs_P2[:, 1]], axis=1)
    tanimoto_P, common_P, finished_P = _likeness(case.bench, case.data.name, case.seed)
    return {
        "pairs": len(pairs_P2), "unfinished": int((~finished_P).sum()), "unlike": float(tanimoto_P.mean()),
        "fingerprint": correlation(between_P, tanimoto_P), "mcs": correlation(between_P, common_P),
        "finished": correlation(between_P[finished_P], common_P[finished_P]),
    }  # fmt: skip


def correlation(first_P: FloatArray, second_P: FloatArray) -> Values:
    """Pearson and Spearman coefficients, the former with its 95 % interval by Fisher's z."""
    from scipy.stats import pearsonr, spearmanr

    found = pearsonr(first_P, second_P)
    low, high = found.confidence_interval()
    return {
        "pearson": float(found.statistic), "low": float(low), "high": float(high),
        "spearman": float(spearmanr(first_P, second_P).statistic),
    }  # fmt: skip


def geometry(case: Case) -> Values:
    """Cosine of attention with masks of interatomic distance, by layer and range, means over molecules.

    Attention is averaged over heads and taken between different heavy atoms. `uniform` is what attention that
    is alike everywhere scores: the share of a range in the pairs decides it.
    """
    model = Model(case.bundle, device=case.bench.device)
    found: list[FloatArray] = []
    uniform: list[FloatArray] = []
    drawn: Values = {}
    for row, record in enumerate(case.table.records):
        columns = (case.table.columns[name][row] for name in ("symbols", "xyz_angstrom"))
        distances_AA = mapped_distances(record, *columns)
        if distances_AA is None:
            continue
        weights_YAA = model.attention(record.text).of_atoms.mean(axis=1)
        if weights_YAA.shape[1:] != distances_AA.shape:
            continue
        found.append(range_cosines(weights_YAA, distances_AA))
        uniform.append(range_cosines(np.ones((1, *distances_AA.shape)), distances_AA))
        if not drawn or len(drawn["symbols"]) < FEWEST_DRAWN <= len(distances_AA):
            drawn = _shown(record, distances_AA, weights_YAA)
    mean_YR, even_1R = np.nanmean(found, axis=0), np.nanmean(uniform, axis=0)
    layers = {str(y + 1): dict(zip(RANGES, row.tolist(), strict=True)) for y, row in enumerate(mean_YR)}
    return {
        "layers": layers, "uniform": dict(zip(RANGES, even_1R[0].tolist(), strict=True)),
        "molecules": len(found), "unmapped": len(case.table) - len(found), "example": drawn,
    }  # fmt: skip


def range_cosines(weights_YAA: NDArray[Any], distances_AA: FloatArray) -> FloatArray:
    """Cosine of each layer's weights between different atoms with the mask of each range, (Y, 3), or NaN."""
    apart = ~np.eye(len(distances_AA), dtype=bool)
    weights_YP, distances_P = weights_YAA[:, apart], distances_AA[apart]
    masks_RP = np.array([(low <= distances_P) & (distances_P < high) for low, high in RANGES.values()], float)
    norms_YR = np.linalg.norm(weights_YP, axis=1)[:, None] * np.linalg.norm(masks_RP, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines_YR: FloatArray = weights_YP @ masks_RP.T / norms_YR
    return cosines_YR


def attention_change(case: Case) -> Values:
    """How far training has moved attention: distances between the maps before and after it, by layer.

    The Jensen-Shannon distance of what each token attends to, from 0 to 1, is averaged over tokens, heads and
    some test strings. `heads` is that between two heads of one layer before training, to compare with.
    """
    if not case.variant.recipe:
        return {}
    from scipy.spatial.distance import jensenshannon

    def distance(first: NDArray[Any], second: NDArray[Any]) -> FloatArray:
        # Of maps that are alike scipy takes the root of a rounding error.
        distances = np.nan_to_num(jensenshannon(first, second, axis=-1, base=2))
        of_layers: FloatArray = distances.mean(axis=(1, 2))
        return of_layers

    before, after = (Model(bundle, device=case.bench.device) for bundle in (case.start, case.bundle))
    found: list[FloatArray] = []
    for record in case.table.take(case.split.test[:MOST_STRINGS]).records:
        old_YHLL, new_YHLL = (
            model.attention(record.text).weights_YHLL.astype(float) for model in (before, after)
        )
        rolled = [np.roll(old_YHLL, shift, axis=1) for shift in range(1, old_YHLL.shape[1])]
        apart_Y = np.mean([distance(old_YHLL, other) for other in rolled], axis=0)
        found.append(np.array([distance(old_YHLL, new_YHLL), apart_Y]))
    of_layers = zip(("moved", "heads"), np.mean(found, axis=0).tolist(), strict=True)
    return {
        "attention": {
            name: {f"layer {y}": value for y, value in enumerate(values, start=1)}
            for name, values in of_layers
        }
    }


def mapped_distances(record: Record, symbols: str, places: str) -> FloatArray | None:
    """Distances in angstrom between the heavy atoms of a geometry, in the order of the string, (A, A).

    None where the bonds that the geometry shows are not those of the string, or hydrogens are written out.
    """
    from rdkit.Chem import rdDetermineBonds

    elements, places_A3 = symbols.split(), np.array([place.split(",") for place in places.split(";")], float)
    with rdkit_errors(record.text):
        mol, solid = Chem.MolFromSmiles(record.text), Chem.RWMol()
        conformer = Chem.Conformer(len(elements))
        for index, (symbol, place) in enumerate(zip(elements, places_A3.tolist(), strict=True)):
            solid.AddAtom(Chem.Atom(symbol))
            conformer.SetAtomPosition(index, place)
        solid.AddConformer(conformer)
        rdDetermineBonds.DetermineConnectivity(solid)
        order = _skeleton(solid).GetSubstructMatch(_skeleton(mol))
    heavy = [index for index, symbol in enumerate(elements) if symbol != "H"]
    if len(order) != len(heavy) or len(order) != mol.GetNumAtoms():
        return None
    places_A3 = places_A3[[heavy[index] for index in order]]
    distances_AA: FloatArray = np.linalg.norm(places_A3[:, None] - places_A3, axis=-1)
    return distances_AA


def _skeleton(mol: Chem.Mol) -> Chem.Mol:
    """The heavy atoms by element, and which are bound."""
    plain, number = Chem.RWMol(), {}
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() > 1:
            number[atom.GetIdx()] = plain.AddAtom(Chem.Atom(atom.GetAtomicNum()))
    for bond in mol.GetBonds():
        first, second = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if first in number and second in number:
            plain.AddBond(number[first], number[second], Chem.BondType.SINGLE)
    return plain.GetMol()


def _shown(record: Record, distances_AA: FloatArray, weights_YAA: NDArray[Any]) -> Values:
    """Bonds, distances and the attention of the middle layer of one molecule."""
    mol = Chem.MolFromSmiles(record.text)
    return {
        "smiles": record.text, "symbols": [atom.GetSymbol() for atom in mol.GetAtoms()],
        "bonds": Chem.GetAdjacencyMatrix(mol).tolist(), "distances": distances_AA.round(3).tolist(),
        "attention": weights_YAA[(len(weights_YAA) - 1) // 2].astype(float).round(4).tolist(),
    }  # fmt: skip


def _pairs(n_molecules: int, seed: int) -> NDArray[np.int64]:
    """Places of molecules, (P, 2), each in one pair at most, so that pairs are independent."""
    n_pairs = min(MOST_PAIRS, n_molecules // 2)
    return np.random.default_rng(seed).permutation(n_molecules)[: 2 * n_pairs].reshape(-1, 2)


@cache
def _likeness(bench: Workbench, name: str, seed: int) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Of each pair the Tanimoto distance, the atoms in common, and whether the search for these finished."""
    from rdkit.Chem import rdFingerprintGenerator, rdFMCS
    from rdkit.DataStructs import TanimotoSimilarity

    data = next(variant.data for variant in bench.protocol.variants if variant.data.name == name)
    mols = [record.parsed.mol for record in bench.table(data).records]
    prints = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048).GetFingerprints(mols)
    tanimoto, common, finished = [], [], []
    for first, second in _pairs(len(mols), seed).tolist():
        tanimoto.append(1 - TanimotoSimilarity(prints[first], prints[second]))
        shared = rdFMCS.FindMCS([mols[first], mols[second]], timeout=MCS_SECONDS)
        common.append(shared.numAtoms)
        finished.append(not shared.canceled)
    return np.array(tanimoto), np.array(common, float), np.array(finished)
