"""The folder that a trained model lives in: plain JSON and safetensors, never pickle.

config.json          what is needed to build the network again
model.safetensors    its weights, label and descriptor scalers included
tokenizer.json       text to ids
card.json            what it predicts, how it was trained and split, how good it was, beside the baselines
README.md            the card, for people
calibration.safetensors   training rows in short, for intervals and the domain check; where there is one
training.safetensors      digests of the strings that a model which writes was trained on
checksums.json       SHA-256 of the others
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import nn

from catenane.adsorption import Uptake
from catenane.config import Recipe, Task
from catenane.errors import BundleError, ConfigError
from catenane.files import replaced_folder
from catenane.models.cards import card_as_markdown
from catenane.models.decoder import SequenceModel
from catenane.models.encoder import Encoder, TransformerEncoder
from catenane.models.folder import check_files, find_bundle, read_card, read_json, to_json, write_checksums
from catenane.models.graphs import make_encoder
from catenane.models.initialisation import Uninitialised
from catenane.models.networks import MaskedLanguageModel, PropertyModel
from catenane.models.tensor_files import Shapes, read_shapes, read_tensors, shapes_of, write_tensors
from catenane.notation import NotationName
from catenane.settings import build
from catenane.tokenizers import StringTokenizer

__all__ = [
    "FORMAT",
    "KINDS",
    "Bundle",
    "BundleConfig",
    "FeatureColumn",
    "class_columns",
    "load_bundle",
    "save_bundle",
]

FORMAT = 2
"""Version of the folder's layout; a reader refuses another one."""
CALIBRATION, TRAINING = "calibration.safetensors", "training.safetensors"
RESERVED = {"string", "in_domain", "note", "error"}
"""Columns of a table of predictions, which no target can be called."""
LARGEST_SETTING = 1 << 16
"""Of a network's integers, or the number of its weights if that is more: nothing larger is ever built."""


@dataclass(frozen=True, kw_only=True)
class FeatureColumn:
    """A number that is given with each string."""

    name: str
    """Of its column."""
    low: float
    high: float
    """Least and largest value in the training rows."""
    optional: bool = False
    """Whether some of these lacked it."""

    def note(self, value: float) -> str:
        """What is unusual about a value; "" where nothing is."""
        if math.isnan(value):
            return "" if self.optional else f"{self.name} is missing"
        # Training rows are kept as float64, and what a head reads is float32.
        slack = 1e-6 * max(abs(self.low), abs(self.high))
        if self.low - slack <= value <= self.high + slack:
            return ""
        return f"{self.name} {value:g} is outside {self.low:g} to {self.high:g} of the training rows"


@dataclass(frozen=True, kw_only=True)
class BundleConfig:
    """What `config.json` holds.

    Raises:
        ConfigError: The kind is unknown, a property model has no task or target, or the columns of a table of
            predictions would collide.
    """

    format: int = FORMAT
    """Version of the layout."""
    catenane: str = ""
    """Version of the program that wrote it."""
    kind: str
    """Name of an entry of `KINDS`."""
    notation: NotationName
    """What the strings are."""
    languages: tuple[str, ...] = ()
    """Those of a text, by whose tokens strings begin."""
    strings: tuple[str, ...] = ()
    """Names of the strings where a row has several, in order."""
    recipe: Recipe
    """Shapes of the parts, and how they were trained."""
    task: Task | None = None
    """What a property model predicts."""
    targets: tuple[str, ...] = ()
    """Names of the labels, in the order of the head's outputs."""
    classes: tuple[tuple[str, ...], ...] = ()
    """Names of the classes of each target, where these are several."""
    descriptors: tuple[str, ...] = ()
    """Names of the descriptors that the head reads, in order."""
    features: tuple[FeatureColumn, ...] = ()
    """What it reads behind them that is given with the string."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"kind={self.kind!r} must be one of {', '.join(map(repr, KINDS))}")
        if not (self.kind == "property") == (self.task is not None) == bool(self.targets):
            raise ConfigError(f"kind={self.kind!r} with task={self.task!r} and targets={self.targets!r}")
        if self.recipe.graph is not None and self.kind != "property":
            raise ConfigError(
                f"recipe {self.recipe.name!r} is a graph network, which is not pretrained: finetune it"
            )
        if len(self.classes) != (len(self.targets) if self.task == "multiclass" else 0):
            raise ConfigError(f"task={self.task!r} with classes of {len(self.classes)} targets")
        ends = ("", "_set") if self.classes else ("", "_low", "_high")
        columns = [f"{name}{end}" for name in self.targets for end in ends]
        columns += chain(*class_columns(self.targets, self.classes))
        taken = RESERVED.intersection(columns) or {name for name in columns if columns.count(name) > 1}
        if taken:
            raise ConfigError(
                f"targets {', '.join(self.targets)} would give two columns {min(taken)!r} of predictions: "
                "rename one"
            )

    @property
    def generates(self) -> bool:
        """Whether the model can write strings."""
        return self.kind == "generator"

    @property
    def n_strings(self) -> int:
        """Strings of each row."""
        return max(1, len(self.strings))

    def build_model(self) -> nn.Module:
        """A network of these shapes, with fresh weights."""
        return KINDS[self.kind](self)


def class_columns(targets: Sequence[str], classes: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Names of the columns of the probabilities of each class, by target; none where there are no classes."""
    return tuple(
        tuple(f"{target}_probability_{name}" for name in names)
        for target, names in zip(targets, classes, strict=False)
    )


def _build_encoder(config: BundleConfig) -> MaskedLanguageModel:
    """A fresh transformer with its masked-language head."""
    return MaskedLanguageModel(_fresh_encoder(config), config.recipe.token_head)


def _fresh_encoder(config: BundleConfig) -> TransformerEncoder:
    return TransformerEncoder(config.recipe.encoder, n_languages=len(config.languages))


def build_property_model(config: BundleConfig, encoder: Encoder | None = None) -> PropertyModel:
    """A property model with a fresh head, on this encoder or a fresh one."""
    head = config.recipe.head
    return PropertyModel(
        encoder or make_encoder(config.recipe),
        head,
        n_strings=config.n_strings,
        targets=config.targets,
        n_descriptors=len(config.descriptors) + len(config.features) + head.fragments + head.n_roles,
        n_features=len(config.features),
        relu=config.recipe.encoder.activation == "relu",
        task=config.task,
        sizes=[len(names) for names in config.classes],
    )


def _build_generator(config: BundleConfig) -> SequenceModel:
    """A fresh encoder and decoder."""
    recipe = config.recipe
    return SequenceModel(
        _fresh_encoder(config), recipe.decoder, recipe.token_head, mask_id=StringTokenizer.mask_id
    )


KINDS: dict[str, Callable[[BundleConfig], nn.Module]] = {
    "encoder": _build_encoder,
    "generator": _build_generator,
    "property": build_property_model,
}
"""The kinds of bundles: how the network of each is built from its config."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A model with everything it needs to predict."""

    config: BundleConfig
    """Shapes and names."""
    model: Any
    """The network, an `nn.Module`; on the CPU and in evaluation mode when it was loaded."""
    tokenizer: StringTokenizer
    """Text to ids."""
    card: dict[str, Any] = field(default_factory=dict)
    """Where it comes from and how good it is."""
    calibration: dict[str, torch.Tensor] = field(default_factory=dict)
    """What `catenane.inference.Calibration` is made of; empty where there is none."""
    training: dict[str, torch.Tensor] = field(default_factory=dict)
    """Digests of the training strings, see `catenane.inference.novelty`; empty where nothing is kept."""

    def __repr__(self) -> str:
        targets = ", ".join(self.config.targets) or "no targets"
        return (
            f"Bundle({self.card.get('name', '')!r}, {self.config.kind} of {self.config.notation}: {targets})"
        )

    @property
    def encoder(self) -> Any:
        """The part that reads strings, see `catenane.models.encoder.Encoder`."""
        return self.model.encoder

    @property
    def units(self) -> dict[str, str]:
        """Unit of each target, "" where it has none or is not known."""
        targets = self.card.get("targets", {})
        return {name: targets.get(name, {}).get("unit", "") for name in self.config.targets}

    def unit(self, column: str) -> str:
        """Unit of a predicted column; an uptake at another pressure has that of the targets."""
        units = self.units
        return units.get(column, next(iter(units.values()), "") if Uptake.parse(column) else "")


def save_bundle(folder: Path, bundle: Bundle) -> None:
    """Write a bundle so that the folder is either whole or absent; an older bundle there is replaced."""
    with replaced_folder(folder) as fresh:
        (fresh / "config.json").write_text(to_json(asdict(bundle.config)), encoding="utf-8")
        (fresh / "card.json").write_text(to_json(bundle.card), encoding="utf-8")
        n_weights = sum(parameter.numel() for parameter in bundle.model.parameters())
        (fresh / "README.md").write_text(
            card_as_markdown(bundle.config, bundle.card, n_weights), encoding="utf-8"
        )
        bundle.tokenizer.save(fresh / "tokenizer.json")
        write_tensors(fresh / "model.safetensors", unique_state(bundle.model))
        for name, tensors in ((CALIBRATION, bundle.calibration), (TRAINING, bundle.training)):
            if tensors:
                write_tensors(fresh / name, tensors)
        write_checksums(fresh)


def load_bundle(name_or_path: str | Path) -> Bundle:
    """Read a bundle by the name it is shipped under, or from its folder (or a run's folder that holds one).

    Raises:
        BundleError: It is missing, altered, damaged, not a bundle, or written in another layout.
    """
    folder = find_bundle(name_or_path)
    values = read_json(folder / "config.json")
    _check_format(folder, values)
    check_files(folder)
    try:
        config = build(BundleConfig, values)
        tokenizer = StringTokenizer.load(folder / "tokenizer.json")
    except (ConfigError, TypeError, OSError, RecursionError) as error:
        raise BundleError(f"{folder}: damaged or foreign model folder: {error}") from None
    if tokenizer.vocabulary_size != config.recipe.encoder.vocabulary_size:
        raise BundleError(
            f"{folder}: damaged model folder: tokenizer.json has {tokenizer.vocabulary_size} tokens, "
            f"config.json says {config.recipe.encoder.vocabulary_size}; copy the folder again"
        )
    weights = folder / "model.safetensors"
    _check_sizes(config, read_shapes(weights), folder)
    try:
        # Random features are drawn and overwritten; the caller's generator must not notice.
        with Uninitialised(), torch.random.fork_rng(devices=[]):
            with torch.device("meta"):
                expected = shapes_of(unique_state(config.build_model()))
            tensors = read_tensors(weights, expected)
            model = config.build_model()
    except ConfigError as error:
        raise BundleError(f"{folder}: damaged or foreign model folder: {error}") from None
    _check_finite(model, tensors, weights)
    model.load_state_dict(tensors, strict=False)
    calibration, training = (
        read_tensors(folder / name) if (folder / name).is_file() else {} for name in (CALIBRATION, TRAINING)
    )
    return Bundle(
        config=config, model=model.eval(), tokenizer=tokenizer, card=read_card(folder),
        calibration=calibration, training=training,
    )  # fmt: skip


def unique_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Weights and buffers that are saved, tied ones once."""
    first_names = {name for name, _ in model.named_parameters()} | {name for name, _ in model.named_buffers()}
    return {name: tensor for name, tensor in model.state_dict().items() if name in first_names}


def _check_format(folder: Path, values: dict[str, Any]) -> None:
    version = values.get("format")
    if type(version) is not int or "kind" not in values:
        raise BundleError(
            f"{folder}: config.json is not that of a Catenane model; expected keys format and kind"
        )
    if version != FORMAT:
        advice = "upgrade catenane" if version > FORMAT else "train the model again"
        raise BundleError(
            f"{folder}: written in layout {version} by catenane {values.get('catenane', '?')}, "
            f"this program reads layout {FORMAT}: {advice}"
        )


def _check_sizes(config: BundleConfig, found: Shapes, folder: Path) -> None:
    """Refuse sizes that the weights cannot have, before a network of them is built."""
    n_weights = sum(torch.Size(shape).numel() for _, shape in found.values())
    recipe = config.recipe
    most = {"n_layers": len(found), "members": len(found), "max_length": LARGEST_SETTING}
    parts = recipe.encoder, recipe.graph, recipe.decoder, recipe.head
    for name, value in chain(*(vars(part).items() for part in parts if part is not None)):
        for size in value if isinstance(value, tuple) else (value,):
            if isinstance(size, int) and size > most.get(name, max(n_weights, LARGEST_SETTING)):
                raise BundleError(
                    f"{folder}: damaged or foreign model folder: {name}={size:,} does not fit the weights"
                )


def _check_finite(model: nn.Module, tensors: dict[str, torch.Tensor], path: Path) -> None:
    """Weights are finite; a scaler may be infinite where an input never varied, and is never NaN."""
    weights = {name for name, _ in model.named_parameters()}
    for name, tensor in tensors.items():
        good = tensor.isfinite() if name in weights else ~tensor.isnan()
        if not bool(good.all()):
            raise BundleError(f"{path}: {name!r} holds values that are not finite; train the model again")
