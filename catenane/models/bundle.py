"""The folder that a trained model lives in: plain JSON and safetensors, never pickle.

config.json          what is needed to build the network again
model.safetensors    its weights, label and descriptor scalers included
tokenizer.json       text to ids
card.json            what it predicts, how it was trained and split, how good it was, beside the baselines
README.md            the card, for people
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from catenane.config import Recipe, Task, build
from catenane.errors import BundleError, ConfigError
from catenane.models.encoder import TransformerEncoder
from catenane.models.masked_language_model import MaskedLanguageModel
from catenane.models.property_model import PropertyModel
from catenane.notation import Notation
from catenane.tokenizers import StringTokenizer

__all__ = [
    "FORMAT",
    "Bundle",
    "BundleConfig",
    "bundled_names",
    "find_bundle",
    "load_bundle",
    "read_card",
    "save_bundle",
]

FORMAT = 1
"""Version of the folder's layout; a reader refuses a newer one."""
BUNDLED = Path(__file__).parent / "bundled"
Kind = Literal["encoder", "property"]


@dataclass(frozen=True, kw_only=True)
class BundleConfig:
    """What `config.json` holds."""

    format: int = FORMAT
    """Version of the layout."""
    catenane: str = ""
    """Version of the program that wrote it."""
    kind: Kind
    """A pretrained encoder with its masked-language head, or a property model."""
    notation: Notation
    """What the strings are."""
    recipe: Recipe
    """Shapes of the parts, and how they were trained."""
    task: Task | None = None
    """What the property head answers."""
    targets: tuple[str, ...] = ()
    """Names of the labels, in the order of the head's outputs."""
    descriptors: tuple[str, ...] = ()
    """Names of the descriptors that the head reads, in order."""

    def build_model(self) -> MaskedLanguageModel | PropertyModel:
        """A network of these shapes, with fresh weights."""
        encoder = TransformerEncoder(self.recipe.encoder)
        return MaskedLanguageModel(encoder) if self.kind == "encoder" else self.build_property_model(encoder)

    def build_property_model(self, encoder: TransformerEncoder) -> PropertyModel:
        """A property model on this encoder, with a fresh head."""
        assert self.task is not None
        return PropertyModel(
            encoder,
            self.recipe.head,
            targets=self.targets,
            n_descriptors=len(self.descriptors),
            task=self.task,
        )


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A model with everything it needs to answer."""

    config: BundleConfig
    """Shapes and names."""
    model: MaskedLanguageModel | PropertyModel
    """The network, on the CPU and in evaluation mode when it was loaded."""
    tokenizer: StringTokenizer
    """Text to ids."""
    card: dict[str, Any] = field(default_factory=dict)
    """Where it comes from and how good it is."""

    @property
    def encoder(self) -> TransformerEncoder:
        """The part that reads strings."""
        return self.model.encoder

    @property
    def units(self) -> dict[str, str]:
        """Unit of each target, "" where it has none or is not known."""
        targets = self.card.get("targets", {})
        return {name: targets.get(name, {}).get("unit", "") for name in self.config.targets}


def save_bundle(folder: Path, bundle: Bundle) -> None:
    """Write a bundle so that the folder is either whole or absent; an older bundle there is replaced."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (fresh / "config.json").write_text(_to_json(asdict(bundle.config)), encoding="utf-8")
        (fresh / "card.json").write_text(_to_json(bundle.card), encoding="utf-8")
        (fresh / "README.md").write_text(describe(bundle), encoding="utf-8")
        bundle.tokenizer.save(fresh / "tokenizer.json")
        weights = {name: tensor.contiguous().clone() for name, tensor in bundle.model.state_dict().items()}
        save_file(
            _without_aliases(bundle.model, weights), fresh / "model.safetensors", metadata={"format": "pt"}
        )
        fresh.chmod(0o755)
        _replace(fresh, folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def load_bundle(name_or_path: str | Path) -> Bundle:
    """Read a bundle by the name it is shipped under, or from its folder (or a run's folder that holds one).

    Raises:
        BundleError: It is missing, damaged, not a bundle, or written in a newer layout.
    """
    folder = find_bundle(name_or_path)
    config = _read_config(folder)
    try:
        tokenizer = StringTokenizer.load(folder / "tokenizer.json")
    except (ConfigError, OSError) as error:
        raise BundleError(f"{folder}: damaged model folder: {error}") from None
    if tokenizer.vocabulary_size != config.recipe.encoder.vocabulary_size:
        raise BundleError(
            f"{folder}: damaged model folder: tokenizer.json has {tokenizer.vocabulary_size} tokens, "
            f"config.json says {config.recipe.encoder.vocabulary_size}; copy the folder again"
        )
    model = config.build_model()
    _load_weights(model, folder / "model.safetensors")
    return Bundle(config=config, model=model.eval(), tokenizer=tokenizer, card=read_card(folder))


def read_card(folder: Path) -> dict[str, Any]:
    """The card of the bundle in this folder.

    Raises:
        BundleError: It is missing or not JSON.
    """
    return _read_json(folder / "card.json")


def find_bundle(name_or_path: str | Path) -> Path:
    """Folder of the bundle with this name or path.

    Raises:
        BundleError: There is none.
    """
    candidates = [Path(name_or_path), Path(name_or_path) / "bundle", BUNDLED / str(name_or_path)]
    for folder in candidates:
        if (folder / "config.json").is_file():
            return folder
    if candidates[0].is_dir():
        raise BundleError(f"{name_or_path}: this folder holds no model: config.json is missing")
    known = ", ".join(bundled_names()) or "none"
    raise BundleError(f"no model {str(name_or_path)!r}: give a model folder, or a bundled name ({known})")


def bundled_names() -> list[str]:
    """Names of the models that come with the package, sorted."""
    return sorted(path.parent.name for path in BUNDLED.glob("*/config.json"))


def describe(bundle: Bundle) -> str:
    """The card as Markdown."""
    config, card = bundle.config, bundle.card
    n_weights = sum(parameter.numel() for parameter in bundle.model.parameters())
    lines = [
        f"# {card.get('name', 'Catenane model')}",
        "",
        card.get("description", ""),
        "",
        f"- reads: {config.notation}, at most {config.recipe.encoder.max_length} tokens",
        f"- weights: {n_weights:,} (recipe `{config.recipe.name}`)",
        f"- written by: catenane {config.catenane}",
    ]
    lines += [f"- {key.replace('_', ' ')}: {value}" for key, value in card.get("training", {}).items()]
    if config.targets:
        lines += ["", f"| target | unit | {config.task} test scores | best baseline |", "|---|---|---|---|"]
    for name in config.targets:
        entry = card.get("targets", {}).get(name, {})
        cells = [name, entry.get("unit") or "-", _scores(entry.get("test", {})), _best_baseline(entry)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _scores(scores: Mapping[str, Any]) -> str:
    shown = [f"{name} {value:.3g}" for name, value in scores.items() if isinstance(value, float)]
    return ", ".join(shown) or "-"


def _best_baseline(entry: Mapping[str, Any]) -> str:
    for score, best in (("mae", min), ("roc_auc", max)):
        scored = {
            name: scores[score]
            for name, scores in entry.get("baselines", {}).items()
            if scores.get(score) is not None
        }
        if scored:
            name = best(scored, key=scored.__getitem__)
            return f"{name}: {score} {scored[name]:.3g}"
    return "-"


def _read_config(folder: Path) -> BundleConfig:
    values = _read_json(folder / "config.json")
    version = values.get("format")
    if not isinstance(version, int) or "kind" not in values:
        raise BundleError(
            f"{folder}: config.json is not that of a Catenane model; expected keys format and kind"
        )
    if version > FORMAT:
        raise BundleError(
            f"{folder}: written in layout {version} by catenane {values.get('catenane', '?')}, "
            f"this program reads up to {FORMAT}: upgrade catenane"
        )
    try:
        return build(BundleConfig, values)
    except (ConfigError, TypeError) as error:
        raise BundleError(f"{folder}: config.json is damaged or foreign: {error}") from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(
            f"{path.parent}: damaged model folder: {path.name} is missing; copy it again"
        ) from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: not readable as JSON ({error}); copy the folder again") from None
    if not isinstance(values, dict):
        raise BundleError(f"{path}: expected a JSON object, got {type(values).__name__}")
    return values


def _load_weights(model: nn.Module, path: Path) -> None:
    try:
        weights = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise BundleError(f"{path}: truncated or not safetensors ({error}); copy the folder again") from None
    expected = _without_aliases(model, model.state_dict())
    strange = sorted(set(weights) ^ set(expected)) or sorted(
        name for name in expected if weights[name].shape != expected[name].shape
    )
    if strange:
        raise BundleError(
            f"{path}: weights do not fit config.json, first at {strange[0]!r}; copy the folder again"
        )
    model.load_state_dict(weights, strict=False)


def _without_aliases(model: nn.Module, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Drop second names of one tensor (tied weights): each is stored once."""
    first_names = {name for name, _ in model.named_parameters()} | {name for name, _ in model.named_buffers()}
    return {name: tensor for name, tensor in weights.items() if name in first_names}


def _replace(fresh: Path, folder: Path) -> None:
    if not folder.exists():
        fresh.rename(folder)
        return
    old = folder.with_name(f".{folder.name}-replaced-{os.getpid()}")
    folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old)


def _to_json(values: Any) -> str:
    return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
