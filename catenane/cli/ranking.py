"""The highest, or the lowest, of a stream of predictions, as a table in the terminal and as an HTML page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from catenane.adsorption import Uptake
from catenane.cli.console import print_table, stdout
from catenane.formatting import number, scale

if TYPE_CHECKING:
    import pandas as pd

    from catenane.inference import Model, Predictions
    from catenane.notation import Notation
    from catenane.reporting import Isotherms

__all__ = ["Ranking"]

MOST_COLUMNS, SHORTEST = 3, 24
"""Columns that the table shows, and the least room for a string in it."""
FEATURES = "features"
DEPTH = 8
"""Times the rows to show that are held, which is enough for strings of seven linkers."""
CURVE_POINTS = 61
"""Pressures of the curve that is drawn of an isotherm."""


class Ranking:
    """Keeps the `top` rows that are first in the order of the column `by` while predictions go by.

    With `per_group`, a row is passed over where so many before it already have its scaffold or one of its
    linkers. One pass over the stream is exact, although rows that come late change what earlier ones are
    passed over for. Of rows with the same linkers only the first `per_group` can ever be shown. And where
    n rows that may stand together rank before a row, at least n / (1 + r) do so in every longer stream, if a
    row has r linkers at most: behind `DEPTH` times `top` of them nothing is held.

    Args:
        model: What predicts.
        columns: All that it predicts.
        by: The column that sets the order.
        top: Rows to keep.
        lowest: Put the lowest first.
        per_group: Rows with one scaffold, or with any one linker, at most.
        keep_all: Keep the value of every row, for a histogram.
    """

    def __init__(
        self, model: Model, columns: Sequence[str], by: str, *, top: int, lowest: bool = False,
        per_group: int | None = None, keep_all: bool = False,
    ) -> None:  # fmt: skip
        import pandas as pd

        self._model, self._columns, self._by = model, columns, by
        self._top, self._lowest, self._per_group = top, lowest, per_group
        self._keep_all = keep_all
        self._all: list[np.ndarray] = []
        self._held = self.best = pd.DataFrame()
        """Rows that may come to be shown, and those that are: the strings and all that is predicted of them,
        best first, by their number among all that were ranked."""
        self._surplus = pd.Series(dtype=float)
        """Values of the rows that rank before the last held and cannot come to be shown."""
        self._families: dict[str, tuple[str, ...]] = {}
        self.n_rows = 0

    def add(
        self, strings: Sequence[str], found: Predictions, features: Mapping[str, Any] | None = None
    ) -> None:
        """Take in strings with features and predictions; those without a value are left out."""
        import pandas as pd

        rows = pd.DataFrame(
            {"string": strings, FEATURES: [*zip(*(features or {}).values(), strict=True)] or None}
        )
        # A probability of one among several classes has no interval.
        ends = dict.fromkeys([f"{self._by}_low", f"{self._by}_high"], np.nan)
        rows = rows.assign(**(ends | found.named())).dropna(subset=[self._by])
        rows.index = pd.RangeIndex(self.n_rows, self.n_rows + len(rows))
        self.n_rows += len(rows)
        if self._keep_all:
            self._all.append(rows[self._by].to_numpy(dtype=np.float32))
        every = pd.concat([self._held, rows]) if len(self._held) else rows
        # Ties keep the order in which they came.
        every = every.sort_values(self._by, ascending=self._lowest, kind="stable")
        if self._per_group is None:
            self._held = self.best = every.head(self._top)
        else:
            self._spread(every, self._per_group)

    def _spread(self, every: pd.DataFrame, per_group: int) -> None:
        """Choose from rows in order, and hold those that might be chosen among more."""
        import pandas as pd

        used: Counter[str] = Counter()
        alike: Counter[tuple[str, ...]] = Counter()
        places: dict[str, list[int]] = {"chosen": [], "held": [], "surplus": []}
        families = {}
        for place, string in enumerate(every["string"]):
            if len(places["chosen"]) == DEPTH * self._top:
                break
            family = self._families.get(string) or self._family(string)
            alike[family] += 1
            if alike[family] > per_group:
                places["surplus"].append(place)
                continue
            families[string] = family
            places["held"].append(place)
            if all(used[member] < per_group for member in family):
                used.update(family)
                places["chosen"].append(place)
        self._families, self._held = families, every.iloc[places["held"]]
        self.best = every.iloc[places["chosen"][: self._top]]
        values = every[self._by].iloc[places["surplus"]]
        values = pd.concat([self._surplus, values]) if len(self._surplus) else values
        full = len(places["chosen"]) == DEPTH * self._top
        self._surplus = values[self._before(values, self._held)] if full else values

    def _before(self, values: pd.Series, rows: pd.DataFrame) -> pd.Series:
        """Which values rank before the last of some rows; ties by number."""
        last = rows[self._by].iloc[-1]
        before = values < last if self._lowest else values > last
        return before | ((values == last) & (values.index < rows.index[-1]))

    @property
    def n_passed_over(self) -> int:
        """Rows that rank before the last that is shown, or before the end if there are too few to show."""
        if len(self.best) < self._top:
            return self.n_rows - len(self.best)
        before = (self._before(values, self.best).sum() for values in (self._surplus, self._held[self._by]))
        return int(sum(before)) - len(self.best) + 1

    def _family(self, string: str) -> tuple[str, ...]:
        """What the string has of that of which only so many are shown; one name for all that have none."""
        return tuple(
            sorted(self._notation.read(string, self._model.config.n_strings).groups[self._notation.splits[0]])
        ) or ("",)

    @cached_property
    def _notation(self) -> Notation:
        from catenane.notation import get_notation

        return get_notation(self._model.config.notation)

    def _cap(self) -> str:
        """What the limit to a linker or a scaffold did; "" without one."""
        if self._per_group is None:
            return ""
        return (
            f"at most {self._per_group} of one {self._notation.splits[0]}: {self.n_passed_over:,} passed over"
        )

    def print_table(self) -> None:
        """A line a string, best first; long ones lose their middle, which the CSV file keeps."""
        rows, units = self.best.to_dict("records"), self._units()
        low, high = (self.best[f"{self._by}_{end}"] for end in ("low", "high"))
        like = scale(self.best[self._by], [*low, *high])
        order = [self._by, *(name for name in self._columns if name != self._by)][:MOST_COLUMNS]
        cells = {
            f"{name}, {units[name]}" if units[name] else name: [
                number(row[name], like if name == self._by else scale(self.best[name])) for row in rows
            ]
            for name in order
        }
        if np.isfinite(low).all():
            ends = zip(low, high, strict=True)
            cells["interval"] = [" to ".join(number(end, like) for end in pair) for pair in ends]
        if not self.best["in_domain"].all():
            cells["domain"] = ["inside" if row["in_domain"] else "outside" for row in rows]
        widths = (max(map(len, [head, *column])) + 2 for head, column in cells.items())
        room = max(SHORTEST, stdout.width - sum(widths) - len(str(len(rows))) - 2)
        cells = {"": [str(place) for place in range(1, len(rows) + 1)], **cells}
        cells["string"] = [_shorten(row["string"], room) for row in rows]
        kinds = {head: "text" if head in ("string", "domain") else "number" for head in cells}
        name = self._model.bundle.card.get("name", "the model")
        title = (
            f"{'Lowest' if self._lowest else 'Highest'} {self._by} of {self.n_rows:,}, predicted by {name}"
        )
        print_table(
            "\n".join(filter(None, [title, self._cap()])), kinds, list(zip(*cells.values(), strict=True))
        )

    def write_page(self, path: Path, *, n_rejected: int, command: str) -> None:
        """The best as an HTML page, each drawn, with its isotherm where the model has such."""
        from catenane.reporting import write_ranking_page

        write_ranking_page(
            path, self.best, units=self._units(), ranked_by=self._by, lowest=self._lowest,
            notation=self._notation.name, card=self._model.bundle.card, n_candidates=self.n_rows,
            n_rejected=n_rejected, cap=self._cap(), command=command,
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
        """Unit of every column."""
        return {name: self._model.bundle.unit(name) for name in self._columns}


def _shorten(text: str, room: int) -> str:
    """The text, or its beginning and its end: a MOFid ends in its net and catenation."""
    if len(text) <= room:
        return text
    tail = room // 3
    return f"{text[: room - tail - 1]}…{text[-tail:]}"
