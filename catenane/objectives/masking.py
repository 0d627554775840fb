"""Masked-language modelling: tokens of a batch are hidden, for a model to name.

Axes: B strings, L tokens, N hidden tokens, V vocabulary.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from catenane.data import StringBatch
from catenane.objectives.losses import masked_loss
from catenane.objectives.objective import Objective

__all__ = ["HiddenTokens", "Masked", "MaskedTokens", "mask_tokens"]

MASK_AND_REPLACE = {"bert": (0.8, 0.1), "cao": (0.9, 0.1)}
"""Shares of the chosen tokens that become [MASK] and that become another token; the rest stays as it is."""


class Masked(NamedTuple):
    """Token ids with some hidden, and what they were."""

    ids_BL: Tensor
    """int64, the ids the model reads."""
    chosen_BL: Tensor
    """bool, True on the N tokens it must name, those that stay as they are among them."""
    labels_N: Tensor
    """int64, the ids of the chosen tokens before, in reading order, string after string."""


class HiddenTokens(NamedTuple):
    """What a model is called with, and what its logits are compared with."""

    inputs: tuple[Tensor, ...]
    """Arguments of the model, which gives logits (N, V)."""
    labels_N: Tensor
    """int64, the ids of the hidden tokens, in the order of the logits."""

    @property
    def weight(self) -> float:
        """Hidden tokens."""
        return len(self.labels_N)

    def to(self, device: torch.device) -> HiddenTokens:
        """The same on another device."""
        return HiddenTokens(tuple(x.to(device) for x in self.inputs), self.labels_N.to(device))


def mask_tokens(
    ids_BL: Tensor,
    keep_BL: Tensor,
    *,
    policy: Literal["bert", "cao"],
    share: float,
    generator: torch.Generator,
    vocabulary_size: int,
    mask_id: int,
    n_special: int,
) -> Masked:
    """Choose tokens of each string and hide them.

    Every string gives its share: n tokens give ⌊n · share⌋ or one more, at random, so that the share is exact
    on average. A batch with any token to choose gives at least one. Special tokens are neither chosen nor put
    in.

    Args:
        ids_BL: Token ids, int64; unchanged.
        keep_BL: bool, True on real tokens.
        policy: `bert` masks 80 % of the chosen, replaces 10 %, keeps 10 %. `cao` masks 90 % and replaces
            10 %, as the paper says; its public code leaves those 10 % as they are.
        share: Share of the real tokens to choose.
        generator: Source of all choices; equal states make equal masks, on any device the ids are on.
        vocabulary_size: Number of tokens, special ones included.
        mask_id: Id of [MASK].
        n_special: Ids below are special.

    Source: Devlin et al. 2019, arXiv:1810.04805, section 3.1; Cao et al. 2023, JACS 145, 2958.
    """

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=generator.device).to(ids_BL.device)

    n_strings, length = ids_BL.shape
    order_BL, fate_BL = draw(n_strings, length), draw(n_strings, length)
    round_up_B, token_BL = draw(n_strings), draw(n_strings, length)

    choosable_BL = keep_BL & (ids_BL >= n_special)
    n_chosen_B = (choosable_BL.sum(dim=1) * share + round_up_B).long()
    # Ranks among the tokens of a string in random order, those that may not be chosen last.
    order_BL = order_BL.masked_fill(~choosable_BL, 2.0)
    rank_BL = order_BL.argsort(dim=1).argsort(dim=1)
    chosen_BL = (rank_BL < n_chosen_B[:, None]) & choosable_BL
    # Where no string gives a token, the first of the whole batch in random order is chosen.
    first_BL = choosable_BL & (order_BL == order_BL.min())
    chosen_BL = torch.where(chosen_BL.any(), chosen_BL, first_BL)

    other_BL = n_special + (token_BL * (vocabulary_size - n_special)).long()
    return Masked(
        corrupt(ids_BL, chosen_BL, fate_BL, other_BL, policy=policy, mask_id=mask_id),
        chosen_BL,
        ids_BL[chosen_BL],
    )


def corrupt(
    ids_BL: Tensor, chosen_BL: Tensor, fate_BL: Tensor, other_BL: Tensor, *, policy: str, mask_id: int
) -> Tensor:
    """The ids with some of the chosen masked, some replaced by others, by the shares of the policy.

    The fate of each is a random number between 0 and 1.
    """
    masked, replaced = MASK_AND_REPLACE[policy]
    hidden_BL = torch.where(fate_BL < masked + replaced, other_BL, ids_BL)
    hidden_BL = torch.where(fate_BL < masked, mask_id, hidden_BL)
    return torch.where(chosen_BL, hidden_BL, ids_BL)


class MaskedTokens(Objective):
    """Name single tokens that were hidden, by the recipe's table `masking` (Devlin et al. 2019)."""

    kind = "encoder"
    figures = ("loss", "accuracy", "perplexity")

    def examples(self, batch: StringBatch, generator: torch.Generator) -> HiddenTokens:
        """The inputs are ids, real tokens, and which of them to predict."""
        masked = mask_tokens(
            batch.ids_BL,
            batch.keep_BL,
            policy=self.recipe.masking.policy,
            share=self.recipe.masking.share,
            generator=generator,
            vocabulary_size=self.tokenizer.vocabulary_size,
            mask_id=self.tokenizer.mask_id,
            n_special=self.tokenizer.n_special,
        )
        return HiddenTokens((masked.ids_BL, batch.keep_BL, masked.chosen_BL), masked.labels_N)

    def loss(self, network: nn.Module, examples: HiddenTokens) -> Tensor:
        """Mean cross-entropy of the hidden tokens, in nats."""
        return masked_loss(network(*examples.inputs), examples.labels_N)

    def measure(self, network: nn.Module, examples: HiddenTokens) -> dict[str, Tensor]:
        """Loss and share of the hidden tokens that are named right."""
        logits_NV = network(*examples.inputs).float()
        right_N = logits_NV.argmax(-1) == examples.labels_N
        return {"loss": masked_loss(logits_NV, examples.labels_N), "accuracy": right_N.float().mean()}

    def summarise(self, means: dict[str, float]) -> dict[str, float]:
        """Means with the perplexity."""
        return means | {"perplexity": math.exp(min(means["loss"], 50.0))}
