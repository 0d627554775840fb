"""The highest of a stream of predictions, as a table in the terminal and as an HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from catenane.adsorption import Uptake
from catenane.cli.console import print_table, stdout

if TYPE_CHECKING:
    from catenane.inference import Model, Predictions
    from catenane.reporting import Isotherms

__all__ = ["Ranking"]

MOST_COLUMNS, SHORTEST = 3, 24
"""Columns that the table shows, and the least room for a string in it."""
FEATURES = "features"
CURVE_POINTS = 61
"""Pressures of the curve that is drawn of an isotherm."""


class Ranking:
    """Keeps the `top` rows that are highest in the column `by` while predictions go by.

    `keep_all` keeps the ranked value of every row, for a histogram.
    """

    def __init__(
        self, model: Model, columns: Sequence[str], by: str, *, top: int, keep_all: bool = False
    ) -> None:
        import pandas as pd

        self._model, self._columns, self._by, self._top = model, columns, by, top
        self._keep_all = keep_all
        self._all: list[np.ndarray] = []
        self.best = pd.DataFrame()
        """The strings and all that is predicted of them, the highest first."""
        self.n_rows = 0

    def add(
        self, strings: Sequence[str], found: Predictions, features: Mapping[str, Any] | None = None
    ) -> None:
        """Take in strings with features and predictions; those without a value are left out."""
        import pandas as pd

        rows = pd.DataFrame(
            {"string": strings, FEATURES: [*zip(*(features or {}).values(), strict=True)] or None}
        )
        rows = rows.assign(**found.named()).dropna(subset=[self._by])
        self.n_rows += len(rows)
        if self._keep_all:
            self._all.append(rows[self._by].to_numpy(dtype=np.float32))
        # Ties keep the order in which they came.
        every = pd.concat([self.best, rows]) if len(self.best) else rows
        self.best = every.nlargest(self._top, self._by)

    def print_table(self) -> None:
        """A line a string, the highest first; long ones lose their middle, which the CSV file keeps."""
        units = self._units()
        order = [self._by, *(name for name in self._columns if name != self._by)][:MOST_COLUMNS]
        heads = [f"{name}, {units[name]}" if units[name] else name for name in order]
        room = max(SHORTEST, stdout.width - sum(len(head) + 2 for head in heads) - 6)
        rows = [
            [str(number), *(f"{row[name]:.3f}" for name in order), _shorten(row["string"], room)]
            for number, row in enumerate(self.best.to_dict("records"), start=1)
        ]
        name = self._model.bundle.card.get("name", "the model")
        title = f"Highest {self._by} of {self.n_rows:,}, predicted by {name}"
        print_table(title, dict.fromkeys(["", *heads], "number") | {"string": "text"}, rows)

    def write_page(self, path: Path, *, n_rejected: int, command: str) -> None:
        """The highest as an HTML page, each drawn, with its isotherm where the model has such."""
        from catenane.reporting import write_ranking_page

        write_ranking_page(
            path, self.best, units=self._units(), ranked_by=self._by, notation=self._model.config.notation,
            card=self._model.bundle.card, n_candidates=self.n_rows, n_rejected=n_rejected, command=command,
            distribution=np.concatenate(self._all, dtype=np.float64) if self._keep_all else None,
            isotherms=self._isotherms(),
        )  # fmt: skip

    def _isotherms(self) -> Isotherms | None:
        from catenane.models.isotherm import IsothermHead
        from catenane.reporting import Isotherms

        head, ranked = self._model.property_model.head, Uptake.parse(self._by)
        if not isinstance(head, IsothermHead) or ranked is None:
            return None
        measured = head.isotherm.pressures(ranked.gas)
        highest = max(ranked.pressure, measured[-1])
        pressures = np.geomspace(min(measured[0], ranked.pressure or measured[0]) / 10, highest, CURVE_POINTS)
        names = [column.name for column in self._model.config.features]
        curves = self._model.predictions(
            self.best["string"].tolist(),
            {"gas": ranked.gas, "pressure": pressures},
            features=dict(zip(names, zip(*self.best[FEATURES], strict=True), strict=True)) if names else None,
        )
        return Isotherms(
            gas=ranked.gas, pressures_P=pressures, uptake_KP=curves.values, marked=ranked.pressure,
            measured_P=measured, low_KP=curves.low, high_KP=curves.high,
        )  # fmt: skip

    def _units(self) -> dict[str, str]:
        """Unit of every column; uptakes at other pressures have that of the targets."""
        known = self._model.bundle.units
        return {name: known.get(name, next(iter(known.values()), "")) for name in self._columns}


def _shorten(text: str, room: int) -> str:
    """The text, or its beginning and its end: a MOFid ends in its net and catenation."""
    if len(text) <= room:
        return text
    tail = room // 3
    return f"{text[: room - tail - 1]}…{text[-tail:]}"
