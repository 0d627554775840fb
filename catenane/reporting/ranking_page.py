"""The highest of many candidates on one HTML page: drawn, named, and told with how far to trust them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from catenane.formatting import count, number, quantity, unit_or_none, with_unit
from catenane.notation import Notation
from catenane.reporting.pages import TEMPLATES, render_page, write_page
from catenane.reporting.ranking_cards import Block, Fact, describe
from catenane.reporting.ranking_plots import IsothermPlotter, Isotherms, histogram
from catenane.reporting.ranking_words import expected_error, in_words
from catenane.version import __version__

__all__ = ["Isotherms", "write_ranking_page"]

THINGS: dict[Notation, str] = {"mofid": "framework", "smiles": "molecule"}
CAUTIONS: dict[Notation, str] = {
    "mofid": "Predictions for hypothetical frameworks, not measurements: whether one can be made, or stays "
    "open without its solvent, has not been considered.",
    "smiles": "Predictions, not measurements: whether a molecule can be made has not been considered.",
}
CAUTION = "The highest of many predictions tend to be too high."


@dataclass(frozen=True)
class _Card:
    rank: int
    string: str
    value: str
    others: tuple[tuple[str, str], ...]
    blocks: tuple[Block, ...]
    facts: tuple[Fact, ...]
    isotherm: Markup | None


def write_ranking_page(
    path: Path,
    *,
    strings: Sequence[str],
    columns: Mapping[str, np.ndarray],
    units: Mapping[str, str],
    ranked_by: str,
    model_name: str,
    card: Mapping[str, Any],
    n_candidates: int,
    n_rejected: int,
    command: str | None = None,
    distribution: np.ndarray | None = None,
    isotherms: Isotherms | None = None,
    notation: Notation = "mofid",
) -> None:
    """Write the page of a ranking in one move.

    Args:
        path: The HTML file; its folder exists.
        strings: The K highest, best first, as the user gave them.
        columns: By target, float64 (K,): what is predicted for them; `ranked_by` is among the targets.
        units: By target, its unit; "" where it has none.
        ranked_by: The target that set the order.
        model_name: How the user called the model.
        card: The model's card, as its bundle holds it.
        n_candidates: Strings that were ranked.
        n_rejected: Strings that could not be read.
        command: The command that made the page.
        distribution: float64 (n_candidates,), what `ranked_by` is predicted to be for all of them.
        isotherms: Of the K strings, in their order.
        notation: Of the strings.

    Raises:
        NotationError: A string is not of this notation.
    """
    thing, unit, words = THINGS[notation], unit_or_none(units.get(ranked_by)), in_words(ranked_by)
    values = np.asarray(columns[ranked_by], dtype=np.float64)
    plotter = IsothermPlotter(isotherms) if isotherms is not None else None
    if distribution is not None and len(distribution) <= len(strings):
        distribution = None  # those shown are all there are
    of_all = f" of {n_candidates:,}" if n_candidates > len(strings) else ""
    page = render_page(
        "ranking.html",
        script=(TEMPLATES / "copy.js").read_text(encoding="utf-8"),
        headline=f"{len(strings):,}{of_all} {thing}{'s' * (n_candidates != 1)}, ranked by {words}",
        lede=f"Predicted by {model_name}. {expected_error(card, ranked_by, thing)}".strip(),
        caution=f"{CAUTIONS[notation]} {CAUTION}",
        summary=_summary(values, unit, distribution, n_rejected),
        histogram=None if distribution is None else histogram(distribution, values, with_unit(words, unit)),
        histogram_caption=f"All {count(n_candidates, thing)}; in colour the {len(strings):,} shown.",
        legend=[f"{pressure:g}" for pressure in plotter.measured_P] if plotter else [],
        unit=unit,
        cards=[
            _card(place, string, columns, units, ranked_by, notation, plotter)
            for place, string in enumerate(strings)
        ],
        making=_making(card, model_name),
        command=command,
    )
    write_page(Path(path), page)


def _card(
    place: int,
    string: str,
    columns: Mapping[str, np.ndarray],
    units: Mapping[str, str],
    ranked_by: str,
    notation: Notation,
    plotter: IsothermPlotter | None,
) -> _Card:
    described = describe(string, notation)
    likes = {name: _largest(values) for name, values in columns.items()}
    return _Card(
        rank=place + 1,
        string=string,
        value=number(float(columns[ranked_by][place]), likes[ranked_by]),
        others=tuple(
            (in_words(name), quantity(float(values[place]), units.get(name), likes[name]))
            for name, values in columns.items()
            if name != ranked_by
        ),
        blocks=described.blocks,
        facts=described.facts,
        isotherm=plotter.draw(place) if plotter else None,
    )


def _summary(
    values: np.ndarray, unit: str | None, distribution: np.ndarray | None, n_rejected: int
) -> list[str]:
    """Where those shown stand, in short facts."""
    facts = []
    if len(values) > 1:
        low, high = (number(float(value), float(values[0])) for value in (values[-1], values[0]))
        facts.append(f"shown: {low} to {high}" + (f" {unit}" if unit else ""))
    if distribution is not None and np.isfinite(distribution).any():
        facts.append(f"median of all: {quantity(float(np.nanmedian(distribution)), unit, _largest(values))}")
    if n_rejected:
        facts.append(f"{count(n_rejected, 'string')} could not be read")
    return facts


def _largest(values: np.ndarray) -> float:
    return float(np.nanmax(np.abs(values), initial=0.0))


def _making(card: Mapping[str, Any], model_name: str) -> list[tuple[str, str]]:
    training = card.get("training") or {}
    facts = [
        ("model", model_name),
        ("what it predicts", card.get("description")),
        ("split", training.get("split")),
        ("pretrained on", training.get("pretrained_from")),
        ("catenane", __version__),
    ]
    return [(name, str(value)) for name, value in facts if value]
