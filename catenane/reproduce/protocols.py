"""Protocols as data: one TOML file each under `protocols/`, checked when it is read.

A protocol names its data, its variants (what is trained, and from where), its seeds, the scores of its tables
with the published numbers beside them, and its plots. `protocols/README.md` describes the fields.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from catenane.errors import ConfigError, UsageError, suggestion

__all__ = ["Data", "Plot", "Protocol", "Score", "Variant", "find_protocol", "protocols", "read_protocol"]

FOLDER = Path(__file__).with_name("protocols")


@dataclass(frozen=True, kw_only=True)
class Data:
    """Rows, labels and parts."""

    name: str
    """Registered data set, or a file."""
    targets: Sequence[str]
    """Labels that are learnt, together; the first is scored unless `scored` names another."""
    scored: str = ""
    """Label that the scores are about."""
    cleaning: str = ""
    """A function of `catenane.reproduce.training.CLEANING`; "" keeps all rows."""
    split: str = "random"
    """Method of `catenane.data.make_split`; every seed draws its own."""
    shares: Sequence[float] = (0.7, 0.0, 0.3)
    """Train, validation, test. Without validation rows the last epoch counts."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One line of a comparison: what is trained, and from where."""

    name: str
    group: str = ""
    """Variants that differ in `share` alone; the name itself by default."""
    recipe: str = ""
    """"" trains nothing."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Changes to the recipe, by dotted name."""
    start: str = "scratch"
    """"scratch", "masked" (pretrained here on the strings that are not tested on), "random" (an untrained
    encoder that can be frozen or measured), or the name of a bundled model."""
    encoder: str = ""
    """An encoder of `catenane.reproduce.training.ENCODERS` in place of ours, or "none": a frozen recipe's
    head on descriptors alone."""
    train: bool = True
    """Whether labels are learnt at all; otherwise the start itself is measured."""
    share: float = 1.0
    """Of the training rows."""
    baseline: str = ""
    """A baseline that the model is averaged with; without a recipe, that baseline alone."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What differs from the protocol's data."""
    published: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By score, the path of the printed number in the records."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """Lines of a table: one number of every variant that has it."""

    label: str
    """The quantity; `*` is replaced by the key."""
    of: str = ""
    """Dotted path in what a variant's measures give, such as "test.mae"; `*` stands for every key. Without
    it, the line holds a published number alone."""
    published: Sequence[str] = ()
    """That number, by its path in the records."""
    unit: str = ""
    """"label" is that of the scored label."""
    minus: str = ""
    """Take off, seed by seed, the number of this variant."""
    once: bool = False
    """For the first variant alone: it is the same for all."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A figure, drawn by a function of `catenane.reproduce.plots.PLOTS`."""

    kind: str
    file: str
    caption: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One published table or figure, or an experiment of ours in the same form."""

    name: str
    title: str
    source: str
    """Key of the paper's published record."""
    seeds: int
    """Repetitions where nothing else is asked for."""
    data: Data
    measures: Sequence[str]
    """Functions of `catenane.reproduce.measures.MEASURES`, for every variant."""
    variants: Sequence[Variant]
    tables: Mapping[str, Sequence[Score]]
    """Lines of each table, by its title."""
    plots: Sequence[Plot] = ()
    shares: Sequence[float] = ()
    """Repeat every variant with these shares of the training rows, for a learning curve."""
    extrapolate: int = 0
    """Training rows that the learning curves are extended to by a power law."""
    small: Mapping[str, Any] = field(default_factory=dict)
    """Rows, epochs, seeds and settings of a run of minutes."""

    def chosen(self, only: Sequence[str]) -> list[Variant]:
        """The variants of these names, groups or patterns; all where there are none.

        Raises:
            UsageError: A name fits no variant.
        """
        chosen: list[Variant] = []
        for pattern in only:
            fitting = [v for v in self.variants if fnmatch.filter((v.name, v.group), pattern)]
            if not fitting:
                known = ", ".join(dict.fromkeys(v.group for v in self.variants))
                raise UsageError(f"{self.name} has no variant {pattern!r}: known are {known}")
            chosen += fitting
        return [v for v in self.variants if v in chosen or not only]

    def data_of(self, variant: Variant) -> Data:
        """The protocol's data with what the variant changes."""
        return dataclasses.replace(self.data, **variant.data)


Entry = TypeVar("Entry")


def read_protocol(path: Path, name: str) -> Protocol:
    """One protocol from its file.

    Raises:
        ConfigError: The file is not TOML, or a field is unknown or missing.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not a readable TOML file: {error}") from None
    where = f"protocol {name}"
    entries = values.pop("variants", [])
    variants = [_make(Variant, {"group": entry.get("name", "")} | entry, where) for entry in entries]
    if shares := values.get("shares"):
        variants = [
            dataclasses.replace(v, name=f"{v.group}, {share:.0%} of the rows", share=share,
                                published=v.published if share == max(shares) else {})
            for v in variants
            for share in shares
        ]  # fmt: skip
    tables = {
        title: [_make(Score, score, where) for score in scores]
        for title, scores in values.pop("tables", {}).items()
    }
    plots = [_make(Plot, plot, where) for plot in values.pop("plots", [])]
    data = _make(Data, values.pop("data", {}), where)
    return _make(
        Protocol,
        {"name": name, "variants": variants, "tables": tables, "plots": plots, "data": data} | values,
        where,
    )


@cache
def protocols() -> dict[str, Protocol]:
    """The protocols that come with the package, by name."""
    names = {path.relative_to(FOLDER).with_suffix("").as_posix(): path for path in FOLDER.rglob("*.toml")}
    return {name: read_protocol(names[name], name) for name in sorted(names)}


def find_protocol(name: str) -> Protocol:
    """The protocol of this name, or in this TOML file.

    Raises:
        UsageError: There is none; the nearest names are given.
        ConfigError: The file is not a protocol.
    """
    known = protocols()
    if name in known:
        return known[name]
    if name.endswith(".toml") and Path(name).is_file():
        return read_protocol(Path(name), Path(name).stem)
    raise UsageError(f"no reproduction is called {name!r}: {suggestion(name, known)}")


def _make(kind: type[Entry], values: Mapping[str, Any], where: str) -> Entry:
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"{where}: {str(error).replace('.__init__()', '')}") from None
