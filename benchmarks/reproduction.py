"""Runs the reproductions and puts their tables into the documents.

    python benchmarks/reproduction.py --data-dir DIR                    # all, at the scale of minutes
    python benchmarks/reproduction.py --data-dir DIR --scale full       # all, as the papers did
    python benchmarks/reproduction.py --scale full --epochs 20 --seeds 1 mof/table1 --only cao-small
    python benchmarks/reproduction.py --document                        # the documents alone

Called again it goes on where it was stopped. The documents are written by hand; what stands in them between
`<!-- NAME -->` and `<!-- end NAME -->` is made from `docs/reproduction/NAME/result.json`.
"""

from __future__ import annotations

import argparse
import logging
import re
import shutil
from pathlib import Path

from catenane.reproduce import OUT, as_markdown, find_protocol, protocols, read_result, reproduce

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="all by default")
    parser.add_argument("--scale", choices=("small", "full"), default="small")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--only", action="append", default=[], metavar="VARIANT")
    parser.add_argument("--data-dir", type=Path, help="CATENANE_DATA by default")
    parser.add_argument("--document", action="store_true", help="run nothing, write the documents")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    for name in () if arguments.document else arguments.names or protocols():
        scale = dict(find_protocol(name).small) if arguments.scale == "small" else {}
        given = {"epochs": arguments.epochs, "seeds": arguments.seeds}
        scale |= {option: value for option, value in given.items() if value is not None}
        reproduce(name, **scale, only=arguments.only, data_dir=arguments.data_dir)
        keep(OUT / name, DOCS / "reproduction" / name)
    write_documents()


def keep(run: Path, folder: Path) -> None:
    """Copy what is committed: tables and figures, not the stages."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in (run / "result.json", *run.glob("*.svg")):
        shutil.copyfile(path, folder / path.name)


def write_documents() -> None:
    """Renew the tables in every document."""
    for path in (DOCS / "reproduction").glob("*.md"):
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")


def with_tables(text: str) -> str:
    """The document with the tables and figures of the committed results between its markers."""

    def renew(found: re.Match[str]) -> str:
        name = found["name"]
        if not (DOCS / "reproduction" / name / "result.json").is_file():
            return found.group()
        result = read_result(DOCS / "reproduction" / name)
        return f"<!-- {name} -->\n\n{as_markdown(result, folder=f'{name}/')}\n<!-- end {name} -->"

    return re.sub(r"<!-- (?P<name>\S+/\S+) -->.*?<!-- end (?P=name) -->", renew, text, flags=re.DOTALL)


if __name__ == "__main__":
    main()
