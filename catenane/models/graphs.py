"""Graph networks, which read the atoms and bonds of molecules.

Axes: N molecules, B those of a batch, A their atoms end to end, E bonds, in batches once in each direction, F
features of an atom, D width of the states.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import gelu

from catenane.config import AtomFeature, EncoderConfig, GraphConfig, Pooling, Recipe
from catenane.descriptors import N_CANONICAL, N_ELEMENTS, atom_graph
from catenane.errors import MissingDependencyError
from catenane.models.encoder import Encoder, TransformerEncoder
from catenane.nn import Dropout
from catenane.notation import Record, compute_all
from catenane.tokenizers import EncodedStrings, StringTokenizer
from catenane.tokenizers.encoded import expand_ranges

__all__ = ["EncodedGraphs", "GraphEncoder", "import_geometric", "make_encoder", "take_over"]

N_RANDOM = N_CANONICAL
"""Random numbers of an atom."""
Inputs = tuple[Tensor, Tensor, Tensor]
"""Features (A, F), where each bond begins and ends (2, E), and how many atoms each molecule has (B,)."""


@dataclass(frozen=True, eq=False)
class EncodedGraphs:
    """The graphs of N molecules, end to end: the atoms from `first_atom[i]` on are those of molecule i."""

    tokens: EncodedStrings
    """The strings, as far as they are judged by their tokens."""
    traits_AF: NDArray[np.int8]
    """Features that are small whole numbers."""
    states_AF: NDArray[np.float32]
    """Those that are not."""
    first_atom: NDArray[np.int64]
    """(N + 1,), the number of all atoms last."""
    bonds_E2: NDArray[np.int32]
    """Atoms of each bond, counted within the molecule."""
    first_bond: NDArray[np.int64]
    """(N + 1,), the number of all bonds last."""

    def __len__(self) -> int:
        return len(self.first_atom) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Atoms of each molecule, (N,)."""
        return np.diff(self.first_atom)

    def take(self, indices: NDArray[np.integer[Any]]) -> EncodedGraphs:
        """The molecules at these places, in this order; a place may come more than once."""
        n_atoms, n_bonds = self.lengths[indices], np.diff(self.first_bond)[indices]
        atoms = expand_ranges(self.first_atom[:-1][indices], n_atoms)
        bonds = expand_ranges(self.first_bond[:-1][indices], n_bonds)
        return EncodedGraphs(
            self.tokens.take(indices), self.traits_AF[atoms], self.states_AF[atoms], _ends(n_atoms),
            self.bonds_E2[bonds], _ends(n_bonds),
        )  # fmt: skip

    def inputs(self) -> Inputs:
        """All molecules as one graph whose parts no bond connects."""
        features_AF = np.concatenate([self.traits_AF.astype(np.float32), self.states_AF], axis=1)
        once_2E = (self.bonds_E2 + np.repeat(self.first_atom[:-1], np.diff(self.first_bond))[:, None]).T
        edges_2E = np.concatenate([once_2E, once_2E[::-1]], axis=1).astype(np.int64)
        return torch.from_numpy(features_AF), torch.from_numpy(edges_2E), torch.from_numpy(self.lengths)


class GraphEncoder(nn.Module):
    """Layers of a graph network over what is known of atoms: linear → (norm → layer → + residual) ... → norm.

    Args:
        config: Its shape.
        states: Shape of the transformer whose states of atoms it reads, if it does. That has weights of its
            own, `atoms.*`, which are loaded and not trained.

    Raises:
        MissingDependencyError: PyTorch Geometric is not installed.

    Source of the layers: Kipf and Welling 2017, arXiv:1609.02907, eq. 2; Velickovic et al. 2018,
    arXiv:1710.10903, eqs. 1 to 5, heads joined.
    """

    atoms: Any

    def __init__(self, config: GraphConfig, states: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.atoms = TransformerEncoder(states).requires_grad_(False) if config.reads_states else None
        self.n_traits = N_CANONICAL * ("canonical" in config.atoms) + N_ELEMENTS * ("number" in config.atoms)
        n_states = N_RANDOM * ("random" in config.atoms) + states.d_model * config.reads_states
        self.scale = nn.LayerNorm(n_states) if n_states else nn.Identity()
        self.input = nn.Linear(self.n_traits + n_states, config.d_model)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.d_model)
        self.weight = nn.Linear(config.d_model, 1)

    @property
    def d_model(self) -> int:
        """Width of the states."""
        return self.config.d_model

    def read(self, records: Sequence[Record], tokenizer: StringTokenizer) -> EncodedGraphs:
        """The graphs of molecules, the states of their atoms by the transformer among their features.

        An atom beyond the longest string that the transformer reads has zeros for its state.
        """
        parts = [part for record in records for part in record.parts]
        graphs = compute_all(parts, atom_graph)
        texts, n_atoms = [part.text for part in parts], [len(graph.number_A) for graph in graphs]
        makers: dict[AtomFeature, Callable[[], NDArray]] = {
            "canonical": lambda: _joined([graph.canonical_AF for graph in graphs], N_CANONICAL, np.int8),
            "number": lambda: _one_hot(_joined([graph.number_A[:, None] for graph in graphs], 1, np.uint8)),
            "random": lambda: _joined(list(map(self._random, texts, n_atoms)), N_RANDOM, np.float32),
            "learned": lambda: np.nan_to_num(self.atoms.atom_states(parts, tokenizer)),
        }
        found = [make() for name, make in makers.items() if name in self.config.atoms]
        traits = [np.empty((sum(n_atoms), 0), np.int8), *(part for part in found if part.dtype == np.int8)]
        states = [np.empty((sum(n_atoms), 0), np.float32), *(p for p in found if p.dtype == np.float32)]
        longest = None if self.atoms is None else self.atoms.config.max_length
        return EncodedGraphs(
            tokenizer.encode_flat(texts, longest), np.hstack(traits), np.hstack(states), _ends(n_atoms),
            _joined([graph.bonds_E2 for graph in graphs], 2, np.int32),
            _ends([len(graph.bonds_E2) for graph in graphs]),
        )  # fmt: skip

    def _random(self, text: str, n_atoms: int) -> NDArray[np.float32]:
        """Numbers of each atom by chance, the same for one string at every reading."""
        digest = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
        generator = np.random.default_rng([self.config.seed, digest])
        return generator.standard_normal((n_atoms, N_RANDOM), np.float32)

    def forward(self, features_AF: Tensor, edges_2E: Tensor) -> Tensor:
        """States of the atoms, (A, d_model); bonds stand once in each direction."""
        traits_AF, states_AF = features_AF[:, : self.n_traits], features_AF[:, self.n_traits :]
        states_AD: Tensor = self.input(torch.cat([traits_AF, self.scale(states_AF)], dim=1))
        for layer in self.layers:
            states_AD = layer(states_AD, edges_2E)
        normed_AD: Tensor = self.norm(states_AD)
        return normed_AD

    def encode(self, inputs: Inputs, pooling: Pooling) -> Tensor:
        """One vector for each molecule, of all its parts, (B, d_model)."""
        features_AF, edges_2E, sizes_B = inputs
        states_AD = self(features_AF, edges_2E).float()
        owner_A = torch.repeat_interleave(sizes_B)
        if pooling == "mean":
            return _summed(states_AD, owner_A, sizes_B) / sizes_B[:, None]
        added_AH, compared_AH = states_AD.chunk(2, dim=1)
        summed_BH = _summed(torch.sigmoid(self.weight(states_AD)) * added_AH, owner_A, sizes_B)
        index_AH = owner_A[:, None].expand_as(compared_AH)
        largest_BH = torch.zeros_like(summed_BH).scatter_reduce(
            0, index_AH, compared_AH, "amax", include_self=False
        )
        return torch.cat([summed_BH, largest_BH], dim=1)

    def atom_states(self, records: Sequence[Record], tokenizer: StringTokenizer) -> NDArray[np.float32]:
        """States of the last layer."""
        device, was_training = self.input.weight.device, self.training
        features_AF, edges_2E, _ = (part.to(device) for part in self.read(records, tokenizer).inputs())
        with torch.inference_mode():
            states_AD: NDArray[np.float32] = self.eval()(features_AF, edges_2E).float().cpu().numpy()
        self.train(was_training)
        return states_AD


class _Layer(nn.Module):
    """A layer of PyTorch Geometric beside a residual path."""

    def __init__(self, config: GraphConfig) -> None:
        super().__init__()
        layers, width = import_geometric(), config.d_model
        self.norm = nn.LayerNorm(width)
        if config.layer == "gcn":
            self.convolution = layers.GCNConv(width, width)
        else:
            self.convolution = layers.GATConv(width, width // config.n_heads, config.n_heads)
        self.dropout = Dropout(config.dropout)

    def forward(self, states_AD: Tensor, edges_2E: Tensor) -> Tensor:
        changed_AD: Tensor = self.dropout(gelu(self.convolution(self.norm(states_AD), edges_2E)))
        return states_AD + changed_AD


def make_encoder(recipe: Recipe) -> Encoder:
    """A fresh encoder of a recipe."""
    shape, graph = recipe.encoder, recipe.graph
    return TransformerEncoder(shape) if graph is None else GraphEncoder(graph, shape)


def take_over(encoder: Any, pretrained: Any) -> None:
    """Give a fresh encoder, or the transformer under a graph network, the weights of a pretrained one."""
    below = isinstance(encoder, GraphEncoder) and not isinstance(pretrained, GraphEncoder)
    (encoder.atoms if below else encoder).load_state_dict(pretrained.state_dict())


def import_geometric() -> Any:
    """The layers of PyTorch Geometric, which uses what PyTorch calls outdated.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            from torch_geometric import nn as layers
    except ImportError:
        raise MissingDependencyError("torch_geometric", extra="graph", purpose="for graph networks") from None
    return layers


def _ends(sizes: Any) -> NDArray[np.int64]:
    """Where each begins, and where the last ends."""
    return np.append(0, np.cumsum(sizes)).astype(np.int64)


def _joined(parts: Sequence[NDArray], width: int, dtype: Any) -> NDArray:
    return np.concatenate([np.empty((0, width), dtype), *parts])


def _one_hot(number_A1: NDArray[np.uint8]) -> NDArray[np.int8]:
    found: NDArray[np.int8] = np.eye(N_ELEMENTS, dtype=np.int8)[number_A1[:, 0]]
    return found


def _summed(states_AD: Tensor, owner_A: Tensor, sizes_B: Tensor) -> Tensor:
    return states_AD.new_zeros(len(sizes_B), states_AD.shape[1]).index_add(0, owner_A, states_AD)
