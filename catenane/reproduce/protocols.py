"""Protocols as data: one TOML file each under `protocols/`, checked when it is read.

`protocols/README.md` says what every field means.
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
    targets: Sequence[str]
    scored: str = ""
    cleaning: str = ""
    split: str = "random"
    shares: Sequence[float] = (0.7, 0.0, 0.3)

    @property
    def scored_target(self) -> str:
        """Label that the scores are about: the first unless `scored` names another."""
        return self.scored or self.targets[0]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One line of a comparison: what is trained, and from where."""

    name: str
    group: str = ""
    recipe: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    start: str = "scratch"
    encoder: str = ""
    train: bool = True
    share: float = 1.0
    baseline: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Score:
    """Lines of a table: one number of every variant that has it."""

    label: str
    of: str = ""
    published: Sequence[str] = ()
    unit: str = ""
    minus: str = ""
    once: bool = False


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A figure."""

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
    seeds: int
    data: Data
    measures: Sequence[str]
    variants: Sequence[Variant]
    tables: Mapping[str, Sequence[Score]]
    plots: Sequence[Plot] = ()
    shares: Sequence[float] = ()
    extrapolate: int = 0
    small: Mapping[str, Any] = field(default_factory=dict)

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

    def make(kind: type[Entry], entry: Mapping[str, Any]) -> Entry:
        try:
            return kind(**entry)
        except TypeError as error:
            raise ConfigError(f"protocol {name}: {str(error).replace('.__init__()', '')}") from None

    variants = [make(Variant, {"group": v.get("name", "")} | v) for v in values.get("variants", [])]
    shares = values.get("shares", [])
    if shares:
        variants = [_with_share(v, share, is_full=share == max(shares)) for v in variants for share in shares]
    tables = values.get("tables", {})
    made = {
        "name": name,
        "data": make(Data, values.get("data", {})),
        "variants": variants,
        "tables": {title: [make(Score, line) for line in lines] for title, lines in tables.items()},
        "plots": [make(Plot, plot) for plot in values.get("plots", [])],
    }
    return make(Protocol, values | made)


def _with_share(variant: Variant, share: float, *, is_full: bool) -> Variant:
    """The variant on a share of its training rows; published numbers belong to all of them."""
    name, published = f"{variant.group}, {share:.0%} of the rows", variant.published if is_full else {}
    return dataclasses.replace(variant, name=name, share=share, published=published)


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
