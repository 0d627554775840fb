"""Strings tokenised per processor second, beside what others use, in one run.

    python benchmarks/tokenizers.py [SOURCE ...] [--out FOLDER]

A source is a table of strings or the name of a data set. Without one, the molecules that come with RDKit
are taken, and with CATENANE_DATA set ChEMBL molecules and hypothetical frameworks too. All contenders read
the same tokenizer.json and are held to the same ids before the clock starts.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rdkit import RDConfig

from catenane.data import stream_strings
from catenane.notation import detect_notation
from catenane.tokenizers import StringTokenizer, load_tokenizer

N_STRINGS = 100_000
SECONDS = 4.0
"""How long each contender is repeated at least. Its best pass counts: a busy neighbour only ever slows it."""
HERE = Path(__file__).resolve().parent
SAMPLE = "molecules of RDKit"
# Schwaller et al. 2019, with a rule for the tail of a MOFid: what one would write by hand.
HAND_WRITTEN = re.compile(
    r"(&&|(?<=&&)[a-zA-Z-]+|(?<=,)[a-zA-Z-]+|\.cat\d|,|\[[^\]]+]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p"
    r"|\(|\)|\.|=|#|-|\+|\\|/|:|~|@|\?|>|\*|\$|%\d{2}|\d)"
)
Contender = Callable[[list[str]], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description="Strings tokenised per processor second.")
    parser.add_argument("sources", nargs="*", help="files of strings, or names of data sets")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder for the two tables")
    arguments = parser.parse_args()
    sources = arguments.sources or default_sources()
    results = {source: measure(source) for source in sources}

    arguments.out.mkdir(parents=True, exist_ok=True)
    document = {"python": platform.python_version(), "processor": processor(), "sources": results}
    (arguments.out / "tokenizers.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (arguments.out / "tokenizers.md").write_text(as_markdown(document), encoding="utf-8")
    print(as_markdown(document), end="")


def default_sources() -> list[str]:
    return [SAMPLE, *(["smiles/chembl_mix", "mof/hmof"] if "CATENANE_DATA" in os.environ else [])]


def measure(source: str) -> dict[str, Any]:
    """Best strings per second of every contender on one source."""
    strings = list(islice(cycle(read(source)), N_STRINGS))
    notation = detect_notation(strings)
    tokenizer = load_tokenizer(notation)
    rates = {}
    for name, contender in contenders(tokenizer).items():
        ids = contender(strings[:1000])
        if isinstance(ids, list) and ids != tokenizer.encode(strings[:1000]):
            sys.exit(f"{name} gives other ids on {source}")
        rates[name] = len(strings) / best_seconds(contender, strings)
    n_tokens = len(tokenizer.encode_flat(strings).ids)
    return {"notation": notation, "tokens_per_string": n_tokens / len(strings), "strings_per_second": rates}


def read(source: str) -> list[str]:
    if source != SAMPLE:
        return [string for _, string in stream_strings(source, on_rejection=lambda _: None)]
    with Path(RDConfig.RDDataDir, "Pains", "test_data", "wehi_mols.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        return [row[0] for row in csv.reader(file)]


def contenders(tokenizer: StringTokenizer) -> dict[str, Contender]:
    """Functions from strings to a list of id lists; the first one to the flat arrays that training reads."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    # Run as a file, Python looks in this folder first, where this file has the name of the library.
    sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != HERE]
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    with TemporaryDirectory() as folder:
        path = str(tokenizer.save(folder))
        library = Tokenizer.from_file(path)
        fast = PreTrainedTokenizerFast(tokenizer_file=path, pad_token="[PAD]", unk_token="[UNK]")
    vocabulary, unknown = tokenizer.vocabulary, tokenizer.unk_id
    start, end = tokenizer.cls_id, tokenizer.sep_id
    return {
        "catenane, arrays": tokenizer.encode_flat,
        "catenane, lists": tokenizer.encode,
        "re and a dict": lambda strings: [
            [start, *[vocabulary.get(token, unknown) for token in HAND_WRITTEN.findall(string)], end]
            for string in strings
        ],
        "tokenizers, batch": lambda strings: [encoding.ids for encoding in library.encode_batch(strings)],
        "PreTrainedTokenizerFast": lambda strings: fast(strings)["input_ids"],
    }


def best_seconds(contender: Contender, strings: list[str]) -> float:
    """Processor seconds, of all threads, of the cheapest pass over the strings."""
    passes: list[float] = []
    while len(passes) < 2 or sum(passes) < SECONDS:
        before = time.process_time()
        contender(strings)
        passes.append(time.process_time() - before)
    return min(passes)


def processor() -> str:
    """Name of the processor, as far as the system tells."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    found = re.search(r"model name\s*:\s*(.*)", text)
    return found[1] if found else platform.processor()


def as_markdown(document: dict[str, Any]) -> str:
    lines = [f"Strings per processor second ({document['processor']}, Python {document['python']}).", ""]
    for source, result in document["sources"].items():
        rates = result["strings_per_second"]
        ours = rates["catenane, arrays"]
        lines += [
            f"**{source}** ({result['notation']}, {result['tokens_per_string']:.1f} tokens per string)",
            "",
            "| | strings/s | catenane is faster by |",
            "|---|---:|---:|",
            *(f"| {name} | {rate:,.0f} | {ours / rate:.1f} × |" for name, rate in rates.items()),
            "",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
