"""What training makes small. A missing label is NaN, and counts neither in the sum nor in the number.

Axes: B strings, N chosen tokens, V vocabulary, T targets.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    l1_loss,
    mse_loss,
    softplus,
)

from catenane.config import Loss

__all__ = ["classification_loss", "label_weights", "masked_loss", "multiclass_loss", "regression_loss"]

MEASURES: dict[str, Callable[..., Tensor]] = {"mae": l1_loss, "huber": huber_loss, "mse": mse_loss}


def masked_loss(logits_NV: Tensor, labels_N: Tensor) -> Tensor:
    """Mean cross-entropy of the chosen tokens, in nats; zero if none was chosen.

    Args:
        logits_NV: Scores of the vocabulary.
        labels_N: Ids, int64.
    """
    return cross_entropy(logits_NV.float(), labels_N, reduction="sum") / max(len(labels_N), 1)


def regression_loss(
    scores_BT: Tensor,
    targets_BT: Tensor,
    kind: Loss,
    weights_BT: Tensor | None = None,
    bounds_BT: Tensor | None = None,
) -> Tensor:
    """Mean error over all labels that are there; zero, with zero gradients, if there is none.

    Args:
        scores_BT: Predictions on the standardised scale.
        targets_BT: Labels on the standardised scale, NaN where missing.
        kind: Absolute error, squared error, or Huber: half the square up to one deviation, linear beyond.
        weights_BT: Of the labels, not negative; alike where there are none.
        bounds_BT: 1 where the true value lies above the label, -1 where below, else 0: there is no error on
            that side of it.
    """
    if bounds_BT is not None:
        beyond_BT = bounds_BT * (scores_BT.detach() - targets_BT) > 0
        targets_BT = torch.where(beyond_BT, scores_BT.detach(), targets_BT)
    return _mean_of_known(MEASURES[kind], scores_BT, targets_BT, weights_BT)


def classification_loss(logits_BT: Tensor, targets_BT: Tensor, weights_BT: Tensor | None = None) -> Tensor:
    """Mean binary cross-entropy over all labels that are there, in nats; zero if there is none.

    Args:
        logits_BT: Log-odds of class 1.
        targets_BT: 0 or 1, NaN where missing.
        weights_BT: As in `regression_loss`.
    """
    return _mean_of_known(binary_cross_entropy_with_logits, logits_BT, targets_BT, weights_BT)


def multiclass_loss(log_odds_BC: Tensor, one_hot_BC: Tensor, weights_BC: Tensor | None = None) -> Tensor:
    """Mean cross-entropy over all labels that are there, in nats; zero if there is none.

    Args:
        log_odds_BC: Of each class against the others of its target, so that its share is their sigmoid.
        one_hot_BC: 1 at the class of each label, 0 at the others, NaN where it is missing.
        weights_BC: As in `regression_loss`.
    """
    errors_BC = softplus(-log_odds_BC.float())
    weights_BC = one_hot_BC.nan_to_num(nan=0.0) * (1.0 if weights_BC is None else weights_BC)
    total = weights_BC.sum()
    return (errors_BC * weights_BC).sum() / torch.where(total > 0, total, 1.0)


def label_weights(targets_BT: Tensor, weights_BT: Tensor | None) -> Tensor:
    """What each label counts in a mean: zero where it is missing; of the shape of the labels."""
    known_BT = (~targets_BT.isnan()).float()
    return known_BT if weights_BT is None else known_BT * weights_BT


def _mean_of_known(
    measure: Callable[..., Tensor], scores_BT: Tensor, targets_BT: Tensor, weights_BT: Tensor | None
) -> Tensor:
    known_BT = ~targets_BT.isnan()
    # The gradient of an error that is masked must be a number all the same, so no label stays NaN.
    filled_BT = torch.where(known_BT, targets_BT, scores_BT.detach()).float()
    errors_BT = measure(scores_BT.float(), filled_BT, reduction="none")
    weights_BT = label_weights(targets_BT, weights_BT)
    total = weights_BT.sum()
    return (errors_BT * weights_BT).sum() / torch.where(total > 0, total, 1.0)
