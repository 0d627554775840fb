"""Published tables made again at a scale for one core, and the document that shows them.

    python benchmarks/reproduction.py --data-dir DIR              # every protocol, then the document
    python benchmarks/reproduction.py --data-dir DIR mof/order    # this one alone
    python benchmarks/reproduction.py --document                  # the document from the committed results

Each run is one `catenane reproduce`; stages that are there already are not run again, so the script can be
interrupted. All of them take about an hour on one core.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from catenane.reproduce import PROTOCOLS, as_markdown, read_reproduction, reproduce

DOCS = Path(__file__).parents[1] / "docs"
RUNS = Path("runs") / "reproduction"
QUARTER_WIDTH = {
    "encoder.d_model": 128,
    "encoder.n_heads": 4,
    "encoder.d_hidden": 128,
    "finetuning.learning_rate": 1e-3,
    "finetuning.batch_tokens": 2048,
}
"""The small model at a quarter of its width and a learning rate for that: it learns within minutes."""
PRETRAINED = {
    "pretraining.epochs": 2,
    "pretraining.learning_rate": 1e-3,
    "pretraining.batch_tokens": 2048,
}
SCALES: dict[str, dict[str, Any]] = {
    "mof/dataset": {},
    "mof/table1": {"rows": 1000, "epochs": 4, "seeds": 2, "settings": {"finetuning.batch_tokens": 2048}},
    "mof/pretraining": {"rows": 1500, "epochs": 8, "seeds": 3, "settings": QUARTER_WIDTH | PRETRAINED},
    "mof/latent": {"rows": 2000, "epochs": 8, "seeds": 3, "settings": QUARTER_WIDTH | PRETRAINED},
    "mof/order": {
        "rows": 1000, "epochs": 10, "seeds": 3, "settings": QUARTER_WIDTH | {"encoder.n_layers": 2},
    },
    "mof/jacs2023": {"rows": 800, "epochs": 6, "seeds": 3, "settings": QUARTER_WIDTH},
}  # fmt: skip
"""What the committed results were made with."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"some of {', '.join(SCALES)}; all by default"
    )
    parser.add_argument(
        "--data-dir", type=Path, help="local copies of the data sets; CATENANE_DATA by default"
    )
    parser.add_argument("--document", action="store_true", help="run nothing, write the document")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(SCALES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(SCALES)}")
    for name in () if arguments.document else arguments.names or SCALES:
        result = reproduce(name, **SCALES[name], out=RUNS / name, data_dir=arguments.data_dir)
        keep(RUNS / name, DOCS / "reproduction" / name)
        print(as_markdown(result))
    write_document()


def keep(run: Path, folder: Path) -> None:
    """Copy what is committed: tables and pictures, not the stages."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in ("result.json", "result.md", "*.png"):
        for path in run.glob(pattern):
            shutil.copyfile(path, folder / path.name)


def write_document() -> None:
    """Put every result that is there into `docs/reproduction.md`."""
    introduction = (DOCS / "reproduction" / "introduction.md").read_text(encoding="utf-8")
    sections = [
        as_markdown(read_reproduction(DOCS / "reproduction" / name), level=2, folder=f"reproduction/{name}/")
        for name in PROTOCOLS
        if (DOCS / "reproduction" / name / "result.json").is_file()
    ]
    document = "\n".join([introduction, *sections])
    (DOCS / "reproduction.md").write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()
