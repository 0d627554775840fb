"""Catenane reads chemistry as a language: SMILES and MOFid to properties, with honest reports.

The names below load what they need when they are first used; importing the package is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from catenane.errors import CatenaneError
from catenane.version import __version__

if TYPE_CHECKING:
    from catenane.config import Recipe, load_recipe, recipe_names
    from catenane.inference import Model, load
    from catenane.models import bundled_names
    from catenane.notation import Mofid, Smiles
    from catenane.predictors import PropertyClassifier, PropertyRegressor, StringEmbedder
    from catenane.tokenizers import load_tokenizer as tokenizer
    from catenane.train import finetune as finetune
    from catenane.train import pretrain as pretrain

_HOMES = {
    "Mofid": ("catenane.notation", "Mofid"),
    "Smiles": ("catenane.notation", "Smiles"),
    "Model": ("catenane.inference", "Model"),
    "PropertyClassifier": ("catenane.predictors", "PropertyClassifier"),
    "PropertyRegressor": ("catenane.predictors", "PropertyRegressor"),
    "Recipe": ("catenane.config", "Recipe"),
    "StringEmbedder": ("catenane.predictors", "StringEmbedder"),
    "bundled_names": ("catenane.models", "bundled_names"),
    "finetune": ("catenane.train", "finetune"),
    "load": ("catenane.inference", "load"),
    "load_recipe": ("catenane.config", "load_recipe"),
    "pretrain": ("catenane.train", "pretrain"),
    "recipe_names": ("catenane.config", "recipe_names"),
    "tokenizer": ("catenane.tokenizers", "load_tokenizer"),
}

__all__ = [
    "CatenaneError",
    "Model",
    "Mofid",
    "PropertyClassifier",
    "PropertyRegressor",
    "Recipe",
    "Smiles",
    "StringEmbedder",
    "__version__",
    "bundled_names",
    "finetune",
    "load",
    "load_recipe",
    "pretrain",
    "recipe_names",
    "tokenizer",
]


def __getattr__(name: str) -> Any:
    try:
        module, attribute = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'catenane' has no attribute {name!r}") from None
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
