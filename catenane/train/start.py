"""What a fine-tuning starts from: a recipe, and the bundle whose encoder it takes over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from catenane.adsorption import Uptake
from catenane.config import Recipe, load_recipe
from catenane.notation import NotationName

__all__ = ["DEFAULT_MODELS", "choose_recipe", "default_model"]

DEFAULT_MODELS: Mapping[NotationName, str] = {"smiles": "mol-small", "mofid": "mof-uptake"}
"""The bundled model whose frozen encoder and head a table of a notation starts from."""
FROM_SCRATCH = "small"
"""Recipe of an encoder that is trained from scratch, where nothing else is given."""
OF_A_NETWORK = ("encoder.", "finetuning.")
"""Settings that only an encoder or a head has that learns by gradient descent."""


def default_model(
    notation: NotationName,
    model: str | Path | None,
    recipe: str | Path | Recipe | None,
    settings: Mapping[str, Any],
) -> str | Path | None:
    """The model that is given; the bundled one of the notation where nothing says otherwise; else None.

    A recipe, or a setting of an encoder or its training, means an encoder that is trained.
    """
    if model is not None or recipe is not None or any(name.startswith(OF_A_NETWORK) for name in settings):
        return model
    return DEFAULT_MODELS[notation]


def choose_recipe(
    recipe: str | Path | Recipe | None, inherited: Recipe | None, targets: Sequence[str]
) -> Recipe:
    """The recipe that is given, else the parent's, whose isotherms only uptakes take over, else `small`."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe is not None or inherited is None:
        return load_recipe(recipe or FROM_SCRATCH)
    if inherited.head.isotherm_sites and not all(map(Uptake.parse, targets)):
        return inherited.with_settings({"head.isotherm_sites": 0, "head.target_scale": "auto"})
    return inherited
