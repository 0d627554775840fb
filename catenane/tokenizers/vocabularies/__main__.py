"""Make smiles.json and mofid.json from the public sets: `python -m catenane.tokenizers.vocabularies DATA`.

The same data give the same ids. Every token of the corpora is taken, rare ones too: a bracket atom that a
corpus holds once is often the metal that a framework is about.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from catenane.notation import FAILED_TOPOLOGIES
from catenane.tokenizers.building import SHIPPED, build_tokenizer
from catenane.tokenizers.vocabularies.atoms import usual_tokens


def main() -> None:
    """Write both files and print their sizes."""
    parser = argparse.ArgumentParser(description="Make the vocabularies that come with the package.")
    parser.add_argument("data", type=Path, help="folder with smiles/, molnet/ and mof/")
    data = parser.parse_args().data
    smiles = build_tokenizer(_smiles(data), "smiles")
    mofid = build_tokenizer(_mofids(data), "mofid", base=smiles)
    for tokenizer in (smiles, mofid):
        path = tokenizer.save(SHIPPED / f"{tokenizer.notation}.json")
        print(f"{path.name}: {tokenizer.vocabulary_size} tokens")


def _smiles(data: Path) -> Iterator[str]:
    for folder in ("smiles", "molnet"):
        for path in sorted((data / folder).glob("*.csv.gz")):
            # Some tables hold FAIL where there is no structure; some leave a blank behind the last atom.
            yield from (text.strip() for text in _column(path, "smiles") if text != "FAIL")
    yield from usual_tokens()


def _mofids(data: Path) -> Iterator[str]:
    for path in sorted((data / "mof").glob("*.csv.gz")):
        yield from _column(path, "mofid")
    yield from (
        f"&&{code}" for code in (*FAILED_TOPOLOGIES, *_rcsr_codes(data / "mof" / "rcsr_topologies.txt"))
    )
    yield from (f"&&{net}cat{number}" for net in ("pcu.", "") for number in range(10))


def _rcsr_codes(path: Path) -> Iterator[str]:
    """Codes of three letters, and derived ones such as `lcv-f`, which the list writes without the hyphen."""
    listed = path.read_text(encoding="utf-8").split()
    codes = {code for code in listed if re.fullmatch("[a-z]{3}", code)}
    yield from sorted(codes)
    yield from sorted(
        f"{code[:3]}-{code[3]}" for code in listed if re.fullmatch("[a-z]{4}", code) and code[:3] in codes
    )


def _column(path: Path, name: str) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row[name]


if __name__ == "__main__":
    main()
