"""The best of many candidates on one HTML page: drawn, named, with their intervals and the model's errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from catenane.adsorption import Uptake
from catenane.formatting import MISSING, NO_BREAK, chemical, count, number, quantity, unit_or_none, with_unit
from catenane.metrics import FloatArray
from catenane.notation import NotationName, get_notation
from catenane.reporting.isotherms import IsothermPlotter, Isotherms
from catenane.reporting.pages import Grid, write_page
from catenane.reporting.plots import Drawing, histogram
from catenane.reporting.ranking_cards import describe
from catenane.version import __version__

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["error_grid", "target_label", "write_ranking_page"]

CAUTIONS: dict[NotationName, str] = {
    "mofid": "Predictions for hypothetical frameworks, not measurements: whether one can be made, or stays "
    "open without its solvent, has not been considered.",
    "smiles": "Predictions, not measurements: whether a molecule can be made has not been considered.",
}
STRICT = ("linker", "scaffold", "framework")
"""Protocols that keep what is new about a candidate out of training; others are quoted only without these."""
SCORES = {"mae": "mean absolute error", "roc_auc": "ROC AUC"}


def write_ranking_page(
    path: Path,
    best: pd.DataFrame,
    *,
    units: Mapping[str, str],
    ranked_by: str,
    notation: NotationName,
    card: Mapping[str, Any],
    n_candidates: int,
    n_rejected: int,
    command: str | None = None,
    distribution: FloatArray | None = None,
    isotherms: Isotherms | None = None,
) -> None:
    """Write the page of a ranking in one move.

    Args:
        path: The HTML file; its folder exists.
        best: The K best, best first: `string`, the targets, `note` (what to flag, or "") and, as NAME_low and
            NAME_high, the interval of the target that set the order.
        units: Of every target, "" where it has none.
        ranked_by: The target that set the order.
        notation: Of the strings.
        card: The model's card, see `error_grid`.
        n_candidates: Strings that were ranked.
        n_rejected: Strings that could not be read.
        command: The command that made the page.
        distribution: Predictions of `ranked_by` for all candidates, (n_candidates,).
        isotherms: Of the K strings, in their order.

    Raises:
        NotationError: A string is not of this notation.
    """
    noun, unit, label = get_notation(notation).noun, unit_or_none(units[ranked_by]), target_label(ranked_by)
    strings, values = best["string"].tolist(), best[ranked_by].to_numpy(dtype=np.float64)
    likes = {name: float(best[name].abs().max()) for name in units}
    plotter = IsothermPlotter(isotherms) if isotherms is not None else None
    if distribution is not None and len(distribution) <= len(strings):
        distribution = None  # those shown are all there are

    def shown(value: float) -> str:
        return number(float(value), likes[ranked_by])

    def make_card(place: int, row: Mapping[str, Any]) -> dict[str, Any]:
        bounds = [row[f"{ranked_by}_low"], row[f"{ranked_by}_high"]]
        blocks, facts = describe(row["string"], notation)
        return {
            "rank": place + 1,
            "string": row["string"],
            "value": shown(values[place]),
            "interval": " to ".join(map(shown, bounds)) if np.isfinite(bounds).all() else "",
            "flag": row["note"],
            "others": {
                target_label(name): quantity(row[name], units[name], likes[name])
                for name in units
                if name != ranked_by
            },
            "blocks": blocks,
            "facts": facts,
            "isotherm": plotter.draw(place) if plotter else None,
        }

    of_all = f" of {n_candidates:,}" if n_candidates > len(strings) else ""
    write_page(
        Path(path),
        "ranking.html",
        script="copy.js",
        headline=f"{len(strings):,}{of_all} {noun}{'s' * (n_candidates != 1)}, highest {label}",
        model_name=card.get("name", "the model"),
        errors=error_grid(card, ranked_by),
        caution=CAUTIONS[notation],
        lowest=shown(values.min(initial=np.inf)),
        highest=shown(values.max(initial=-np.inf)),
        median=None if distribution is None else shown(np.nanmedian(distribution)),
        n_rejected=n_rejected,
        histogram=_histogram(distribution, values, with_unit(label, unit), noun),
        axes=plotter.definitions if plotter else None,
        measured=[f"{pressure:g}" for pressure in plotter.measured_P] if plotter else [],
        unit=unit,
        cards=[make_card(place, row) for place, row in enumerate(best.to_dict("records"))],
        model_card={"training": {}} | dict(card),
        version=__version__,
        command=command,
    )


def target_label(target: str) -> str:
    """The name of a target; `co2_0.1bar` is "CO₂ uptake at 0.1 bar"."""
    uptake = Uptake.parse(target)
    return target if uptake is None else f"{chemical(uptake.gas)} uptake at {uptake.pressure:g}{NO_BREAK}bar"


def error_grid(card: Mapping[str, Any], ranked_by: str) -> Grid | None:
    """Errors of the model on rows that it was not trained on; None for a card without scores.

    An entry of the card's `targets` has a `unit`, `test` and `baselines` with the scores on the rows of one
    split, and perhaps `protocols` by how rows were kept apart ("folds", "linker", "scaffold", "framework"):
    each with its `method`, the number `n` of rows, `mae` or `roc_auc` as `mean` and `sd` over so many
    `repeats` of what `over` names ("folds", "seeds", "draws"), and the same of its `baselines`. For an uptake
    at a pressure that the card does not hold, those nearest to it stand in.
    """
    targets = card.get("targets") or {}
    rows = [row for name in _nearest(ranked_by, targets) for row in _rows(name, targets[name], card)]
    columns = {
        "target": "name", "test rows": "text", "score": "text", "model": "number", "best baseline": "number",
        "rows": "number",
    }  # fmt: skip
    return Grid(columns, rows) if rows else None


def _rows(name: str, entry: Mapping[str, Any], card: Mapping[str, Any]) -> Iterator[list[str]]:
    protocols = entry.get("protocols") or {}
    chosen = [protocols[key] for key in STRICT if key in protocols] or list(protocols.values())
    split = str((card.get("training") or {}).get("split") or "").partition(",")[0]
    on_split = {**(entry.get("test") or {}), "method": split, "baselines": entry.get("baselines")}
    for protocol in chosen or [on_split]:
        key = next((key for key in SCORES if protocol.get(key) is not None), None)
        if key is None:
            continue
        mean, sd = _spread(protocol[key])
        rivals = [_spread(rival.get(key, rival))[0] for rival in (protocol.get("baselines") or {}).values()]
        best = (min if key == "mae" else max)((rival for rival in rivals if rival is not None), default=None)
        over = "" if sd is None else f" (sd over {protocol['repeats']} {protocol['over']})"
        yield [
            with_unit(target_label(name), entry.get("unit") if key == "mae" else None),
            protocol["method"] or MISSING,
            SCORES[key] + over,
            number(mean) + ("" if sd is None else f" ± {number(sd, mean)}"),
            number(best, mean),
            MISSING if protocol.get("n") is None else f"{protocol['n']:,}",
        ]


def _spread(score: Any) -> tuple[float | None, float | None]:
    """Mean and standard deviation of a score, which on a single split is the score itself."""
    return (score["mean"], score.get("sd")) if isinstance(score, Mapping) else (score, None)


def _nearest(ranked_by: str, targets: Mapping[str, Any]) -> list[str]:
    """The targets whose errors bear on a ranking: itself, or the nearest pressures on either side."""
    wanted = Uptake.parse(ranked_by)
    if ranked_by in targets or wanted is None:
        return [ranked_by] if ranked_by in targets else []
    uptakes = {name: uptake for name in targets if (uptake := Uptake.parse(name))}
    names = {uptake.pressure: name for name, uptake in uptakes.items() if uptake.gas == wanted.gas}
    below = [pressure for pressure in names if pressure < wanted.pressure]
    above = [pressure for pressure in names if pressure > wanted.pressure]
    return [names[pressure] for pressure in sorted(below)[-1:] + sorted(above)[:1]]


def _histogram(distribution: FloatArray | None, shown: FloatArray, label: str, noun: str) -> Drawing | None:
    """The predictions of all candidates, and where those shown are among them; None where all are equal."""
    if distribution is None or len(np.unique(distribution[np.isfinite(distribution)])) < 2:
        return None
    labels = (f"all {count(len(distribution), noun)}", f"the {len(shown):,} shown")
    caption = "Predictions for all candidates."
    return histogram(distribution, shown, xlabel=label, ylabel="candidates", labels=labels, caption=caption)
