"""Tables and corpora of a run of a protocol, read once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from catenane.data import Table, aggregate, find_dataset, read_table, stream_strings
from catenane.data.row_groups import column_of
from catenane.data.sources import find_source
from catenane.data.table_files import open_table
from catenane.descriptors.molecules import COMPUTED_LABELS, compute_labels
from catenane.models.bundle import Bundle, load_bundle
from catenane.notation import NotationName, Record, compute_all, read_records
from catenane.reproduce.protocols import Data, Protocol
from catenane.train.start import DEFAULT_MODELS

__all__ = ["CLEANING", "DEFAULT", "LONGEST", "STRINGS_PER_ROW", "Workbench", "clean_frameworks"]

DEFAULT, EVERY = "default", "*"
"""As recipe and start: what `finetune` takes by default, or the bundle given; as target: all labels."""
LONGEST = 511
"""Characters of the longest MOFid that the MOF transformer's authors keep."""
STRINGS_PER_ROW = 10
"""Pretraining strings for each row of a scaled run, as far as there are so many."""


def clean_frameworks(table: Table) -> Table:
    """MOFids of fewer than 512 characters with a net, repeated ones as one row with the mean label."""
    records = enumerate(table.records)
    kept = [row for row, record in records if len(record.text) <= LONGEST and record.parsed.nets]
    return aggregate(table.take(kept), "mean")


CLEANING: dict[str, Callable[[Table], Table]] = {"": lambda table: table, "frameworks": clean_frameworks}
"""How rows are chosen before any is drawn."""


@dataclass(eq=False, kw_only=True)
class Workbench:
    """Data and settings of one run of a protocol."""

    protocol: Protocol
    folder: Path
    """Holds a folder for each stage."""
    rows: int | None = None
    """Rows drawn from the cleaned data; None for all."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Changes to every recipe."""
    data_dir: str | Path | None = None
    device: str | None = None
    model: str | Path | None = None
    """Bundle that variants start from whose start is `DEFAULT`; the bundled one of the notation if None."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time of every stage that was used, pauses not counted."""

    def __post_init__(self) -> None:
        self.read = cache(self._read)
        self.cleaned = cache(lambda name, cleaning: CLEANING[cleaning](self.read(name)))
        self.corpus = cache(self._corpus)
        self.listed = cache(
            lambda name: [
                text for _, text in stream_strings(name, data_dir=self.data_dir, on_rejection=lambda _: None)
            ]
        )

    def _read(self, name: str) -> Table:
        """All rows of a data set with every label that the protocol uses of it, and the columns of splits."""
        used = [variant.data for variant in self.protocol.variants if variant.data.name == name]
        columns = dict.fromkeys(column for data in used if (column := column_of(data.split)))
        columns |= dict.fromkeys(column for data in used for column in data.columns)
        targets = dict.fromkeys(target for data in used for target in data.targets if not data.computed)
        if EVERY in targets:
            file = open_table(find_source(name, self.data_dir))
            known = find_dataset(name).string_column
            targets = dict.fromkeys(column for column in file.columns if column not in (known, *columns))
        return read_table(name, targets=tuple(targets), columns=tuple(columns), data_dir=self.data_dir)

    def table(self, data: Data) -> Table:
        """The rows that this run draws, the same for every seed, of those that have a scored label."""
        table = self.cleaned(data.name, data.cleaning)
        if self.rows is not None and self.rows < len(table):
            table = table.take(np.sort(np.random.default_rng(0).choice(len(table), self.rows, replace=False)))
        if data.computed:
            labels = np.array(compute_all(table.records, compute_labels))
            table = dataclasses.replace(table, targets=labels, target_names=COMPUTED_LABELS)
        if data.shuffled:
            order = np.random.default_rng(0).permutation(len(table))
            table = dataclasses.replace(table, targets=table.targets[order])
        names = table.target_names if EVERY in data.targets else tuple(data.targets)
        places = [table.target_names.index(target) for target in names]
        table = dataclasses.replace(table, targets=table.targets[:, places], target_names=names)
        if not names:
            return table
        scored = np.isfinite(table.targets[:, data.place]).reshape(len(table), -1)
        return table.take(np.flatnonzero(scored.any(axis=1)))

    def default(self, notation: NotationName) -> Bundle:
        """What variants start from whose start is `DEFAULT`."""
        return load_bundle(self.model or DEFAULT_MODELS[notation])

    def _corpus(self, shares: tuple[tuple[str, float], ...], notation: NotationName, seed: int) -> list[str]:
        """Normal forms of these shares of data sets, without any molecule of the protocol's own."""
        labelled = {
            text
            for data in {v.data.name: v.data for v in self.protocol.variants}.values()
            if find_dataset(data.name).notation == notation
            for text in self.cleaned(data.name, data.cleaning).strings
        }
        found: dict[str, None] = {}
        for name, share in shares:
            every = self.listed(name)
            most = len(every) if self.rows is None else min(len(every), STRINGS_PER_ROW * self.rows)
            drawn = np.random.default_rng(seed).permutation(len(every))[: round(share * most)]
            records = read_records([every[place] for place in drawn], notation)
            found |= dict.fromkeys(record.text for record in records if isinstance(record, Record))
        return [text for text in found if text not in labelled]
