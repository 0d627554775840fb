"""What is reproduced, as data: protocols, and the numbers that papers print.

A protocol is a TOML file under `protocols/`, whose README says what every field means; it is checked when it
is read. The record of a paper is a TOML file under `published/`, digits as printed.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from catenane.config import Task
from catenane.errors import ConfigError, DataError, UsageError, suggestion

__all__ = [
    "Data", "Plot", "Protocol", "Score", "Variant", "find_protocol", "protocols", "published_number",
    "published_rows", "read_protocol", "record",
]  # fmt: skip

FOLDER = Path(__file__).with_name("protocols")
RECORDS = Path(__file__).with_name("published")


@dataclass(frozen=True, kw_only=True)
class Data:
    """Rows, labels and parts."""

    name: str
    targets: Sequence[str]
    scored: str
    task: Task = "regression"
    cleaning: str = ""
    split: str = "random"
    shares: Sequence[float] = (0.7, 0.0, 0.3)
    columns: Sequence[str] = ()
    computed: bool = False
    shuffled: bool = False
    pairs: str = ""
    corpus: Mapping[str, float] = field(default_factory=dict)

    @property
    def place(self) -> int | slice:
        """Place among the targets of the label that the scores are about; all where that is "*"."""
        return slice(None) if self.scored == "*" else self.targets.index(self.scored)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One line of a comparison: what is trained, from where, and on which data."""

    name: str
    group: str
    data: Data
    recipe: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    start: str = "scratch"
    corpus: Mapping[str, float] = field(default_factory=dict)
    encoder: str = ""
    train: bool = True
    share: float = 1.0
    baseline: str = ""
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    published: Mapping[str, Sequence[str]] = field(default_factory=dict)
    set: str = ""
    split: str = ""

    @property
    def context(self) -> str:
        """What its name begins with: the set and the split that it is repeated on."""
        return f"{', '.join(filter(None, (self.set, self.split)))}: " if self.set or self.split else ""


@dataclass(frozen=True, kw_only=True)
class Score:
    """Lines of a table: one number of every variant that has it."""

    label: str = ""
    of: str = ""
    published: Sequence[str] = ()
    unit: str = ""
    times: float = 1
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
    measures: Sequence[str]
    variants: Sequence[Variant]
    tables: Mapping[str, Sequence[Score]]
    plots: Sequence[Plot] = ()
    sets: Sequence[str] = ("",)
    splits: Sequence[str] = ("",)
    shares: Sequence[float] = ()
    extrapolate: int = 0
    small: Mapping[str, Any] = field(default_factory=dict)

    @property
    def groups(self) -> list[str]:
        """Names of the variants, without their shares of the training rows."""
        return list(dict.fromkeys(variant.group for variant in self.variants))

    def chosen(self, only: Sequence[str]) -> list[Variant]:
        """The variants of these names, groups or patterns, each of which must fit one; all without any."""
        names: set[str] = set()
        for pattern in only:
            fitting = {v.name for v in self.variants if fnmatch.filter((v.name, v.group), pattern)}
            if not fitting:
                contexts = dict.fromkeys(v.context for v in self.variants if v.context)
                on = f", each after one of {', '.join(map(repr, contexts))}" if contexts else ""
                raise UsageError(
                    f"{self.name} has no variant {pattern!r}: known are {', '.join(self.groups)}{on}"
                )
            names |= fitting
        return [variant for variant in self.variants if variant.name in names or not only]


def read_protocol(path: Path, name: str) -> Protocol:
    """One protocol from its TOML file; a `ConfigError` where a field is unknown or missing."""
    try:
        return _make_protocol(tomllib.loads(path.read_text(encoding="utf-8")) | {"name": name})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not a readable TOML file: {error}") from None
    except KeyError as error:
        raise ConfigError(f"protocol {name}: {error} is missing") from None
    except TypeError as error:
        raise ConfigError(f"protocol {name}: {str(error).replace('.__init__()', '')}") from None


def _make_protocol(values: Mapping[str, Any]) -> Protocol:
    values = dict(values)
    common, shares = values.pop("data"), values.get("shares", [])
    sets, splits = values.pop("sets", {"": {}}), values.pop("splits", {"": {}})
    variants: list[Variant] = []
    entries: dict[str, dict[str, Any]] = {}
    for entry in values["variants"]:
        if entry["name"] in entries:
            raise ConfigError(f"protocol {values['name']}: two variants are called {entry['name']!r}")
        entries[entry["name"]] = _completed(entry, entries)
    for split, set_, entry in product(splits, sets, entries.values()):
        data = {"targets": []} | common | sets[set_] | splits[split] | entry.get("data", {})
        data = Data(**{"scored": data["targets"][0] if data["targets"] else "*"} | data)
        places = {"group": entry["name"], "data": data, "set": set_, "split": split}
        variant = Variant(**entry | places)
        variant = dataclasses.replace(variant, name=variant.context + variant.group)
        variants += [] if shares else [variant]
        for share in shares:
            # Published numbers belong to all training rows.
            counted = f"{share:,} rows" if share > 1 else f"{share:.0%} of the rows"
            name, published = f"{variant.name}, {counted}", variant.published
            published = published if share == max(shares) else {}
            variants.append(dataclasses.replace(variant, name=name, share=share, published=published))
    values |= {"variants": variants, "sets": tuple(sets), "splits": tuple(splits)}
    values["tables"] = {title: [Score(**line) for line in lines] for title, lines in values["tables"].items()}
    values["plots"] = [Plot(**plot) for plot in values.get("plots", [])]
    return Protocol(**values)


def _completed(entry: Mapping[str, Any], earlier: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The fields of a variant, with those of the earlier one that it is like, save for printed numbers."""
    own = dict(entry)
    model = dict(earlier[own.pop("like")]) if "like" in own else {}
    joined = {name: {**model.get(name, {}), **own.get(name, {})} for name in ("settings", "data")}
    return model | {"published": {}} | own | joined


@cache
def protocols() -> dict[str, Protocol]:
    """The protocols that come with the package, by name."""
    paths = {path.relative_to(FOLDER).with_suffix("").as_posix(): path for path in FOLDER.rglob("*.toml")}
    return {name: read_protocol(path, name) for name, path in sorted(paths.items())}


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


@cache
def record(name: str) -> dict[str, Any]:
    """One paper's record; floats are `Decimal`, so that 0.5400 keeps its zeros."""
    path = RECORDS / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in RECORDS.glob("*.toml")))
        raise DataError(f"no published record {name!r}: known are {known}")
    return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)


def published_number(path: Sequence[str]) -> str:
    """A printed number by its path: `["mof_transformer", "table", "table1", "Small", "test_mae"]`.

    A step is a key of a table; in a list it is an entry's `id`, `what` or `name`; in a `[[table]]` or
    `[[figure]]` it may be a row, by the values of its `row_key`, joined by commas.
    """
    found, relation = _find(path), ""
    if isinstance(found, dict) and "value" in found:
        relation, found = f"{found.get('relation', '')} ".lstrip(), found["value"]
    if isinstance(found, bool) or not isinstance(found, int | Decimal):
        raise DataError(f"{' / '.join(path)}: not a number of the published record")
    return f"{relation}{found:,}"


def published_rows(path: Sequence[str], sets: Sequence[str]) -> dict[str, dict[str, str]]:
    """The lines of a printed table as far as its columns, or its rows, are these sets: digits by set."""
    table = _find(path)
    rows = {str(row[table["row_key"]]): row for row in table["rows"]}
    if set(sets) & set(rows):
        lines = {key: {name: rows[name].get(key) for name in rows} for key in _keys(table)}
    else:
        lines = {name: {key: row.get(key) for key in _keys(table)} for name, row in rows.items()}
    found = {
        line: {name: f"{values[name]:,}" for name in sets if values.get(name) is not None}
        for line, values in lines.items()
    }
    return {line: values for line, values in found.items() if values}


def _keys(table: Mapping[str, Any]) -> list[str]:
    return [column["key"] for column in table["columns"]]


def _find(path: Sequence[str]) -> Any:
    name, *steps = path
    found: Any = record(name)
    for step in steps:
        found = _entries(found).get(step)
    return found


def _entries(found: Any) -> dict[str, Any]:
    """What a table or a list holds by name; nothing for a value."""
    if isinstance(found, list):
        return {entry[key]: entry for key in ("name", "what", "id") for entry in found if key in entry}
    if not isinstance(found, dict):
        return {}
    keys = found.get("row_key", [])
    keys = [keys] if isinstance(keys, str) else keys
    rows = {", ".join(str(row[key]) for key in keys): row for row in found.get("rows", []) if keys}
    return rows | found
