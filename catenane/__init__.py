"""Catenane reads chemistry as a language: SMILES and MOFid to properties, with honest reports.

The names below load what they need when they are first used; importing the package is quick.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from catenane.errors import CatenaneError
from catenane.lazy import importer
from catenane.version import __version__

# OpenMP's threads spin while they wait, and hold up whatever else runs (benchmarks/threads.py). Unless the
# environment says otherwise they sleep, those of GNU's library after 1,000 turns; set before torch loads.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

if TYPE_CHECKING:
    from catenane.config import Recipe, load_recipe, recipe_names
    from catenane.inference import Model, load
    from catenane.models.folder import bundled_names
    from catenane.notation import Mofid, Smiles
    from catenane.predictors import PropertyClassifier, PropertyRegressor, StringEmbedder
    from catenane.tokenizers import load_tokenizer as tokenizer
    from catenane.train import finetune as finetune
    from catenane.train import pretrain as pretrain
    from catenane.train import tune as tune

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
    "tune",
]

__getattr__ = importer(
    __name__,
    {
        "Mofid": "catenane.notation",
        "Smiles": "catenane.notation",
        "Model": "catenane.inference",
        "PropertyClassifier": "catenane.predictors",
        "PropertyRegressor": "catenane.predictors",
        "Recipe": "catenane.config",
        "StringEmbedder": "catenane.predictors",
        "bundled_names": "catenane.models.folder",
        "finetune": "catenane.train",
        "load": "catenane.inference",
        "load_recipe": "catenane.config",
        "pretrain": "catenane.train",
        "recipe_names": "catenane.config",
        "tokenizer": "catenane.tokenizers:load_tokenizer",
        "tune": "catenane.train",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
