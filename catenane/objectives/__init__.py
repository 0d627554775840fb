"""What is learnt: objectives of pretraining, and losses."""

from collections.abc import Mapping

from catenane import config
from catenane.objectives.losses import (
    classification_loss,
    label_weights,
    masked_loss,
    multiclass_loss,
    regression_loss,
)
from catenane.objectives.masking import HiddenTokens, Masked, MaskedTokens, mask_tokens
from catenane.objectives.objective import Examples, Learner, Objective

OBJECTIVES: Mapping[config.Objective, type[Objective]] = {"mlm": MaskedTokens}
"""Every objective that a recipe can name."""

__all__ = [
    "OBJECTIVES",
    "Examples",
    "HiddenTokens",
    "Learner",
    "Masked",
    "MaskedTokens",
    "Objective",
    "classification_loss",
    "label_weights",
    "mask_tokens",
    "masked_loss",
    "multiclass_loss",
    "regression_loss",
]
