"""Whether the heads of a model attend to functional groups more than to other atoms.

Axes: G groups, Y layers, H heads, A atoms, L tokens, K networks: the model, and one of random weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from catenane.analysis.functional_groups import functional_groups, group_atoms
from catenane.errors import DataError
from catenane.inference import Model
from catenane.inference.attention import attend
from catenane.notation import Record, written_molecule
from catenane.progress import RowCount
from catenane.tokenizers import Alignment

__all__ = ["Enrichment", "GroupAttention", "group_attention", "permutation_moments"]

Floats = NDArray[np.float64]
FEWEST = 10
"""Strings with a group below which it is left out."""


@dataclass(frozen=True)
class Enrichment:
    """Attention that groups receive, beside what as many shuffled atoms of the same strings would."""

    ratio_GYH: Floats
    """Received over expected; 1 is chance."""
    p_GYH: Floats
    """Two-sided, from the exact mean and variance over all shuffles and a normal distribution."""
    corrected_GYH: Floats
    """Corrected for all groups and heads (Benjamini and Hochberg 1995)."""


@dataclass(frozen=True)
class GroupAttention:
    """Enrichment of groups in a corpus."""

    groups: tuple[str, ...]
    n_strings: dict[str, int]
    """Strings that have the group, for every group that was sought."""
    n_atoms: dict[str, int]
    n_read: int
    """Strings that were read."""
    among_all: Enrichment
    """Atoms are shuffled among all of a string."""
    among_alike: Enrichment
    """They are shuffled among those that are written alike, such as `c` or `[O-]`: what is left is neither
    the element nor its charge."""
    all_untrained: Enrichment
    """As `among_all`, of the same network with weights drawn at random: what comes of tokens and places."""
    alike_untrained: Enrichment

    @property
    def comparisons(self) -> tuple[Enrichment, Enrichment, Enrichment, Enrichment]:
        """The model's two, and those of random weights."""
        return self.among_all, self.among_alike, self.all_untrained, self.alike_untrained


def group_attention(
    model: Model, records: Sequence[Record], *, fewest: int = FEWEST, seed: int = 0
) -> GroupAttention:
    """Sum what each group receives in each head, and what it would by chance.

    What an atom receives is the mean weight that all tokens give it. Atoms that a model did not read, because
    the string is too long for it, are left out.

    Args:
        model: With an encoder that attends.
        records: Strings, each counted as often as it comes.
        fewest: Strings with a group below which it is left out.
        seed: Of the random weights that the model is compared with.

    Raises:
        BundleError: The encoder has no attention weights.
        DataError: No group is in as many strings.
    """
    sums: dict[str, Floats] = {}
    n_strings, n_atoms = Counter[str](), Counter[str]()
    networks = (model, _untrained(model, seed))
    with RowCount("groups", len(records)) as count:
        for record in records:
            found = [attend(network, [record]) for network in networks]
            alignment = found[0].alignment
            read_A = alignment.token_of_atom >= 0
            received_KYHL = np.array([each.weights_YHLL.mean(axis=-2) for each in found])
            received_KYHA = received_KYHL[..., alignment.token_of_atom[read_A]].astype(np.float64)
            whole = np.zeros(int(read_A.sum()), np.int64)
            alike = np.unique(np.array(alignment.symbols)[read_A], return_inverse=True)[1]
            for name, atoms in atoms_by_group(alignment).items():
                chosen = np.isin(np.flatnonzero(read_A), list(atoms))
                if not chosen.any():
                    continue
                observed = received_KYHA[..., chosen].sum(axis=-1)
                moments = [permutation_moments(received_KYHA, chosen, strata) for strata in (whole, alike)]
                sums[name] = sums.get(name, 0) + np.stack([observed, *moments[0], *moments[1]])
                n_strings[name] += 1
                n_atoms[name] += int(chosen.sum())
            count.add(1)
    groups = tuple(name for name in functional_groups() if n_strings[name] >= fewest)
    if not groups:
        raise DataError(
            f"none of {len(functional_groups())} functional groups is in at least {fewest} of "
            f"{len(records):,} strings: give more strings, or ask for fewer with each group"
        )
    observed, *moments = np.stack([sums[name] for name in groups], axis=2)
    enrichments = [
        _enrichment(observed[network], moments[first][network], moments[first + 1][network])
        for network in range(len(networks))
        for first in (0, 2)
    ]
    return GroupAttention(groups, dict(n_strings), dict(n_atoms), len(records), *enrichments)


def _untrained(model: Model, seed: int) -> Model:
    """The model with weights drawn at random."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = model.config.build_model()
    return Model(replace(model.bundle, model=network), device=str(model.device))


def atoms_by_group(alignment: Alignment) -> dict[str, set[int]]:
    """Atoms of each functional group, counted over the whole text; none spans two pieces."""
    found: dict[str, set[int]] = {}
    for piece in alignment.pieces:
        molecule = written_molecule(piece.smiles)
        for name, atoms in group_atoms(molecule).items() if molecule is not None else ():
            found.setdefault(name, set()).update(atom + piece.atoms.start for atom in atoms)
    return found


def permutation_moments(
    values: Floats, chosen_A: NDArray[np.bool_], strata_A: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Mean and variance of the sum over the chosen atoms when atoms of one stratum change places.

    Over all permutations of n values, the sum of s of them has the mean s μ and the variance
    s σ² (n − s) / (n − 1), with the mean μ and the variance σ² of the n (sampling without replacement).

    Args:
        values: Of the atoms, (..., A).
        chosen_A: The atoms that are summed.
        strata_A: Number of the stratum of each atom.

    Returns:
        Both of the shape of `values` without its last axis.
    """
    mean, variance = np.zeros((2, *values.shape[:-1]))
    for stratum in np.unique(strata_A[chosen_A]):
        own = values[..., strata_A == stratum]
        size, n_chosen = own.shape[-1], int(chosen_A[strata_A == stratum].sum())
        mean += n_chosen * own.mean(axis=-1)
        if size > n_chosen:
            variance += n_chosen * own.var(axis=-1) * (size - n_chosen) / (size - 1)
    return mean, variance


def _enrichment(observed: Floats, mean: Floats, variance: Floats) -> Enrichment:
    from scipy.stats import false_discovery_control, norm

    with np.errstate(divide="ignore", invalid="ignore"):
        z = (observed - mean) / np.sqrt(variance)
        ratio = observed / mean
    # Where nothing can be shuffled, as where every atom written so is in the group, nothing is found.
    p = 2 * norm.sf(np.abs(np.where(variance > 1e-20, z, 0)))
    return Enrichment(ratio, p, false_discovery_control(p, axis=None).reshape(p.shape))
