"""Targets and their errors in the words of a page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catenane.wording import NO_BREAK, count, number, quantity

__all__ = ["chemical", "expected_errors", "in_words"]

LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
RAISED = str.maketrans("0123456789+−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
GASES = {gas.casefold(): gas for gas in ("CO2", "CH4", "N2", "H2", "O2", "Ar", "Kr", "Xe", "C2H6", "C3H8")}
MOST_ERRORS = 3
"""Targets whose errors are told where the ranking is by one that the card does not know."""


def chemical(formula: str) -> str:
    """A formula with its digits lowered and its charge raised: `C8H4O4 2−` is C₈H₄O₄²⁻."""
    charge = re.search(r" \d*[+−]$", formula)
    if charge is not None:
        formula = formula[: charge.start()] + charge[0].strip().translate(RAISED)
    return re.sub(r"(?<=[A-Za-z)])\d+", lambda digits: digits[0].translate(LOWERED), formula)


def in_words(target: str) -> str:
    """The name of a target; `co2_0.1bar` is "CO₂ uptake at 0.1 bar"."""
    named = re.fullmatch(r"([a-z0-9]+)_(\d+(?:\.\d+)?)_?bar", target.casefold())
    if named is None or named[1] not in GASES:
        return target
    return f"{chemical(GASES[named[1]])} uptake at {float(named[2]):g}{NO_BREAK}bar"


def expected_errors(card: Mapping[str, Any], ranked_by: str, thing: str) -> list[str]:
    """How far off the model was on its test rows, in a sentence for each target that bears on the ranking.

    Args:
        card: The model's card; one that holds no scores gives no sentence.
        ranked_by: The target; where the card does not hold it, its first targets stand in.
        thing: What a row is: "framework" or "molecule".
    """
    targets = card.get("targets") or {}
    split = str((card.get("training") or {}).get("split") or "").partition(",")[0]
    chosen = [ranked_by] if ranked_by in targets else list(targets)[:MOST_ERRORS]
    sentences = (_expected_error(name, targets[name], name == ranked_by, thing, split) for name in chosen)
    return [sentence for sentence in sentences if sentence]


def _expected_error(target: str, entry: Mapping[str, Any], is_ranked: bool, thing: str, split: str) -> str:
    test = entry.get("test") or {}
    score, name = ("mae", "error") if "mae" in test else ("roc_auc", "ROC AUC")
    value, unit = test.get(score), entry.get("unit")
    if value is None:
        return ""
    of_target = "" if is_ranked else f" in {in_words(target)}"
    protocol = f" ({split} split)" if split else ""
    n_rows = f"{count(test['n'], thing)} it was" if test.get("n") else f"{thing}s it was"
    rivals = [
        scores[score] for scores in (entry.get("baselines") or {}).values() if scores.get(score) is not None
    ]
    best = (min if score == "mae" else max)(rivals, default=None)
    beside = f"; the best simple baseline has {number(best, value)}" if best is not None else ""
    shown = quantity(value, unit if score == "mae" else None)
    return f"Expected {name}{of_target}: {shown}, on {n_rows} not trained on{protocol}{beside}."
