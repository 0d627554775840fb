"""Typed settings, and the recipes that name a whole set of them.

A recipe is a TOML file: the `objective` of pretraining, and the tables `encoder`, `head`, `token_head`,
`auxiliary`, `masking` (of the objective `mlm`), `fragment` and `decoder` (of `mass`), `translation`,
`pretraining` and `finetuning`. A published model is such a file, not a class; `recipes/` holds the ones that
come with the package.
"""

from catenane.config.objectives import (
    AuxiliaryConfig,
    FragmentConfig,
    MaskingConfig,
    Objective,
    TranslationConfig,
)
from catenane.config.recipe import RECIPES, Recipe, load_recipe, recipe_names
from catenane.config.shapes import (
    AtomFeature,
    DecoderConfig,
    EncoderConfig,
    GraphConfig,
    HeadConfig,
    HeadKind,
    Pooling,
    TargetScale,
    TokenHeadConfig,
)
from catenane.config.training import LOSSES, Loss, Task, TrainingConfig

__all__ = [
    "LOSSES",
    "RECIPES",
    "AtomFeature",
    "AuxiliaryConfig",
    "DecoderConfig",
    "EncoderConfig",
    "FragmentConfig",
    "GraphConfig",
    "HeadConfig",
    "HeadKind",
    "Loss",
    "MaskingConfig",
    "Objective",
    "Pooling",
    "Recipe",
    "TargetScale",
    "Task",
    "TokenHeadConfig",
    "TrainingConfig",
    "TranslationConfig",
    "load_recipe",
    "recipe_names",
]
