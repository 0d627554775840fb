"""Typed settings, and the recipes that name a whole set of them.

A recipe is a TOML file: the `objective` of pretraining, and the tables `encoder`, `head`, `token_head`,
`auxiliary`, `masking` (of the objective `mlm`), `fragment` and `decoder` (of `mass`), `pretraining` and
`finetuning`. A published model is such a file, not a class; `recipes/` holds the ones that come with the
package.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from catenane.errors import ConfigError
from catenane.settings import build, require_not_negative, require_positive, require_share, require_types

__all__ = [
    "LOSSES",
    "AuxiliaryConfig",
    "DecoderConfig",
    "EncoderConfig",
    "FragmentConfig",
    "HeadConfig",
    "HeadKind",
    "Loss",
    "MaskingConfig",
    "Objective",
    "Recipe",
    "Task",
    "TokenHeadConfig",
    "TrainingConfig",
    "load_recipe",
    "recipe_names",
]

Attention = Literal["full", "linear"]
FeatureOrder = Literal["map-rotated", "rotate-mapped"]
Positions = Literal["sinusoidal", "learned", "rotary", "none"]
NormOrder = Literal["pre", "post"]
Activation = Literal["relu", "gelu", "geglu"]
Pooling = Literal["cls", "mean"]
TargetScale = Literal["auto", "linear", "sqrt"]
Objective = Literal["mlm", "mass", "descriptors", "consistency"]
FragmentStart = Literal["mass", "uniform"]
Policy = Literal["bert", "cao"]
HeadKind = Literal["network", "gaussian-process", "auto"]
Loss = Literal["mae", "huber", "mse", "bce", "cross_entropy"]
Precision = Literal["auto", "bf16", "fp32"]
Task = Literal["regression", "classification", "multiclass"]
LOSSES: Mapping[Task, tuple[Loss, ...]] = {
    "regression": ("mae", "huber", "mse"),
    "classification": ("bce",),
    "multiclass": ("cross_entropy",),
}
"""What networks can make small by task."""
RECIPES = Path(__file__).parent / "recipes"


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
class HeadConfig:
    """Shape of the property head on the pooled states."""

    kind: HeadKind = "network"
    """`network` learns by gradient descent; `gaussian-process` predicts by similarity to training rows, for a
    frozen encoder and up to some ten thousand rows; `auto` takes it for numbers while every row can be a
    landmark, and for classes, which networks overfit, up to ten times as many rows."""
    landmarks: int = 4000
    """Training rows that a Gaussian process keeps at most; a trained model has as many as it keeps."""
    fragments: int = 0
    """Kinds of Morgan fragments, folded, that are counted beside the descriptors; 0 for none."""
    hidden: tuple[int, ...] = (256,)
    """Widths of the hidden layers, first to last; empty for a linear head."""
    pooling: Pooling = "mean"
    """State of [CLS], or the mean over all real tokens."""
    residual: bool = False
    """Add what a hidden layer reads to what it gives, as the head of MoLFormer does; widths must agree."""
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
    `auto` takes it for labels that are so (skewness above 1), and `linear` for others."""
    isotherm_sites: int = 0
    """Sites of an adsorption isotherm for each gas, from which the targets, uptakes at pressures, follow; 0
    scores each target by itself."""

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
    """Shape of the head that names tokens in pretraining; the released MoLFormer has neither tie nor bias."""

    tied: bool = True
    """Take the embedding that reads tokens as output projection, instead of a matrix of its own."""
    bias: bool = True
    """Add a number for each token to its score."""

    def __post_init__(self) -> None:
        require_types(self)


@dataclass(frozen=True, kw_only=True)
class MaskingConfig:
    """What the objective `mlm` hides."""

    policy: Policy = "bert"
    """Of the chosen tokens: `bert` masks 80 %, replaces 10 %, keeps 10 %; `cao` masks 90 %, replaces 10 %."""
    share: float = 0.15
    """Share of the real tokens that are chosen."""

    def __post_init__(self) -> None:
        require_types(self)
        if not 0 < self.share < 1:
            raise ConfigError(f"share={self.share} must lie between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class AuxiliaryConfig:
    """Weights of the losses that are added to that of the recipe's objective, whose own weight is 1."""

    mlm: float = 0.0
    """Of naming hidden tokens."""
    descriptors: float = 0.0
    """Of telling descriptors."""
    consistency: float = 0.0
    """Of finding the other spelling."""

    def __post_init__(self) -> None:
        require_types(self)
        require_not_negative(self, "mlm", "descriptors", "consistency")

    @property
    def weights(self) -> dict[Objective, float]:
        """Those that are not zero, by name."""
        named: dict[Objective, float] = dataclasses.asdict(self)  # type: ignore[assignment]
        return {name: weight for name, weight in named.items() if weight}


@dataclass(frozen=True, kw_only=True)
class FragmentConfig:
    """What the objective `mass` hides: one run of tokens of each string, [SEP] among them, [CLS] never."""

    share: float = 0.5
    """Share of the tokens that are hidden, one at least; 1 hides the whole string."""
    spread: float = 0.0
    """The share of each string is drawn evenly from this much below `share` to as much above it."""
    start: FragmentStart = "mass"
    """Where the run begins: `mass` at the first place in 20 % of the strings, at the last possible in 20 %,
    else anywhere; `uniform` anywhere."""
    parts: float = 0.0
    """Share of the strings in which the run is one whole part instead: what stands between two dots, such as
    a linker, or a branch without its brackets."""
    policy: Policy = "bert"
    """What the encoder reads of the run; see `masking.policy`."""

    def __post_init__(self) -> None:
        require_types(self)
        require_not_negative(self, "share", "spread", "parts")
        if self.share > 1 or self.parts > 1:
            raise ConfigError(f"share={self.share} and parts={self.parts} must be at most 1")


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Shape of the decoder of the objective `mass`; its blocks are those of the encoder."""

    n_layers: int = 6
    """Number of blocks."""

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "n_layers")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """One training run: how long, how fast, when to stop."""

    loss: Loss = "huber"
    """Of numbers, on standardised targets: absolute, squared, or Huber, absolute beyond one deviation. Of
    classes it is their log loss, `bce` of two and `cross_entropy` of several, whatever stands here."""
    respell: bool = False
    """Finetuning: write every training string anew in every epoch, blocks or atoms in another order."""
    consistency: float = 0.0
    """Finetuning: weight of a loss that brings a random spelling of every training string near to it and away
    from other strings; see the objective `consistency`."""
    epochs: int = 20
    """Passes over the training rows at most."""
    batch_tokens: int = 6144
    """Padded tokens per micro-batch."""
    drop_long: bool = False
    """Pretraining: leave strings out that are longer than `encoder.max_length`, and count them, instead of
    cutting them."""
    accumulate: int = 1
    """Micro-batches per optimiser step."""
    learning_rate: float = 5e-4
    """Peak learning rate of AdamW."""
    device_factor: int = 1
    """Multiply it by the number of devices that share a batch, at most by this."""
    encoder_rate: float = 1.0
    """Factor on the learning rate of pretrained encoder weights; 0 freezes them, reads every string once, and
    trains the head alone."""
    batch_rows: int = 256
    """Strings per micro-batch where the encoder is frozen."""
    weight_decay: float = 0.01
    """Decoupled weight decay, on matrices only."""
    warmup: float = 0.05
    """Share of the steps over which the learning rate rises from zero."""
    final_rate: float = 0.02
    """Share of the peak that the cosine ends at; 1 with `warmup` 0 is a fixed rate."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    patience: float = 0.0
    """Stop after so long without a better validation score: a share of the run below 1, epochs from 1 on; 0
    never stops early. What goes by before the peak of the learning rate does not count."""
    min_steps: int = 0
    """Raise `epochs` on small data until at least this many optimiser steps are taken; 0 where `epochs` alone
    is set."""
    precision: Precision = "auto"
    """`bf16` autocast, `fp32`, or `auto`: bf16 where the hardware multiplies it natively."""
    checkpoint_seconds: float = 60.0
    """Write a checkpoint at least this often, and after every epoch."""

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "epochs", "batch_tokens", "batch_rows", "accumulate", "learning_rate", "clip")
        require_positive(self, "device_factor")
        require_share(self, "warmup")
        if not 0 <= self.final_rate <= 1:
            raise ConfigError(f"final_rate={self.final_rate} must lie in 0 <= final_rate <= 1")
        require_not_negative(
            self, "encoder_rate", "weight_decay", "patience", "min_steps", "checkpoint_seconds", "consistency"
        )
        if (self.respell or self.consistency) and not self.encoder_rate:
            setting = "respell=true" if self.respell else f"consistency={self.consistency:g}"
            raise ConfigError(f"{setting} writes strings anew, and encoder_rate=0 reads them only once")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A model and how it is trained, by name."""

    name: str = "custom"
    """File name without its ending."""
    description: str = ""
    """What it is and where it comes from, in a sentence."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """Shape of the encoder."""
    head: HeadConfig = field(default_factory=HeadConfig)
    """Shape of the property head."""
    token_head: TokenHeadConfig = field(default_factory=TokenHeadConfig)
    """Shape of the head that names tokens in pretraining."""
    objective: Objective = "mlm"
    """What pretraining learns: `mlm`, to name hidden tokens (Devlin et al. 2019); `mass`, to write a hidden
    fragment (Song et al. 2019); `descriptors`, to tell those of `catenane.descriptors`; `consistency`, to
    find the other spelling of the same structure."""
    auxiliary: AuxiliaryConfig = field(default_factory=AuxiliaryConfig)
    """What it learns beside the objective."""
    masking: MaskingConfig = field(default_factory=MaskingConfig)
    """What the objective `mlm` hides."""
    fragment: FragmentConfig = field(default_factory=FragmentConfig)
    """What the objective `mass` hides."""
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    """Shape of the decoder of `mass`."""
    pretraining: TrainingConfig = field(default_factory=TrainingConfig)
    """Training on the objective."""
    finetuning: TrainingConfig = field(default_factory=TrainingConfig)
    """Training on labels."""

    def __post_init__(self) -> None:
        require_types(self)
        if self.objective in self.auxiliary.weights:
            raise ConfigError(
                f"auxiliary.{self.objective}: it is the objective itself, whose weight is 1; name another"
            )

    def with_settings(self, settings: Mapping[str, Any]) -> Recipe:
        """A copy with some settings changed; `min_steps` does not raise epochs that are set here.

        Args:
            settings: Dotted names and their values: `{"finetuning.epochs": 5}`; or `objective`.

        Raises:
            ConfigError: A name is unknown or a value is not allowed.

        >>> load_recipe("small").with_settings({"finetuning.epochs": 5}).finetuning.epochs
        5
        """
        tables = dataclasses.asdict(self)
        for name, value in settings.items():
            if name == "objective":
                tables[name] = value
                continue
            table, _, key = name.partition(".")
            if not key or not isinstance(tables.get(table), dict):
                known = [f.name for f in dataclasses.fields(self) if isinstance(tables[f.name], dict)]
                raise ConfigError(
                    f"setting {name!r} must read TABLE.NAME with TABLE one of {', '.join(known)}"
                )
            tables[table][key] = value
            if key == "epochs" and f"{table}.min_steps" not in settings:
                tables[table]["min_steps"] = 0
        return build(Recipe, tables)

    def to_toml(self) -> str:
        """As a file that `load_recipe` reads; the name is that of the file."""
        lines, tables = [], []
        for name, value in dataclasses.asdict(self).items():
            if isinstance(value, dict):
                tables += ["", f"[{name}]"]
                tables += [f"{key} = {json.dumps(each)}" for key, each in value.items() if each is not None]
            elif name != "name":
                lines.append(f"{name} = {json.dumps(value)}")
        return "\n".join([*lines, *tables, ""])


def load_recipe(name: str | Path) -> Recipe:
    """The recipe that comes with the package under this name, or the one in a TOML file.

    Raises:
        ConfigError: There is no such recipe, or the file is not a recipe.
    """
    path = RECIPES / f"{name}.toml"
    if not path.is_file():
        path = Path(name)
        if path.suffix != ".toml" or not path.is_file():
            raise ConfigError(
                f"unknown recipe {str(name)!r}: known are {', '.join(recipe_names())}, or a .toml file"
            )
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from None
    return build(Recipe, {"name": path.stem} | values)


def recipe_names() -> list[str]:
    """Names of the recipes that come with the package, sorted."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))
