"""N-grams of 1 to 40 tokens counted by Catenane, and by a Python Counter over slices, in one run.

    python benchmarks/ngrams.py [--corpora NAME,...] [--strings N] [--many N] [--out FOLDER]

Both count the same strings and are held to the same counts first. The Counter gets what suits it best: it
counts slices of tuples of ids, and in a second form slices of text in which each token is one character; it
counts no strings that hold an n-gram, which Catenane does. Then Catenane alone counts as many strings as
there are, up to `--many`, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from catenane.analysis import count_ngrams
from catenane.data import stream_strings
from catenane.tokenizers import load_tokenizer

CORPORA = ("smiles/zinc250k_part", "smiles/zinc_100k", "smiles/chembl_mix")
LONGEST = 40
HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds that counting n-grams takes.")
    parser.add_argument("--corpora", default=",".join(CORPORA), help="data sets, in this order")
    parser.add_argument("--strings", type=int, default=20_000, help="counted by all")
    parser.add_argument("--many", type=int, default=500_000, help="counted by Catenane alone")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder for the two tables")
    arguments = parser.parse_args()
    strings = read(arguments.corpora.split(","), arguments.many)
    document = {
        "longest": LONGEST,
        "beside": compare(strings[: arguments.strings]),
        "many": alone(strings),
    }
    (arguments.out / "ngrams.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (arguments.out / "ngrams.md").write_text(as_markdown(document), encoding="utf-8")
    print(as_markdown(document), end="")


def read(corpora: list[str], most: int) -> list[str]:
    strings: list[str] = []
    for corpus in corpora:
        strings += [text for _, text in stream_strings(corpus, on_rejection=lambda rejection: None)]
    return strings[:most]


def compare(strings: list[str]) -> dict[str, Any]:
    tokenizer = load_tokenizer("smiles")
    ids = [tuple(row[1:-1]) for row in tokenizer.encode(strings)]
    text = ["".join(map(chr, row)) for row in ids]
    seconds, counts = {}, {}
    for name, work in {
        "catenane": lambda: count_ngrams(tokenizer, strings, longest=LONGEST).frequencies,
        "Counter over slices of tuples": lambda: by_slices(ids),
        "Counter over slices of text": lambda: by_slices(text),
    }.items():
        seconds[name], counts[name] = timed(work)
    if any(found != counts["catenane"] for found in counts.values()):
        raise SystemExit("the counts differ")
    return {"strings": len(strings), "tokens": sum(map(len, ids)), "seconds": seconds}


def by_slices(rows: list[Any]) -> Counter[Any]:
    return Counter(
        row[start : start + length]
        for row in rows
        for length in range(1, LONGEST + 1)
        for start in range(len(row) - length + 1)
    )


def timed(work: Callable[[], Any]) -> tuple[float, dict[int, int]]:
    """Processor seconds, and how many n-grams have each count."""
    start = time.process_time()
    found = work()
    seconds = time.process_time() - start
    return seconds, dict(Counter(found.values())) if isinstance(found, Counter) else found


def alone(strings: list[str]) -> dict[str, Any]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(count_many, (strings,))


def count_many(strings: list[str]) -> dict[str, Any]:
    tokenizer = load_tokenizer("smiles")
    start = time.process_time()
    counts = count_ngrams(tokenizer, strings, longest=LONGEST)
    seconds = time.process_time() - start
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "strings": len(strings),
        "tokens": counts.total[1],
        "seconds": seconds,
        "peak_gigabytes": gigabytes,
        "ngrams": sum(counts.total.values()),
        "different": sum(counts.distinct.values()),
    }


def as_markdown(document: dict[str, Any]) -> str:
    beside, many = document["beside"], document["many"]
    ours = beside["seconds"]["catenane"]
    lines = [
        f"N-grams of 1 to {document['longest']} tokens of {beside['strings']:,} molecules "
        f"({beside['tokens']:,} tokens), processor time of one run:",
        "",
        "| | seconds | times that of Catenane |",
        "|---|---:|---:|",
        *(f"| {name} | {s:.2f} | {s / ours:.1f} |" for name, s in beside["seconds"].items()),
        "",
        f"Catenane alone on {many['strings']:,} molecules ({many['tokens']:,} tokens): "
        f"{many['seconds']:.0f} s and {many['peak_gigabytes']:.1f} GB at the peak, the strings included, "
        f"for {many['ngrams']:,} n-grams, {many['different']:,} of them different.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
