"""What a scaffold- or linker-split fine-tuning computes of its strings, parsed once and anew for each step.

    python benchmarks/parsing.py [SOURCE ...] [--out FOLDER]

The steps are those between the table and the baselines: read, group for the split and again for the report,
describe for the model and again for the baselines, count fragments. A source is a table of strings or the
name of a data set; by default lipophilicity and hypothetical frameworks, which need CATENANE_DATA.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rdkit import Chem

from catenane.data import stream_strings
from catenane.descriptors import describe, fragments
from catenane.notation import (
    NotationName,
    Record,
    as_records,
    canonical_block,
    compute_all,
    detect_notation,
    groups,
    read_records,
)

N_STRINGS = 8_192
SOURCES = ("molnet/lipophilicity", "mof/hmof")
FEATURES = (groups, describe, fragments)
STEPS = (groups, groups, describe, describe, fragments)
HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Strings read and described per second.")
    parser.add_argument("sources", nargs="*", default=SOURCES, help="files of strings, or names of data sets")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder for the table")
    arguments = parser.parse_args()
    results = {source: measure(source) for source in arguments.sources}
    arguments.out.mkdir(parents=True, exist_ok=True)
    document = {"python": platform.python_version(), "sources": results}
    (arguments.out / "parsing.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(document, indent=2))


def measure(source: str) -> dict[str, Any]:
    """Strings per second in one process either way and in all, and how often RDKit parses a molecule."""
    strings = [text for _, text in stream_strings(source, on_rejection=lambda _: None)][:N_STRINGS]
    notation = detect_notation(strings)
    anew, once = timed(parse_anew, strings, notation), timed(parse_once, strings, notation)
    parallel = timed(parse_in_processes, strings, notation)
    return {
        "strings": len(strings),
        "strings_per_second": {
            name: len(strings) / seconds
            for name, (seconds, _) in {"anew": anew, "once": once, "once, all cores": parallel}.items()
        },
        "parses_per_string": {"anew": anew[1] / len(strings), "once": once[1] / len(strings)},
        "speedup": {"once": anew[0] / once[0], "once, all cores": anew[0] / parallel[0]},
    }


def parse_anew(strings: Sequence[str], notation: NotationName) -> None:
    texts = [item.text for item in read_records(strings, notation, n_jobs=1) if isinstance(item, Record)]
    for step in STEPS:
        compute_all(as_records(texts, notation), step, n_jobs=1)


def parse_once(strings: Sequence[str], notation: NotationName) -> None:
    read_records(strings, notation, FEATURES, n_jobs=1)


def parse_in_processes(strings: Sequence[str], notation: NotationName) -> None:
    read_records(strings, notation, FEATURES, n_jobs=-1)


def timed(
    work: Callable[[Sequence[str], NotationName], None], strings: Sequence[str], notation: NotationName
) -> tuple[float, int]:
    """Seconds with nothing at hand, and calls of RDKit's parser in this process."""
    from catenane.descriptors.layout import _embed
    from catenane.descriptors.linkers import read_linker
    from catenane.descriptors.nodes import read_node

    for cache in (canonical_block, read_linker, read_node, _embed):
        cache.cache_clear()
    calls, parse = [0], Chem.MolFromSmiles

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        return parse(*args, **kwargs)

    Chem.MolFromSmiles = counted
    before = time.perf_counter()
    try:
        work(strings, notation)
    finally:
        Chem.MolFromSmiles = parse
    return time.perf_counter() - before, calls[0]


if __name__ == "__main__":
    main()
