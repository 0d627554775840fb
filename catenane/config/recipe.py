"""Recipes: a model and its training in one TOML file."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catenane.config.objectives import (
    AuxiliaryConfig,
    FragmentConfig,
    MaskingConfig,
    Objective,
    TranslationConfig,
)
from catenane.config.shapes import DecoderConfig, EncoderConfig, GraphConfig, HeadConfig, TokenHeadConfig
from catenane.config.training import TrainingConfig
from catenane.errors import ConfigError
from catenane.settings import build, require_types

__all__ = ["RECIPES", "Recipe", "load_recipe", "recipe_names"]

RECIPES = Path(__file__).parents[1] / "recipes"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A model and how it is trained, by name."""

    name: str = "custom"
    """File name without its ending."""
    description: str = ""
    """What it is and where it comes from, in a sentence."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """Shape of the encoder."""
    graph: GraphConfig | None = None
    """Shape of a graph network over atoms, which then is the encoder; none by default."""
    head: HeadConfig = field(default_factory=HeadConfig)
    """Shape of the property head."""
    token_head: TokenHeadConfig = field(default_factory=TokenHeadConfig)
    """Shape of the head that predicts tokens in pretraining."""
    objective: Objective = "mlm"
    """Objective of pretraining: `mlm` predicts masked tokens (Devlin et al. 2019); `mass` writes a hidden
    fragment (Song et al. 2019); `descriptors` regresses those of `catenane.descriptors`; `consistency`
    contrasts two spellings of one structure with other structures; `translation` learns to translate between
    texts of two languages without pairs (Lample et al. 2018)."""
    auxiliary: AuxiliaryConfig = field(default_factory=AuxiliaryConfig)
    """Further objectives of pretraining, by weight."""
    masking: MaskingConfig = field(default_factory=MaskingConfig)
    """What the objective `mlm` hides."""
    fragment: FragmentConfig = field(default_factory=FragmentConfig)
    """What the objective `mass` hides."""
    translation: TranslationConfig = field(default_factory=TranslationConfig)
    """Weight and noise of the objective `translation`."""
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    """Shape of the decoder of `mass` and `translation`."""
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
        if self.head.pooling == ("sum-max" if self.graph is None else "cls"):
            wanted = "cls or mean of tokens" if self.graph is None else "mean or sum-max of atoms"
            raise ConfigError(f"head.pooling={self.head.pooling!r} must be {wanted}")
        if self.graph is not None and (self.finetuning.respell or self.finetuning.consistency):
            raise ConfigError("a graph has no spellings: leave finetuning.respell and consistency out")

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

    def used(self) -> dict[str, Any]:
        """All settings, without a table that the objective leaves alone: digests of other runs stay."""
        tables = dataclasses.asdict(self)
        if self.objective != "translation":
            del tables["translation"]
        return tables

    def to_toml(self) -> str:
        """As a file that `load_recipe` reads; the name is that of the file."""
        lines, tables = [], []
        for name, value in dataclasses.asdict(self).items():
            if isinstance(value, dict):
                tables += ["", f"[{name}]"]
                tables += [f"{key} = {json.dumps(each)}" for key, each in value.items() if each is not None]
            elif name != "name" and value is not None:
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
