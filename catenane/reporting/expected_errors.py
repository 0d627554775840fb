"""The errors on a model's card that bear on a ranking of new candidates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catenane.adsorption import Uptake
from catenane.formatting import MISSING, NO_BREAK, chemical, number, with_unit
from catenane.reporting.pages import CellKind, Grid
from catenane.reporting.schema import Spread

__all__ = ["error_grid", "target_label"]

STRICT = ("linker", "scaffold", "framework")
"""Protocols that keep what is new about a candidate out of training; others are quoted only without these."""
SCORES = {"mae": "mean absolute error", "roc_auc": "ROC AUC"}


def target_label(target: str) -> str:
    """The name of a target; `co2_0.1bar` is "CO₂ uptake at 0.1 bar"."""
    uptake = Uptake.parse(target)
    return target if uptake is None else f"{chemical(uptake.gas)} uptake at {uptake.pressure:g}{NO_BREAK}bar"


def error_grid(card: Mapping[str, Any], ranked_by: str) -> Grid | None:
    """Errors of the model on rows that it was not trained on; None for a card without scores.

    Args:
        card: The model's card, see `catenane.reporting.schema`.
        ranked_by: The target. For an uptake at a pressure that the card does not hold, those nearest to it
            stand in.
    """
    targets = card.get("targets") or {}
    rows = [row for name in _nearest(ranked_by, list(targets)) for row in _rows(name, targets[name], card)]
    if not rows:
        return None
    heads = ("target", "test rows", "score", "model", "best baseline", "rows")
    kinds: tuple[CellKind, ...] = ("name", "text", "text", "number", "number", "number")
    return Grid(list(zip(heads, kinds, strict=True)), rows)


def _rows(name: str, entry: Mapping[str, Any], card: Mapping[str, Any]) -> Iterator[list[str]]:
    protocols = entry.get("protocols") or {}
    chosen = [protocols[key] for key in STRICT if key in protocols] or list(protocols.values())
    split = str((card.get("training") or {}).get("split") or "").partition(",")[0]
    for protocol in chosen or [_of_test(entry) | {"method": split}]:
        key = next((key for key in SCORES if protocol.get(key)), None)
        if key is None:
            continue
        spread: Spread = protocol[key]
        rivals = [rival["mean"] for rival in (protocol.get("baselines") or {}).values()]
        best = (min if key == "mae" else max)(rivals, default=None)
        sd, over = spread.get("sd"), protocol.get("over")
        plus_minus = "" if sd is None else f" ± {number(sd, spread['mean'])}"
        over = f" (sd over {protocol.get('repeats', '')} {over})".replace("  ", " ") if over and sd else ""
        yield [
            with_unit(target_label(name), entry.get("unit") if key == "mae" else None),
            str(protocol.get("method") or MISSING),
            SCORES[key] + over,
            number(spread["mean"]) + plus_minus,
            number(best, spread["mean"]),
            MISSING if protocol.get("n") is None else f"{protocol['n']:,}",
        ]


def _of_test(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The scores of an older card in the form of a protocol."""
    test, baselines = entry.get("test") or {}, entry.get("baselines") or {}
    key = next((key for key in SCORES if test.get(key) is not None), None)
    if key is None:
        return {}
    rivals = {who: {"mean": scores[key]} for who, scores in baselines.items() if scores.get(key) is not None}
    return {key: {"mean": test[key]}, "n": test.get("n"), "baselines": rivals}


def _nearest(ranked_by: str, known: Sequence[str]) -> list[str]:
    """The targets whose errors bear on a ranking: itself, or the nearest pressures on either side."""
    wanted = Uptake.parse(ranked_by)
    if ranked_by in known or wanted is None:
        return [ranked_by] if ranked_by in known else []
    uptakes = {name: uptake for name in known if (uptake := Uptake.parse(name))}
    pressures = {name: uptake.pressure for name, uptake in uptakes.items() if uptake.gas == wanted.gas}
    below = [name for name in pressures if pressures[name] < wanted.pressure]
    above = [name for name in pressures if pressures[name] > wanted.pressure]
    nearest = [max(below, key=pressures.__getitem__)] if below else []
    return nearest + ([min(above, key=pressures.__getitem__)] if above else [])
