"""Targets and their errors in the words of a page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catenane.adsorption import Uptake
from catenane.formatting import NO_BREAK, count, number, quantity

__all__ = ["chemical", "expected_error", "in_words"]

LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
RAISED = str.maketrans("0123456789+−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")


def chemical(formula: str) -> str:
    """A formula with its digits lowered and its charge raised: `C8H4O4 2−` is C₈H₄O₄²⁻."""
    charge = re.search(r" \d*[+−]$", formula)
    if charge is not None:
        formula = formula[: charge.start()] + charge[0].strip().translate(RAISED)
    return re.sub(r"(?<=[A-Za-z)])\d+", lambda digits: digits[0].translate(LOWERED), formula)


def in_words(target: str) -> str:
    """The name of a target; `co2_0.1bar` is "CO₂ uptake at 0.1 bar"."""
    uptake = Uptake.parse(target)
    return target if uptake is None else f"{chemical(uptake.gas)} uptake at {uptake.pressure:g}{NO_BREAK}bar"


def expected_error(card: Mapping[str, Any], ranked_by: str, thing: str) -> str:
    """How far off the model was on its test rows, in a sentence with unit, protocol and the best baseline.

    Args:
        card: The model's card; for one without scores the sentence is empty.
        ranked_by: The target. For an uptake at a pressure that the card does not hold, those nearest to it
            stand in.
        thing: What a row is: "framework" or "molecule".
    """
    targets = card.get("targets") or {}
    scored = {
        name: entry for name in _bearing(ranked_by, list(targets)) if (entry := _Scored.of(targets[name]))
    }
    if not scored:
        return ""
    first = next(iter(scored.values()))
    n_rows = first.n_rows if len({entry.n_rows for entry in scored.values()}) == 1 else None
    rows = f"{thing}s" if n_rows is None else count(n_rows, thing)
    split = str((card.get("training") or {}).get("split") or "").partition(",")[0]
    kind = split if split.endswith("validation") else f"{split} split"
    protocol = f" ({kind})" if split else ""
    told = (
        entry.words if name == ranked_by else f"{entry.words} for {in_words(name)}"
        for name, entry in scored.items()
    )
    return f"Expected {first.name} on {rows} it was not trained on{protocol}: {', '.join(told)}."


@dataclass(frozen=True)
class _Scored:
    """The score of a target on the test rows."""

    name: str
    words: str
    n_rows: int | None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> _Scored | None:
        test = entry.get("test") or {}
        score, name, best = ("mae", "error", min) if "mae" in test else ("roc_auc", "ROC AUC", max)
        value = test.get(score)
        if value is None:
            return None
        words = quantity(value, entry.get("unit") if score == "mae" else None)
        rivals = [scores.get(score) for scores in (entry.get("baselines") or {}).values()]
        known = [rival for rival in rivals if rival is not None]
        if known:
            words += f" (best simple baseline {number(best(known), value)})"
        return cls(name, words, test.get("n"))


def _bearing(ranked_by: str, known: list[str]) -> list[str]:
    """The targets whose errors bear on a ranking: itself, or the nearest pressures on either side."""
    if ranked_by in known:
        return [ranked_by]
    wanted = Uptake.parse(ranked_by)
    pressures = {
        name: found.pressure
        for name in known
        if wanted and (found := Uptake.parse(name)) and found.gas == wanted.gas
    }
    if wanted is None or not pressures:
        return []
    below = [name for name in pressures if pressures[name] < wanted.pressure]
    above = [name for name in pressures if pressures[name] > wanted.pressure]
    nearest = [max(below, key=pressures.__getitem__)] if below else []
    return nearest + ([min(above, key=pressures.__getitem__)] if above else [])
