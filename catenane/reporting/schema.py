"""The keys of `metrics.json` and of a model's `card.json` that the pages read.

Both files are plain JSON; keys that are absent are not shown. A score that is undefined is null.
"""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = ["CardTarget", "Coverage", "DomainErrors", "Intervals", "Protocol", "Spread", "TargetIntervals"]

Scores = dict[str, float | int | None]
"""By name of the score, and `n`, the number of labels; as `catenane.metrics.score` gives them."""


class Coverage(TypedDict):
    """Intervals of one set of test rows held against their labels."""

    n: int
    coverage: float
    """Share of the labels that lie within their interval."""
    width: float
    """Mean width, in label units."""


class DomainErrors(TypedDict, total=False):
    """Test rows on one side of the domain check."""

    n: int
    mae: float | None
    """Mean absolute error (of classes: share of wrong calls), label units."""
    coverage: float | None


class TargetIntervals(TypedDict, total=False):
    """The intervals of one target."""

    overall: Coverage
    groups: dict[str, dict[str, Coverage]]
    """By grouping ("topology", "scaffold", "label decile"), then by group, in display order."""
    curve: dict[Literal["nominal", "empirical"], list[float]]
    """Coverage asked for and found at several levels, ascending."""
    domain: dict[Literal["inside", "outside"], DomainErrors]
    """By `in_domain`."""


class Intervals(TypedDict, total=False):
    """`metrics["intervals"]`: prediction intervals on the test rows."""

    nominal: float
    """Coverage asked for, such as 0.9."""
    method: str
    """How the intervals are made: "split conformal", "cross-conformal"."""
    n_calibration: int
    """Rows they are calibrated on."""
    targets: dict[str, TargetIntervals]


class Spread(TypedDict):
    """A score over several parts or repeats."""

    mean: float
    sd: float | None
    """Sample standard deviation (n - 1) over them."""


class Protocol(TypedDict, total=False):
    """Scores of one target under one way of dividing the rows."""

    method: str
    """"5-fold cross-validation, no linker in two folds"."""
    n: int
    """Rows that were scored, each by a model that was not trained on it."""
    over: Literal["folds", "seeds", "draws"]
    """What the spread is over: parts of one division, repeats of the training, or repeated divisions."""
    repeats: int
    """How many of them."""
    mae: Spread
    roc_auc: Spread
    baselines: dict[str, Spread]
    """The main score of each baseline under the same division."""


class CardTarget(TypedDict, total=False):
    """`card["targets"][NAME]`."""

    unit: str
    test: Scores
    """Scores on the rows of `card["training"]["split"]`; all that older cards have."""
    baselines: dict[str, Scores]
    protocols: dict[Literal["folds", "linker", "scaffold", "framework"], Protocol]
    """How rows were kept apart: `folds` not at all, `linker` and `scaffold` by these, `framework` by
    linkers, nodes and net together. Candidates are new, so a ranking quotes `linker` or `scaffold` first."""
