"""Runs a protocol: every variant with every seed, then tables and figures from what they gave."""

from __future__ import annotations

import dataclasses
import json
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from catenane.errors import UsageError
from catenane.files import write_json
from catenane.reproduce.protocols import (
    Protocol,
    Score,
    Variant,
    find_protocol,
    published_number,
    published_rows,
    record,
)
from catenane.reproduce.result import Reproduction, Row, Table, look_up, write_result
from catenane.version import __version__

__all__ = ["OUT", "reproduce"]

OUT = Path("runs") / "reproduce"

SHOW_EVERY = 60
"""Seconds between the tables and figures of a run that is not at its end."""
Finding = dict[str, Any]
"""Of one variant: `command`, `scale`, `unit`, `seconds` of its stages, and `values` of every seed."""


def reproduce(
    name: str,
    *,
    rows: int | None = None,
    epochs: int | None = None,
    seeds: int | None = None,
    only: Sequence[str] = (),
    model: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    data_dir: str | Path | None = None,
    device: str | None = None,
) -> Reproduction:
    """Make a published table or figure again, beside the published numbers.

    Without `rows`, `epochs`, `seeds` and `settings` it is the paper's protocol on all rows of the local data,
    which takes days on a laptop and hours on a GPU. Called again, it goes on where it was stopped, also
    within a training; variants that were run before stay in the tables, each with its own command.

    Args:
        name: Of a protocol, such as "mof/table1", or a TOML file.
        rows: Draw so many rows of the cleaned data at random.
        epochs: Of pretraining and of fine-tuning, each, instead of the recipe's.
        seeds: Repetitions (split, weights, order), from seed 0.
        only: Names or patterns of the variants to run; all by default.
        model: Bundle whose encoder takes the place of the bundled one in protocols that start from that; the
            result is then called `NAME@MODEL`.
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
    if model is not None:
        protocol = dataclasses.replace(protocol, name=f"{protocol.name}@{Path(model).stem}")

    # Protocols are listed without PyTorch, which training loads.
    from catenane.reproduce.measures import measure
    from catenane.reproduce.workbench import Workbench

    root, settings = Path(out or OUT), dict(settings or {})
    changes = {} if epochs is None else {"pretraining.epochs": epochs, "finetuning.epochs": epochs}
    changes |= settings
    bench = Workbench(
        protocol=protocol, folder=root / "stages", rows=rows, settings=changes, data_dir=data_dir,
        device=device, model=model,
    )  # fmt: skip
    options = {"only": only, "rows": rows, "epochs": epochs, "seeds": seeds, "model": model}
    command = _command(name, options, settings)
    shown = time.monotonic()
    for variant in chosen:
        bench.seconds.clear()
        values = [measure(bench, variant, seed) for seed in range(seeds or protocol.seeds)]
        finding = {
            "command": command, "scale": {"rows": rows} | changes, "values": values,
            "unit": bench.read(variant.data.name).units.get(variant.data.scored, ""),
            "seconds": dict(bench.seconds),
        }  # fmt: skip
        found = _keep(root / protocol.name, protocol, variant, finding)
        if variant is chosen[-1] or time.monotonic() - shown > SHOW_EVERY:
            result, shown = _show(root / protocol.name, protocol, found), time.monotonic()
    return result


def _keep(folder: Path, protocol: Protocol, variant: Variant, finding: Finding) -> dict[str, Finding]:
    """Write a finding beside those of earlier runs; all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "findings.json"
    # Read at the last moment: another process may have run other variants meanwhile.
    every = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    every[variant.name] = finding
    found: dict[str, Finding] = {v.name: every[v.name] for v in protocol.variants if v.name in every}
    write_json(path, found)
    return found


def _show(folder: Path, protocol: Protocol, found: dict[str, Finding]) -> Reproduction:
    """Write tables and figures of all findings."""
    from catenane.reproduce.plots import draw

    _extrapolate(protocol, found)
    tables = [
        Table(title=", ".join(filter(None, (title, split))), rows=rows)
        for title, scores in protocol.tables.items()
        for split in protocol.splits
        if (rows := [row for score in scores for row in _rows(protocol, found, score, split)])
    ]
    by_variant = {name: finding["values"] for name, finding in found.items()}
    figures = [(plot.file, plot.caption) for plot in protocol.plots if draw(folder, plot, by_variant)]
    paper = record(protocol.source)["paper"]
    seconds = {stage: time for finding in found.values() for stage, time in finding["seconds"].items()}
    result = Reproduction(
        name=protocol.name, title=protocol.title, source=f"{paper['authors'][0]}, {paper['title']}",
        tables=tables, figures=figures, version=__version__, seconds=round(sum(seconds.values()), 1),
    )  # fmt: skip
    write_result(folder, result)
    return result


def _rows(protocol: Protocol, found: Mapping[str, Finding], score: Score, split: str) -> Iterator[Row]:
    """The lines of one score: one for each variant, or one for each key at the `*` of its path."""
    if not score.of and protocol.sets != ("",):
        for line, digits in published_rows(score.published, protocol.sets).items():
            label = f"published: {line}"
            yield from (Row(quantity=label, column=name, published=cell) for name, cell in digits.items())
        return
    if not score.of:
        yield Row(quantity=score.label, unit=score.unit, published=published_number(score.published))
        return
    done: set[str] = set()
    for variant in protocol.variants:
        finding, compared = found.get(variant.name), variant.context + score.minus
        if finding is None or variant.split != split or (score.once and variant.set in done):
            continue
        reference = found.get(compared) if score.minus else None
        if score.minus and (
            variant.name == compared or reference is None or reference["scale"] != finding["scale"]
        ):
            continue
        done.add(variant.set)
        for path, label in _paths(finding["values"], score):
            by_seed = [look_up(seed, path) for seed in finding["values"]]
            if reference is not None:
                others = [look_up(seed, path) for seed in reference["values"]]
                pairs = zip(by_seed, others, strict=False)
                by_seed = [None if None in pair else pair[0] - pair[1] for pair in pairs]
            by_seed = [number * score.times for number in by_seed if number is not None]
            printed = () if score.minus else variant.published.get(score.of, ())
            named = [] if score.once else [variant.name.removeprefix(variant.context)]
            if by_seed:
                yield Row(
                    quantity=": ".join(filter(None, [*named, label])), column=variant.set,
                    unit=finding["unit"] if score.unit == "label" else score.unit,
                    published=published_number(printed) if printed else "",
                    by_seed=by_seed, command=finding["command"],
                )  # fmt: skip


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

    variants = [variant for variant in protocol.variants if variant.name in found]
    for full in variants if protocol.extrapolate else ():
        alike = [found[variant.name] for variant in variants if variant.group == full.group]
        steps = [finding["values"] for finding in alike if finding["scale"] == found[full.name]["scale"]]
        if full.share < max(protocol.shares) or len(steps) < 2:
            continue
        for by_share in zip(*steps, strict=False):
            rows = [seed["rows"]["train"] for seed in by_share]
            factor, exponent = power_law(rows, [seed["test"]["mae"] for seed in by_share])
            error = factor * protocol.extrapolate**-exponent
            by_share[-1]["power_law"] = {"mae": error, "exponent": exponent}


def _command(name: str, options: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """What makes it again."""
    words = ["catenane", "reproduce", name]
    for option, value in options.items():
        for word in value if option == "only" else [value]:
            words += [] if word is None else [f"--{option}", str(word)]
    for key, value in settings.items():
        words += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join(words)
