"""What is learnt, as pure functions."""

from catenane.objectives.losses import (
    classification_loss,
    label_weights,
    masked_loss,
    multiclass_loss,
    regression_loss,
)
from catenane.objectives.masking import OBJECTIVES, HiddenTokens, Masked, Objective, mask_tokens

__all__ = [
    "OBJECTIVES",
    "HiddenTokens",
    "Masked",
    "Objective",
    "classification_loss",
    "label_weights",
    "mask_tokens",
    "masked_loss",
    "multiclass_loss",
    "regression_loss",
]
