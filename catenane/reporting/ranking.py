"""The best of many candidates on one HTML page: drawn, named, with their intervals and the model's errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from catenane.formatting import count, number, quantity, unit_or_none, with_unit
from catenane.metrics import FloatArray
from catenane.notation import NotationName, get_notation
from catenane.reporting.expected_errors import error_grid, target_label
from catenane.reporting.isotherms import IsothermPlotter, Isotherms
from catenane.reporting.pages import Drawing, Fact, write_page
from catenane.reporting.plots import histogram
from catenane.reporting.ranking_cards import Description, describe
from catenane.version import __version__

__all__ = ["Isotherms", "write_ranking_page"]

CAUTIONS: dict[NotationName, str] = {
    "mofid": "Predictions for hypothetical frameworks, not measurements: whether one can be made, or stays "
    "open without its solvent, has not been considered.",
    "smiles": "Predictions, not measurements: whether a molecule can be made has not been considered.",
}
OUTSIDE = "outside the training domain"


@dataclass(frozen=True)
class _Card:
    rank: int
    string: str
    value: str
    interval: str | None
    flag: str
    others: tuple[Fact, ...]
    described: Description
    isotherm: Markup | None


def write_ranking_page(
    path: Path,
    *,
    strings: Sequence[str],
    columns: Mapping[str, FloatArray],
    units: Mapping[str, str],
    ranked_by: str,
    model_name: str,
    card: Mapping[str, Any],
    n_candidates: int,
    n_rejected: int,
    command: str | None = None,
    distribution: FloatArray | None = None,
    isotherms: Isotherms | None = None,
    notation: NotationName = "mofid",
    low: FloatArray | None = None,
    high: FloatArray | None = None,
    in_domain: Sequence[bool] | None = None,
    notes: Sequence[str] | None = None,
    lowest: bool = False,
) -> None:
    """Write the page of a ranking in one move.

    Args:
        path: The HTML file; its folder exists.
        strings: The K best, best first, as the user gave them.
        columns: By target, float64 (K,): what is predicted for them; `ranked_by` is among the targets.
        units: By target, its unit; "" where it has none.
        ranked_by: The target that set the order.
        model_name: How the user called the model.
        card: The model's card, as its bundle holds it; see `catenane.reporting.schema`.
        n_candidates: Strings that were ranked.
        n_rejected: Strings that could not be read.
        command: The command that made the page.
        distribution: float64 (n_candidates,), what `ranked_by` is predicted to be for all of them.
        isotherms: Of the K strings, in their order.
        notation: Of the strings.
        low: float64 (K,), lower ends of the prediction intervals of `ranked_by`.
        high: float64 (K,), their upper ends.
        in_domain: For each string, whether it resembles the training data.
        notes: For each string, what to flag, such as an unseen metal by name; "" where nothing is.
        lowest: The best are the lowest.

    Raises:
        NotationError: A string is not of this notation.
    """
    thing, unit, label = (
        get_notation(notation).noun,
        unit_or_none(units.get(ranked_by)),
        target_label(ranked_by),
    )
    values = np.asarray(columns[ranked_by], dtype=np.float64)
    plotter = IsothermPlotter(isotherms) if isotherms is not None else None
    if distribution is not None and len(distribution) <= len(strings):
        distribution = None  # those shown are all there are
    likes = {name: float(np.nanmax(np.abs(column), initial=0.0)) for name, column in columns.items()}

    def make_card(place: int, string: str) -> _Card:
        interval = None
        if low is not None and high is not None and np.isfinite([low[place], high[place]]).all():
            interval = " to ".join(number(float(end[place]), likes[ranked_by]) for end in (low, high))
        outside = OUTSIDE if in_domain is not None and not in_domain[place] else ""
        return _Card(
            rank=place + 1,
            string=string,
            value=number(float(values[place]), likes[ranked_by]),
            interval=interval,
            flag=(notes[place] if notes is not None else "") or outside,
            others=tuple(
                (target_label(name), quantity(float(column[place]), units.get(name), likes[name]))
                for name, column in columns.items()
                if name != ranked_by
            ),
            described=describe(string, notation),
            isotherm=plotter.draw(place) if plotter else None,
        )

    of_all = f" of {n_candidates:,}" if n_candidates > len(strings) else ""
    end = "lowest" if lowest else "highest"
    write_page(
        Path(path),
        "ranking.html",
        script="copy.js",
        headline=f"{len(strings):,}{of_all} {thing}{'s' * (n_candidates != 1)}, {end} {label}",
        model_name=model_name,
        errors=error_grid(card, ranked_by),
        caution=CAUTIONS[notation],
        extreme=end,
        lowest=number(float(values.min(initial=np.inf)), likes[ranked_by]),
        highest=number(float(values.max(initial=-np.inf)), likes[ranked_by]),
        median=None if distribution is None else number(float(np.nanmedian(distribution)), likes[ranked_by]),
        n_rejected=n_rejected,
        histogram=_histogram(distribution, values, with_unit(label, unit), thing),
        axes=plotter.definitions if plotter else None,
        measured=[f"{pressure:g}" for pressure in plotter.measured_P] if plotter else [],
        unit=unit,
        cards=[make_card(place, string) for place, string in enumerate(strings)],
        model_card={"training": {}} | dict(card),
        version=__version__,
        command=command,
    )


def _histogram(distribution: FloatArray | None, shown: FloatArray, label: str, thing: str) -> Drawing | None:
    """The predictions of all candidates, and where those shown are among them; None where all are equal."""
    if distribution is None or len(np.unique(distribution[np.isfinite(distribution)])) < 2:
        return None
    labels = (f"all {count(len(distribution), thing)}", f"the {len(shown):,} shown")
    svg = histogram(distribution, shown, xlabel=label, ylabel="candidates", labels=labels, alt="Predictions")
    return Drawing(svg, "Predictions for all candidates.")
