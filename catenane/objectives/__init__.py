"""Objectives of pretraining, and losses."""

from collections.abc import Mapping

from catenane import config
from catenane.objectives.consistency import Consistency, Pairs, consistency_loss, respelled
from catenane.objectives.descriptors import DescribedStrings, DescriptorTargets
from catenane.objectives.fragments import Fragments
from catenane.objectives.losses import (
    classification_loss,
    label_weights,
    masked_loss,
    multiclass_loss,
    regression_loss,
)
from catenane.objectives.masking import HiddenTokens, Masked, MaskedTokens, mask_tokens
from catenane.objectives.objective import Examples, Learner, Objective
from catenane.objectives.several import Several
from catenane.objectives.translation import Translation, to_write
from catenane.tokenizers import StringTokenizer

OBJECTIVES: Mapping[config.Objective, type[Objective]] = {
    "mlm": MaskedTokens,
    "mass": Fragments,
    "descriptors": DescriptorTargets,
    "consistency": Consistency,
    "translation": Translation,
}
"""Every objective that a recipe can name."""

__all__ = [
    "OBJECTIVES",
    "Consistency",
    "DescribedStrings",
    "DescriptorTargets",
    "Examples",
    "Fragments",
    "HiddenTokens",
    "Learner",
    "Masked",
    "MaskedTokens",
    "Objective",
    "Pairs",
    "Several",
    "Translation",
    "classification_loss",
    "consistency_loss",
    "label_weights",
    "make_objective",
    "mask_tokens",
    "masked_loss",
    "multiclass_loss",
    "regression_loss",
    "respelled",
    "to_write",
]


def make_objective(recipe: config.Recipe, tokenizer: StringTokenizer) -> Objective:
    """What a recipe trains on: its objective, with the auxiliary ones where there are any.

    Raises:
        ConfigError: An auxiliary objective needs a network of another kind.
    """
    weights = {recipe.objective: 1.0} | recipe.auxiliary.weights
    parts = {name: (OBJECTIVES[name](recipe, tokenizer), weight) for name, weight in weights.items()}
    return parts[recipe.objective][0] if len(parts) == 1 else Several(recipe, parts)
