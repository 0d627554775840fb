"""Settings of the objectives of pretraining."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from catenane.errors import ConfigError
from catenane.settings import require_not_negative, require_share, require_types

__all__ = ["AuxiliaryConfig", "FragmentConfig", "MaskingConfig", "Objective", "TranslationConfig"]

Objective = Literal["mlm", "mass", "descriptors", "consistency", "translation"]
FragmentStart = Literal["mass", "uniform"]
Policy = Literal["bert", "cao"]


@dataclass(frozen=True, kw_only=True)
class MaskingConfig:
    """What the objective `mlm` hides."""

    policy: Policy = "bert"
    """Of the chosen tokens: `bert` masks 80 %, replaces 10 %, keeps 10 %; `cao` masks 90 %, replaces 10 %."""
    share: float = 0.15
    """Share of the real tokens that are chosen."""

    def __post_init__(self) -> None:
        require_types(self)
        if not 0 < self.share < 1:
            raise ConfigError(f"share={self.share} must lie between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class AuxiliaryConfig:
    """Weights of the losses that are added to that of the recipe's objective, whose own weight is 1."""

    mlm: float = 0.0
    """Of predicting masked tokens."""
    descriptors: float = 0.0
    """Of regressing descriptors."""
    consistency: float = 0.0
    """Of contrasting two spellings of a structure."""

    def __post_init__(self) -> None:
        require_types(self)
        require_not_negative(self, "mlm", "descriptors", "consistency")

    @property
    def weights(self) -> dict[Objective, float]:
        """Those that are not zero, by name."""
        named: dict[Objective, float] = dataclasses.asdict(self)  # type: ignore[assignment]
        return {name: weight for name, weight in named.items() if weight}


@dataclass(frozen=True, kw_only=True)
class FragmentConfig:
    """What the objective `mass` hides: one run of tokens of each string, [SEP] among them, [CLS] never."""

    share: float = 0.5
    """Share of the tokens that are hidden, one at least; 1 hides the whole string."""
    spread: float = 0.0
    """The share of each string is drawn evenly from this much below `share` to as much above it."""
    start: FragmentStart = "mass"
    """Where the run begins: `mass` at the first place in 20 % of the strings, at the last possible in 20 %,
    else anywhere; `uniform` anywhere."""
    parts: float = 0.0
    """Share of the strings in which the run is one whole part instead: what stands between two dots, such as
    a linker, or a branch without its brackets; text has none."""
    policy: Policy = "bert"
    """Input of the encoder at the run; see `masking.policy`."""

    def __post_init__(self) -> None:
        require_types(self)
        require_not_negative(self, "share", "spread", "parts")
        if self.share > 1 or self.parts > 1:
            raise ConfigError(f"share={self.share} and parts={self.parts} must be at most 1")


@dataclass(frozen=True, kw_only=True)
class TranslationConfig:
    """The objective `translation`: restoring sentences from noise, and from their own translations."""

    denoising: float = 1.0
    """Weight of restoring sentences from noise."""
    back_translation: float = 1.0
    """Weight of restoring them from what the model makes of them in another language; 0 for a first stage, in
    which a small model learns to read what it writes."""
    drop: float = 0.1
    """Share of the words that are dropped."""
    mask: float = 0.1
    """Share of the words that are masked."""
    shuffle: float = 3.0
    """Places that a word may move at most."""

    def __post_init__(self) -> None:
        require_types(self)
        require_not_negative(self, "denoising", "back_translation", "shuffle")
        require_share(self, "drop", "mask")
        if not self.denoising + self.back_translation:
            raise ConfigError("denoising=0 and back_translation=0 leave nothing to learn: set one of them")
