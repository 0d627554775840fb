"""Shapes of the parts of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from catenane.errors import ConfigError
from catenane.settings import require_not_negative, require_positive, require_share, require_types

__all__ = [
    "AtomFeature",
    "DecoderConfig",
    "EncoderConfig",
    "GraphConfig",
    "HeadConfig",
    "HeadKind",
    "Pooling",
    "TargetScale",
    "TokenHeadConfig",
]

Attention = Literal["full", "linear"]
FeatureOrder = Literal["map-rotated", "rotate-mapped"]
Positions = Literal["sinusoidal", "learned", "rotary", "none"]
NormOrder = Literal["pre", "post"]
Activation = Literal["relu", "gelu", "geglu"]
Pooling = Literal["cls", "mean", "sum-max"]
GraphLayer = Literal["gcn", "gat"]
AtomFeature = Literal["canonical", "learned", "number", "random"]
TargetScale = Literal["auto", "linear", "sqrt", "raw"]
HeadKind = Literal["network", "gaussian-process", "auto"]


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Shape of the bidirectional encoder; `vocabulary_size` is filled from the tokenizer that is used."""

    vocabulary_size: int = 0
    """Number of tokens, special tokens included."""
    d_model: int = 192
    """Width of the residual stream."""
    n_layers: int = 4
    """Number of blocks."""
    n_heads: int = 6
    """Attention heads per block; divides `d_model`."""
    d_hidden: int = 512
    """Width of the feed-forward part of a block."""
    attention: Attention = "full"
    """Softmax attention, or kernel attention whose cost grows linearly with length."""
    n_features: int = 32
    """Random directions, and so features, per head of linear attention."""
    feature_order: FeatureOrder = "map-rotated"
    """Linear attention with rotary positions: φ(Rq) as in MoLFormer, or Rφ(q) as in RoFormer."""
    feature_floor: float = 1e-3
    """Added to each feature of linear attention; 0 in the released MoLFormer."""
    redraw_features: bool = False
    """Draw new directions for every batch in training, as the released MoLFormer does; evaluation never
    draws."""
    positions: Positions = "rotary"
    """Positional encoding: added to the embeddings, or a rotation of queries and keys."""
    norm_order: NormOrder = "pre"
    """Layer norm before each part of a block, or after its residual sum."""
    final_norm: bool | None = None
    """One more layer norm after the last block; by default with `pre` alone. The released MoLFormer has it
    after `post`."""
    norm_epsilon: float = 1e-5
    """Added to the variance in layer norms; 1e-12 in the MoLFormer of the Hugging Face hub."""
    activation: Activation = "geglu"
    """Non-linearity of the feed-forward part; `geglu` is gated."""
    dropout: float = 0.1
    """Share of activations dropped in training."""
    embedding_dropout: float | None = None
    """Share of the embeddings dropped in training; by default `dropout`."""
    max_length: int = 512
    """Longest sequence in tokens, [CLS] included; longer strings are truncated and counted."""

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "d_model", "n_layers", "n_heads", "d_hidden", "n_features", "max_length")
        require_share(self, "dropout", *(["embedding_dropout"] if self.embedding_dropout is not None else []))
        require_not_negative(self, "vocabulary_size", "feature_floor", "norm_epsilon")
        if self.d_model % self.n_heads:
            raise ConfigError(f"d_model={self.d_model} must be a multiple of n_heads={self.n_heads}")
        d_head = self.d_model // self.n_heads
        if self.positions == "rotary" and d_head % 2:
            raise ConfigError(f"positions='rotary' turns pairs: d_model / n_heads = {d_head} must be even")
        if self.positions == "rotary" and self.feature_order == "rotate-mapped" and self.n_features % 2:
            raise ConfigError(
                f"feature_order='rotate-mapped' turns pairs: n_features={self.n_features} must be even"
            )
        if self.positions == "sinusoidal" and self.d_model % 2:
            raise ConfigError(f"positions='sinusoidal' needs an even d_model, not {self.d_model}")

    @property
    def normalises_last(self) -> bool:
        """Whether a layer norm follows the last block."""
        return self.norm_order == "pre" if self.final_norm is None else self.final_norm


@dataclass(frozen=True, kw_only=True)
class GraphConfig:
    """Shape of a graph network over atoms; `encoder` then is the transformer that `learned` states are of."""

    layer: GraphLayer = "gcn"
    """`gcn` averages over neighbours, symmetrically normalised (Kipf and Welling 2017, arXiv:1609.02907);
    `gat` weighs them by attention (Velickovic et al. 2018, arXiv:1710.10903)."""
    atoms: tuple[AtomFeature, ...] = ("canonical",)
    """What is given of each atom, joined: `canonical` features, 74 of element, bonds, charge, hydrogens and
    hybridisation; states `learned` by a pretrained transformer, which stays as it is; the atomic `number`
    alone; or `random` numbers, other ones for every atom, as a control."""
    d_model: int = 128
    """Width of the states of atoms, even."""
    n_layers: int = 3
    """Layers, and so the number of bonds that an atom sees far."""
    n_heads: int = 4
    """Attention heads of `gat`; divides `d_model`."""
    dropout: float = 0.1
    """Share of activations dropped in training."""
    seed: int = 0
    """Of `random` numbers."""

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "d_model", "n_layers", "n_heads")
        require_share(self, "dropout")
        require_not_negative(self, "seed")
        if self.d_model % 2 or self.d_model % self.n_heads:
            raise ConfigError(
                f"d_model={self.d_model} must be even, and a multiple of n_heads={self.n_heads}"
            )
        if not self.atoms or len(set(self.atoms)) < len(self.atoms):
            raise ConfigError(f"atoms={list(self.atoms)} must name features, each once")

    @property
    def reads_states(self) -> bool:
        """Whether it builds on a pretrained transformer."""
        return "learned" in self.atoms


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """Shape of the property head on the pooled states."""

    kind: HeadKind = "network"
    """`network` learns by gradient descent; `gaussian-process` predicts by similarity to training rows, for a
    frozen encoder and up to some ten thousand rows; `auto` takes it for numbers up to half as many rows as
    `landmarks`, and for classes, which networks overfit, up to five times as many."""
    landmarks: int = 8000
    """Training rows that a Gaussian process keeps at most; a trained model has as many as it keeps."""
    fragments: int = 0
    """Kinds of Morgan fragments, folded, that are counted beside the descriptors; 0 for none. A Gaussian
    process reads as many kinds in which atoms are told apart by their roles alone."""
    hidden: tuple[int, ...] = (256,)
    """Widths of the hidden layers, first to last; empty for a linear head."""
    pooling: Pooling = "mean"
    """State of [CLS], or the mean over all real tokens or atoms; of atoms also `sum-max`: half of the numbers
    summed, with a weight for each atom that is learnt, half the largest."""
    residual: bool = False
    """Add the input of a hidden layer to its output, as the head of MoLFormer does; widths must agree."""
    dropout: float = 0.1
    """Share of hidden activations dropped in training."""
    gain: float = 2**0.5
    """Of the hidden layers' first weights: √2 keeps the variance (He et al. 2015, arXiv:1502.01852, eq. 10);
    over a frozen encoder, most of whose states matter little, smaller weights generalise better."""
    members: int = 1
    """Heads side by side, alike but for the weights they start from; the prediction is their mean."""
    descriptors: bool = True
    """Join chemical descriptors (see `catenane.descriptors`) to the pooled states."""
    descriptor_layer: bool = True
    """Pass them through a layer as wide as the encoder first, so that they do not outweigh the string; over a
    frozen encoder, whose states are standardised as they are, nothing is gained by it."""
    target_scale: TargetScale = "linear"
    """Scale that targets are learnt on; `sqrt` is for amounts, which are never negative and spread widely;
    `auto` takes it for labels that are so (skewness above 1), and `linear` for others. `raw` does not
    standardise them, so that the one with the largest numbers weighs most."""
    isotherm_sites: int = 0
    """Sites of an adsorption isotherm for each gas, from which the targets, uptakes at pressures, follow; 0
    scores each target by itself."""

    @property
    def n_roles(self) -> int:
        """Kinds of fragments by roles."""
        return self.fragments if self.kind == "gaussian-process" else 0

    def __post_init__(self) -> None:
        require_types(self)
        require_share(self, "dropout")
        require_not_negative(self, "isotherm_sites", "fragments")
        require_positive(self, "gain", "members", "landmarks")
        if self.fragments and not self.descriptors:
            raise ConfigError("head.fragments are counted beside descriptors: set head.descriptors=true")
        if any(width < 1 for width in self.hidden):
            raise ConfigError(f"hidden={list(self.hidden)} must hold positive widths")


@dataclass(frozen=True, kw_only=True)
class TokenHeadConfig:
    """Shape of the token head of pretraining; the released MoLFormer has neither tie nor bias."""

    tied: bool = True
    """Use the input embedding as output projection, instead of a matrix of its own."""
    bias: bool = True
    """Add a bias to the score of each token."""

    def __post_init__(self) -> None:
        require_types(self)


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Shape of the decoder of the objective `mass`; its blocks are those of the encoder."""

    n_layers: int = 6
    """Number of blocks."""

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "n_layers")
