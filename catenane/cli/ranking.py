"""The highest of a stream of answers, as a table in the terminal and as an HTML page."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from catenane.adsorption import Uptake
from catenane.cli.console import print_table, stdout

if TYPE_CHECKING:
    from catenane.inference import Model, Predictions
    from catenane.reporting import Isotherms

__all__ = ["Ranking"]

MOST_COLUMNS, SHORTEST = 3, 24
"""Columns that the table shows, and the least room for a string in it."""
CURVE_POINTS = 61
"""Pressures of the curve that is drawn of an isotherm."""


class _Row(NamedTuple):
    values: np.ndarray
    """Of all columns."""
    bounds: np.ndarray
    """Both ends of the interval of the ranked column."""
    in_domain: bool
    note: str


class Ranking:
    """Keeps the highest rows in one column while answers go by.

    Args:
        model: What answers.
        columns: Names of the columns.
        by: The one that sets the order.
        top: Rows to keep.
        keep_all: Remember the ranked value of every row, for a histogram.
    """

    def __init__(
        self, model: Model, columns: Sequence[str], by: str, *, top: int, keep_all: bool = False
    ) -> None:
        self._model, self._columns, self._by, self._top = model, list(columns), by, top
        self._place = self._columns.index(by)
        self._all = array("f") if keep_all else None
        self._best: list[tuple[float, int, str, _Row]] = []
        self.n_rows = 0

    def add(self, strings: Sequence[str], found: Predictions) -> None:
        """Take in strings with their predictions; those without a value are left out."""
        ranked, known = found.values[:, self._place], np.flatnonzero(~np.isnan(found.values[:, self._place]))
        if self._all is not None:
            self._all.extend(ranked[known])
        bounds_N2 = np.column_stack([found.low[:, self._place], found.high[:, self._place]])
        # Ties keep the order in which they came; rows count down, so that earlier ones are the larger.
        entries = [
            (
                float(ranked[row]),
                -(self.n_rows + place),
                strings[row],
                _Row(found.values[row], bounds_N2[row], bool(found.in_domain[row]), found.notes[row]),
            )
            for place, row in enumerate(known.tolist())
        ]
        self._best = heapq.nlargest(self._top, [*self._best, *entries], key=lambda entry: entry[:2])
        self.n_rows += len(known)

    def print_table(self) -> None:
        """A line a string, the highest first; long ones lose their middle, which the CSV file keeps."""
        units = self._units()
        order = [self._by, *(name for name in self._columns if name != self._by)][:MOST_COLUMNS]
        places = [self._columns.index(name) for name in order]
        heads = [f"{name}, {units[name]}" if units[name] else name for name in order]
        room = max(SHORTEST, stdout.width - sum(len(head) + 2 for head in heads) - 6)
        rows = [
            [str(number), *(f"{row.values[place]:.3f}" for place in places), _shorten(text, room)]
            for number, (_, _, text, row) in enumerate(self._best, start=1)
        ]
        title = f"Highest {self._by} of {self.n_rows:,}, predicted by {self._model_name()}"
        print_table(title, ["", *heads, "string"], rows, numbers=["", *heads])

    def write_page(self, path: Path, *, n_rejected: int, command: str) -> None:
        """The highest as an HTML page, each drawn, with its isotherm where the model has such."""
        from catenane.reporting import write_ranking_page

        strings = [text for _, _, text, _ in self._best]
        rows = [row for *_, row in self._best]
        values = np.array([row.values for row in rows]).reshape(-1, len(self._columns))
        low, high = np.array([row.bounds for row in rows]).reshape(-1, 2).T
        write_ranking_page(
            path,
            strings=strings,
            columns=dict(zip(self._columns, values.T, strict=True)),
            units=self._units(),
            ranked_by=self._by,
            model_name=self._model_name(),
            card=self._model.bundle.card,
            n_candidates=self.n_rows,
            n_rejected=n_rejected,
            command=command,
            distribution=None if self._all is None else np.array(self._all, dtype=np.float64),
            isotherms=self._isotherms(strings),
            notation=self._model.config.notation,
            low=low,
            high=high,
            in_domain=[row.in_domain for row in rows],
            notes=[row.note for row in rows],
        )

    def _isotherms(self, strings: Sequence[str]) -> Isotherms | None:
        from catenane.models import IsothermHead
        from catenane.reporting import Isotherms

        head, ranked = self._model.property_model.head, Uptake.parse(self._by)
        if not isinstance(head, IsothermHead) or ranked is None:
            return None
        measured = head.isotherm.pressures(ranked.gas)
        highest = max(ranked.pressure, measured[-1])
        pressures = np.geomspace(min(measured[0], ranked.pressure or measured[0]) / 10, highest, CURVE_POINTS)
        curves = self._model.predictions(strings, {"gas": ranked.gas, "pressure": pressures})
        return Isotherms(
            gas=ranked.gas,
            pressures_P=pressures,
            uptake_KP=curves.values,
            marked=ranked.pressure,
            measured_P=np.array(measured),
            low_KP=curves.low,
            high_KP=curves.high,
        )

    def _units(self) -> dict[str, str]:
        """Unit of every column; uptakes at other pressures have that of the targets."""
        known = self._model.bundle.units
        return {name: known.get(name, next(iter(known.values()), "")) for name in self._columns}

    def _model_name(self) -> str:
        return str(self._model.bundle.card.get("name", "the model"))


def _shorten(text: str, room: int) -> str:
    """The text, or its beginning and its end: a MOFid ends in its net and catenation."""
    if len(text) <= room:
        return text
    tail = room // 3
    return f"{text[: room - tail - 1]}…{text[-tail:]}"
