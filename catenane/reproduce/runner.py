"""Runs a protocol: every variant with every seed, then tables and figures from what they gave."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from catenane.errors import UsageError
from catenane.reproduce.protocols import Protocol, Score, Variant, find_protocol
from catenane.reproduce.published import published_number, record
from catenane.reproduce.result import Reproduction, Row, Table, look_up, write_result
from catenane.version import __version__

__all__ = ["OUT", "reproduce"]

OUT = Path("runs") / "reproduce"
FINDINGS = "findings.json"

Finding = dict[str, Any]
"""Of one variant: `command`, `scale`, `unit`, and `values` of every seed."""


def reproduce(
    name: str,
    *,
    rows: int | None = None,
    epochs: int | None = None,
    seeds: int | None = None,
    only: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    data_dir: str | Path | None = None,
    device: str | None = None,
) -> Reproduction:
    """Make a published table or figure again, beside the published numbers.

    Without `rows`, `epochs`, `seeds` and `settings` it is the paper's protocol on all rows there are, which
    takes days on a laptop and hours on a GPU. Called again, it goes on where it was stopped, also within a
    training; variants that were run before stay in the tables, each with its own command.

    Args:
        name: Of a protocol, such as "mof/table1", or a TOML file.
        rows: Draw so many rows of the cleaned data at random.
        epochs: Of pretraining and fine-tuning, instead of the recipe's.
        seeds: Repetitions (split, weights, order), from seed 0.
        only: Names or patterns of the variants to run; all by default.
        settings: Other changes to the recipes by dotted name: `{"encoder.d_model": 128}`.
        out: Folder of all results, `runs/reproduce` by default: `NAME/` in it gets `result.json`, `result.md`
            and figures; `stages/` is what to go on from, and protocols share it.
        data_dir: Local copies of the registered data sets; the environment's `CATENANE_DATA` by default.
        device: "cpu", "cuda", ...; the fastest by default.

    Raises:
        UsageError: A name is unknown, or a number is not positive.
        DataError: There is no local copy of the data, or too few rows are asked for.
        ConfigError: A setting is unknown or not allowed.
    """
    protocol = find_protocol(name)
    for option, value in (("rows", rows), ("epochs", epochs), ("seeds", seeds)):
        if value is not None and value < 1:
            raise UsageError(f"{option}={value} must be at least 1")
    chosen = protocol.chosen(only)

    from catenane.reproduce.stages import Stages
    from catenane.reproduce.training import Workbench
    from catenane.train.folder import write_json

    root = Path(out) if out is not None else OUT
    folder = root / protocol.name
    scale = {} if epochs is None else {"pretraining.epochs": epochs, "finetuning.epochs": epochs}
    changes = scale | dict(settings or {})
    stages = Stages(root / "stages")
    bench = Workbench(protocol, stages, rows=rows, settings=changes, data_dir=data_dir, device=device)
    command = _command(name, {"only": only, "rows": rows, "epochs": epochs, "seeds": seeds}, settings or {})
    found = _earlier(folder / FINDINGS, protocol)
    for variant in chosen:
        values = [_measure(bench, variant, seed) for seed in range(seeds or protocol.seeds)]
        unit = bench.read(protocol.data_of(variant).name).units.get(_scored(protocol, variant), "")
        found[variant.name] = {
            "command": command, "unit": unit, "values": values, "scale": {"rows": rows} | changes,
            "seconds": {key: stages.seconds[key] for key in stages.seconds},
        }  # fmt: skip
        stages.seconds.clear()
        found = {v.name: found[v.name] for v in protocol.variants if v.name in found}
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / FINDINGS, found)
        result = _render(folder, protocol, found)
    return result


def _measure(bench: Any, variant: Variant, seed: int) -> dict[str, Any]:
    from catenane.reproduce.measures import MEASURES
    from catenane.reproduce.training import Case

    case = Case(bench, variant, seed)
    values: dict[str, Any] = {"group": variant.group}
    for measure in bench.protocol.measures:
        values |= MEASURES[measure](case)
    return {key: value for key, value in values.items() if key != "folder"}


def _render(folder: Path, protocol: Protocol, found: Mapping[str, Finding]) -> Reproduction:
    """Tables and figures of all that was found so far."""
    from catenane.reproduce.plots import draw

    if protocol.extrapolate:
        _extrapolate(protocol, found)
    tables = [
        Table(title=title, rows=[row for score in scores for row in _rows(protocol, found, score)])
        for title, scores in protocol.tables.items()
    ]
    by_variant = {name: finding["values"] for name, finding in found.items()}
    figures = [(plot.file, plot.caption) for plot in protocol.plots if draw(folder, plot, by_variant)]
    paper = record(protocol.source)["paper"]
    seconds = {key: value for finding in found.values() for key, value in finding["seconds"].items()}
    result = Reproduction(
        name=protocol.name,
        title=protocol.title,
        source=", ".join([paper["authors"][0], paper["title"]]),
        tables=tables,
        figures=figures,
        version=__version__,
        seconds=round(sum(seconds.values()), 1),
    )
    write_result(folder, result)
    return result


def _rows(protocol: Protocol, found: Mapping[str, Finding], score: Score) -> Iterator[Row]:
    """The lines of one score: one a variant, or several where its path has a `*`."""
    if not score.of:
        yield Row(quantity=score.label, unit=score.unit, published=published_number(score.published))
        return
    for variant in protocol.variants:
        finding = found.get(variant.name)
        if finding is None or variant.name == score.minus:
            continue
        other = found.get(score.minus)
        if score.minus and (other is None or other["scale"] != finding["scale"]):
            continue
        for path, label in _paths(finding["values"], score):
            numbers = [look_up(seed, path) for seed in finding["values"]]
            if other is not None:
                numbers = [
                    None if number is None or (base := look_up(seed, path)) is None else number - base
                    for number, seed in zip(numbers, other["values"], strict=False)
                ]
            by_seed = [number for number in numbers if number is not None]
            if by_seed:
                printed = None if score.minus else variant.published.get(score.of)
                yield Row(
                    quantity=label if score.once else f"{variant.name}: {label}",
                    unit=finding["unit"] if score.unit == "label" else score.unit,
                    published=published_number(printed) if printed else "",
                    by_seed=by_seed,
                    command=finding["command"],
                )
        if score.once:
            return


def _paths(values: Sequence[Mapping[str, Any]], score: Score) -> list[tuple[str, str]]:
    """Paths and labels of a score: one, or one for every key that stands at its `*` in some seed."""
    before, star, after = score.of.partition(".*")
    if not star:
        return [(score.of, score.label)]
    keys = dict.fromkeys(key for seed in values for key in look_up(seed, before) or {})
    return [(f"{before}.{key}{after}", score.label.replace("*", key)) for key in keys]


def _extrapolate(protocol: Protocol, found: Mapping[str, Finding]) -> None:
    """Put the error at `protocol.extrapolate` training rows beside the values of the full share."""
    from catenane.reproduce.measures import power_law

    variants = [v for v in protocol.variants if v.name in found]
    for full in (v for v in variants if v.share == max(protocol.shares)):
        scale = found[full.name]["scale"]
        alike = [v.name for v in variants if v.group == full.group and found[v.name]["scale"] == scale]
        steps = [found[name]["values"] for name in alike]
        for by_share, values in zip(zip(*steps, strict=False), found[full.name]["values"], strict=False):
            if len(by_share) > 1:
                factor, exponent = power_law(
                    [seed["rows"]["train"] for seed in by_share], [seed["test"]["mae"] for seed in by_share]
                )
                values["power_law"] = {"mae": factor * protocol.extrapolate**-exponent, "exponent": exponent}


def _earlier(path: Path, protocol: Protocol) -> dict[str, Finding]:
    """What earlier runs found, of variants that there still are."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {variant.name: kept[variant.name] for variant in protocol.variants if variant.name in kept}


def _scored(protocol: Protocol, variant: Variant) -> str:
    data = protocol.data_of(variant)
    return data.scored or data.targets[0]


def _command(name: str, options: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """What makes it again."""
    words = ["catenane", "reproduce", name]
    for option, value in options.items():
        for word in value if option == "only" else [value]:
            words += [] if word is None else [f"--{option}", str(word)]
    for key, value in settings.items():
        words += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join(words)
